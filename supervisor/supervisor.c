#include "supervisor/supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "supervisor/leftover.h"
#include "supervisor/lock.h"
#include "supervisor/notify.h"
#include "supervisor/spawn.h"
#include "supervisor/succession.h"
#include "supervisor/supervisor_private.h"
#include "supervisor/terminal.h"

#define TICK_MS       1000
#define LATE_MS       2500 /* a tick that far from the last: we have been asleep, not the services */
#define LEFTOVER_WAIT 3000

/* What svc-rendezvous is told of its socket. */
#define TEXT_OF(x)     #x
#define NUMBER_TEXT(x) TEXT_OF(x)
#define LISTENING_TEXT NUMBER_TEXT(SPAWN_LISTENING)

/* --- starting --------------------------------------------------------------------------------- */

static const char *fact(const struct supervisor *s, const char *key)
{
	for (size_t i = 0; i < s->count; i++)
		if (facts_get(minder_facts(s->minders[i]), key) != NULL)
			return facts_get(minder_facts(s->minders[i]), key);
	return NULL;
}

static void to_background(struct supervisor *s)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (logs_detach(s->logs) < 0 && null >= 0)
		dup2(null, STDERR_FILENO);
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		close(null);
	}
	if (write(s->options.ready_fd, "", 1) == 1)
		close(s->options.ready_fd);
}

/* One warning for all, the first time that it can be known. */
static void warn_of_walls(struct supervisor *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const char *lacking = facts_get(minder_facts(s->minders[i]), "walls_lacking");

		if (lacking == NULL)
			continue;
		logs_say(s->logs, LOG_LEVEL_WARN,
		    "not all walls around services could be closed (%s lacks %s); status shows "
		    "them, isolation.required: true would have refused to start",
		    minder_name(s->minders[i]), lacking);
		return;
	}
}

static void become_running(struct supervisor *s)
{
	s->phase = PHASE_RUNNING;
	logs_say(s->logs, LOG_LEVEL_INFO, "running");
	warn_of_walls(s);
	if (fact(s, "viewer_url") != NULL)
		supervisor_tell("\nviewer  %s", fact(s, "viewer_url"));
	if (fact(s, "peer_id") != NULL)
		supervisor_tell("peer    %s", fact(s, "peer_id"));
	if (fact(s, "rendezvous_url") != NULL)
		supervisor_tell("rendezvous  %s", fact(s, "rendezvous_url"));
	notify("READY=1");
	supervisor_tell_manager(s);
	if (s->options.ready_fd >= 0)
		to_background(s);
	else
		supervisor_tell("\nCtrl-C stops it.");
}

static void fail_start(struct supervisor *s, const struct minder *m)
{
	logs_say(s->logs, LOG_LEVEL_ERROR, "cannot start %s: %s: %s", s->options.shown,
	    minder_name(m), minder_child(m)->held);
	s->status = EXIT_FAILURE;
	supervisor_stop(s);
}

/* Starts this level; true when each of it is ready, or held. */
static bool level_settled(struct supervisor *s)
{
	bool settled = true;

	for (size_t i = 0; i < s->count && s->phase == PHASE_STARTING; i++) {
		struct minder *m = s->minders[i];
		const struct child *c = minder_child(m);

		if (minder_row(m)->level != s->level)
			continue;
		if (c->state == CHILD_DOWN)
			minder_want(m, true);
		if (supervisor_start_has_failed(s, c))
			fail_start(s, m);
		settled = settled && (c->state == CHILD_UP || c->state == CHILD_HELD);
	}
	return settled && s->phase == PHASE_STARTING;
}

static void go_on_starting(struct supervisor *s)
{
	while (s->phase == PHASE_STARTING && level_settled(s))
		if (++s->level == roster_levels())
			become_running(s);
}

/* --- stopping --------------------------------------------------------------------------------- */

void supervisor_stop(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING)
		return;
	logs_say(s->logs, LOG_LEVEL_INFO, "stopping");
	notify("STOPPING=1\nSTATUS=stopping");
	s->phase = PHASE_STOPPING;
	s->level = roster_levels();
	timer_start(s->think, 0);
}

static bool level_down(struct supervisor *s)
{
	bool down = true;

	for (size_t i = 0; i < s->count; i++) {
		struct minder *m = s->minders[i];

		if (minder_row(m)->level != s->level - 1)
			continue;
		if (minder_child(m)->state != CHILD_DOWN)
			minder_want(m, false);
		down = down && minder_child(m)->state == CHILD_DOWN;
	}
	return down;
}

static void go_on_stopping(struct supervisor *s)
{
	while (s->level > 0 && level_down(s))
		s->level--;
	if (s->level == 0)
		loop_stop(s->loop);
}

static void on_signal(void *arg, int signo)
{
	struct supervisor *s = arg;

	(void)signo;
	if (s->phase == PHASE_STOPPING) {
		for (size_t i = 0; i < s->count; i++) {
			/* Else one whose turn has not come yet would be started again. */
			minder_want(s->minders[i], false);
			minder_kill(s->minders[i]);
		}
		return;
	}
	supervisor_tell("\nstopping; once more to stop at once");
	supervisor_stop(s);
}

static bool has_terminal(void)
{
	int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* A window that was closed says the same as somebody who wants the settings read anew. */
static void on_hangup(void *arg, int signo)
{
	struct supervisor *s = arg;

	if (s->had_terminal && !has_terminal())
		on_signal(s, signo);
	else
		supervisor_reload(s, 0);
}

/* --- time ------------------------------------------------------------------------------------- */

/* What has changed is thought about once, from the loop: never inside of what changed it. */
static void on_think(void *arg)
{
	struct supervisor *s = arg;

	supervisor_serve_waiters(s);
	supervisor_go_round(s);
	if (s->phase == PHASE_STARTING)
		go_on_starting(s);
	if (s->phase == PHASE_STOPPING)
		go_on_stopping(s);
}

static void on_tick(void *arg)
{
	struct supervisor *s = arg;
	uint64_t now = clock_mono_ms();
	bool late = now - s->ticked > LATE_MS;

	s->ticked = now;
	for (size_t i = 0; i < s->count; i++)
		minder_tick(s->minders[i], late);
	control_tick(s->control, now);
	reports_tick(s->reports, now);
	supervisor_serve_waiters(s);
	supervisor_go_round(s);
}

/* --- the whole -------------------------------------------------------------------------------- */

static void on_client_gone(void *arg, uint32_t client)
{
	struct supervisor *s = arg;

	traces_left(s->traces, client);
}

void supervisor_set_config(struct supervisor *s, struct config *config)
{
	bool activated = s->activation.fd >= 0;

	mode_set_own_url(s->mode, config,
	    activated ? s->activation.host : config_get(config, "presence.rendezvous_bind"),
	    activated ? s->activation.port : config_get(config, "presence.rendezvous_port"));
	config_derive(config, "rendezvous.listen_fd", activated ? LISTENING_TEXT : "");
	for (size_t i = 0; i < s->count; i++)
		minder_set_config(s->minders[i], config);
	config_free(s->config);
	s->config = config;
}

void supervisor_set_up(struct supervisor *s)
{
	bool foreground = s->options.ready_fd < 0;
	enum log_level level = foreground && s->options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;

	s->loop = loop_new();
	s->logs = logs_new(s->loop, STDERR_FILENO, terminal_colour(STDERR_FILENO), level);
	s->house = (struct minder_house){.loop = s->loop,
	    .logs = s->logs,
	    .events = &supervisor_events,
	    .arg = s,
	    .listening = s->activation.fd};
	s->mode = s->options.rendezvous ? MODE_RENDEZVOUS : mode_of(s->options.config);
	for (size_t i = 0; i < roster_size && s->count < SUPERVISOR_SERVICES; i++)
		if (mode_runs(s->mode, s->options.config, &roster[i]))
			s->minders[s->count++] = minder_new(&s->house, &roster[i]);
	supervisor_set_config(s, s->options.config);
	s->think = timer_new(s->loop, on_think, s);
	s->tick = timer_new(s->loop, on_tick, s);
}

/* False when nobody could ask us anything. */
static bool open_desk(struct supervisor *s, int listening)
{
	s->control = control_new(s->loop, listening, supervisor_request, on_client_gone, s);
	if (s->control == NULL)
		logs_say(s->logs, LOG_LEVEL_ERROR, "%s/" CONTROL_PATH ": %m", s->options.shown);
	s->reports = reports_new(s->control);
	s->traces = traces_new(s->control);
	for (size_t i = 0; i < s->count; i++)
		if (minder_pid(s->minders[i]) != 0)
			traces_inherited(s->traces, s->minders[i]);
	return s->control != NULL;
}

static void tear_down(struct supervisor *s)
{
	control_free(s->control);
	traces_free(s->traces);
	reports_free(s->reports);
	for (size_t i = 0; i < s->count; i++)
		minder_free(s->minders[i]);
	timer_free(s->think);
	timer_free(s->tick);
	logs_free(s->logs);
	loop_free(s->loop);
	config_free(s->config);
	if (s->activation.fd >= 0)
		close(s->activation.fd);
}

static void run(struct supervisor *s)
{
	sigset_t none;

	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(s->loop, SIGINT, on_signal, s);
	loop_on_signal(s->loop, SIGTERM, on_signal, s);
	loop_on_signal(s->loop, SIGHUP, on_hangup, s);
	/* What came while one program gave way to the other comes now. */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	s->ticked = clock_mono_ms();
	timer_repeat(s->tick, TICK_MS);
	timer_start(s->think, 0);
	loop_run(s->loop);
	supervisor_dismiss_waiters(s);
	logs_say(s->logs, LOG_LEVEL_INFO, "stopped");
}

int supervisor_live(struct supervisor *s, int listening)
{
	if (open_desk(s, listening))
		run(s);
	else
		s->status = EXIT_FAILURE;
	tear_down(s);
	leftover_write(NULL, 0);
	lock_drop(s->lock);
	return s->status;
}

static int take_folder(const char *shown)
{
	char why[128];
	pid_t holder;
	int lock = lock_take(&holder, why, sizeof(why));

	if (lock < 0 && holder != 0)
		fprintf(stderr, "goop-supervisor: %s is already running, pid %d\n", shown, holder);
	else if (lock < 0)
		fprintf(stderr, "goop-supervisor: %s: %s\n", shown, why);
	return lock;
}

/* One of the background was started by a person. */
static bool take_socket(struct supervisor *s)
{
	char why[ACTIVATION_WHY];

	s->activation.fd = -1;
	if (s->options.ready_fd >= 0 || activation_take(&s->activation, why) == 0)
		return true;
	fprintf(stderr, "goop-supervisor: %s\n", why);
	return false;
}

int supervisor_run(const struct supervisor_options *options)
{
	struct supervisor s = {.options = *options};
	bool good = take_socket(&s);
	unsigned left;

	s.lock = good ? take_folder(options->shown) : -1;
	log_init("goop-supervisor", LOG_LEVEL_INFO);
	notify_init();
	succession_init();
	if (s.lock < 0) {
		config_free(options->config);
		return EXIT_FAILURE;
	}
	left = leftover_end(LEFTOVER_WAIT);
	supervisor_set_up(&s);
	if (left > 0)
		logs_say(s.logs, LOG_LEVEL_WARN, "%u services of an earlier run were still ending",
		    left);
	s.had_terminal = has_terminal();
	s.began = clock_mono_ms();
	return supervisor_live(&s, -1);
}

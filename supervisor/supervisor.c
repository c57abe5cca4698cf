#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "supervisor/leftover.h"
#include "supervisor/lock.h"
#include "supervisor/notify.h"
#include "supervisor/pairing.h"
#include "supervisor/peer_file.h"
#include "supervisor/spawn.h"
#include "supervisor/supervisor_private.h"
#include "supervisor/terminal.h"

#define TICK_MS       1000
#define LATE_MS       2500 /* a tick that far from the last: we have been asleep, not the services */
#define LEFTOVER_WAIT 3000

/* What svc-rendezvous is told of its socket. */
#define TEXT_OF(x)     #x
#define NUMBER_TEXT(x) TEXT_OF(x)
#define LISTENING_TEXT NUMBER_TEXT(SPAWN_LISTENING)

/* A line for the person who started us. */
__attribute__((format(printf, 1, 2))) static void tell(const char *format, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	terminal_line(STDOUT_FILENO, line);
}

static size_t index_of(const struct supervisor *s, const struct minder *m)
{
	size_t i = 0;

	while (s->minders[i] != m)
		i++;
	return i;
}

/* --- what the services do --------------------------------------------------------------------- */

static void write_pids(const struct supervisor *s)
{
	pid_t pids[SUPERVISOR_SERVICES];
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++)
		if (minder_pid(s->minders[i]) != 0)
			pids[n++] = minder_pid(s->minders[i]);
	leftover_write(pids, n);
}

static void on_spawned(void *arg, struct minder *m)
{
	struct supervisor *s = arg;

	write_pids(s);
	pairing_up(s->minders, s->count, m);
	traces_spawned(s->traces, m);
}

static void on_died(void *arg, struct minder *m, uint32_t generation, const char *why)
{
	struct supervisor *s = arg;
	const struct child *c = minder_child(m);

	if (c->blame[0] != '\0' && strcmp(why, "stopped") == 0)
		logs_say(s->logs, LOG_LEVEL_WARN, "%s %s and was killed", minder_name(m), c->blame);
	pairing_down(s->minders, s->count, m, generation, why);
	reports_lost(s->reports, m);
	traces_died(s->traces, m, why);
}

static void say_dead(struct supervisor *s, const struct minder *m, const char *then)
{
	const struct child_death *death = child_death(minder_child(m), 0);

	logs_say(s->logs, LOG_LEVEL_WARN, "%s died: %s; %s", minder_name(m), death->why, then);
}

static void say_ready(struct supervisor *s, const struct minder *m)
{
	unsigned long long took = minder_child(m)->since - s->spawned_at[index_of(s, m)];

	logs_say(s->logs, LOG_LEVEL_INFO, "%s is ready, pid %d, %llu ms", minder_name(m),
	    minder_pid(m), took);
	tell("%-14s ready in %llu ms", minder_name(m), took);
}

/* One line for the service manager: who does not work, or that all do. */
static void tell_manager(const struct supervisor *s)
{
	size_t up = 0;

	if (s->phase != PHASE_RUNNING)
		return;
	for (size_t i = 0; i < s->count; i++) {
		const struct child *c = minder_child(s->minders[i]);

		if (c->state == CHILD_HELD) {
			notify("STATUS=%s has failed: %.300s", minder_name(s->minders[i]), c->held);
			return;
		}
		up += c->state == CHILD_UP;
	}
	notify("STATUS=%zu of %zu services are up", up, s->count);
}

/* The first start succeeds or fails clearly: what only a person can mend is not waited for, and
 * nobody watches what goes to the background. Later, the others keep running. */
static bool is_failed_start(const struct supervisor *s, const struct child *c)
{
	return s->phase == PHASE_STARTING && c->state == CHILD_HELD &&
	       (c->hopeless || s->options.ready_fd >= 0);
}

static void on_changed(void *arg, struct minder *m)
{
	struct supervisor *s = arg;
	const struct child *c = minder_child(m);
	char then[64];

	switch (c->state) {
	case CHILD_STARTING:
		s->spawned_at[index_of(s, m)] = c->since;
		if (c->died > 0 && child_death(c, 0)->at == c->since)
			say_dead(s, m, "it is started again");
		break;
	case CHILD_UP: say_ready(s, m); break;
	case CHILD_BACKOFF:
		snprintf(then, sizeof(then), "next start in %.1f s", (double)c->backoff / 1000);
		say_dead(s, m, then);
		break;
	case CHILD_HELD:
		/* In the first start fail_start() has the word. */
		if (!is_failed_start(s, c))
			logs_say(s->logs, LOG_LEVEL_ERROR,
			    "%s has failed: %s; when it is mended: goop-supervisor restart %s %s",
			    minder_name(m), c->held, s->options.shown, minder_name(m));
		break;
	default: break;
	}
	tell_manager(s);
	timer_start(s->think, 0);
}

static void on_fact(void *arg, struct minder *m, const char *key, const char *value)
{
	(void)arg;
	if (minder_id(m) == SERVICE_TRANSPORT && strcmp(key, "peer_id") == 0)
		peer_file_write(value);
}

static void on_report(void *arg, struct minder *m, uint32_t request, const uint8_t *json, size_t n)
{
	struct supervisor *s = arg;

	reports_take(s->reports, m, request, json, n);
}

static int on_trace(void *arg, struct minder *m, struct msg *msg)
{
	struct supervisor *s = arg;

	return traces_take(s->traces, m, msg);
}

static void on_client_gone(void *arg, uint32_t client)
{
	struct supervisor *s = arg;

	traces_left(s->traces, client);
}

static const struct minder_events events = {
    .spawned = on_spawned,
    .died = on_died,
    .changed = on_changed,
    .fact = on_fact,
    .report = on_report,
    .trace = on_trace,
};

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

static void become_running(struct supervisor *s)
{
	s->phase = PHASE_RUNNING;
	logs_say(s->logs, LOG_LEVEL_INFO, "running");
	if (fact(s, "viewer_url") != NULL)
		tell("\nviewer  %s", fact(s, "viewer_url"));
	if (fact(s, "peer_id") != NULL)
		tell("peer    %s", fact(s, "peer_id"));
	if (fact(s, "rendezvous_url") != NULL)
		tell("rendezvous  %s", fact(s, "rendezvous_url"));
	notify("READY=1");
	tell_manager(s);
	if (s->options.ready_fd >= 0)
		to_background(s);
	else
		tell("\nCtrl-C stops it.");
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
		if (is_failed_start(s, c))
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
		for (size_t i = 0; i < s->count; i++)
			minder_kill(s->minders[i]);
		return;
	}
	tell("\nstopping; once more to stop at once");
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

static void set_up(struct supervisor *s)
{
	bool foreground = s->options.ready_fd < 0;
	enum log_level level = foreground && s->options.verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_WARN;

	s->loop = loop_new();
	s->logs = logs_new(s->loop, STDERR_FILENO, terminal_colour(STDERR_FILENO), level);
	s->house = (struct minder_house){.loop = s->loop,
	    .logs = s->logs,
	    .events = &events,
	    .arg = s,
	    .listening = s->activation.fd};
	s->mode = s->options.rendezvous ? MODE_RENDEZVOUS : mode_of(s->options.config);
	for (size_t i = 0; i < roster_size && s->count < SUPERVISOR_SERVICES; i++)
		if (mode_runs(s->mode, s->options.config, &roster[i]))
			s->minders[s->count++] = minder_new(&s->house, &roster[i]);
	supervisor_set_config(s, s->options.config);
	s->think = timer_new(s->loop, on_think, s);
	s->tick = timer_new(s->loop, on_tick, s);
	s->control = control_new(s->loop, supervisor_request, on_client_gone, s);
	if (s->control == NULL)
		logs_say(s->logs, LOG_LEVEL_ERROR, "%s/" CONTROL_PATH ": %m", s->options.shown);
	s->reports = reports_new(s->control);
	s->traces = traces_new(s->control);
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
	signal(SIGPIPE, SIG_IGN);
	loop_on_signal(s->loop, SIGINT, on_signal, s);
	loop_on_signal(s->loop, SIGTERM, on_signal, s);
	loop_on_signal(s->loop, SIGHUP, on_hangup, s);
	s->had_terminal = has_terminal();
	s->began = s->ticked = clock_mono_ms();
	timer_repeat(s->tick, TICK_MS);
	timer_start(s->think, 0);
	loop_run(s->loop);
	supervisor_dismiss_waiters(s);
	logs_say(s->logs, LOG_LEVEL_INFO, "stopped");
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
	int lock = good ? take_folder(options->shown) : -1;
	unsigned left;

	log_init("goop-supervisor", LOG_LEVEL_INFO);
	notify_init();
	if (lock < 0) {
		config_free(options->config);
		return EXIT_FAILURE;
	}
	left = leftover_end(LEFTOVER_WAIT);
	set_up(&s);
	if (left > 0)
		logs_say(s.logs, LOG_LEVEL_WARN, "%u services of an earlier run were still ending",
		    left);
	if (s.control != NULL)
		run(&s);
	else
		s.status = EXIT_FAILURE;
	tear_down(&s);
	leftover_write(NULL, 0);
	lock_drop(lock);
	return s.status;
}

#include "supervisor/minder_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "supervisor/plain.h"

#define ALARMS_MAX       20 /* shown, a minute */
#define LAST_WORDS_TURNS 100

static void obey(struct minder *m, enum child_order order, enum child_state before);
static void on_death(void *arg, int events);

static void event(struct minder *m, enum child_event what)
{
	enum child_state before = m->child.state;

	obey(m, child_event(&m->child, what, clock_mono_ms()), before);
}

static void on_deadline(void *arg)
{
	event(arg, CHILD_TIMEOUT);
}

struct minder *minder_new(struct minder_house *house, const struct roster_row *row)
{
	struct minder *m = xcalloc(1, sizeof(*m));

	m->house = house;
	m->row = row;
	m->deadline = timer_new(house->loop, on_deadline, m);
	m->log = logs_source(house->logs, service_name(row->id));
	part_init(&m->part);
	return m;
}

/* Everything that belonged to the process. */
static void let_go(struct minder *m)
{
	if (!m->running)
		return;
	m->running = false;
	watch_free(m->end);
	parent_free(m->parent);
	m->parent = NULL;
	close(m->process.pidfd);
	facts_clear(&m->facts);
}

void minder_free(struct minder *m)
{
	if (m == NULL)
		return;
	if (m->running)
		spawn_kill(&m->process);
	let_go(m);
	timer_free(m->deadline);
	log_source_free(m->log);
	program_clear(&m->program);
	part_clear(&m->part);
	walls_forget(&m->seen);
	free(m);
}

/* --- what it says ----------------------------------------------------------------------------- */

static int take_fact(struct minder *m, struct msg *msg)
{
	char key[FACTS_KEY_MAX], value[FACTS_VALUE_MAX];

	msg_get_cstr(msg, key, sizeof(key));
	msg_get_cstr(msg, value, sizeof(value));
	if (!msg_end(msg) || facts_set(&m->facts, key, value) < 0)
		return -1;
	m->house->events->fact(m->house->arg, m, key, value);
	return 0;
}

static int take_report(struct minder *m, struct msg *msg)
{
	uint32_t request = msg_get_u32(msg);
	struct bytes json = msg_get_rest(msg);

	if (!msg_end(msg))
		return -1;
	m->house->events->report(m->house->arg, m, request, json.data, json.len);
	return 0;
}

static int take_alarm(struct minder *m, struct msg *msg)
{
	char text[1024];

	msg_get_cstr(msg, text, sizeof(text));
	if (!msg_end(msg))
		return -1;
	if (log_allowed(&m->alarms, ALARMS_MAX, minder_name(m)))
		logs_say(m->house->logs, LOG_LEVEL_WARN, "%s reports: %s", minder_name(m), text);
	return 0;
}

static int take_ready(struct minder *m, struct msg *msg)
{
	if (!msg_end(msg))
		return -1;
	program_proves_good(&m->program);
	event(m, CHILD_READY);
	return 0;
}

static int take_pulse(struct minder *m, struct msg *msg)
{
	uint32_t number = msg_get_u32(msg);

	/* An answer that comes late is one all the same; one to a question not yet asked is not. */
	if (!msg_end(msg) || number == 0 || number > m->pulse)
		return -1;
	event(m, CHILD_HEARD);
	return 0;
}

static int on_message(void *arg, struct msg *msg)
{
	struct minder *m = arg;

	switch (msg->type) {
	case MSG_READY: return take_ready(m, msg);
	case MSG_FACT: return take_fact(m, msg);
	case MSG_REPORT: return take_report(m, msg);
	case MSG_ALARM: return take_alarm(m, msg);
	case MSG_PULSE_BACK: return take_pulse(m, msg);
	case MSG_TRACE: return m->house->events->trace(m->house->arg, m, msg);
	default: return -1;
	}
}

static void on_closed(void *arg)
{
	struct minder *m = arg;

	m->closed = true;
	event(m, CHILD_CLOSED);
}

/* --- birth and death -------------------------------------------------------------------------- */

static void send_config(struct minder *m)
{
	char *walls = walls_of(m->row, m->config);
	struct msg msg;

	part_tell(&m->part, m->row, m->config, m->generation, &msg);
	minder_send(m, &msg);
	walls_look(&m->seen, walls);
	free(walls);
}

static void send_start(struct minder *m)
{
	struct msg msg;

	msg_begin(&msg, MSG_START, 0);
	minder_send(m, &msg);
}

/* The process has ended, or there never was one. What is said of that goes into JSON as it is. */
static void died(struct minder *m, bool hopeless, const char *why)
{
	char plain[CHILD_WHY_MAX];
	struct child_end end = {.wall_ms = clock_wall_ms(), .hopeless = hopeless, .why = plain};
	enum child_state before = m->child.state;
	enum child_order order;
	const struct child_death *death;
	bool asked = before == CHILD_STOPPING;

	plain_copy(plain, sizeof(plain), why, strlen(why));
	order = child_died(&m->child, &end, clock_mono_ms());
	death = child_death(&m->child, 0);

	let_go(m);
	m->house->events->died(
	    m->house->arg, m, m->generation, asked || death == NULL ? "stopped" : death->why);
	obey(m, order, before);
}

/* Returns false when there is no process, which counts as a death. */
static bool start_process(struct minder *m)
{
	unsigned extras = m->row->extras;
	int file;
	char *why = NULL, *program = program_choose(&m->program, m->row->id, &file, &why);
	struct spawn_extras with = {
	    .listening = extras & ROSTER_LISTENS ? m->house->listening : -1,
	    .proxies = (extras & ROSTER_PROXIES) != 0,
	    .file = file,
	};
	bool found = program != NULL;

	if (found && spawn(program, &with, &m->process) < 0)
		why = xasprintf("cannot start a process: %s", strerror(errno));
	free(program);
	if (why != NULL)
		died(m, !found, why);
	free(why);
	return why == NULL;
}

void minder_attach(struct minder *m)
{
	static const struct parent_events events = {.message = on_message, .closed = on_closed};

	m->running = true;
	m->closed = false;
	m->patience = LAST_WORDS_TURNS;
	m->end = watch_new(m->house->loop, m->process.pidfd, on_death, m);
	watch_set(m->end, WATCH_READ);
	m->parent = parent_new(
	    m->house->loop, m->process.parent, SERVICE_SUPERVISOR, m->row->id, &events, m);
	if (m->process.words >= 0)
		log_source_attach(m->log, m->process.words);
}

static void give_birth(struct minder *m)
{
	m->generation = ++m->house->generation;
	m->pulse = 0;
	if (!start_process(m))
		return;
	minder_attach(m);
	send_config(m);
	m->house->events->spawned(m->house->arg, m);
	send_start(m);
}

static void ask_to_stop(struct minder *m)
{
	struct msg msg;

	msg_begin(&msg, MSG_STOP, 0);
	msg_put_u32(&msg, CHILD_GRACE);
	msg_put_u8(&msg, m->comes_back);
	minder_send(m, &msg);
}

void minder_arm(struct minder *m)
{
	uint64_t now = clock_mono_ms();

	if (m->child.deadline == 0)
		timer_stop(m->deadline);
	else
		timer_start(m->deadline, m->child.deadline > now ? m->child.deadline - now : 1);
}

static void obey(struct minder *m, enum child_order order, enum child_state before)
{
	enum child_state after = m->child.state;

	minder_arm(m);
	if (order == CHILD_KILL && m->running)
		spawn_kill(&m->process);
	if (order == CHILD_ABORT && m->running)
		spawn_abort(&m->process);
	if (order == CHILD_ASK)
		ask_to_stop(m);
	if (after != before || order == CHILD_SPAWN)
		m->house->events->changed(m->house->arg, m);
	/* Last: it may end in another event before it returns. */
	if (order == CHILD_SPAWN)
		give_birth(m);
}

/* Why it says that it died, as far as that is true. A system call behind the walls is named by the
 * handler of refusals, unless the process had shut out the signal first. */
static const char *last_words(const char *last, int code, int status)
{
	if (spawn_is_from_outside(code, status))
		return "";
	if (code != CLD_EXITED && status == SIGSYS && !str_starts(last, "walls: died of"))
		return "which is not known, it had blocked the signal";
	return last;
}

/* The whole reason, owned by the caller. Who has to mend a setting is told where it stands. */
static char *explain(const struct minder *m, bool hopeless, const char *words, const char *last)
{
	char where[256];

	if (last[0] == '\0')
		return xstrdup(words);
	if (hopeless && config_origin(m->config, last, where, sizeof(where)))
		return xasprintf("%s: %s (%s)", words, last, where);
	return xasprintf("%s: %s", words, last);
}

static void on_death(void *arg, int events)
{
	struct minder *m = arg;
	char words[64], *why;
	const char *last;
	int code, status;

	(void)events;
	/* What it said before it died comes first: a READY makes another death of it. Its end of
	 * the channel is closed by now, unless somebody else holds it open. */
	if (!m->closed && m->patience-- > 0)
		return;
	if (!spawn_reap(&m->process, &code, &status))
		return;
	last = last_words(log_source_finish(m->log), code, status);
	spawn_words(code, status, words, sizeof(words));
	why = explain(m, spawn_is_hopeless(code, status), words, last);
	died(m, spawn_is_hopeless(code, status), why);
	free(why);
}

/* --- orders from above ------------------------------------------------------------------------ */

void minder_set_config(struct minder *m, const struct config *config)
{
	m->config = config;
}

void minder_want(struct minder *m, bool up)
{
	event(m, up ? CHILD_WANT_UP : CHILD_WANT_DOWN);
}

static void stop_and_start(struct minder *m)
{
	m->comes_back = true;
	event(m, CHILD_WANT_DOWN);
	m->comes_back = false;
	event(m, CHILD_WANT_UP);
}

static void start_anew(struct minder *m)
{
	child_forgive(&m->child);
	stop_and_start(m);
}

void minder_restart(struct minder *m)
{
	program_go_on(&m->program);
	start_anew(m);
}

bool minder_fall_back(struct minder *m)
{
	bool can = program_fall_back(&m->program);

	if (can)
		start_anew(m);
	return can;
}

bool minder_has_news(const struct minder *m)
{
	return part_has_news(&m->part, m->row, m->config);
}

bool minder_has_new_program(const struct minder *m)
{
	return program_has_news(&m->program, m->row->id);
}

void minder_kill(struct minder *m)
{
	if (m->running)
		spawn_kill(&m->process);
}

/* Its walls would keep it from a file that has taken the place of another. */
static bool restart_for_files(struct minder *m)
{
	const char *path = walls_replaced(&m->seen);

	if (path == NULL)
		return false;
	logs_say(m->house->logs, LOG_LEVEL_INFO, "%s is restarted to see what is new: %s",
	    minder_name(m), path);
	stop_and_start(m);
	return true;
}

void minder_tick(struct minder *m, bool late)
{
	struct msg msg;

	if (m->child.state != CHILD_UP || restart_for_files(m))
		return;
	if (late)
		event(m, CHILD_HEARD);
	msg_begin(&msg, MSG_PULSE, 0);
	msg_put_u32(&msg, ++m->pulse);
	minder_send(m, &msg);
}

int minder_send(struct minder *m, struct msg *msg)
{
	return minder_send_fd(m, msg, -1);
}

int minder_send_fd(struct minder *m, struct msg *msg, int fd)
{
	if (m->parent != NULL)
		return parent_send_fd(m->parent, msg, fd);
	msg_drop(msg);
	return -1;
}

/* --- for those who look ----------------------------------------------------------------------- */

enum service_id minder_id(const struct minder *m)
{
	return m->row->id;
}

const char *minder_name(const struct minder *m)
{
	return service_name(m->row->id);
}

const struct roster_row *minder_row(const struct minder *m)
{
	return m->row;
}

const struct child *minder_child(const struct minder *m)
{
	return &m->child;
}

pid_t minder_pid(const struct minder *m)
{
	return m->running ? m->process.pid : 0;
}

uint32_t minder_generation(const struct minder *m)
{
	return m->generation;
}

const struct facts *minder_facts(const struct minder *m)
{
	return &m->facts;
}

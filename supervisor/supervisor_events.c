/* What the services do: their births and deaths, what they say, and who is told of it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/leftover.h"
#include "supervisor/notify.h"
#include "supervisor/pairing.h"
#include "supervisor/peer_file.h"
#include "supervisor/supervisor_private.h"
#include "supervisor/terminal.h"

void supervisor_tell(const char *format, ...)
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
	supervisor_tell("%-14s ready in %llu ms", minder_name(m), took);
}

void supervisor_tell_manager(const struct supervisor *s)
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

bool supervisor_start_has_failed(const struct supervisor *s, const struct child *c)
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
		if (!supervisor_start_has_failed(s, c))
			logs_say(s->logs, LOG_LEVEL_ERROR,
			    "%s has failed: %s; when it is mended: goop-supervisor restart %s %s",
			    minder_name(m), c->held, s->options.shown, minder_name(m));
		break;
	default: break;
	}
	supervisor_tell_manager(s);
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

const struct minder_events supervisor_events = {
    .spawned = on_spawned,
    .died = on_died,
    .changed = on_changed,
    .fact = on_fact,
    .report = on_report,
    .trace = on_trace,
};

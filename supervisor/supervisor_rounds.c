/* Rounds: services restarted one after the other, in the order of the links, each ready before the
 * next has its turn. `reload` does so with those whose settings have changed, `upgrade` with those
 * whose program has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "supervisor/succession.h"
#include "supervisor/supervisor_private.h"

/* The clock may take two in one turn. */
#define QUIET_TURNS 4

static bool is_upgrade(const struct round *r)
{
	return r->kind == ROUND_UPGRADE;
}

static void add_names(cJSON *to, const char *key, struct minder *const of[], size_t n)
{
	cJSON *names = cJSON_AddArrayToObject(to, key);

	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(names, cJSON_CreateString(minder_name(of[i])));
}

/* A signal that the loop has taken already, but told nobody of, would be lost with our program:
 * once the next ones are held, it comes out before those turns are over. */
static bool is_quiet(struct supervisor *s)
{
	struct round *r = &s->round;

	if (!is_upgrade(r) || !succession_is_due())
		return true;
	if (r->quiet == 0)
		succession_hold_signals(true);
	timer_start(s->think, 1);
	return r->quiet++ == QUIET_TURNS;
}

static void finish(struct supervisor *s)
{
	struct round *r = &s->round;
	uint32_t client = r->client;
	bool upgrade = is_upgrade(r);
	cJSON *answer;

	if (!is_quiet(s))
		return;
	answer = cJSON_CreateObject();

	cJSON_AddBoolToObject(answer, "ok", true);
	add_names(answer, "restarted", r->todo, r->count);
	cJSON_AddItemToObject(answer, "unchanged", r->unchanged);
	cJSON_AddNumberToObject(answer, "took_ms", (double)(clock_mono_ms() - r->began));
	logs_say(s->logs, LOG_LEVEL_INFO, "%s: %zu of %zu services were restarted",
	    upgrade ? "upgraded" : "reloaded", r->count, s->count);
	*r = (struct round){0};
	if (upgrade)
		supervisor_end_upgrade(s, client, answer);
	else
		control_answer(s->control, client, answer);
}

/* What is left is not done. Consumes `why`. */
static void give_up(struct supervisor *s, char *why)
{
	struct round *r = &s->round;
	char left[256] = "";
	size_t n = 0;

	for (size_t i = r->at + 1; i < r->count && n < sizeof(left); i++)
		n += (size_t)snprintf(left + n, sizeof(left) - n, "%s%s",
		    n == 0 ? "; not restarted: " : ", ", minder_name(r->todo[i]));
	logs_say(s->logs, LOG_LEVEL_ERROR, "%s stopped: %s%s",
	    is_upgrade(r) ? "the upgrade" : "the reload", why, left);
	control_refuse(s->control, r->client, EXIT_FAILURE, "%s%s", why, left);
	succession_hold_signals(false);
	cJSON_Delete(r->unchanged);
	free(r->why);
	free(why);
	*r = (struct round){0};
}

static void start_turn(struct round *r)
{
	struct minder *m = r->todo[r->at];

	r->since = clock_mono_ms();
	r->generation = minder_generation(m);
	minder_restart(m);
}

/* It runs what it ran before, or cannot: that is the end of the round. */
static void settle_fall_back(struct supervisor *s)
{
	struct round *r = &s->round;
	struct minder *m = r->todo[r->at];
	const struct child *c = minder_child(m);

	if (c->state == CHILD_UP)
		give_up(s, xasprintf("the new %s does not become ready: %s; the old one runs again",
			       minder_name(m), r->why));
	else if (c->state == CHILD_HELD || clock_mono_ms() - r->since >= RESTART_LIMIT)
		give_up(s,
		    xasprintf("the new %s does not become ready: %s; the old one does not either",
			minder_name(m), r->why));
}

static void turn_failed(struct supervisor *s, const char *why)
{
	struct round *r = &s->round;
	struct minder *m = r->todo[r->at];

	r->why = xstrdup(why);
	if (is_upgrade(r) && minder_fall_back(m)) {
		r->falling_back = true;
		r->since = clock_mono_ms();
		return;
	}
	give_up(s, xasprintf("%s does not become ready: %s", minder_name(m), why));
}

/* A death before READY decides about a new program; settings get the patience of every start. */
static void settle_turn(struct supervisor *s)
{
	struct round *r = &s->round;
	struct minder *m = r->todo[r->at];
	const struct child *c = minder_child(m);

	if (c->state == CHILD_UP && minder_generation(m) > r->generation) {
		if (++r->at == r->count)
			finish(s);
		else
			start_turn(r);
	} else if (c->state == CHILD_HELD) {
		turn_failed(s, c->held);
	} else if (c->state == CHILD_BACKOFF && is_upgrade(r)) {
		turn_failed(s, child_death(c, 0)->why);
	} else if (clock_mono_ms() - r->since >= RESTART_LIMIT) {
		turn_failed(s, "it took too long");
	}
}

static void go_on(struct supervisor *s)
{
	if (s->phase == PHASE_STOPPING)
		give_up(s, xstrdup("the peer is stopping"));
	else if (s->round.at == s->round.count)
		finish(s);
	else if (s->round.falling_back)
		settle_fall_back(s);
	else
		settle_turn(s);
}

void supervisor_go_round(struct supervisor *s)
{
	if (s->round.kind != ROUND_NONE)
		go_on(s);
	if (s->round.kind != ROUND_NONE || !s->reload_due || s->phase != PHASE_RUNNING)
		return;
	s->reload_due = false;
	supervisor_reload(s, 0);
}

static void begin(struct supervisor *s, enum round_kind kind, uint32_t client)
{
	struct round *r = &s->round;
	struct minder *unchanged[SUPERVISOR_SERVICES];
	size_t same = 0;
	cJSON *names = cJSON_CreateObject();

	*r = (struct round){.kind = kind, .client = client, .began = clock_mono_ms()};
	for (size_t i = 0; i < s->count; i++) {
		struct minder *m = s->minders[i];
		bool due = kind == ROUND_UPGRADE
		               ? minder_has_new_program(m) || !child_runs(minder_child(m))
		               : minder_has_news(m);

		if (due)
			r->todo[r->count++] = m;
		else
			unchanged[same++] = m;
	}
	add_names(names, "unchanged", unchanged, same);
	r->unchanged = cJSON_DetachItemFromObject(names, "unchanged");
	cJSON_Delete(names);
	if (r->count == 0)
		finish(s);
	else
		start_turn(r);
}

/* False after refusing. */
static bool may_begin(struct supervisor *s, uint32_t client)
{
	static const char *const not_now[] = {
	    [PHASE_STARTING] = "the peer is still starting",
	    [PHASE_STOPPING] = "the peer is stopping",
	};

	if (s->phase != PHASE_RUNNING)
		control_refuse(s->control, client, EXIT_FAILURE, "%s", not_now[s->phase]);
	else if (s->round.kind != ROUND_NONE)
		control_refuse(s->control, client, EXIT_FAILURE, "%s is under way already",
		    is_upgrade(&s->round) ? "an upgrade" : "a reload");
	else
		return true;
	return false;
}

/* Which services there are is decided at the start. Returns the first that would come or go. */
static const char *other_services(const struct supervisor *s, const struct config *config)
{
	enum mode mode = s->options.rendezvous ? MODE_RENDEZVOUS : mode_of(config);

	for (size_t i = 0; i < roster_size; i++) {
		bool there = false;

		for (size_t j = 0; j < s->count; j++)
			there = there || minder_row(s->minders[j]) == &roster[i];
		if (there != mode_runs(mode, config, &roster[i]))
			return service_name(roster[i].id);
	}
	return NULL;
}

struct config *supervisor_read_config(struct supervisor *s, char **why)
{
	char *file = xasprintf("%s/goop.json", s->options.shown);
	struct config *config = config_load("goop.json", file);
	const char *other = config_good(config) ? other_services(s, config) : NULL;

	*why = NULL;
	if (!config_good(config))
		*why = config_errors(config);
	else if (other != NULL)
		*why =
		    xasprintf("%s: with these settings %s would come or go: stop, and start again",
			file, other);
	for (size_t i = 0; *why == NULL && config_note(config, i) != NULL; i++)
		logs_say(s->logs, LOG_LEVEL_WARN, "%s", config_note(config, i));
	if (*why != NULL) {
		config_free(config);
		config = NULL;
	}
	free(file);
	return config;
}

void supervisor_reload(struct supervisor *s, uint32_t client)
{
	char *why;
	struct config *config;

	if (!may_begin(s, client)) {
		/* A signal has nobody to ask again. */
		s->reload_due = client == 0 && s->phase != PHASE_STOPPING;
		return;
	}
	config = supervisor_read_config(s, &why);
	if (config == NULL) {
		logs_say(s->logs, LOG_LEVEL_ERROR, "not reloaded: %s", why);
		control_refuse(
		    s->control, client, STATUS_BAD_CONFIG, "nothing was reloaded: %s", why);
		free(why);
		return;
	}
	supervisor_set_config(s, config);
	begin(s, ROUND_RELOAD, client);
}

void supervisor_upgrade(struct supervisor *s, uint32_t client)
{
	if (may_begin(s, client))
		begin(s, ROUND_UPGRADE, client);
}

#include "supervisor/child.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

static void enter(struct child *c, enum child_state state, uint64_t now, uint64_t limit)
{
	c->state = state;
	c->since = now;
	c->deadline = limit > 0 ? now + limit : 0;
	if (state != CHILD_HELD)
		c->held[0] = '\0';
}

static enum child_order start(struct child *c, uint64_t now)
{
	enter(c, CHILD_STARTING, now, CHILD_READY_LIMIT);
	c->wanted = true;
	c->starts++;
	c->hopeless = false;
	c->struck = false;
	c->blame[0] = '\0';
	return CHILD_SPAWN;
}

/* A kill is already on its way when something is to blame: whatever it says comes too late. */
static enum child_order become_up(struct child *c, uint64_t now)
{
	if (c->blame[0] != '\0')
		return CHILD_NOTHING;
	enter(c, CHILD_UP, now, CHILD_SILENCE_LIMIT);
	c->backoff = 0;
	return CHILD_NOTHING;
}

static enum child_order stay_up(struct child *c, uint64_t now)
{
	if (c->blame[0] == '\0')
		c->deadline = now + CHILD_SILENCE_LIMIT;
	return CHILD_NOTHING;
}

/* A process that is ending closes the channel a moment before it can be waited for; only one that
 * goes on without it is killed. */
static enum child_order channel_closed(struct child *c, uint64_t now)
{
	if (c->blame[0] != '\0')
		return CHILD_NOTHING;
	str_copy(c->blame, sizeof(c->blame), "closed its channel to the supervisor");
	c->deadline = now + CHILD_CLOSED_LIMIT;
	return CHILD_NOTHING;
}

static enum child_order overdue(struct child *c, uint64_t now)
{
	static const char *const why[CHILD_STATES] = {
	    [CHILD_STARTING] = "was not ready within 10 s",
	    [CHILD_UP] = "did not answer for 5 s",
	    [CHILD_STOPPING] = "did not stop when asked",
	};
	/* Who closed its channel has said what it had to say. */
	bool stuck = c->state == CHILD_UP && c->blame[0] == '\0';

	c->struck = true;
	c->deadline = stuck ? now + CHILD_ABORT_LIMIT : 0;
	if (c->blame[0] == '\0')
		str_copy(c->blame, sizeof(c->blame), why[c->state]);
	return stuck ? CHILD_ABORT : CHILD_KILL;
}

static enum child_order ask(struct child *c, uint64_t now)
{
	c->wanted = false;
	c->blame[0] = '\0';
	enter(c, CHILD_STOPPING, now, CHILD_GRACE + CHILD_GRACE_SLACK);
	return CHILD_ASK;
}

static enum child_order want_again(struct child *c, uint64_t now)
{
	(void)now;
	c->wanted = true;
	return CHILD_NOTHING;
}

static enum child_order want_no_more(struct child *c, uint64_t now)
{
	(void)now;
	c->wanted = false;
	return CHILD_NOTHING;
}

static enum child_order rest(struct child *c, uint64_t now)
{
	c->wanted = false;
	enter(c, CHILD_DOWN, now, 0);
	return CHILD_NOTHING;
}

static enum child_order stopped(struct child *c, uint64_t now)
{
	return c->wanted ? start(c, now) : rest(c, now);
}

/* Deaths that count against it: since the last restart by hand, within the window. */
static unsigned recent_deaths(const struct child *c, uint64_t now)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->died - c->forgiven; i++) {
		const struct child_death *d = child_death(c, i);

		if (d == NULL || now - d->at >= CHILD_DEATHS_WINDOW)
			break;
		n++;
	}
	return n;
}

static bool held(struct child *c, uint64_t now)
{
	unsigned n = recent_deaths(c, now);

	if (n <= CHILD_DEATHS_MAX)
		return false;
	snprintf(c->held, sizeof(c->held), "%u deaths within a minute, the last: %s", n,
	    child_death(c, 0)->why);
	enter(c, CHILD_HELD, now, 0);
	return true;
}

static enum child_order died_early(struct child *c, uint64_t now)
{
	if (held(c, now))
		return CHILD_NOTHING;
	c->backoff = c->backoff == 0 ? CHILD_BACKOFF_MIN : 2 * c->backoff;
	if (c->backoff > CHILD_BACKOFF_MAX)
		c->backoff = CHILD_BACKOFF_MAX;
	enter(c, CHILD_BACKOFF, now, c->backoff);
	return CHILD_NOTHING;
}

static enum child_order died_healthy(struct child *c, uint64_t now)
{
	return held(c, now) ? CHILD_NOTHING : start(c, now);
}

typedef enum child_order action_fn(struct child *c, uint64_t now);

/* What is not here is no news. */
static action_fn *const actions[CHILD_STATES][CHILD_EVENTS] = {
    /* clang-format off */
	[CHILD_DOWN][CHILD_WANT_UP]        = start,

	[CHILD_STARTING][CHILD_READY]      = become_up,
	[CHILD_STARTING][CHILD_CLOSED]     = channel_closed,
	[CHILD_STARTING][CHILD_DIED]       = died_early,
	[CHILD_STARTING][CHILD_TIMEOUT]    = overdue,
	[CHILD_STARTING][CHILD_WANT_DOWN]  = ask,

	[CHILD_UP][CHILD_HEARD]            = stay_up,
	[CHILD_UP][CHILD_CLOSED]           = channel_closed,
	[CHILD_UP][CHILD_DIED]             = died_healthy,
	[CHILD_UP][CHILD_TIMEOUT]          = overdue,
	[CHILD_UP][CHILD_WANT_DOWN]        = ask,

	[CHILD_STOPPING][CHILD_DIED]       = stopped,
	[CHILD_STOPPING][CHILD_TIMEOUT]    = overdue,
	[CHILD_STOPPING][CHILD_WANT_UP]    = want_again,
	[CHILD_STOPPING][CHILD_WANT_DOWN]  = want_no_more,

	[CHILD_BACKOFF][CHILD_TIMEOUT]     = start,
	[CHILD_BACKOFF][CHILD_WANT_UP]     = start,
	[CHILD_BACKOFF][CHILD_WANT_DOWN]   = rest,

	[CHILD_HELD][CHILD_WANT_UP]        = start,
	[CHILD_HELD][CHILD_WANT_DOWN]      = rest,
    /* clang-format on */
};

enum child_order child_event(struct child *c, enum child_event event, uint64_t now)
{
	action_fn *action;

	if (event == CHILD_TIMEOUT && (c->deadline == 0 || now < c->deadline))
		return CHILD_NOTHING;
	action = actions[c->state][event];
	return action != NULL ? action(c, now) : CHILD_NOTHING;
}

static void remember(struct child *c, const struct child_end *end, uint64_t now)
{
	struct child_death *d = &c->deaths[c->died % CHILD_DEATHS_KEPT];

	*d = (struct child_death){
	    .at = now, .wall_ms = end->wall_ms, .was_ready = c->state == CHILD_UP};
	str_copy(d->why, sizeof(d->why), c->blame[0] != '\0' ? c->blame : end->why);
	c->died++;
}

enum child_order child_died(struct child *c, const struct child_end *end, uint64_t now)
{
	/* An end that was asked for is none of the deaths. */
	if (c->state != CHILD_STARTING && c->state != CHILD_UP)
		return child_event(c, CHILD_DIED, now);
	/* A channel closed by the end itself explains nothing; closed for a second and killed for
	 * it does. */
	if (!c->struck)
		c->blame[0] = '\0';
	remember(c, end, now);
	if (end->hopeless && c->state == CHILD_STARTING) {
		str_copy(c->held, sizeof(c->held), end->why);
		c->hopeless = true;
		enter(c, CHILD_HELD, now, 0);
		return CHILD_NOTHING;
	}
	return child_event(c, CHILD_DIED, now);
}

void child_forgive(struct child *c)
{
	c->forgiven = c->died;
	c->backoff = 0;
}

bool child_runs(const struct child *c)
{
	return c->state == CHILD_STARTING || c->state == CHILD_UP || c->state == CHILD_STOPPING;
}

const struct child_death *child_death(const struct child *c, unsigned i)
{
	if (i >= c->died || i >= CHILD_DEATHS_KEPT)
		return NULL;
	return &c->deaths[(c->died - 1 - i) % CHILD_DEATHS_KEPT];
}

const char *child_state_name(enum child_state state)
{
	static const char *const names[CHILD_STATES] = {
	    "down", "starting", "up", "stopping", "backoff", "failed"};

	return state < CHILD_STATES ? names[state] : "?";
}

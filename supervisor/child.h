/* The life of one child process, as a table of state by event. No I/O and no clock: what happened
 * and the time come in, an order comes out.
 *
 *	DOWN -> STARTING -> UP          up is not ready: a child is UP once it has said READY
 *	STARTING -> BACKOFF -> STARTING a death before READY: wait 0.5 s, doubling to 30 s
 *	UP -> STARTING                  a death after READY: start again at once
 *	any -> HELD                     more than 5 deaths in a minute, or a death that a new start
 *	                                would only repeat; until somebody wants it up again
 *	any -> STOPPING -> DOWN         asked to stop, killed when the grace is over */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stdint.h>

/* All in milliseconds. */
#define CHILD_READY_LIMIT   10000 /* from the start to READY */
#define CHILD_SILENCE_LIMIT 5000  /* from one sign of life to the next */
#define CHILD_CLOSED_LIMIT  1000  /* to end after closing its channel to us */
#define CHILD_ABORT_LIMIT   1000  /* to say where it is stuck */
#define CHILD_GRACE         3000  /* to stop in, for what can be finished */
#define CHILD_GRACE_SLACK   1500  /* from the end of the grace to the kill */
#define CHILD_BACKOFF_MIN   500
#define CHILD_BACKOFF_MAX   30000
#define CHILD_DEATHS_WINDOW 60000
#define CHILD_DEATHS_MAX    5 /* in that window; one more and it is held */

#define CHILD_DEATHS_KEPT 8
#define CHILD_WHY_MAX     512

enum child_state {
	CHILD_DOWN,
	CHILD_STARTING,
	CHILD_UP,
	CHILD_STOPPING,
	CHILD_BACKOFF,
	CHILD_HELD,
	CHILD_STATES
};

enum child_event {
	CHILD_READY,     /* it says that it can serve */
	CHILD_HEARD,     /* it answered a pulse */
	CHILD_CLOSED,    /* it closed its channel to us, its process is still there */
	CHILD_DIED,      /* its process has ended */
	CHILD_TIMEOUT,   /* the deadline has passed */
	CHILD_WANT_UP,   /* somebody wants it running */
	CHILD_WANT_DOWN, /* somebody wants it stopped */
	CHILD_EVENTS
};

/* What the caller has to do now. */
enum child_order {
	CHILD_NOTHING,
	CHILD_SPAWN, /* start a process */
	CHILD_ASK,   /* ask it to stop within CHILD_GRACE */
	CHILD_ABORT, /* SIGABRT, so that it says where it is stuck; CHILD_TIMEOUT or CHILD_DIED
	              * follows */
	CHILD_KILL   /* SIGKILL; CHILD_DIED follows */
};

struct child_death {
	uint64_t at;     /* monotonic, ms */
	int64_t wall_ms; /* Unix time, ms */
	bool was_ready;
	char why[CHILD_WHY_MAX];
};

/* Zeroed, it is a child that is down and not wanted. Read freely; changed by child.c only. */
struct child {
	enum child_state state;
	bool wanted;       /* after STOPPING it is started again */
	uint64_t since;    /* when the state began */
	uint64_t deadline; /* when CHILD_TIMEOUT is due; 0 for never */
	uint64_t backoff;  /* the last wait; 0 after a healthy run */
	unsigned starts;   /* processes started so far */
	unsigned died;     /* deaths so far; the last CHILD_DEATHS_KEPT of them are in `deaths` */
	unsigned forgiven; /* of those, how many no longer count (somebody has restarted it) */
	struct child_death deaths[CHILD_DEATHS_KEPT];
	bool hopeless;                 /* held because a new start would end the same way */
	bool struck;                   /* we have sent it a signal that ends it */
	char blame[64];                /* why we kill it: more to the point than the signal */
	char held[CHILD_WHY_MAX + 64]; /* why it is held, "" otherwise */
};

/* How a process ended. `hopeless`: a new start would end the same way (bad configuration, no
 * program), so it is held at once when it had not been ready. */
struct child_end {
	int64_t wall_ms;
	bool hopeless;
	const char *why;
};

/* Anything but CHILD_DIED. `now` is monotonic, ms, and never 0. CHILD_TIMEOUT before the deadline
 * is nothing, so a timer may be early. */
enum child_order child_event(struct child *c, enum child_event event, uint64_t now);

/* CHILD_DIED. */
enum child_order child_died(struct child *c, const struct child_end *end, uint64_t now);

/* Forgets the deaths so far and the back-off: for a restart by hand. They stay readable. */
void child_forgive(struct child *c);

/* Is there a process? */
bool child_runs(const struct child *c);

/* The i-th last death (0 is the latest), or NULL. */
const struct child_death *child_death(const struct child *c, unsigned i);

/* "down", "starting", "up", "stopping", "backoff", "failed" (held). */
const char *child_state_name(enum child_state state);

#endif

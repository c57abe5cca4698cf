/* One rendezvous server as we deal with it: when to subscribe, when to give up, when to publish,
 * and what to say of it in `status`. No I/O; the time is an argument. Source: docs/CONTRACT.md,
 * "Presence" and "Rendezvous server".
 *
 * rendezvous_policy_run() says what is to be done now; what it has asked for is under way until the
 * answer is given to one of the functions below. After each of them it is to be called again. */
#ifndef SVC_DISCOVERY_RENDEZVOUS_POLICY_H
#define SVC_DISCOVERY_RENDEZVOUS_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "svc-discovery/people.h"

#define RENDEZVOUS_BACKOFF_MS     250 /* doubles with each failure */
#define RENDEZVOUS_BACKOFF_MAX_MS 5000
#define RENDEZVOUS_ASK_MS         15000 /* until the event stream must have begun */
/* Servers send a comment every 25 s: two of them were missed. */
#define RENDEZVOUS_DEAD_MS (2 * 25000 + 2500)
/* Publishes: so many at once, then one in each gap. That makes 29 in any minute; servers allow 30.
 */
#define RENDEZVOUS_BURST    5
#define RENDEZVOUS_GAP_MS   2500
#define RENDEZVOUS_WAIT_MAX 300000 /* the longest that a server may make us wait */
#define RENDEZVOUS_TEXT     200

enum rendezvous_stage { RENDEZVOUS_APART, RENDEZVOUS_ASKING, RENDEZVOUS_STANDING };

/* What to do. */
enum {
	RENDEZVOUS_HANG_UP = 1, /* before what else is asked for */
	RENDEZVOUS_SUBSCRIBE = 2,
	RENDEZVOUS_PUBLISH = 4 /* the newest message */
};

/* Fields are for rendezvous_policy.c, except where a comment says read. */
struct rendezvous_policy {
	uint64_t ttl, chance;
	/* the subscription */
	enum rendezvous_stage stage; /* read */
	uint64_t due;                /* to subscribe; when asking or standing, to give up */
	unsigned failures;           /* in a row */
	uint32_t retry;              /* what the server asked for, 0 for nothing */
	uint64_t stood_at, lost_at;  /* the last time; 0: it never did */
	bool resuming;               /* asked to go on from the last event */
	bool hang_up;
	/* publishing */
	bool waiting, posting, taken;
	bool parting; /* the newest message is our last */
	bool parting_out, parted;
	bool plain;               /* read: the server refuses `sig`: leave it out */
	uint64_t post_due, spent; /* when all that was published has been paid for, by gaps */
	unsigned post_failures;
	/* for status; Unix milliseconds, 0: not (yet) */
	int64_t since, failed_at, refused_at;
	char failed[RENDEZVOUS_TEXT], refused[RENDEZVOUS_TEXT];
};

/* `chance` spreads what would happen at once. */
void rendezvous_policy_init(struct rendezvous_policy *p, uint64_t ttl_ms, uint64_t chance);

/* What is due at `now`. *next is when to call again (UINT64_MAX: not before something happens). */
unsigned rendezvous_policy_run(struct rendezvous_policy *p, struct people_time now, uint64_t *next);

/* May the subscription that was just asked for go on from the last event? If not, the server is to
 * be asked without its id. */
bool rendezvous_policy_resumes(const struct rendezvous_policy *p);

/* The event stream has begun. */
void rendezvous_policy_opened(struct rendezvous_policy *p, struct people_time now);
/* Something came of it, if only a comment. */
void rendezvous_policy_heard(struct rendezvous_policy *p, struct people_time now);
/* `retry:` of the server. */
void rendezvous_policy_retry(struct rendezvous_policy *p, uint32_t ms);
/* It is over, or never began. */
void rendezvous_policy_lost(
    struct rendezvous_policy *p, struct people_time now, const char *why, uint32_t retry_s);

/* There is a newer message to publish; `last` is our goodbye. */
void rendezvous_policy_say(struct rendezvous_policy *p, bool last);
/* The answer to a publish: the status of HTTP, 0 for none. */
void rendezvous_policy_published(struct rendezvous_policy *p, struct people_time now,
    unsigned status, const char *why, uint32_t retry_s);

/* Our goodbye has arrived, or there is nobody whom it would reach. */
bool rendezvous_policy_parted(const struct rendezvous_policy *p);

/* "connected since ...", or what failed last and when. */
void rendezvous_policy_state(const struct rendezvous_policy *p, char out[RENDEZVOUS_TEXT * 3]);

#endif

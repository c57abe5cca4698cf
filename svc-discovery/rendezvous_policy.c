#include "svc-discovery/rendezvous_policy.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "svc-discovery/chance.h"

#define TOO_LARGE_MS 60000 /* nothing that we could say will be smaller soon */
#define LIMITED_MS   10000 /* 429 that does not say how long */

void rendezvous_policy_init(struct rendezvous_policy *p, uint64_t ttl_ms, uint64_t chance)
{
	*p = (struct rendezvous_policy){.ttl = ttl_ms, .chance = chance};
}

/* Between half of the back-off and all of it. */
static uint64_t backoff(struct rendezvous_policy *p, unsigned failures)
{
	uint64_t ms = RENDEZVOUS_BACKOFF_MAX_MS;

	if (failures < 5)
		ms = (uint64_t)RENDEZVOUS_BACKOFF_MS << failures;
	return ms / 2 + chance_below(&p->chance, ms / 2 + 1);
}

static uint64_t at_least(uint64_t ms, uint64_t wanted_ms)
{
	if (wanted_ms > RENDEZVOUS_WAIT_MAX)
		wanted_ms = RENDEZVOUS_WAIT_MAX;
	return ms > wanted_ms ? ms : wanted_ms;
}

/* --- the subscription ------------------------------------------------------------------------- */

static bool in_time(const struct rendezvous_policy *p, uint64_t now)
{
	return p->lost_at != 0 && now < p->lost_at + p->ttl;
}

/* People of this server are kept for the TTL without it; then we need to hear of everybody anew. */
static void ask(struct rendezvous_policy *p, uint64_t now)
{
	p->stage = RENDEZVOUS_ASKING;
	p->due = now + RENDEZVOUS_ASK_MS;
	p->resuming = in_time(p, now);
}

void rendezvous_policy_opened(struct rendezvous_policy *p, struct people_time now)
{
	/* It took so long that those who were to be kept are gone. */
	if (p->resuming && !in_time(p, now.mono)) {
		p->stage = RENDEZVOUS_APART;
		p->hang_up = true;
		p->due = now.mono;
		return;
	}
	p->stage = RENDEZVOUS_STANDING;
	p->since = now.wall;
	p->stood_at = now.mono;
	p->due = now.mono + RENDEZVOUS_DEAD_MS;
}

void rendezvous_policy_heard(struct rendezvous_policy *p, struct people_time now)
{
	if (p->stage == RENDEZVOUS_STANDING)
		p->due = now.mono + RENDEZVOUS_DEAD_MS;
}

void rendezvous_policy_retry(struct rendezvous_policy *p, uint32_t ms)
{
	p->retry = ms;
}

void rendezvous_policy_lost(
    struct rendezvous_policy *p, struct people_time now, const char *why, uint32_t retry_s)
{
	bool stood = p->stage == RENDEZVOUS_STANDING;
	uint64_t wait;

	/* One that ends each stream soon is a failing one, too. */
	if (stood && now.mono >= p->stood_at + RENDEZVOUS_BACKOFF_MAX_MS)
		p->failures = 0;
	wait = backoff(p, p->failures++);
	if (stood) {
		p->lost_at = now.mono;
		/* The server spreads those who come back. */
		wait = at_least(wait, p->retry);
	}
	p->stage = RENDEZVOUS_APART;
	p->due = now.mono + at_least(wait, (uint64_t)retry_s * 1000);
	p->since = 0;
	p->failed_at = now.wall;
	str_copy(p->failed, sizeof p->failed, why);
}

static void give_up(struct rendezvous_policy *p, struct people_time now)
{
	bool stood = p->stage == RENDEZVOUS_STANDING;

	p->hang_up = true;
	rendezvous_policy_lost(
	    p, now, stood ? "nothing came for two pings" : "no event stream came in time", 0);
}

bool rendezvous_policy_resumes(const struct rendezvous_policy *p)
{
	return p->resuming;
}

/* --- publishing ------------------------------------------------------------------------------- */

void rendezvous_policy_say(struct rendezvous_policy *p, bool last)
{
	p->waiting = true;
	if (!last)
		return;
	p->parting = true;
	/* Where nothing arrived before, nothing has to be taken back. */
	p->parted = !p->taken && !p->posting;
}

static void refused(struct rendezvous_policy *p, struct people_time now, const char *why)
{
	p->refused_at = now.wall;
	str_copy(p->refused, sizeof p->refused, why);
}

/* The same, or what is newer by then, later. */
static void again(struct rendezvous_policy *p, uint64_t now, uint64_t wait)
{
	p->post_failures++;
	p->waiting = true;
	p->post_due = now + wait;
}

static void went(struct rendezvous_policy *p, uint64_t now)
{
	const uint64_t ahead = (uint64_t)(RENDEZVOUS_BURST - 1) * RENDEZVOUS_GAP_MS;

	p->taken = true;
	p->post_failures = 0;
	p->spent = (p->spent > now ? p->spent : now) + RENDEZVOUS_GAP_MS;
	p->post_due = p->spent > ahead ? p->spent - ahead : 0;
}

/* 409: it is the answer to what was repeated because the first answer was lost; or the server knows
 * that we sign, and wants to see it; or our clock was set back. A later message will do. */
static void conflict(struct rendezvous_policy *p, uint64_t now)
{
	went(p, now);
	p->plain = false;
}

/* 400: an older server may mind the field `sig`. */
static void malformed(struct rendezvous_policy *p, uint64_t now)
{
	p->plain = !p->plain;
	if (p->plain) {
		p->waiting = true;
		p->post_due = now;
	} else {
		again(p, now, RENDEZVOUS_BACKOFF_MAX_MS);
	}
}

void rendezvous_policy_published(struct rendezvous_policy *p, struct people_time now,
    unsigned status, const char *why, uint32_t retry_s)
{
	uint64_t wait = at_least(backoff(p, p->post_failures), (uint64_t)retry_s * 1000);

	p->posting = false;
	if (status >= 200 && status < 300) {
		p->refused_at = 0;
		went(p, now.mono);
		p->parted = p->parting_out;
		return;
	}
	refused(p, now, why);
	switch (status) {
	case 400: malformed(p, now.mono); break;
	case 409: conflict(p, now.mono); break;
	case 413: again(p, now.mono, TOO_LARGE_MS); break;
	case 429: again(p, now.mono, retry_s > 0 ? wait : LIMITED_MS); break;
	default: again(p, now.mono, wait); break;
	}
	/* One try, or one with and one without `sig`: whoever leaves does not wait. */
	p->parted = p->parting_out && !(status == 400 && p->plain);
}

bool rendezvous_policy_parted(const struct rendezvous_policy *p)
{
	return p->parted;
}

/* --- what is due ------------------------------------------------------------------------------ */

static unsigned due_of_stream(struct rendezvous_policy *p, struct people_time now)
{
	unsigned todo = 0;

	if (p->stage != RENDEZVOUS_APART && p->due <= now.mono)
		give_up(p, now);
	if (p->hang_up)
		todo |= RENDEZVOUS_HANG_UP;
	p->hang_up = false;
	if (p->stage == RENDEZVOUS_APART && p->due <= now.mono && !p->parting) {
		ask(p, now.mono);
		todo |= RENDEZVOUS_SUBSCRIBE;
	}
	return todo;
}

static unsigned due_of_post(struct rendezvous_policy *p, uint64_t now)
{
	if (!p->waiting || p->posting || p->parted || (p->post_due > now && !p->parting))
		return 0;
	p->waiting = false;
	p->posting = true;
	p->parting_out = p->parting;
	return RENDEZVOUS_PUBLISH;
}

unsigned rendezvous_policy_run(struct rendezvous_policy *p, struct people_time now, uint64_t *next)
{
	unsigned todo = due_of_stream(p, now) | due_of_post(p, now.mono);

	*next = p->stage == RENDEZVOUS_APART && p->parting ? UINT64_MAX : p->due;
	if (p->waiting && !p->posting && !p->parted && p->post_due < *next)
		*next = p->post_due;
	return todo;
}

/* --- for people ------------------------------------------------------------------------------- */

void rendezvous_policy_state(const struct rendezvous_policy *p, char out[RENDEZVOUS_TEXT * 3])
{
	char at[25], refused_at[25];
	int n = 0;

	clock_format(p->stage == RENDEZVOUS_STANDING ? p->since : p->failed_at, at);
	if (p->stage == RENDEZVOUS_STANDING)
		n = snprintf(out, RENDEZVOUS_TEXT, "connected since %s", at);
	else if (p->failed_at == 0)
		n = snprintf(out, RENDEZVOUS_TEXT, "connecting");
	else
		n = snprintf(out, RENDEZVOUS_TEXT * 3 / 2, "not connected: %s, %s", p->failed, at);
	if (p->refused_at == 0)
		return;
	clock_format(p->refused_at, refused_at);
	snprintf(out + n, (size_t)(RENDEZVOUS_TEXT * 3 - n), ", our presence is not taken: %s, %s",
	    p->refused, refused_at);
}

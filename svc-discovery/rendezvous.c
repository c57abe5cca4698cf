#include "svc-discovery/rendezvous.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "svc-discovery/rendezvous_client.h"
#include "svc-discovery/rendezvous_policy.h"
#include "svc-discovery/sightings.h"
#include "svc-discovery/sse_reader.h"

#define STATE_MAX 4000 /* bytes of all that is said in `status`; the supervisor takes 4095 */

struct server {
	struct rendezvous *r;
	unsigned number;
	struct rendezvous_client *client;
	struct rendezvous_policy policy;
	struct sse_reader reader;
	enum { NOTHING, CONNECTED, FAILED } logged;
	struct log_limit refused;
};

struct rendezvous {
	struct loop *loop;
	const struct rendezvous_events *events;
	void *arg;
	uint64_t ttl;
	struct transfers *transfers;
	struct server servers[RENDEZVOUS_SERVERS_MAX];
	unsigned count;
	struct sightings *sightings;
	struct timer *timer;
	uint64_t vouch_at;
	char *json, *plain; /* our newest message, and the same without `sig` */
	char *told;         /* of our state */
	bool parted;
};

static struct people_time now_of(const struct rendezvous *r)
{
	return (struct people_time){loop_now(r->loop), clock_wall_ms()};
}

/* --- doing what is due ------------------------------------------------------------------------ */

static char *without_sig(const char *json)
{
	struct presence p;
	const char *why;
	char *plain;

	if (presence_parse(&p, json, strlen(json), &why) < 0)
		panic("rendezvous", "our own presence is none: %s", why);
	p.signed_ = false;
	plain = presence_to_json(&p);
	presence_clear(&p);
	return plain;
}

static const char *message_for(struct rendezvous *r, const struct server *s)
{
	if (!s->policy.plain)
		return r->json;
	if (r->plain == NULL)
		r->plain = without_sig(r->json);
	return r->plain;
}

static void subscribe(struct server *s)
{
	/* What it tells is everybody, unless it goes on where it was. */
	if (!rendezvous_policy_resumes(&s->policy)) {
		sightings_clear(s->r->sightings, s->number);
		sse_reader_forget(&s->reader);
	}
	sse_reader_restart(&s->reader);
	rendezvous_client_subscribe(s->client, sse_reader_last_id(&s->reader));
}

/* Its people are still there: for the TTL from now on. */
static void vouch(const struct server *s)
{
	const struct rendezvous *r = s->r;
	const struct peer_id *peer;

	for (size_t at = 0; (peer = sightings_next(r->sightings, &at, s->number)) != NULL;)
		r->events->stands(r->arg, peer);
}

static uint64_t run_server(struct server *s)
{
	bool stood = s->policy.stage == RENDEZVOUS_STANDING;
	uint64_t next;
	unsigned todo = rendezvous_policy_run(&s->policy, now_of(s->r), &next);

	if (todo & RENDEZVOUS_HANG_UP) {
		rendezvous_client_hang_up(s->client);
		if (stood)
			vouch(s);
	}
	if (todo & RENDEZVOUS_SUBSCRIBE)
		subscribe(s);
	if (todo & RENDEZVOUS_PUBLISH)
		rendezvous_client_publish(s->client, message_for(s->r, s));
	return next;
}

static void vouch_if_due(struct rendezvous *r)
{
	uint64_t now = loop_now(r->loop);

	if (now < r->vouch_at)
		return;
	r->vouch_at = now + r->ttl / 2;
	for (unsigned i = 0; i < r->count; i++)
		if (r->servers[i].policy.stage == RENDEZVOUS_STANDING)
			vouch(&r->servers[i]);
}

/* What is said of each server ends with "; ": nothing that a server says may look like that. Of a
 * long text the end is left out. */
static void put_state(struct buf *out, struct server *s, size_t most)
{
	char state[RENDEZVOUS_TEXT * 3], *text, *at;

	rendezvous_policy_state(&s->policy, state);
	text = xasprintf("%s %s", rendezvous_client_url(s->client), state);
	while ((at = strstr(text, "; ")) != NULL)
		*at = ',';
	if (strlen(text) > most)
		memcpy(text + most - 3, "...", 4);
	for (size_t n = strlen(text); !str_is_utf8(text, n);)
		text[--n] = '\0';
	buf_puts(out, text);
	free(text);
}

/* All servers have their place, however many and long-winded they are. */
static char *state_of(struct rendezvous *r)
{
	size_t most = r->count > 0 ? STATE_MAX / r->count - 2 : 0;
	struct buf all;
	char *text;

	buf_init(&all, STATE_MAX);
	for (unsigned i = 0; i < r->count; i++) {
		if (i > 0)
			buf_puts(&all, "; ");
		put_state(&all, &r->servers[i], most);
	}
	text = xstrndup((const char *)buf_data(&all), buf_len(&all));
	buf_clear(&all);
	return text;
}

static void tell_state(struct rendezvous *r)
{
	char *text = state_of(r);

	if (r->told != NULL && strcmp(text, r->told) == 0) {
		free(text);
		return;
	}
	free(r->told);
	r->told = text;
	r->events->state(r->arg, text);
}

static void log_change(struct server *s)
{
	const struct rendezvous_policy *p = &s->policy;
	const char *url = rendezvous_client_url(s->client);

	if (p->stage == RENDEZVOUS_STANDING && s->logged != CONNECTED) {
		s->logged = CONNECTED;
		log_info("rendezvous", "connected to %s", url);
	} else if (p->stage == RENDEZVOUS_APART && s->logged != FAILED) {
		s->logged = FAILED;
		log_info("rendezvous", "not connected to %s: %s", url, p->failed);
	}
}

static bool all_parted(const struct rendezvous *r)
{
	for (unsigned i = 0; i < r->count; i++)
		if (!rendezvous_policy_parted(&r->servers[i].policy))
			return false;
	return true;
}

static void run(struct rendezvous *r)
{
	uint64_t next, now = loop_now(r->loop);

	vouch_if_due(r);
	next = r->vouch_at;
	for (unsigned i = 0; i < r->count; i++) {
		uint64_t at = run_server(&r->servers[i]);

		next = at < next ? at : next;
		log_change(&r->servers[i]);
	}
	timer_start(r->timer, next > now ? next - now : 0);
	tell_state(r);
}

static void on_timer(void *arg)
{
	run(arg);
}

/* --- what a server says ----------------------------------------------------------------------- */

/* It numbers its events. */
static bool judges(const struct server *s)
{
	return sse_reader_last_id(&s->reader)[0] != '\0';
}

static void take_presence(struct server *s, const struct presence *p)
{
	const struct rendezvous *r = s->r;
	bool judged = judges(s);

	/* The server's own word, of somebody who could not say it any more. */
	if (judged && p->type == PRESENCE_OFFLINE && !p->signed_) {
		if (sightings_unsee(r->sightings, &p->peer, s->number))
			r->events->lost(r->arg, &p->peer);
		return;
	}
	if (r->events->heard(r->arg, p, judged) && judged)
		sightings_see(r->sightings, &p->peer, s->number);
}

static void on_event(void *arg, const char *type, const char *data, size_t len)
{
	struct server *s = arg;
	struct presence p;
	const char *why;

	if (strcmp(type, "reset") == 0) {
		/* Whoever it does not name again now is gone when the TTL is over. */
		vouch(s);
		sightings_clear(s->r->sightings, s->number);
		return;
	}
	if (strcmp(type, "message") != 0)
		return;
	if (presence_parse(&p, data, len, &why) == 0)
		take_presence(s, &p);
	else if (log_allowed(&s->refused, 20, "rendezvous"))
		log_info("rendezvous", "a message from %s was refused: %s",
		    rendezvous_client_url(s->client), why);
	presence_clear(&p);
}

static void on_retry(void *arg, uint32_t ms)
{
	struct server *s = arg;

	rendezvous_policy_retry(&s->policy, ms);
}

static const struct sse_reader_events reader_events = {on_event, on_retry};

static void on_opened(void *arg)
{
	struct server *s = arg;
	struct rendezvous *r = s->r;

	rendezvous_policy_opened(&s->policy, now_of(r));
	if (s->policy.stage == RENDEZVOUS_STANDING) {
		vouch(s);
		r->events->opened(r->arg);
	}
	run(r);
}

static void on_bytes(void *arg, const void *p, size_t n)
{
	struct server *s = arg;

	rendezvous_policy_heard(&s->policy, now_of(s->r));
	sse_reader_feed(&s->reader, p, n);
	run(s->r);
}

static void on_lost(void *arg, const char *why, uint32_t retry_s)
{
	struct server *s = arg;

	if (s->policy.stage == RENDEZVOUS_STANDING)
		vouch(s);
	rendezvous_policy_lost(&s->policy, now_of(s->r), why, retry_s);
	run(s->r);
}

/* docs/CONTRACT.md: "ts: expected to be greater than <number>, ..." */
static void tell_if_behind(const struct server *s, unsigned status, const char *why)
{
	static const char words[] = "ts: expected to be greater than ";
	const char *number = status == 409 ? strstr(why, words) : NULL;
	char digits[20] = "";
	uint64_t ts;

	if (number == NULL)
		return;
	number += sizeof words - 1;
	for (size_t n = 0; n < sizeof digits - 1 && number[n] >= '0' && number[n] <= '9'; n++)
		digits[n] = number[n];
	if (str_to_u64(digits, 0, INT64_MAX - 1, &ts))
		s->r->events->behind(s->r->arg, (int64_t)ts);
}

static void on_published(void *arg, unsigned status, const char *why, uint32_t retry_s)
{
	struct server *s = arg;
	struct rendezvous *r = s->r;

	rendezvous_policy_published(&s->policy, now_of(r), status, why, retry_s);
	run(r);
	tell_if_behind(s, status, why);
	if (!r->parted && all_parted(r)) {
		r->parted = true;
		r->events->parted(r->arg);
	}
}

static const struct rendezvous_client_events client_events = {
    on_opened, on_bytes, on_lost, on_published};

/* --- from outside ----------------------------------------------------------------------------- */

static void add_server(struct rendezvous *r, const char *url, bool own)
{
	struct server *s = &r->servers[r->count];

	if (r->count == RENDEZVOUS_SERVERS_MAX) {
		log_warn("rendezvous", "too many servers, %s is left out", url);
		return;
	}
	s->r = r;
	s->number = r->count;
	s->client = rendezvous_client_new(r->transfers, url, own, &client_events, s);
	if (s->client == NULL) {
		log_warn("rendezvous", "\"%s\" is no http or https URL", url);
		return;
	}
	rendezvous_policy_init(&s->policy, r->ttl, clock_mono_us() + r->count);
	sse_reader_init(&s->reader, &reader_events, s);
	r->count++;
}

static void add_servers(struct rendezvous *r, const char *urls, const char *own_url)
{
	char *copy = xstrdup(urls), *rest = copy, *url;

	while ((url = strsep(&rest, " ")) != NULL)
		if (url[0] != '\0')
			add_server(r, url, false);
	free(copy);
	if (own_url[0] != '\0')
		add_server(r, own_url, true);
}

struct rendezvous *rendezvous_new(struct loop *loop, const char *urls, const char *own_url,
    uint64_t ttl_ms, const struct rendezvous_events *events, void *arg)
{
	struct rendezvous *r;

	if (urls[strspn(urls, " ")] == '\0' && own_url[0] == '\0')
		return NULL;
	r = xcalloc(1, sizeof *r);
	r->loop = loop;
	r->events = events;
	r->arg = arg;
	r->ttl = ttl_ms;
	r->transfers = transfers_new(loop, resolver_system);
	r->sightings = sightings_new();
	r->timer = timer_new(loop, on_timer, r);
	add_servers(r, urls, own_url);
	timer_start(r->timer, 0);
	return r;
}

void rendezvous_start_threads(struct rendezvous *r)
{
	if (r != NULL)
		transfers_start_threads(r->transfers);
}

void rendezvous_free(struct rendezvous *r)
{
	if (r == NULL)
		return;
	for (unsigned i = 0; i < r->count; i++) {
		rendezvous_client_free(r->servers[i].client);
		sse_reader_clear(&r->servers[i].reader);
	}
	transfers_free(r->transfers);
	sightings_free(r->sightings);
	timer_free(r->timer);
	free(r->json);
	free(r->plain);
	free(r->told);
	free(r);
}

void rendezvous_publish(struct rendezvous *r, enum presence_type type, const char *json)
{
	if (r == NULL)
		return;
	free(r->json);
	free(r->plain);
	r->json = xstrdup(json);
	r->plain = NULL;
	for (unsigned i = 0; i < r->count; i++)
		rendezvous_policy_say(&r->servers[i].policy, type == PRESENCE_OFFLINE);
	run(r);
	r->parted = all_parted(r);
}

bool rendezvous_parted(const struct rendezvous *r)
{
	return r == NULL || r->parted;
}

void rendezvous_forget(struct rendezvous *r, const struct peer_id *peer)
{
	if (r != NULL)
		sightings_forget(r->sightings, peer);
}

bool rendezvous_sees(const struct rendezvous *r, const struct peer_id *peer)
{
	return r != NULL && sightings_any(r->sightings, peer);
}

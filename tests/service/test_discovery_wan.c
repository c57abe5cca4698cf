/* svc-discovery at rendezvous servers: real HTTP to servers that the test plays; the transport
 * signs and is told of addresses. In a network namespace of its own with nothing but loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "tests/service/actor.h"
#include "tests/service/meeting.h"
#include "tests/service/puppet.h"

#define PORT       4001
#define RENDEZVOUS 3 /* the source in ADDRS */

enum { US = 5, ANN, BOB }; /* numbers of actors */

struct stage {
	struct puppet *p;
	struct puppet_end *transport, *viewer, *db;
	struct actor us, ann, bob;
	struct meeting *m, *other;
};

/* --- the stage -------------------------------------------------------------------------------- */

static void prepare(struct stage *s)
{
	*s = (struct stage){.p = puppet_new(SERVICE_DISCOVERY)};
	actor_init(&s->us, US);
	actor_init(&s->ann, ANN);
	actor_init(&s->bob, BOB);
	s->transport = puppet_neighbour(s->p, SERVICE_TRANSPORT);
	s->viewer = puppet_neighbour(s->p, SERVICE_VIEWER);
	s->db = puppet_neighbour(s->p, SERVICE_DB);
	puppet_set_desk(s->transport, actor_desk, &s->us);
	s->m = meeting_open(puppet_loop(s->p), 0);
	puppet_config(s->p, "p2p.mdns_tag", "goop-mdns");
	puppet_config(s->p, "presence.topic", "goop.presence.v1");
	puppet_config(s->p, "presence.ttl_seconds", "2");
	puppet_config(s->p, "presence.heartbeat_seconds", "1");
	puppet_config(s->p, "profile.label", "Us");
}

static void start(struct stage *s)
{
	puppet_start(s->p);
	puppet_wait_up(s->transport);
	puppet_wait_up(s->viewer);
	puppet_wait_up(s->db);
	actor_say_self(&s->us, s->transport, PORT);
}

static struct stage *begin(void)
{
	static struct stage s;

	prepare(&s);
	puppet_config(s.p, "presence.rendezvous_wan", meeting_url(s.m));
	start(&s);
	/* By then it knows its own addresses, too. */
	PUPPET_UNTIL(
	    s.p, s.m->subscriber != NULL && strstr(s.m->body, "/ip4/127.0.0.1/tcp/4001") != NULL);
	return &s;
}

static void end(struct stage *s)
{
	meeting_close(s->m);
	meeting_close(s->other);
	puppet_free(s->p);
}

/* An event of a server that numbers them. */
static void tell(struct meeting *m, unsigned number, char *json)
{
	char *text = xasprintf("id: e:%u\ndata: %s\n\n", number, json);

	meeting_say(m, text);
	free(text);
	free(json);
}

static char *words(struct actor *who, enum presence_type type, const char *label)
{
	return actor_presence(who, type, label, "/ip4/127.0.0.1/tcp/9", true);
}

/* What a server says of somebody who can no longer. */
static char *gone(const struct actor *who)
{
	return xasprintf("{\"type\":\"offline\",\"peerId\":\"%s\",\"ts\":1}", who->text);
}

/* Waits for ADDRS of the rendezvous for that peer with so many addresses; returns the TTL. */
static uint32_t await_addrs(struct stage *s, const struct actor *who, size_t count)
{
	for (;;) {
		struct msg m;
		char *peer;
		uint8_t source;
		uint32_t ttl;

		puppet_next(s->transport, MSG_ADDRS, &m);
		peer = puppet_text(&m);
		source = msg_get_u8(&m);
		ttl = msg_get_u32(&m);
		if (strcmp(peer, who->text) == 0 && source == RENDEZVOUS) {
			assert_int_equal(msg_get_u16(&m), count);
			free(peer);
			return ttl;
		}
		free(peer);
	}
}

static bool fact_has(struct stage *s, const char *text)
{
	const char *fact = puppet_fact(s->p, "rendezvous");

	return fact != NULL && strstr(fact, text) != NULL;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_we_publish_on_a_kept_connection(void **state)
{
	struct stage *s = begin();

	(void)state;
	PUPPET_UNTIL(s->p, s->m->publishes >= 3);
	assert_non_null(strstr(s->m->body, s->us.text));
	assert_non_null(strstr(s->m->body, "\"sig\":"));
	assert_non_null(strstr(s->m->body, "\"content\":\"Us\""));
	assert_non_null(strstr(s->m->body, "/ip4/127.0.0.1/tcp/4001"));
	assert_int_equal(s->m->connections, 2);
	assert_non_null(strstr(s->m->events_head, "GET /events?changes=1 "));
	PUPPET_UNTIL(s->p, fact_has(s, "connected since 20"));
	/* The servers hear our goodbye, too. */
	puppet_stop(s->p, 5000);
	PUPPET_UNTIL(s->p, strstr(s->m->body, "\"type\":\"offline\"") != NULL);
	assert_int_equal(puppet_wait_end(s->p), 0);
	end(s);
}

static void test_people_of_other_networks(void **state)
{
	struct stage *s = begin();

	(void)state;
	tell(s->m, 1, words(&s->ann, PRESENCE_ONLINE, "Ann"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	actor_assert_person(s->db, &s->ann, "Ann");
	assert_true(await_addrs(s, &s->ann, 1) > 0);
	/* Nobody is dialled for being there. */
	assert_int_equal(puppet_count(s->transport, MSG_CONNECT), 0);
	tell(s->m, 2, words(&s->ann, PRESENCE_UPDATE, "Anna"));
	actor_assert_person(s->viewer, &s->ann, "Anna");
	await_addrs(s, &s->ann, 1);
	/* Without a word for longer than the TTL: the server would say. */
	puppet_turns(s->p, 4500);
	assert_int_equal(puppet_count(s->viewer, MSG_PERSON_GONE), 0);
	assert_non_null(strstr(puppet_report(s->p, "peers"), "\"via\":\"rendezvous\""));
	tell(s->m, 3, gone(&s->ann));
	actor_assert_gone(s->viewer, &s->ann);
	assert_int_equal(await_addrs(s, &s->ann, 0), 0);
	end(s);
}

static void test_a_server_without_changes_has_to_repeat(void **state)
{
	struct stage *s = begin();
	char *json = words(&s->ann, PRESENCE_ONLINE, "Ann"), *text;

	(void)state;
	text = xasprintf("data: %s\n\n", json);
	meeting_say(s->m, text);
	free(text);
	free(json);
	actor_assert_person(s->viewer, &s->ann, "Ann");
	actor_assert_gone(s->viewer, &s->ann);
	end(s);
}

static void test_a_server_cannot_lie_in_others_names(void **state)
{
	struct stage *s = begin();
	struct actor mask = s->ann;

	(void)state;
	tell(s->m, 1, words(&s->ann, PRESENCE_ONLINE, "Ann"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	/* Unsigned, signed by another, not presence at all: then an honest one. */
	tell(s->m, 2, actor_presence(&s->ann, PRESENCE_UPDATE, "Eve", NULL, false));
	memcpy(mask.secret, s->bob.secret, sizeof mask.secret);
	mask.ts += 1000;
	tell(s->m, 3, words(&mask, PRESENCE_UPDATE, "Eve"));
	tell(s->m, 4, xstrdup("{\"type\":\"online\"}"));
	tell(s->m, 5, xstrdup("}"));
	tell(s->m, 6, words(&s->us, PRESENCE_UPDATE, "Eve"));
	tell(s->m, 7, words(&s->bob, PRESENCE_ONLINE, "Bob"));
	actor_assert_person(s->viewer, &s->bob, "Bob");
	assert_non_null(strstr(puppet_log(s->p), "refused: unsigned"));
	assert_non_null(strstr(puppet_log(s->p), "refused: forged"));
	end(s);
}

static void test_it_goes_on_where_it_was(void **state)
{
	struct stage *s = begin();
	unsigned before;

	(void)state;
	tell(s->m, 1, words(&s->ann, PRESENCE_ONLINE, "Ann"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	before = s->m->subscriptions;
	meeting_drop(s->m);
	PUPPET_UNTIL(s->p, s->m->subscriptions > before && s->m->subscriber != NULL);
	assert_non_null(strstr(s->m->events_head, "Last-Event-ID: e:1\r\n"));
	/* The server knows: she is still there. */
	puppet_turns(s->p, 4500);
	assert_int_equal(puppet_count(s->viewer, MSG_PERSON_GONE), 0);
	end(s);
}

static void test_after_a_reset_only_who_is_named_stays(void **state)
{
	struct stage *s = begin();
	unsigned before;

	(void)state;
	tell(s->m, 1, words(&s->ann, PRESENCE_ONLINE, "Ann"));
	tell(s->m, 2, words(&s->bob, PRESENCE_ONLINE, "Bob"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	actor_assert_person(s->viewer, &s->bob, "Bob");
	before = s->m->subscriptions;
	s->m->greeting = ": ok\n\nevent: reset\ndata: {}\n\n";
	meeting_drop(s->m);
	PUPPET_UNTIL(s->p, s->m->subscriptions > before && s->m->subscriber != NULL);
	tell(s->m, 7, words(&s->bob, PRESENCE_UPDATE, "Bob"));
	actor_assert_gone(s->viewer, &s->ann);
	puppet_turns(s->p, 4500);
	assert_int_equal(puppet_count(s->viewer, MSG_PERSON_GONE), 0);
	end(s);
}

static void test_a_server_that_restarts_is_found_again(void **state)
{
	struct stage *s = begin();
	uint16_t port = s->m->port;

	(void)state;
	tell(s->m, 1, words(&s->ann, PRESENCE_ONLINE, "Ann"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	meeting_close(s->m);
	s->m = NULL;
	PUPPET_UNTIL(s->p, fact_has(s, "not connected: "));
	/* Out of reach for the TTL: she is gone. */
	actor_assert_gone(s->viewer, &s->ann);
	s->m = meeting_open(puppet_loop(s->p), port);
	PUPPET_UNTIL(s->p, s->m->subscriber != NULL && s->m->publishes > 0);
	/* Then the server has to tell of everybody. */
	assert_null(strstr(s->m->events_head, "Last-Event-ID"));
	PUPPET_UNTIL(s->p, fact_has(s, "connected since 20"));
	tell(s->m, 1, words(&s->ann, PRESENCE_UPDATE, "Ann"));
	actor_assert_person(s->viewer, &s->ann, "Ann");
	end(s);
}

static void test_several_servers_are_one_list(void **state)
{
	static struct stage s;
	char *urls;

	(void)state;
	prepare(&s);
	s.other = meeting_open(puppet_loop(s.p), 0);
	urls = xasprintf("%s http://no-such-host.invalid", meeting_url(s.m));
	puppet_config(s.p, "presence.rendezvous_wan", urls);
	puppet_config(s.p, "rendezvous.own_url", meeting_url(s.other));
	free(urls);
	start(&s);
	PUPPET_UNTIL(s.p, s.m->subscriber != NULL && s.other->subscriber != NULL);
	PUPPET_UNTIL(s.p, s.m->publishes > 0 && s.other->publishes > 0);
	PUPPET_UNTIL(s.p, fact_has(&s, "http://no-such-host.invalid not connected: "));
	{
		char *json = words(&s.ann, PRESENCE_ONLINE, "Ann");

		tell(s.m, 1, xstrdup(json));
		tell(s.other, 1, json);
	}
	actor_assert_person(s.viewer, &s.ann, "Ann");
	/* One of them sees her no more, then dies; the other still does. */
	tell(s.m, 2, gone(&s.ann));
	tell(s.m, 3, words(&s.bob, PRESENCE_ONLINE, "Bob"));
	actor_assert_person(s.viewer, &s.bob, "Bob");
	meeting_close(s.m);
	s.m = NULL;
	actor_assert_gone(s.viewer, &s.bob);
	puppet_turns(s.p, 3000);
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON_GONE), 0);
	tell(s.other, 2, gone(&s.ann));
	actor_assert_gone(s.viewer, &s.ann);
	end(&s);
}

static void test_a_server_that_minds_sig_gets_it_without(void **state)
{
	static struct stage s;
	unsigned before;

	(void)state;
	prepare(&s);
	s.m->minds_sig = true;
	puppet_config(s.p, "presence.rendezvous_wan", meeting_url(s.m));
	start(&s);
	PUPPET_UNTIL(s.p, s.m->publishes >= 2);
	assert_null(strstr(s.m->body, "\"sig\""));
	assert_non_null(strstr(s.m->body, s.us.text));
	/* It is not asked again each time. */
	before = s.m->publishes;
	PUPPET_UNTIL(s.p, s.m->publishes == before + 1);
	assert_null(strstr(s.m->body, "\"sig\""));
	end(&s);
}

static void test_a_refusal_is_shown(void **state)
{
	static struct stage s;

	(void)state;
	prepare(&s);
	s.m->publish_status = 429;
	s.m->extra = "Retry-After: 300\r\n";
	puppet_config(s.p, "presence.rendezvous_wan", meeting_url(s.m));
	start(&s);
	PUPPET_UNTIL(s.p, fact_has(&s, "our presence is not taken: HTTP 429: why"));
	puppet_turns(s.p, 3500);
	assert_int_equal(s.m->publishes, 1);
	/* Nothing has arrived there, so nothing has to be taken back. */
	puppet_stop(s.p, 5000);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_int_equal(s.m->publishes, 1);
	end(&s);
}

/* The clock was ahead in an earlier life: the server still has our words of then. */
/* However many and long-winded they are, each has its line, and none can write the line of another.
 */
static void test_status_has_room_for_all_servers(void **state)
{
	static struct stage s;
	char *urls = xstrdup(""), why[4096];
	unsigned lines = 1;

	(void)state;
	prepare(&s);
	memset(why, 'w', sizeof why);
	memcpy(why, "x; http://x connected since ", 28);
	strcpy(why + sizeof why - 2, "\n");
	s.m->publish_status = 503;
	s.m->why = why;
	for (unsigned i = 0; i < 16; i++) {
		char *before = urls;

		urls = xasprintf("%s %s/%u/%0300u", before, meeting_url(s.m), i, i);
		free(before);
	}
	puppet_config(s.p, "presence.rendezvous_wan", urls);
	start(&s);
	PUPPET_UNTIL(s.p, fact_has(&s, "/15/0000"));
	PUPPET_UNTIL(s.p, s.m->publishes >= 32);
	for (const char *at = puppet_fact(s.p, "rendezvous"); (at = strstr(at, "; ")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 16);
	assert_in_range(strlen(puppet_fact(s.p, "rendezvous")), 3000, 4000);
	free(urls);
	end(&s);
}

static void test_our_own_words_of_the_future(void **state)
{
	struct stage *s = begin();
	char want[64];

	(void)state;
	PUPPET_UNTIL(s->p, s->m->publishes > 0);
	s->us.ts = 4102444800000; /* 2100-01-01 */
	tell(s->m, 1, words(&s->us, PRESENCE_UPDATE, "Us"));
	snprintf(want, sizeof want, "\"ts\":41024448000");
	PUPPET_UNTIL(s->p, strstr(s->m->body, want) != NULL);
	end(s);
}

static int64_t last_ts(const struct stage *s)
{
	const char *at = strstr(s->m->body, "\"ts\":");

	return at == NULL ? 0 : atoll(at + 5);
}

/* Our clock was set back by minutes: a server that refuses our words says how far. */
static void test_a_clock_that_was_set_back(void **state)
{
	int64_t ahead = clock_wall_ms() + 5LL * 60 * 1000, lie = ahead + 3600LL * 1000;
	static struct stage s;
	char why[96];

	(void)state;
	prepare(&s);
	snprintf(
	    why, sizeof why, "ts: expected to be greater than %lld, or so\n", (long long)ahead);
	s.m->publish_status = 409;
	s.m->why = why;
	puppet_config(s.p, "presence.rendezvous_wan", meeting_url(s.m));
	start(&s);
	PUPPET_UNTIL(s.p, last_ts(&s) > ahead);
	/* What no clock is wrong by is not believed. */
	snprintf(why, sizeof why, "ts: expected to be greater than %lld\n", (long long)lie);
	for (unsigned before = s.m->publishes; s.m->publishes < before + 3;)
		puppet_turns(s.p, 20);
	assert_in_range(last_ts(&s), ahead, lie - 1);
	end(&s);
}

/* Is a library whose name begins so in the memory of the service? */
static bool has_loaded(const struct stage *s, const char *library)
{
	char *path = xasprintf("/proc/%d/maps", (int)puppet_pid(s->p)), line[512];
	FILE *maps = fopen(path, "re");
	bool found = false;

	assert_non_null(maps);
	while (fgets(line, sizeof line, maps) != NULL)
		found = found || strstr(line, library) != NULL;
	fclose(maps);
	free(path);
	return found;
}

static void test_without_a_server_nothing_is_asked(void **state)
{
	static struct stage s;

	(void)state;
	prepare(&s);
	puppet_config(s.p, "presence.rendezvous_wan", "");
	start(&s);
	PUPPET_UNTIL(s.p, puppet_fact(s.p, "peers") != NULL);
	assert_null(puppet_fact(s.p, "rendezvous"));
	assert_int_equal(s.m->connections, 0);
	/* Nor is it prepared for. */
	assert_true(has_loaded(&s, "/libc.so"));
	assert_false(has_loaded(&s, "/libcurl"));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_we_publish_on_a_kept_connection),
	    cmocka_unit_test(test_people_of_other_networks),
	    cmocka_unit_test(test_a_server_without_changes_has_to_repeat),
	    cmocka_unit_test(test_a_server_cannot_lie_in_others_names),
	    cmocka_unit_test(test_it_goes_on_where_it_was),
	    cmocka_unit_test(test_after_a_reset_only_who_is_named_stays),
	    cmocka_unit_test(test_a_server_that_restarts_is_found_again),
	    cmocka_unit_test(test_several_servers_are_one_list),
	    cmocka_unit_test(test_a_server_that_minds_sig_gets_it_without),
	    cmocka_unit_test(test_a_refusal_is_shown),
	    cmocka_unit_test(test_status_has_room_for_all_servers),
	    cmocka_unit_test(test_our_own_words_of_the_future),
	    cmocka_unit_test(test_a_clock_that_was_set_back),
	    cmocka_unit_test(test_without_a_server_nothing_is_asked),
	};

	return cmocka_run_group_tests_name("discovery_wan", tests, puppet_own_network, NULL);
}

/* svc-discovery among puppets: the transport signs and plays peers, the local network is a
 * namespace of this test's own with nothing but loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/json.h"
#include "tests/service/actor.h"
#include "tests/service/puppet.h"

#define TOPIC    "goop.presence.v1"
#define PORT     4001
#define INSTANCE "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"

enum { US = 5, ANN, BOB, EVE }; /* numbers of actors */

struct stage {
	struct puppet *p;
	struct puppet_end *transport, *viewer, *db;
	struct actor us, ann, bob, eve;
	int ether; /* UDP 5353 on loopback */
};

/* --- the local network ------------------------------------------------------------------------ */

static int open_ether(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(5353)};
	struct ip_mreqn group = {.imr_ifindex = (int)if_nametoindex("lo")};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	group.imr_multiaddr.s_addr = htonl(0xe00000fb);
	group.imr_address.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
	if (bind(fd, (struct sockaddr *)&any, sizeof any) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &group, sizeof group) < 0)
		fail_msg("no multicast on loopback");
	return fd;
}

static void ether_send(const struct stage *s, const void *p, size_t n)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(5353)};

	group.sin_addr.s_addr = htonl(0xe00000fb);
	assert_int_equal(
	    sendto(s->ether, p, n, 0, (struct sockaddr *)&group, sizeof group), (ssize_t)n);
}

/* Reads what has come: is there a response with that text, of that TTL? */
static bool ether_heard(const struct stage *s, const char *text, uint8_t ttl)
{
	uint8_t p[9000];
	ssize_t n;

	while ((n = recv(s->ether, p, sizeof p, 0)) > 0) {
		/* Our PTR answer: header 12, name 17, type and class 4, then the TTL. */
		if (n > 37 && p[2] == 0x84 && p[36] == ttl &&
		    memmem(p, (size_t)n, text, strlen(text)))
			return true;
	}
	return false;
}

struct wire {
	uint8_t p[1500];
	size_t n;
};

static void put(struct wire *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

/* What js-libp2p sends, uncompressed: the instance's TXT record with one address. */
static void announce(const struct stage *s, const struct actor *who, unsigned port, uint8_t ttl)
{
	const uint8_t head[12] = {0, 0, 0x84, 0, 0, 0, 0, 1};
	const uint8_t record[8] = {0, 16, 0, 1, 0, 0, 0, ttl};
	char string[256], instance[33];
	uint8_t size[3] = {0};
	struct wire w = {.n = 0};

	snprintf(string, sizeof string, "dnsaddr=/ip4/127.0.0.1/tcp/%u/p2p/%s", port, who->text);
	snprintf(instance, sizeof instance, "%.16s%.16s", who->text + 20, who->text + 36);
	size[1] = (uint8_t)(strlen(string) + 1);
	size[2] = (uint8_t)strlen(string);
	put(&w, head, sizeof head);
	put(&w, "\x20", 1);
	put(&w, instance, 32);
	put(&w, "\x09goop-mdns\x05local", 17);
	put(&w, record, sizeof record);
	put(&w, size, sizeof size);
	put(&w, string, strlen(string));
	ether_send(s, w.p, w.n);
}

/* --- the transport ---------------------------------------------------------------------------- */

static void say_peer_up(struct stage *s, const struct actor *who)
{
	struct msg m;

	msg_begin(&m, MSG_PEER_UP, 0);
	msg_put_str(&m, who->text);
	msg_put_str(&m, "/ip4/127.0.0.1/tcp/1");
	msg_put_str(&m, "actor");
	msg_put_u16(&m, 2);
	msg_put_u8(&m, PROTOCOL_PING);
	msg_put_u8(&m, PROTOCOL_MESHSUB_11);
	msg_put_u8(&m, 1);
	puppet_say(s->transport, &m);
}

static void say_peer_down(struct stage *s, const struct actor *who)
{
	struct msg m;

	msg_begin(&m, MSG_PEER_DOWN, 0);
	msg_put_str(&m, who->text);
	msg_put_str(&m, "gone");
	puppet_say(s->transport, &m);
}

/* --- the stage -------------------------------------------------------------------------------- */

static void prepare(struct stage *s)
{
	*s = (struct stage){.p = puppet_new(SERVICE_DISCOVERY)};
	actor_init(&s->us, US);
	actor_init(&s->ann, ANN);
	actor_init(&s->bob, BOB);
	actor_init(&s->eve, EVE);
	s->ether = open_ether();
	s->transport = puppet_neighbour(s->p, SERVICE_TRANSPORT);
	s->viewer = puppet_neighbour(s->p, SERVICE_VIEWER);
	s->db = puppet_neighbour(s->p, SERVICE_DB);
	puppet_set_desk(s->transport, actor_desk, &s->us);
	puppet_config(s->p, "p2p.mdns_tag", "goop-mdns");
	puppet_config(s->p, "presence.topic", TOPIC);
	puppet_config(s->p, "presence.ttl_seconds", "20");
	puppet_config(s->p, "presence.heartbeat_seconds", "5");
	puppet_config(s->p, "profile.label", "Us");
	puppet_config(s->p, "profile.email", "us@example.org");
}

static struct stage begin(void)
{
	static struct stage s;

	prepare(&s);
	puppet_start(s.p);
	puppet_wait_up(s.transport);
	puppet_wait_up(s.viewer);
	puppet_wait_up(s.db);
	actor_say_self(&s.us, s.transport, PORT);
	return s;
}

static void end(struct stage *s)
{
	puppet_free(s->p);
	close(s->ether);
}

/* A peer that is connected: our stream to it and its stream to us. */
struct talk {
	struct puppet_stream *from, *to;
};

static void tell(struct talk *t, struct buf *b)
{
	puppet_write(t->to, buf_data(b), buf_len(b), false);
	buf_clear(b);
}

static void connect_quietly(struct stage *s, struct talk *t, const struct actor *who)
{
	say_peer_up(s, who);
	t->from = puppet_next_stream(s->transport);
	assert_string_equal(t->from->peer, who->text);
	puppet_accept(t->from, PROTOCOL_MESHSUB_11, "/ip4/127.0.0.1/tcp/1");
	t->to = puppet_open(s->transport, PROTOCOL_MESHSUB_11, who->text, 5000);
}

static struct talk connect_peer(struct stage *s, const struct actor *who)
{
	struct talk t;
	struct buf b;

	connect_quietly(s, &t, who);
	buf_init(&b, 65536);
	actor_subscribe(&b, TOPIC);
	tell(&t, &b);
	return t;
}

static void say_presence(struct talk *t, struct actor *author, char *json)
{
	struct buf b;

	buf_init(&b, 65536);
	actor_publish(&b, author, TOPIC, json);
	free(json);
	tell(t, &b);
}

/* Did the service write this on its stream to the peer? */
static bool wrote(const struct puppet_stream *s, const char *text)
{
	return memmem(s->data, s->len, text, strlen(text)) != NULL;
}

/* The addresses in an ADDRS, joined by blanks; "" when it is of another peer or source. */
static char *addrs_of(struct msg *m, const struct actor *who, unsigned source)
{
	char *peer = puppet_text(m), *joined = xstrdup("");
	bool matches = strcmp(peer, who->text) == 0;

	matches &= msg_get_u8(m) == source;
	msg_get_u32(m);
	for (size_t n = msg_get_u16(m); n > 0; n--) {
		char *text = puppet_text(m), *more = xasprintf("%s%s ", joined, text);

		free(text);
		free(joined);
		joined = more;
	}
	assert_true(msg_end(m));
	free(peer);
	if (matches)
		return joined;
	free(joined);
	return xstrdup("?");
}

/* Waits for an ADDRS that says just this. */
static void await_addrs(struct stage *s, const struct actor *who, unsigned source, const char *want)
{
	for (bool found = false; !found;) {
		struct msg m;
		char *got;

		puppet_next(s->transport, MSG_ADDRS, &m);
		got = addrs_of(&m, who, source);
		found = strcmp(got, want) == 0;
		free(got);
	}
}

static void assert_connect(struct stage *s, const struct actor *who)
{
	struct msg m;
	char *text;

	puppet_next(s->transport, MSG_CONNECT, &m);
	text = puppet_text(&m);
	assert_string_equal(text, who->text);
	free(text);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_we_are_announced_and_answer(void **state)
{
	static const uint8_t question[] =
	    "\x1a\x2b\0\0\0\1\0\0\0\0\0\0\x09goop-mdns\x05local\0\0\x0c\0\1";
	struct stage s = begin();
	struct msg m;
	char *address;
	char want[128];

	(void)state;
	snprintf(want, sizeof want, "dnsaddr=/ip4/127.0.0.1/tcp/%d/p2p/%s", PORT, s.us.text);
	PUPPET_UNTIL(s.p, ether_heard(&s, want, 120));
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	assert_in_range(msg_get_u16(&m), 1, 2);
	address = puppet_text(&m);
	assert_string_equal(address, "/ip4/127.0.0.1/tcp/4001");
	free(address);
	ether_send(&s, question, sizeof question - 1);
	PUPPET_UNTIL(s.p, ether_heard(&s, want, 120));
	end(&s);
}

static void test_a_peer_that_is_heard_is_dialled(void **state)
{
	struct stage s = begin();

	(void)state;
	announce(&s, &s.ann, 7001, 120);
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	assert_connect(&s, &s.ann);
	/* It says goodbye: its addresses are taken back. */
	announce(&s, &s.ann, 7001, 0);
	await_addrs(&s, &s.ann, 1, "");
	end(&s);
}

static void test_a_connected_peer_hears_that_we_are_online(void **state)
{
	struct stage s = begin();
	struct talk t;

	(void)state;
	connect_quietly(&s, &t, &s.ann);
	assert_int_equal(t.from->asked_count, 3);
	assert_int_equal(t.from->asked[0], PROTOCOL_MESHSUB_11);
	assert_int_equal(t.from->asked[1], PROTOCOL_MESHSUB_10);
	assert_int_equal(t.from->asked[2], PROTOCOL_FLOODSUB);
	/* Our subscription comes by itself, our presence with the peer's. */
	PUPPET_UNTIL(s.p, wrote(t.from, TOPIC));
	assert_false(wrote(t.from, s.us.text));
	{
		struct buf b;

		buf_init(&b, 65536);
		actor_subscribe(&b, TOPIC);
		tell(&t, &b);
	}
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text) && wrote(t.from, "\"sig\":"));
	assert_true(wrote(t.from, "\"content\":\"Us\""));
	assert_true(wrote(t.from, "\"email\":\"us@example.org\""));
	assert_true(wrote(t.from, "/ip4/127.0.0.1/tcp/4001"));
	/* Nothing is ever written on the peer's own stream, nor is it ended. */
	assert_int_equal(t.to->len, 0);
	assert_false(t.to->last);
	end(&s);
}

static void test_people_come_and_go(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	const char *report;
	cJSON *json;

	(void)state;
	say_presence(&t, &s.ann,
	    actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", "/ip4/127.0.0.1/tcp/9", true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_person(s.db, &s.ann, "Ann");
	await_addrs(&s, &s.ann, 2, "/ip4/127.0.0.1/tcp/9 ");
	report = puppet_report(s.p, "peers");
	json = json_parse(report, strlen(report), 100, NULL);
	assert_int_equal(cJSON_GetArraySize(json), 1);
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "id"), s.ann.text);
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "label"), "Ann");
	assert_string_equal(json_str(cJSON_GetArrayItem(json, 0), "via"), "gossip");
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(json, 0), "connected")));
	cJSON_Delete(json);
	PUPPET_UNTIL(
	    s.p, puppet_fact(s.p, "peers") != NULL && strcmp(puppet_fact(s.p, "peers"), "1") == 0);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_UPDATE, "Anna", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Anna");
	actor_assert_person(s.db, &s.ann, "Anna");
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, true));
	actor_assert_gone(s.viewer, &s.ann);
	actor_assert_gone(s.db, &s.ann);
	assert_string_equal(puppet_report(s.p, "peers"), "[]");
	end(&s);
}

static void test_a_newcomer_gets_the_whole_list(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct msg m;

	(void)state;
	puppet_next(s.viewer, MSG_PEOPLE_ALL, &m);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_die(s.viewer, "tried");
	puppet_revive(s.viewer);
	puppet_wait_up(s.viewer);
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_next(s.viewer, MSG_PEOPLE_ALL, &m);
	end(&s);
}

/* Whatever is forged comes before an honest message: when that one is listed, nothing else is. */
static void test_forged_presence_is_dropped(void **state)
{
	struct stage s = begin();
	struct talk eve = connect_peer(&s, &s.eve), bob = connect_peer(&s, &s.bob);
	struct actor mask = s.ann;

	(void)state;
	/* Eve signs a message about Ann; without and with Ann's own signature inside. */
	say_presence(&eve, &s.eve, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, false));
	say_presence(&eve, &s.eve, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	/* Eve claims to be Ann, but has not her key. */
	memcpy(mask.secret, s.eve.secret, sizeof mask.secret);
	say_presence(&eve, &mask, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	/* A message of Ann's own with a signature that is not hers inside. */
	say_presence(&eve, &s.ann, actor_presence(&mask, PRESENCE_ONLINE, "Ann", NULL, true));
	/* Not presence at all. */
	say_presence(&eve, &s.eve, xstrdup("{\"type\":\"online\"}"));
	say_presence(&bob, &s.bob, actor_presence(&s.bob, PRESENCE_ONLINE, "Bob", NULL, true));
	actor_assert_person(s.viewer, &s.bob, "Bob");
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON), 0);
	PUPPET_UNTIL(s.p, strstr(puppet_log(s.p), "refused: forged") != NULL);
	end(&s);
}

static void test_who_signs_cannot_be_replayed(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	char *old;

	(void)state;
	old = actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, true);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	say_presence(&t, &s.ann, old);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_OFFLINE, "", NULL, false));
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_UPDATE, "Anna", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_person(s.viewer, &s.ann, "Anna");
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON_GONE), 0);
	end(&s);
}

static void test_old_words_count_only_from_who_said_them(void **state)
{
	struct stage s = begin();
	struct talk eve = connect_peer(&s, &s.eve), ann;

	(void)state;
	s.ann.ts -= 13 * 3600 * 1000;
	say_presence(&eve, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Old", NULL, true));
	say_presence(&eve, &s.eve, actor_presence(&s.eve, PRESENCE_ONLINE, "Eve", NULL, true));
	actor_assert_person(s.viewer, &s.eve, "Eve");
	/* Her clock is wrong, but it is she. */
	ann = connect_peer(&s, &s.ann);
	say_presence(&ann, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	end(&s);
}

static void test_the_silent_are_gone_after_the_ttl(void **state)
{
	struct stage s;
	struct talk t;

	(void)state;
	prepare(&s);
	puppet_config(s.p, "presence.ttl_seconds", "1");
	puppet_start(s.p);
	puppet_wait_up(s.transport);
	actor_say_self(&s.us, s.transport, PORT);
	t = connect_peer(&s, &s.ann);
	say_presence(&t, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	actor_assert_gone(s.viewer, &s.ann);
	end(&s);
}

static void test_a_second_stream_of_a_peer_replaces_the_first(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann), later = t;

	(void)state;
	later.to = puppet_open(s.transport, PROTOCOL_MESHSUB_11, s.ann.text, 5000);
	puppet_wait_over(t.to);
	assert_true(t.to->was_reset);
	say_presence(&later, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	end(&s);
}

static void test_garbage_ends_the_stream(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	puppet_write(t.to, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, false);
	assert_int_equal(puppet_wait_over(t.to), STREAM_VIOLATION);
	end(&s);
}

/* The core wants nobody of our own name, and must not remember the attempt. */
static void test_a_stream_that_is_refused_leaves_nothing_behind(void **state)
{
	struct stage s = begin();
	struct puppet_stream *own;
	struct talk t;

	(void)state;
	own = puppet_open(s.transport, PROTOCOL_MESHSUB_11, s.us.text, 5000);
	puppet_wait_over(own);
	assert_true(own->was_reset);
	t = connect_peer(&s, &s.ann);
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	PUPPET_UNTIL(s.p, strcmp(puppet_fact(s.p, "reach"), "1") == 0);
	assert_string_equal(puppet_fact(s.p, "connected"), "1");
	end(&s);
}

static void test_our_stream_is_opened_again_when_it_breaks(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct puppet_stream *again;

	(void)state;
	puppet_reset(t.from, STREAM_BROKEN, "tried");
	again = puppet_next_stream(s.transport);
	puppet_accept(again, PROTOCOL_MESHSUB_11, "");
	PUPPET_UNTIL(s.p, wrote(again, TOPIC));
	/* Gone for good: not any more. */
	say_peer_down(&s, &s.ann);
	assert_int_equal(puppet_wait_over(again), STREAM_CANCELLED);
	end(&s);
}

static void test_a_new_transport_is_told_everything(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct msg m;

	(void)state;
	announce(&s, &s.ann, 7001, 120);
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	say_presence(&t, &s.ann,
	    actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", "/ip4/127.0.0.1/tcp/9", true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	puppet_die(s.transport, "tried");
	puppet_revive(s.transport);
	puppet_wait_up(s.transport);
	actor_say_self(&s.us, s.transport, PORT);
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	await_addrs(&s, &s.ann, 2, "/ip4/127.0.0.1/tcp/9 ");
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	assert_connect(&s, &s.ann);
	t = connect_peer(&s, &s.ann);
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	/* Nobody left the list meanwhile. */
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON_GONE), 0);
	end(&s);
}

static void test_we_say_goodbye(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop(s.p, 5000);
	PUPPET_UNTIL(s.p, wrote(t.from, "\"type\":\"offline\""));
	/* It waits until the peer has read to the end. */
	puppet_read_end(t.from);
	assert_true(puppet_is_running(s.p));
	stream_finish(t.from->s);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_true(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_a_restart_is_no_goodbye(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop_for_restart(s.p, 5000);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_false(wrote(t.from, "\"type\":\"offline\""));
	assert_false(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_nobody_keeps_us_from_leaving(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop(s.p, 5000);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_true(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_a_bad_tag_is_a_configuration_error(void **state)
{
	struct stage s;

	(void)state;
	prepare(&s);
	puppet_config(s.p, "p2p.mdns_tag", "a,b");
	puppet_spawn(s.p);
	assert_int_equal(WEXITSTATUS(puppet_wait_end(s.p)), 78);
	assert_non_null(strstr(puppet_log(s.p), "p2p.mdns_tag"));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_we_are_announced_and_answer),
	    cmocka_unit_test(test_a_peer_that_is_heard_is_dialled),
	    cmocka_unit_test(test_a_connected_peer_hears_that_we_are_online),
	    cmocka_unit_test(test_people_come_and_go),
	    cmocka_unit_test(test_a_newcomer_gets_the_whole_list),
	    cmocka_unit_test(test_forged_presence_is_dropped),
	    cmocka_unit_test(test_who_signs_cannot_be_replayed),
	    cmocka_unit_test(test_old_words_count_only_from_who_said_them),
	    cmocka_unit_test(test_the_silent_are_gone_after_the_ttl),
	    cmocka_unit_test(test_a_second_stream_of_a_peer_replaces_the_first),
	    cmocka_unit_test(test_garbage_ends_the_stream),
	    cmocka_unit_test(test_a_stream_that_is_refused_leaves_nothing_behind),
	    cmocka_unit_test(test_our_stream_is_opened_again_when_it_breaks),
	    cmocka_unit_test(test_a_new_transport_is_told_everything),
	    cmocka_unit_test(test_we_say_goodbye),
	    cmocka_unit_test(test_a_restart_is_no_goodbye),
	    cmocka_unit_test(test_nobody_keeps_us_from_leaving),
	    cmocka_unit_test(test_a_bad_tag_is_a_configuration_error),
	};

	return cmocka_run_group_tests_name("discovery", tests, puppet_own_network, NULL);
}

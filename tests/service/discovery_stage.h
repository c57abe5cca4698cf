/* svc-discovery on a stage: the transport signs and plays peers, the local network is a namespace
 * of this test's own with nothing but loopback. */
#ifndef TESTS_SERVICE_DISCOVERY_STAGE_H
#define TESTS_SERVICE_DISCOVERY_STAGE_H

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

static inline int open_ether(void)
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

static inline void ether_send(const struct stage *s, const void *p, size_t n)
{
	struct sockaddr_in group = {.sin_family = AF_INET, .sin_port = htons(5353)};

	group.sin_addr.s_addr = htonl(0xe00000fb);
	assert_int_equal(
	    sendto(s->ether, p, n, 0, (struct sockaddr *)&group, sizeof group), (ssize_t)n);
}

/* Reads what has come: is there a response with that text, of that TTL? */
static inline bool ether_heard(const struct stage *s, const char *text, uint8_t ttl)
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

static inline void put(struct wire *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

/* What js-libp2p sends, uncompressed: the instance's TXT record with one address. */
static inline void announce(
    const struct stage *s, const struct actor *who, unsigned port, uint8_t ttl)
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

static inline void say_peer_up(struct stage *s, const struct actor *who)
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

static inline void say_peer_down(struct stage *s, const struct actor *who)
{
	struct msg m;

	msg_begin(&m, MSG_PEER_DOWN, 0);
	msg_put_str(&m, who->text);
	msg_put_str(&m, "gone");
	puppet_say(s->transport, &m);
}

/* --- the stage -------------------------------------------------------------------------------- */

static inline void prepare(struct stage *s)
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

static inline struct stage begin(void)
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

static inline void end(struct stage *s)
{
	puppet_free(s->p);
	close(s->ether);
}

/* A peer that is connected: our stream to it and its stream to us. */
struct talk {
	struct puppet_stream *from, *to;
};

static inline void tell(struct talk *t, struct buf *b)
{
	puppet_write(t->to, buf_data(b), buf_len(b), false);
	buf_clear(b);
}

static inline void connect_quietly(struct stage *s, struct talk *t, const struct actor *who)
{
	say_peer_up(s, who);
	t->from = puppet_next_stream(s->transport);
	assert_string_equal(t->from->peer, who->text);
	puppet_accept(t->from, PROTOCOL_MESHSUB_11, "/ip4/127.0.0.1/tcp/1");
	t->to = puppet_open(s->transport, PROTOCOL_MESHSUB_11, who->text, 5000);
}

static inline struct talk connect_peer(struct stage *s, const struct actor *who)
{
	struct talk t;
	struct buf b;

	connect_quietly(s, &t, who);
	buf_init(&b, 65536);
	actor_subscribe(&b, TOPIC);
	tell(&t, &b);
	return t;
}

static inline void say_presence(struct talk *t, struct actor *author, char *json)
{
	struct buf b;

	buf_init(&b, 65536);
	actor_publish(&b, author, TOPIC, json);
	free(json);
	tell(t, &b);
}

/* Did the service write this on its stream to the peer? */
static inline bool wrote(const struct puppet_stream *s, const char *text)
{
	return memmem(s->data, s->len, text, strlen(text)) != NULL;
}

/* The addresses in an ADDRS, joined by blanks; "" when it is of another peer or source. */
static inline char *addrs_of(struct msg *m, const struct actor *who, unsigned source)
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
static inline void await_addrs(
    struct stage *s, const struct actor *who, unsigned source, const char *want)
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

static inline void assert_connect(struct stage *s, const struct actor *who)
{
	struct msg m;
	char *text;

	puppet_next(s->transport, MSG_CONNECT, &m);
	text = puppet_text(&m);
	assert_string_equal(text, who->text);
	free(text);
}

#endif

/* publishes PORT PID,...: how many signed presence messages a second a rendezvous server takes,
 * from CONNECTIONS kept-alive connections with an address each and one message under way on each.
 * All is signed before. Prints messages a second, and the server's processor time for each in
 * microseconds.
 *
 * publishes verify: how many of the same messages crypto_sign_verify_detached() verifies a second.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/presence.h"
#include "codec/pubkey.h"
#include "tests/bench/load.h"

#define CONNECTIONS 200
#define PEERS       1000 /* five on each connection */
#define EACH        20   /* of each peer: it may send 30 a minute */
#define MESSAGES    ((size_t)PEERS * EACH)
#define READY       256
#define PAUSE_US    1000
#define SILENCE_US  10000000
#define ACCEPTED    "HTTP/1.1 204 "

struct peer {
	uint8_t public[crypto_sign_PUBLICKEYBYTES], secret[crypto_sign_SECRETKEYBYTES];
	char id[PEER_ID_TEXT];
};

struct message {
	char *json;
	struct buf preimage;
	uint8_t sig[PRESENCE_SIG];
	const struct peer *peer;
};

struct connection {
	int fd;
	size_t sent; /* of the messages of its peers */
};

static struct peer peers[PEERS];
static struct message messages[MESSAGES];
static struct connection connections[CONNECTIONS];

static void make_peer(struct peer *p)
{
	uint8_t key[PUBKEY_ED25519_SIZE];
	struct peer_id id;

	crypto_sign_keypair(p->public, p->secret);
	pubkey_from_ed25519(p->public, key);
	peer_id_from_key(&id, key, sizeof(key));
	peer_id_to_text(&id, p->id);
}

/* A heartbeat as peers of this project send it. */
static void make_message(struct message *m, const struct peer *peer, size_t i, int64_t ts)
{
	struct presence p = {.type = PRESENCE_UPDATE,
	    .peer_text = (char *)peer->id,
	    .content = xasprintf("peer %zu", i),
	    .email = xasprintf("peer%zu@example.org", i),
	    .avatar_hash = (char *)"9f86d081884c7d65",
	    .addrs = {xasprintf("/ip4/10.0.%zu.%zu/tcp/4001", i / 256, i % 256),
		xasprintf("/ip6/fd00::7:%zx/tcp/4001", i)},
	    .addr_count = 2,
	    .ts = ts,
	    .signed_ = true};

	m->peer = peer;
	buf_init(&m->preimage, PRESENCE_JSON_MAX);
	if (presence_preimage(&m->preimage, &p) != 0)
		fatal("publishes", "a message is too long");
	crypto_sign_detached(
	    p.sig, NULL, buf_data(&m->preimage), buf_len(&m->preimage), peer->secret);
	memcpy(m->sig, p.sig, sizeof(m->sig));
	m->json = presence_to_json(&p);
	free(p.content);
	free(p.email);
	free(p.addrs[0]);
	free(p.addrs[1]);
}

static void prepare(void)
{
	int64_t now = clock_wall_ms();

	for (size_t i = 0; i < PEERS; i++)
		make_peer(&peers[i]);
	for (size_t i = 0; i < MESSAGES; i++)
		make_message(
		    &messages[i], &peers[i % PEERS], i % PEERS, now + (int64_t)(i / PEERS));
}

static void verify(void)
{
	uint64_t began = clock_mono_us();

	for (size_t i = 0; i < MESSAGES; i++) {
		const struct message *m = &messages[i];
		if (crypto_sign_verify_detached(m->sig, buf_data(&m->preimage),
			buf_len(&m->preimage), m->peer->public) != 0)
			fatal("publishes", "a signature is wrong");
	}
	printf("%.1f\n", (double)MESSAGES * 1e6 / (double)(clock_mono_us() - began));
}

/* The next message on this connection: they are dealt out in turn, so that those of one peer stay
 * in their order. False when there is none. */
static bool send_next(struct connection *c)
{
	size_t i = (size_t)(c - connections) + c->sent * CONNECTIONS;
	char post[2048];

	if (i >= MESSAGES)
		return false;
	load_send(c->fd, post, load_post(post, sizeof(post), "/publish", messages[i].json));
	c->sent++;
	return true;
}

static void take(struct connection *c, size_t *answered)
{
	char *data;
	size_t n;

	while ((n = load_receive(c->fd, &data)) > 0) {
		if (n < sizeof(ACCEPTED) || strncmp(data, ACCEPTED, sizeof(ACCEPTED) - 1) != 0)
			fatal("publishes", "a message was answered %.*s", (int)n, data);
		++*answered;
		send_next(c);
	}
}

static void flood(uint16_t port, const struct load_pids *pids)
{
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e[READY];
	uint64_t began, cpu;
	size_t answered = 0;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		connections[i].fd = load_connect(port, (uint32_t)i);
		e[0] = (struct epoll_event){.events = EPOLLIN, .data.ptr = &connections[i]};
		if (epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &e[0]) != 0)
			fatal("publishes", "epoll_ctl: %m");
	}
	cpu = load_cpu_us(pids);
	began = clock_mono_us();
	for (size_t i = 0; i < CONNECTIONS; i++)
		send_next(&connections[i]);
	for (uint64_t heard = began; answered < MESSAGES;) {
		int n = epoll_wait(epoll, e, READY, 0);
		uint64_t now = clock_mono_us();
		heard = n > 0 ? now : heard;
		if (now - heard > SILENCE_US)
			fatal("publishes", "%zu messages are not answered", MESSAGES - answered);
		for (int i = 0; i < n; i++)
			take(e[i].data.ptr, &answered);
		/* Peers are on other machines: it is not the server that has to wake them. */
		if (n == 0)
			usleep(PAUSE_US);
	}
	printf("%.1f %.2f\n", (double)MESSAGES * 1e6 / (double)(clock_mono_us() - began),
	    (double)(load_cpu_us(pids) - cpu) / (double)MESSAGES);
}

int main(int argc, char **argv)
{
	struct load_pids pids;
	uint64_t port = 0;

	if (sodium_init() < 0 || !((argc == 2 && strcmp(argv[1], "verify") == 0) ||
				     (argc == 3 && str_to_u64(argv[1], 1, UINT16_MAX, &port)))) {
		fprintf(stderr, "usage: publishes PORT PID,... | publishes verify\n");
		return 2;
	}
	log_init("publishes", LOG_LEVEL_INFO);
	prepare();
	if (port == 0) {
		verify();
		return 0;
	}
	pids = load_pids_parse(argv[2]);
	flood((uint16_t)port, &pids);
	return 0;
}

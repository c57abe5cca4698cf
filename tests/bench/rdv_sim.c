/* rdv_sim PORT PEERS CHANGES INTERVAL-S SECONDS SUBSCRIBERS all|changes PID,...
 *
 * PEERS simulated peers at a rendezvous server, each from an address of its own with one kept-alive
 * connection for its heartbeats, unsigned as deployed peers send them, one in INTERVAL-S seconds.
 * CHANGES times a second one of them says something new. SUBSCRIBERS of them listen, to
 * everything or to changes. Once all that stands, prints a line of numbers for each of SECONDS:
 *
 *	how long it was in microseconds, bytes that came to all subscribers, events that came to
 *	one of them, microseconds of processor time of the server (its processes PID,...),
 *	messages published
 *
 * Peers arrive before anybody listens, and who listens begins with the Last-Event-ID of one who was
 * there before: ten thousand arrivals told to ten thousand are not what is measured here. */
#include <errno.h>
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
#include "codec/peer_id.h"
#include "codec/pubkey.h"
#include "tests/bench/load.h"

#define READY     1024
#define AT_ONCE   64
#define SETTLE_MS 3000
#define WAIT_MS   60000
#define ANSWER    "HTTP/1.1 "
#define ACCEPTED  "HTTP/1.1 204 "
#define MARK      '~'
#define LAST_ID   64
#define STRIDE    7919 /* a prime: changes are not of those whose heartbeat has just been */
#define US        1000000

struct peer {
	int fd;
	char id[PEER_ID_TEXT];
	unsigned version, waiting; /* messages that are not yet answered */
};

struct sim {
	uint16_t port;
	size_t count, subscribers, arrived, waiting, begun;
	uint64_t changes, interval, seconds;
	const char *path;
	struct load_pids pids;
	struct peer *peers;
	int epoll;
	char
	    last_id[LAST_ID]; /* of the witness: the first subscriber, whose events are looked at */
	/* the next heartbeat and the next change */
	uint64_t beat_at, change_at;
	size_t beat, change;
	/* since the last line */
	uint64_t bytes, seen, published;
};

/* What a descriptor in the epoll set is. */
enum kind { PEER, NEWCOMER, LISTENER, WITNESS };

static void watch(const struct sim *s, int op, int fd, enum kind kind, size_t peer)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};

	e.data.u64 = (uint64_t)(unsigned)fd << 32 | (uint64_t)peer << 2 | kind;
	if (epoll_ctl(s->epoll, op, fd, &e) != 0)
		fatal("rdv_sim", "epoll_ctl: %m");
}

/* --- publishing ------------------------------------------------------------------------------- */

static void publish(struct sim *s, size_t i, const char *type)
{
	struct peer *p = &s->peers[i];
	char json[512], post[1024];

	snprintf(json, sizeof(json),
	    "{\"type\":\"%s\",\"peerId\":\"%s\",\"content\":\"%c peer %zu, version %u\","
	    "\"email\":\"peer%zu@example.org\",\"avatarHash\":\"9f86d081884c7d65\","
	    "\"addrs\":[\"/ip4/10.%zu.%zu.7/tcp/4001\",\"/ip6/fd00::7:%zx/tcp/4001\"],\"ts\":%lld}",
	    type, p->id, MARK, i, p->version, i, i / 256, i % 256, i, (long long)clock_wall_ms());
	load_send(p->fd, post, load_post(post, sizeof(post), "/publish", json));
	p->waiting++;
	s->waiting++;
	s->published++;
}

static void take_answers(struct sim *s, struct peer *p)
{
	char *data;
	size_t n;

	while ((n = load_receive(p->fd, &data)) > 0)
		for (char *at = data; at != NULL; p->waiting--, s->waiting--) {
			size_t left = n - (size_t)(at - data);
			if (left < sizeof(ACCEPTED) ||
			    strncmp(at, ACCEPTED, sizeof(ACCEPTED) - 1) != 0)
				fatal("rdv_sim", "a message was answered %.*s", (int)left, at);
			at = memmem(at + 1, left - 1, ANSWER, sizeof(ANSWER) - 1);
		}
}

static void make_id(char text[PEER_ID_TEXT])
{
	uint8_t raw[32], key[PUBKEY_ED25519_SIZE];
	struct peer_id id;

	randombytes_buf(raw, sizeof(raw));
	pubkey_from_ed25519(raw, key);
	peer_id_from_key(&id, key, sizeof(key));
	peer_id_to_text(&id, text);
}

/* Heartbeats are spread evenly over the interval, changes over the second. */
static void publish_due(struct sim *s)
{
	uint64_t now = clock_mono_us();

	for (; s->beat_at <= now; s->beat_at += s->interval * US / s->count)
		publish(s, s->beat++ % s->count, "update");
	for (; s->changes > 0 && s->change_at <= now; s->change_at += US / s->changes) {
		size_t i = s->change++ * STRIDE % s->count;
		s->peers[i].version++;
		publish(s, i, "update");
	}
}

/* --- listening -------------------------------------------------------------------------------- */

/* The last whole `id:` line of what has just come. */
static void note_id(struct sim *s, const char *p, size_t n)
{
	static const char name[] = "\nid: ";
	const char *end = p + n, *at = p, *stop;

	while ((at = memmem(at, (size_t)(end - at), name, sizeof(name) - 1)) != NULL) {
		at += sizeof(name) - 1;
		stop = memchr(at, '\n', (size_t)(end - at));
		if (stop != NULL && stop - at < LAST_ID)
			snprintf(s->last_id, sizeof(s->last_id), "%.*s", (int)(stop - at), at);
	}
}

static void take_events(struct sim *s, int fd, enum kind kind)
{
	char *data;
	size_t n;

	if (kind == LISTENER) {
		while ((n = load_discard(fd)) > 0)
			s->bytes += n;
		return;
	}
	while ((n = load_receive(fd, &data)) > 0) {
		s->bytes += n;
		s->begun += kind == NEWCOMER;
		if (kind == NEWCOMER && (n < 12 || memcmp(data, "HTTP/1.1 200", 12) != 0))
			fatal("rdv_sim", "a subscriber was refused: %.*s", (int)n, data);
		if (kind == NEWCOMER) {
			kind = LISTENER;
			watch(s, EPOLL_CTL_MOD, fd, kind, 0);
			continue;
		}
		s->seen += load_count(data, n, MARK);
		note_id(s, data, n);
	}
}

static void subscribe(struct sim *s, size_t i, enum kind kind)
{
	int fd = load_connect(s->port, (uint32_t)i + 1), n;
	char request[512], last[LAST_ID + 32] = "";

	if (s->last_id[0] != '\0')
		snprintf(last, sizeof(last), "Last-Event-ID: %s\r\n", s->last_id);
	n = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n%s\r\n", s->path,
	    last);
	watch(s, EPOLL_CTL_ADD, fd, kind, 0);
	load_send(fd, request, (size_t)n);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void turn(struct sim *s, int ms)
{
	static struct epoll_event e[READY];
	int n = epoll_wait(s->epoll, e, READY, ms);

	for (int i = 0; i < n; i++) {
		enum kind kind = e[i].data.u64 & 3;

		if (kind == PEER)
			take_answers(s, &s->peers[(uint32_t)e[i].data.u64 >> 2]);
		else
			take_events(s, (int)(e[i].data.u64 >> 32), kind);
	}
}

static void arrive(struct sim *s)
{
	s->peers = xcalloc(s->count, sizeof(s->peers[0]));
	for (size_t i = 0; i < s->count; i++) {
		make_id(s->peers[i].id);
		s->peers[i].fd = load_connect(s->port, (uint32_t)i + 1);
		watch(s, EPOLL_CTL_ADD, s->peers[i].fd, PEER, i);
		publish(s, i, "online");
		while (s->waiting >= AT_ONCE)
			turn(s, 10);
	}
	while (s->waiting > 0)
		turn(s, 10);
}

static void run_for(struct sim *s, uint64_t ms)
{
	uint64_t end = clock_mono_us() + ms * 1000;

	while (clock_mono_us() < end) {
		publish_due(s);
		turn(s, 1);
	}
}

static void listen_all(struct sim *s)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	subscribe(s, 0, WITNESS);
	while (s->seen < s->count && clock_mono_ms() < end)
		turn(s, 100);
	s->beat_at = s->change_at = clock_mono_us();
	for (size_t i = 1; i < s->subscribers; i++) {
		subscribe(s, i, NEWCOMER);
		while (s->begun + AT_ONCE <= i && clock_mono_ms() < end)
			run_for(s, 1);
	}
	while (s->begun + 1 < s->subscribers && clock_mono_ms() < end)
		run_for(s, 10);
	if (s->begun + 1 < s->subscribers)
		fatal("rdv_sim", "%zu of %zu listen", s->begun + 1, s->subscribers);
}

struct moment {
	uint64_t us, cpu;
};

static struct moment moment_now(const struct sim *s)
{
	return (struct moment){clock_mono_us(), load_cpu_us(&s->pids)};
}

static void measure(struct sim *s)
{
	struct moment before = moment_now(s), now;

	printf("%zu %zu\n", s->count, s->subscribers);
	for (uint64_t i = 0; i < s->seconds; i++, before = now) {
		s->bytes = s->seen = s->published = 0;
		run_for(s, 1000);
		now = moment_now(s);
		printf("%llu %llu %llu %llu %llu\n", (unsigned long long)(now.us - before.us),
		    (unsigned long long)s->bytes, (unsigned long long)s->seen,
		    (unsigned long long)(now.cpu - before.cpu), (unsigned long long)s->published);
	}
}

int main(int argc, char **argv)
{
	uint64_t port, peers, subscribers;
	struct sim s = {0};

	if (argc != 9 || !str_to_u64(argv[1], 1, UINT16_MAX, &port) ||
	    !str_to_u64(argv[2], 1, 1000000, &peers) || !str_to_u64(argv[3], 0, US, &s.changes) ||
	    !str_to_u64(argv[4], 1, 25, &s.interval) || !str_to_u64(argv[5], 1, 3600, &s.seconds) ||
	    !str_to_u64(argv[6], 1, peers, &subscribers) || sodium_init() < 0) {
		fprintf(stderr, "usage: rdv_sim PORT PEERS CHANGES INTERVAL-S SECONDS SUBSCRIBERS "
				"all|changes PID,...\n");
		return 2;
	}
	log_init("rdv_sim", LOG_LEVEL_INFO);
	s.port = (uint16_t)port;
	s.count = load_descriptors((size_t)peers, 2);
	s.subscribers = s.count < subscribers ? s.count : (size_t)subscribers;
	s.path = strcmp(argv[7], "changes") == 0 ? "/events?changes=1" : "/events";
	s.pids = load_pids_parse(argv[8]);
	s.epoll = epoll_create1(EPOLL_CLOEXEC);
	arrive(&s);
	listen_all(&s);
	run_for(&s, SETTLE_MS);
	measure(&s);
	return 0;
}

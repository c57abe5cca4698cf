/* sse_clients PORT EVENTS-PATH PUBLISH-PATH COUNT PIDS: COUNT subscribers to the server-sent events
 * of the server with these processes, and what it takes to reach them all. Prints lines
 * of a name and a value:
 *
 *	subscribers     how many there were
 *	memory          bytes in user space that each cost the server
 *	single_ms       from a publish on an idle server to the last delivery, median
 *	single_cpu_us   the server's processor time for each of these deliveries
 *	burst_ms        the same while an event is published every BURST_GAP_MS
 *	burst_cpu_us
 *
 * It knows nothing of the server: an event is found by the MARK that stands in each. It is one
 * thread, and wants a processor of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "tests/bench/load.h"

#define MARK         '~'
#define SINGLES      5
#define BURST        40
#define BURST_GAP_MS 10
#define EVENTS_MAX   (SINGLES + BURST)
#define AT_ONCE      64 /* connections under way */
#define QUIET_MS     500
#define WAIT_MS      30000
#define READY        1024

struct subscriber {
	int fd;
	bool open; /* the stream has begun */
	uint32_t events;
};

struct run {
	uint16_t port;
	const char *events_path, *publish_path;
	struct load_pids pids;
	struct subscriber *subscribers;
	size_t count, open;
	int epoll, publisher;
	/* of each event published */
	size_t published;
	uint64_t sent[EVENTS_MAX], last[EVENTS_MAX];
	size_t reached[EVENTS_MAX];
};

static void take(struct run *r, struct subscriber *s)
{
	uint64_t now;
	size_t n, found;
	char *p;

	while ((n = load_receive(s->fd, &p)) > 0) {
		if (!s->open && (n < 12 || memcmp(p, "HTTP/1.1 200", 12) != 0))
			fatal("sse_clients", "a subscriber was refused: %.*s", (int)n, p);
		r->open += !s->open;
		s->open = true;
		found = load_count(p, n, MARK);
		now = found > 0 ? clock_mono_us() : 0;
		for (; found > 0; found--, s->events++) {
			if (s->events >= r->published)
				fatal("sse_clients", "more events than were published");
			r->reached[s->events]++;
			r->last[s->events] = now;
		}
	}
}

/* What has come within `ms`; how many connections that was. */
static int turn(struct run *r, int ms)
{
	static struct epoll_event e[READY];
	int n = epoll_wait(r->epoll, e, READY, ms);
	char *p;

	for (int i = 0; i < n; i++)
		if (e[i].data.ptr == NULL)
			load_receive(r->publisher, &p);
		else
			take(r, e[i].data.ptr);
	return n;
}

static void watch(struct run *r, int fd, void *arg)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.ptr = arg};

	if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e) != 0)
		fatal("sse_clients", "epoll_ctl: %m");
}

static void until_quiet(struct run *r)
{
	while (turn(r, QUIET_MS) > 0)
		;
}

static void subscribe(struct run *r)
{
	uint64_t end = clock_mono_ms() + 2 * WAIT_MS;
	char request[512];
	int n = snprintf(request, sizeof(request),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n",
	    r->events_path);

	r->subscribers = xcalloc(r->count, sizeof(r->subscribers[0]));
	for (size_t i = 0; i < r->count; i++) {
		struct subscriber *s = &r->subscribers[i];

		s->fd = load_connect(r->port, (uint32_t)i + 1);
		watch(r, s->fd, s);
		load_send(s->fd, request, (size_t)n);
		while (r->open + AT_ONCE <= i)
			turn(r, 10);
	}
	while (r->open < r->count && clock_mono_ms() < end)
		turn(r, 100);
	if (r->open < r->count)
		fatal("sse_clients", "only %zu of %zu streams began", r->open, r->count);
}

/* One event as rendezvous servers hand on; each differs from the one before. */
static void publish(struct run *r)
{
	char json[512], post[1024];

	snprintf(json, sizeof(json),
	    "{\"type\":\"update\",\"peerId\":"
	    "\"12D3KooWCMkh4eDuyCa54NtZ8fASzJRGuewirwyKLdXz9fmkjEYX\","
	    "\"content\":\"%c measured %zu\",\"email\":\"somebody@example.org\",\"avatarHash\":"
	    "\"9f86d081884c7d65\",\"addrs\":[\"/ip4/10.0.0.7/tcp/4001\",\"/ip6/fd00::7/tcp/4001\"],"
	    "\"ts\":%lld}",
	    MARK, r->published, (long long)clock_wall_ms());
	r->sent[r->published++] = clock_mono_us();
	load_send(r->publisher, post, load_post(post, sizeof(post), r->publish_path, json));
}

static void until_delivered(struct run *r)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;

	while (r->reached[r->published - 1] < r->count) {
		turn(r, 100);
		if (clock_mono_ms() > end)
			fatal("sse_clients", "event %zu reached %zu of %zu", r->published,
			    r->reached[r->published - 1], r->count);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void report(const struct run *r, const char *name, size_t from, uint64_t cpu)
{
	double ms[EVENTS_MAX];
	size_t n = r->published - from;

	for (size_t i = 0; i < n; i++)
		ms[i] = (double)(r->last[from + i] - r->sent[from + i]) / 1000;
	qsort(ms, n, sizeof(ms[0]), by_value);
	printf("%s_ms %.3f\n", name, ms[n / 2]);
	printf("%s_cpu_us %.4f\n", name, (double)cpu / (double)(n * r->count));
}

static void singles(struct run *r)
{
	uint64_t cpu = 0, before;
	size_t from = r->published;

	for (int i = 0; i < SINGLES; i++) {
		before = load_cpu_us(&r->pids);
		publish(r);
		until_delivered(r);
		until_quiet(r);
		cpu += load_cpu_us(&r->pids) - before;
	}
	report(r, "single", from, cpu);
}

static void burst(struct run *r)
{
	uint64_t cpu = load_cpu_us(&r->pids), next = clock_mono_ms(), now;
	size_t from = r->published;

	for (int i = 0; i < BURST; i++, next += BURST_GAP_MS) {
		while ((now = clock_mono_ms()) < next)
			turn(r, (int)(next - now));
		publish(r);
	}
	until_delivered(r);
	until_quiet(r);
	report(r, "burst", from, load_cpu_us(&r->pids) - cpu);
}

int main(int argc, char **argv)
{
	uint64_t port, count, memory;
	struct run r = {0};

	if (argc != 6 || !str_to_u64(argv[1], 1, UINT16_MAX, &port) ||
	    !str_to_u64(argv[4], 1, 1000000, &count)) {
		fprintf(
		    stderr, "usage: sse_clients PORT EVENTS-PATH PUBLISH-PATH COUNT PID,PID...\n");
		return 2;
	}
	log_init("sse_clients", LOG_LEVEL_INFO);
	r.port = (uint16_t)port;
	r.events_path = argv[2];
	r.publish_path = argv[3];
	r.count = load_descriptors((size_t)count, 1);
	r.pids = load_pids_parse(argv[5]);
	r.epoll = epoll_create1(EPOLL_CLOEXEC);
	r.publisher = load_connect(r.port, 0);
	watch(&r, r.publisher, NULL);
	memory = load_pss(&r.pids);
	subscribe(&r);
	until_quiet(&r);
	printf("subscribers %zu\n", r.count);
	printf("memory %.1f\n", ((double)load_pss(&r.pids) - (double)memory) / (double)r.count);
	singles(&r);
	burst(&r);
	return 0;
}

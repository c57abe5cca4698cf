/* A client of a rendezvous server that the test plays, in a network of their own. */
#ifndef TESTS_UNIT_DISCOVERY_CLIENT_STAGE_H
#define TESTS_UNIT_DISCOVERY_CLIENT_STAGE_H

#include <arpa/inet.h>
#include <dlfcn.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/testing.h"

#include "base/clock.h"
#include "svc-discovery/rendezvous_client.h"
#include "tests/service/meeting.h"

struct stage {
	struct loop *loop;
	struct transfers *all;
	struct rendezvous_client *c;
	struct meeting *m;
	unsigned opened, lost, published;
	char bytes[4096], why[TRANSFER_WHY];
	size_t len, total, largest;
	char last[8];
	unsigned status;
	uint32_t retry_s;
};

static void on_opened(void *arg)
{
	struct stage *s = arg;

	s->opened++;
}

static void on_bytes(void *arg, const void *p, size_t n)
{
	struct stage *s = arg;

	s->total += n;
	s->largest = n > s->largest ? n : s->largest;
	if (n >= sizeof s->last)
		memcpy(s->last, (const char *)p + n - sizeof s->last, sizeof s->last);
	if (n > sizeof s->bytes - 1 - s->len)
		n = sizeof s->bytes - 1 - s->len;
	memcpy(s->bytes + s->len, p, n);
	s->len += n;
}

static void on_lost(void *arg, const char *why, uint32_t retry_s)
{
	struct stage *s = arg;

	s->lost++;
	snprintf(s->why, sizeof s->why, "%s", why);
	s->retry_s = retry_s;
}

static void on_published(void *arg, unsigned status, const char *why, uint32_t retry_s)
{
	struct stage *s = arg;

	s->published++;
	s->status = status;
	snprintf(s->why, sizeof s->why, "%s", why);
	s->retry_s = retry_s;
}

static const struct rendezvous_client_events events = {on_opened, on_bytes, on_lost, on_published};

static unsigned threads; /* made since the stage stands */

/* In place of the C library's, for libcurl, too. */
int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	void *address = dlsym(RTLD_NEXT, "pthread_create");

	memcpy(&real, &address, sizeof address);
	threads++;
	return real(thread, attr, fn, arg);
}

/* What the network would say: who is at PUBLIC is of another network. */
#define PUBLIC "203.0.113.1"
static atomic_uint looked_up;
static atomic_int hangs; /* until this can be read */
static void look_up(const char *name, struct resolver_answer *answer)
{
	const char *ip = strcmp(name, "public.test") == 0     ? PUBLIC
	                 : strcmp(name, "loopback.test") == 0 ? "127.0.0.1"
	                                                      : NULL;

	looked_up++;
	if (strcmp(name, "hang.test") == 0)
		(void)!read(hangs, &(char){0}, 1);
	if (ip == NULL) {
		resolver_system(name, answer);
		return;
	}
	answer->address[0].family = AF_INET;
	answer->count = 1;
	inet_pton(AF_INET, ip, &answer->address[0].ip4);
}

static void begin(struct stage *s, const char *url)
{
	*s = (struct stage){.loop = loop_new()};
	s->m = meeting_open(s->loop, 0);
	s->all = transfers_new(s->loop, look_up);
	transfers_start_threads(s->all);
	threads = 0;
	s->c =
	    rendezvous_client_new(s->all, url != NULL ? url : meeting_url(s->m), true, &events, s);
	assert_non_null(s->c);
}

static void end(struct stage *s)
{
	rendezvous_client_free(s->c);
	transfers_free(s->all);
	/* Whatever was to be looked up: libcurl has started no thread for it. */
	assert_int_equal(threads, 0);
	meeting_close(s->m);
	loop_free(s->loop);
}

#define UNTIL(s, condition)                                                                        \
	for (uint64_t end_ = clock_mono_ms() + 15000; !(condition); loop_turn((s)->loop, 50))      \
	assert_true(clock_mono_ms() < end_)

static int own_network(void **state)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	struct ifreq request = {.ifr_name = "lo:1"};
	int fd, failed;

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		fail_msg("no network namespace to be had: run as root");
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	inet_pton(AF_INET, PUBLIC, &sa.sin_addr);
	memcpy(&request.ifr_addr, &sa, sizeof sa);
	failed = ioctl(fd, SIOCSIFADDR, &request);
	request = (struct ifreq){.ifr_name = "lo", .ifr_flags = IFF_UP};
	failed |= ioctl(fd, SIOCSIFFLAGS, &request);
	close(fd);
	return failed;
}

#endif

#include "tests/service/other.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

/* What the byte at `i` of a transfer is. */
static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 2654435761u >> 11);
}

uint8_t *other_make_pattern(size_t n)
{
	uint8_t *p = xmalloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = pattern(i);
	return p;
}

void other_assert_pattern(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != pattern(i))
			fail_msg("byte %zu of %zu is wrong", i, n);
}

bool other_in_child;

struct order {
	char what; /* see obey() */
	size_t n;
};

static void answer(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		_exit(1);
}

void other_say_addrs(struct puppet_end *discovery, const char *peer, const char *const *addrs)
{
	uint16_t n = 0;
	struct msg m;

	while (addrs[n] != NULL)
		n++;
	msg_begin(&m, MSG_ADDRS, 0);
	msg_put_str(&m, peer);
	msg_put_u8(&m, 1);
	msg_put_u32(&m, 60000);
	msg_put_u16(&m, n);
	for (uint16_t i = 0; i < n; i++)
		msg_put_str(&m, addrs[i]);
	puppet_say(discovery, &m);
}

static void serve_bytes(struct puppet_end *viewer, size_t n)
{
	struct puppet_stream *s = puppet_next_stream(viewer);
	uint8_t *bytes = other_make_pattern(n);

	puppet_read_end(s);
	puppet_write(s, bytes, n, true);
	puppet_wait_over(s);
	free(bytes);
}

/* Takes `n` bytes, checks them, answers with a word. */
static void take_bytes(struct puppet_end *viewer, size_t n)
{
	struct puppet_stream *s = puppet_next_stream(viewer);

	puppet_read_end(s);
	if (s->len == n) {
		other_assert_pattern(s->data, n);
		puppet_write(s, "good", 4, true);
	} else {
		puppet_write(s, "short", 5, true);
	}
	puppet_wait_over(s);
}

/* Writes as much as it can in half a second without an end in sight; tells how much went. */
static void serve_until_stopped(struct puppet *p, struct puppet_end *viewer, int out)
{
	struct puppet_stream *s = puppet_next_stream(viewer);
	static const uint8_t zeros[65536];
	size_t total = 0;
	char text[32];

	for (int i = 0; i < 50; i++) {
		size_t w;

		while (s->s != NULL && (w = stream_write(s->s, zeros, sizeof zeros, false)) > 0)
			total += w;
		puppet_turns(p, 10);
	}
	snprintf(text, sizeof text, "%zu\n", total);
	answer(out, text);
	stream_finish(s->s);
	puppet_wait_over(s);
}

static void obey(struct puppet *p, struct puppet_end *viewer, const struct order *o, int out)
{
	switch (o->what) {
	case 'b': serve_bytes(viewer, o->n); break;
	case 't': take_bytes(viewer, o->n); break;
	case 'u': serve_until_stopped(p, viewer, out); return;
	case 'm':
		for (size_t i = 0; i < o->n; i++)
			serve_bytes(viewer, 1000 + i);
		break;
	case 'o': puppet_next_stream(viewer); break; /* and leave it open */
	case 'd':
		puppet_die(viewer, "told to");
		/* The word has to be heard before the next stream comes by another way. */
		PUPPET_UNTIL(p, strstr(puppet_log(p), "told to") != NULL);
		break;
	case 'r':
		puppet_revive(viewer);
		puppet_wait_up(viewer);
		break;
	case 'k':
		puppet_kill(p, SIGKILL);
		puppet_wait_end(p);
		break;
	default: abort();
	}
	answer(out, "done\n");
}

static void other_main(int in, int out)
{
	struct puppet *p = puppet_new(SERVICE_TRANSPORT);
	struct puppet_end *viewer = puppet_neighbour(p, SERVICE_VIEWER);
	struct puppet_end *discovery = puppet_neighbour(p, SERVICE_DISCOVERY);
	struct pollfd ready = {.fd = in, .events = POLLIN};
	struct order o;
	char *text;

	puppet_config(p, "identity.key_file", "data/identity.key");
	puppet_start(p);
	puppet_wait_up(viewer);
	puppet_wait_up(discovery);
	text = xasprintf("%s %s\n", puppet_fact(p, "peer_id"), puppet_fact(p, "listen"));
	answer(out, text);
	free(text);
	for (;;) {
		if (poll(&ready, 1, 0) == 0) {
			puppet_turns(p, 5);
			continue;
		}
		if (read(in, &o, sizeof o) != sizeof o)
			break;
		obey(p, viewer, &o, out);
	}
	puppet_free(p);
}

void other_read_line(int fd, char *line, size_t size)
{
	size_t n = 0;

	while (n + 1 < size) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};

		if (poll(&ready, 1, 3 * PUPPET_MS) != 1 || read(fd, line + n, 1) != 1)
			fail_msg("the other peer does not answer");
		if (line[n] == '\n')
			break;
		n++;
	}
	line[n] = 0;
}

void other_start(struct other *o)
{
	int orders[2], answers[2];
	char line[256];

	assert_int_equal(pipe2(orders, O_CLOEXEC) | pipe2(answers, O_CLOEXEC), 0);
	fflush(NULL);
	o->pid = fork();
	if (o->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		other_in_child = true;
		close(orders[1]);
		close(answers[0]);
		other_main(orders[0], answers[1]);
		fflush(NULL);
		_exit(0);
	}
	close(orders[0]);
	close(answers[1]);
	o->to = orders[1];
	o->from = answers[0];
	other_read_line(o->from, line, sizeof line);
	if (sscanf(line, "%79s 0.0.0.0:%u", o->peer, &o->port) != 2)
		fail_msg("\"%s\" says nothing", line);
}

void other_order(const struct other *o, char what, size_t n)
{
	struct order order = {.what = what, .n = n};

	assert_int_equal(write(o->to, &order, sizeof order), sizeof order);
}

void other_done(const struct other *o)
{
	char line[64];

	other_read_line(o->from, line, sizeof line);
	assert_string_equal(line, "done");
}

void other_end(struct other *o)
{
	int status;

	close(o->to);
	close(o->from);
	assert_int_equal(waitpid(o->pid, &status, 0), o->pid);
	assert_int_equal(status, 0);
}

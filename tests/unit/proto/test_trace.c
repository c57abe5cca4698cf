/* What is wanted, what is noted, and what is told of it. */
#include "tests/unit/testing.h"

#include <sys/socket.h>
#include <unistd.h>

#include "proto/trace.h"

static void what_a_subject_means(void **unused)
{
	struct trace_filter f, more;

	(void)unused;
	assert_true(trace_filter_parse(&f, ""));
	assert_true(trace_filter_wants(&f, SERVICE_DB, MSG_STREAM_DATA));
	assert_true(trace_filter_wants(&f, SERVICE_DB, 0));
	assert_true(trace_filter_wants(&f, SERVICE_DB, 60000));
	assert_true(trace_filter_parse(&f, "viewer"));
	assert_true(trace_filter_wants(&f, SERVICE_VIEWER, MSG_HELLO));
	assert_false(trace_filter_wants(&f, SERVICE_DB, MSG_HELLO));
	assert_true(trace_filter_parse(&f, "stream"));
	assert_true(trace_filter_wants(&f, SERVICE_DB, MSG_STREAM_OPEN));
	assert_true(trace_filter_wants(&f, SERVICE_VIEWER, MSG_STREAM_RESET));
	assert_false(trace_filter_wants(&f, SERVICE_DB, MSG_HELLO));
	assert_false(trace_filter_wants(&f, SERVICE_DB, 60000));
	assert_true(trace_filter_parse(&more, "HELLO_BACK"));
	assert_false(trace_filter_wants(&more, SERVICE_DB, MSG_HELLO));
	trace_filter_add(&f, &more);
	assert_true(trace_filter_wants(&f, SERVICE_DB, MSG_HELLO_BACK));
	assert_true(trace_filter_wants(&f, SERVICE_DB, MSG_STREAM_OPEN));
	assert_false(trace_filter_parse(&f, "nonsense"));
	assert_false(trace_filter_parse(&f, "?"));
	assert_true(trace_filter_is_empty(&f));
}

/* Its number has a place in the filter. */
static void every_message_can_be_wanted(void **unused)
{
	struct trace_filter f;

	(void)unused;
	for (unsigned type = 0; type < 0x10000; type++)
		if (msg_max(type) > 0) {
			assert_true(type < MSG_NUMBERS);
			assert_true(trace_filter_parse(&f, msg_name(type)));
			assert_true(trace_filter_wants(&f, SERVICE_DB, type));
		}
}

static void a_filter_crosses_a_border(void **unused)
{
	struct trace_filter f, there;
	struct msg m, in;

	(void)unused;
	assert_true(trace_filter_parse(&f, "db"));
	msg_begin(&m, MSG_TRACE_SET, 0);
	trace_filter_put(&f, &m);
	for (size_t n = 0; n <= m.size; n++) {
		int r = msg_open(&in, m.base, n) == 0 ? trace_filter_get(&there, &in) : -1;

		assert_int_equal(r, n == m.size ? 0 : -1);
	}
	assert_memory_equal(&f, &there, sizeof(f));
	msg_drop(&m);
}

/* --- the service's side, with the other end of its socket in our hands ------------------------ */

struct stage {
	struct loop *loop;
	struct parent *parent;
	struct trace *trace;
	int fd;
};

static int hear_nothing(void *arg, struct msg *m)
{
	(void)arg;
	(void)m;
	return 0;
}

static struct stage begin(const char *subject)
{
	static const struct parent_events events = {.message = hear_nothing};
	struct stage s = {.loop = loop_new()};
	struct trace_filter f;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s.fd = pair[1];
	s.parent = parent_new(s.loop, pair[0], SERVICE_VIEWER, SERVICE_SUPERVISOR, &events, NULL);
	s.trace = trace_new(s.loop, s.parent);
	assert_false(trace_is_on(s.trace));
	assert_true(trace_filter_parse(&f, subject));
	trace_set(s.trace, &f);
	assert_true(trace_is_on(s.trace));
	return s;
}

static void end(struct stage *s)
{
	trace_free(s->trace);
	parent_free(s->parent);
	loop_free(s->loop);
	close(s->fd);
}

static unsigned char packet[131072];

/* The next TRACE, opened. */
static struct msg next(struct stage *s)
{
	ssize_t n = -1;
	struct msg m;

	while (n < 0) {
		loop_turn(s->loop, 10);
		n = recv(s->fd, packet, sizeof(packet), MSG_DONTWAIT);
	}
	assert_int_equal(msg_open(&m, packet, (size_t)n), 0);
	assert_int_equal(m.type, MSG_TRACE);
	return m;
}

static void what_is_wanted_is_told(void **unused)
{
	struct stage s = begin("HELLO");
	struct trace_filter none = {0};
	struct msg m;

	(void)unused;
	trace_note(s.trace, SERVICE_DB, true, MSG_STREAM_DATA, 5);
	trace_note(s.trace, SERVICE_DB, true, MSG_HELLO, 70000);
	trace_note(s.trace, SERVICE_TRANSPORT, false, MSG_HELLO_BACK, 9);
	m = next(&s);
	assert_int_equal(msg_get_u32(&m), 0);
	assert_int_equal(msg_get_u16(&m), 2);
	assert_true(msg_get_i64(&m) > 0);
	assert_int_equal(msg_get_u8(&m), 1);
	assert_int_equal(msg_get_u8(&m), SERVICE_DB);
	assert_int_equal(msg_get_u16(&m), MSG_HELLO);
	assert_int_equal(msg_get_u32(&m), 70000);
	msg_get_i64(&m);
	assert_int_equal(msg_get_u8(&m), 0);
	assert_int_equal(msg_get_u8(&m), SERVICE_TRANSPORT);
	assert_int_equal(msg_get_u16(&m), MSG_HELLO_BACK);
	assert_int_equal(msg_get_u32(&m), 9);
	assert_true(msg_end(&m));
	trace_set(s.trace, &none);
	assert_false(trace_is_on(s.trace));
	trace_note(s.trace, SERVICE_DB, true, MSG_HELLO, 1);
	end(&s);
}

static void what_comes_too_fast_is_counted(void **unused)
{
	struct stage s = begin("");
	struct msg m;

	(void)unused;
	for (int i = 0; i < TRACE_BATCH + 7; i++)
		trace_note(s.trace, SERVICE_DB, true, MSG_HELLO, 1);
	m = next(&s);
	assert_int_equal(msg_get_u32(&m), 7);
	assert_int_equal(msg_get_u16(&m), TRACE_BATCH);
	trace_note(s.trace, SERVICE_DB, true, MSG_HELLO, 1);
	m = next(&s);
	assert_int_equal(msg_get_u32(&m), 0);
	assert_int_equal(msg_get_u16(&m), 1);
	end(&s);
}

/* A supervisor that does not read gets nothing more to read. */
static void nothing_is_queued_behind_what_waits(void **unused)
{
	struct stage s = begin("");

	(void)unused;
	for (int turn = 0; turn < 100; turn++) {
		for (int i = 0; i < TRACE_BATCH; i++)
			trace_note(s.trace, SERVICE_DB, true, MSG_HELLO, 1);
		for (int i = 0; i < 3; i++)
			loop_turn(s.loop, TRACE_COLLECT_MS / 2);
		if (parent_waiting(s.parent) > 0)
			break;
	}
	assert_in_range(parent_waiting(s.parent), 1, 65536);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_a_subject_means),
	    cmocka_unit_test(every_message_can_be_wanted),
	    cmocka_unit_test(a_filter_crosses_a_border),
	    cmocka_unit_test(what_is_wanted_is_told),
	    cmocka_unit_test(what_comes_too_fast_is_counted),
	    cmocka_unit_test(nothing_is_queued_behind_what_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

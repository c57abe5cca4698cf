/* The socket pair between supervisor and service, both ends on one loop. */
#include "proto/parent.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/testing.h"

#define LARGEST (128 * 1024)

struct one {
	struct parent *p;
	unsigned messages, closed;
	size_t bytes;
	uint32_t next; /* expected number */
	bool free_in_callback;
	unsigned descriptors; /* that came and can be read */
};

static struct loop *loop;
static struct one child, super;
static int fds[2];

static int on_message(void *arg, struct msg *m)
{
	struct one *o = arg;

	struct stat st;

	o->messages++;
	o->bytes += m->size;
	if (parent_fd(o->p) >= 0 && fstat(parent_fd(o->p), &st) == 0 && S_ISFIFO(st.st_mode))
		o->descriptors++;
	if (m->type == MSG_PULSE && msg_get_u32(m) != o->next++)
		fail();
	if (o->free_in_callback) {
		parent_free(o->p);
		o->p = NULL;
	}
	return m->type == MSG_ALARM ? -1 : 0;
}

static void on_closed(void *arg)
{
	struct one *o = arg;

	o->closed++;
	if (o->free_in_callback) {
		parent_free(o->p);
		o->p = NULL;
	}
}

static const struct parent_events events = {on_message, on_closed};

static int begin(void **state)
{
	(void)state;
	loop = loop_new();
	memset(&child, 0, sizeof(child));
	memset(&super, 0, sizeof(super));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) != 0)
		return -1;
	child.p = parent_new(loop, fds[0], SERVICE_DB, SERVICE_SUPERVISOR, &events, &child);
	super.p = parent_new(loop, fds[1], SERVICE_SUPERVISOR, SERVICE_DB, &events, &super);
	return 0;
}

static int end(void **state)
{
	(void)state;
	parent_free(child.p);
	parent_free(super.p);
	loop_free(loop);
	return 0;
}

static void until(const unsigned *what, unsigned n)
{
	uint64_t deadline = clock_mono_ms() + 10000;

	while (*what < n) {
		assert_true(clock_mono_ms() < deadline);
		loop_turn(loop, 100);
	}
}

static int send_pulse(struct one *from, uint32_t number)
{
	struct msg m;

	msg_begin(&m, MSG_PULSE, 0);
	msg_put_u32(&m, number);
	return parent_send(from->p, &m);
}

static int send_pulse_with(struct one *from, uint32_t number, int fd)
{
	struct msg m;

	msg_begin(&m, MSG_PULSE, 0);
	msg_put_u32(&m, number);
	return parent_send_fd(from->p, &m, fd);
}

static void send_config(size_t n)
{
	struct msg m;

	msg_begin(&m, MSG_CONFIG, n);
	memset(msg_put_room(&m, n), 0, n);
	assert_int_equal(parent_send(super.p, &m), 0);
}

static unsigned open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static int send_report(size_t rest)
{
	struct msg m;

	msg_begin(&m, MSG_REPORT, rest + 4);
	msg_put_u32(&m, 1);
	memset(msg_put_room(&m, rest), 'x', rest);
	return parent_send(child.p, &m);
}

static void test_both_ways(void **state)
{
	(void)state;
	assert_int_equal(send_pulse(&super, 0), 0);
	until(&child.messages, 1);
	assert_int_equal(send_report(10), 0);
	until(&super.messages, 1);
	assert_int_equal(super.bytes, 16);
}

static void test_a_descriptor_goes_along(void **state)
{
	int pipes[2];
	unsigned before, fillers = 0;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	before = open_descriptors();
	assert_int_equal(send_pulse_with(&super, n++, pipes[0]), 0);
	until(&child.messages, 1);
	assert_int_equal(child.descriptors, 1);
	assert_int_equal(parent_fd(child.p), -1);
	assert_int_equal(send_pulse_with(&super, n++, -1), 0);
	until(&child.messages, 2);
	assert_int_equal(child.descriptors, 1);
	/* Also when they have to wait. */
	for (; open_descriptors() == before; fillers++) {
		send_config(60000);
		assert_int_equal(send_pulse_with(&super, n++, pipes[0]), 0);
	}
	until(&child.messages, n + fillers);
	assert_int_equal(child.descriptors, n - 1);
	assert_int_equal(open_descriptors(), before);
	close(pipes[0]);
	close(pipes[1]);
}

/* A service has none to give. */
static void test_a_descriptor_of_a_service_is_closed(void **state)
{
	struct msg m;
	int pipes[2];
	char c;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	msg_begin(&m, MSG_READY, 0);
	assert_int_equal(parent_send_fd(child.p, &m, pipes[1]), 0);
	until(&super.messages, 1);
	assert_int_equal(super.descriptors, 0);
	close(pipes[1]);
	assert_int_equal(read(pipes[0], &c, 1), 0);
	close(pipes[0]);
}

static void test_the_largest_report_passes(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(send_report(LARGEST - 6), 0);
		until(&super.messages, i);
	}
	assert_int_equal(super.bytes, 3 * LARGEST);
	assert_int_equal(send_report(LARGEST - 5), -1);
}

static void test_what_the_socket_does_not_take_waits_in_order(void **state)
{
	uint32_t n = 0;
	char packet[64];
	struct msg m;

	(void)state;
	while (n < 20000)
		assert_int_equal(send_pulse(&super, n++), 0);
	/* The socket has room again, but what waits goes first. */
	for (child.next = 0; child.next < 50; child.next++) {
		assert_int_equal(recv(fds[0], packet, sizeof(packet), MSG_DONTWAIT), 6);
		assert_int_equal(msg_open(&m, packet, 6), 0);
		assert_int_equal(msg_get_u32(&m), child.next);
	}
	assert_int_equal(send_pulse(&super, n++), 0);
	until(&child.messages, n - 50);
}

static void test_the_queue_is_bounded(void **state)
{
	unsigned sent = 0;

	(void)state;
	while (sent < 1000 && send_report(60000) == 0)
		sent++;
	/* A megabyte waits, besides what the kernel holds. */
	assert_in_range(sent, 17, 100);
	until(&super.messages, sent);
	assert_int_equal(send_report(60000), 0);
	until(&super.messages, sent + 1);
}

static void test_only_what_may_be_said(void **state)
{
	struct msg m;

	(void)state;
	/* A child that plays the supervisor is refused by its own end... */
	assert_int_equal(send_pulse(&child, 0), -1);
	/* ...and by the other. */
	msg_begin(&m, MSG_PULSE, 0);
	msg_put_u32(&m, 1);
	assert_true(send(fds[0], m.base, m.size, 0) > 0);
	assert_true(send(fds[0], "\xff\xff garbage", 10, 0) > 0);
	assert_true(send(fds[0], "x", 1, 0) > 0);
	msg_drop(&m);
	assert_int_equal(send_report(1), 0);
	until(&super.messages, 1);
	assert_int_equal(super.next, 0);
	assert_int_equal(super.closed, 0);
}

static void test_a_packet_beyond_all_sizes(void **state)
{
	static char huge[LARGEST + 5000];

	(void)state;
	assert_int_equal(send(fds[0], huge, sizeof(huge), 0), sizeof(huge));
	assert_int_equal(send_report(1), 0);
	until(&super.messages, 1);
	assert_int_equal(super.bytes, 7);
}

static void test_a_senseless_message_is_ignored(void **state)
{
	struct msg m;

	(void)state;
	msg_begin(&m, MSG_ALARM, 0);
	msg_put_str(&m, "the test's handler calls this senseless");
	assert_int_equal(parent_send(child.p, &m), 0);
	assert_int_equal(send_report(1), 0);
	until(&super.messages, 2);
	assert_int_equal(super.closed, 0);
}

static void test_last_words_and_the_end(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++)
		assert_int_equal(send_report(1), 0);
	parent_free(child.p);
	child.p = NULL;
	until(&super.closed, 1);
	assert_int_equal(super.messages, 200);
	assert_int_equal(send_pulse(&super, 0), -1);
	loop_turn(loop, 20);
	assert_int_equal(super.closed, 1);
}

static void test_sending_to_the_dead(void **state)
{
	(void)state;
	parent_free(child.p);
	child.p = NULL;
	/* Not yet seen by the loop; no signal, no event from inside. */
	assert_int_equal(send_pulse(&super, 0), -1);
	assert_int_equal(super.closed, 0);
	until(&super.closed, 1);
}

static void test_freed_in_callbacks(void **state)
{
	(void)state;
	child.free_in_callback = super.free_in_callback = true;
	for (uint32_t i = 0; i < 10; i++)
		send_pulse(&super, i);
	until(&child.messages, 1);
	until(&super.closed, 1);
	assert_null(child.p);
	assert_null(super.p);
	assert_int_equal(child.messages, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_both_ways, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_descriptor_goes_along, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_descriptor_of_a_service_is_closed, begin, end),
	    cmocka_unit_test_setup_teardown(test_the_largest_report_passes, begin, end),
	    cmocka_unit_test_setup_teardown(
		test_what_the_socket_does_not_take_waits_in_order, begin, end),
	    cmocka_unit_test_setup_teardown(test_the_queue_is_bounded, begin, end),
	    cmocka_unit_test_setup_teardown(test_only_what_may_be_said, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_packet_beyond_all_sizes, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_senseless_message_is_ignored, begin, end),
	    cmocka_unit_test_setup_teardown(test_last_words_and_the_end, begin, end),
	    cmocka_unit_test_setup_teardown(test_sending_to_the_dead, begin, end),
	    cmocka_unit_test_setup_teardown(test_freed_in_callbacks, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

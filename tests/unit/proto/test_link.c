/* Links: pairing, restarts, what is heard and what is not. */
#include "proto/link.h"

#include <zmq.h>

#include "base/clock.h"
#include "proto/link_private.h"
#include "tests/unit/proto/pair.h"
#include "tests/unit/testing.h"

#define PEER "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X"

/* SELF goes from the transport, SELF_ADDRS from discovery only: viewer and transport share but the
 * streams, so the tests send SELF down and STREAM_CREDIT of unknown streams up. */
static int send_self(struct pair_end *from, uint16_t port)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, PEER);
	msg_put_bytes(&m, "key", 3);
	msg_put_u16(&m, port);
	return link_send(from->link, &m);
}

static int send_credit(struct pair_end *from, uint32_t stream)
{
	struct msg m;

	msg_begin(&m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(&m, stream);
	msg_put_u32(&m, 1);
	return link_send(from->link, &m);
}

static unsigned last_port;

static int note_port(struct pair_end *end, struct msg *m)
{
	(void)end;
	msg_get_str(m);
	msg_get_bytes(m);
	last_port = msg_get_u16(m);
	return msg_end(m) ? 0 : -1;
}

static void test_comes_up_and_carries(void **state)
{
	struct pair p = {.viewer.message = note_port};

	(void)state;
	pair_begin(&p);
	assert_int_equal(p.viewer.ups, 1);
	assert_int_equal(p.transport.ups, 1);
	assert_int_equal(send_self(&p.transport, 4001), 0);
	PAIR_UNTIL(&p, p.viewer.messages == 1);
	assert_int_equal(last_port, 4001);
	assert_true(link_counted(p.viewer.link).messages_out >= 1); /* HELLO */
	assert_true(link_counted(p.viewer.link).bytes_in > 60);
	assert_int_equal(p.viewer.alarms + p.transport.alarms, 0);
	pair_end(&p);
}

static void test_the_order_of_birth_is_no_matter(void **state)
{
	struct pair p = {0};

	(void)state;
	pair_init(&p);
	pair_new_end(&p.viewer);
	p.transport.generation = 1;
	pair_link_set(&p);
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 10);
	p.transport.generation = 0;
	pair_new_end(&p.transport);
	link_set(p.transport.link, p.viewer.generation, p.token);
	PAIR_UNTIL(&p, link_is_up(p.viewer.link) && link_is_up(p.transport.link));
	pair_end(&p);
}

static void test_down_sends_nothing(void **state)
{
	struct pair p = {0};

	(void)state;
	pair_init(&p);
	pair_new_end(&p.viewer);
	pair_new_end(&p.transport);
	assert_int_equal(send_self(&p.transport, 1), -1);
	assert_int_equal(send_credit(&p.viewer, 1), -1);
	pair_end(&p);
}

static void test_lost_takes_down_only_its_generation(void **state)
{
	struct pair p = {0};

	(void)state;
	pair_begin(&p);
	link_lost(p.transport.link, p.viewer.generation + 7, "another life");
	assert_true(link_is_up(p.transport.link));
	link_lost(p.transport.link, p.viewer.generation, "killed by signal 9");
	assert_false(link_is_up(p.transport.link));
	assert_int_equal(p.transport.downs, 0);
	PAIR_UNTIL(&p, p.transport.downs == 1);
	assert_string_equal(p.transport.why, "killed by signal 9");
	assert_int_equal(send_self(&p.transport, 1), -1);
	pair_end(&p);
}

/* Messages of an earlier life may be under way when an end is born again. */
static void restart(struct pair *p, struct pair_end *dies, struct pair_end *stays)
{
	unsigned before;

	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(send_credit(&p->viewer, 1001 + 2 * i), 0);
		assert_int_equal(send_self(&p->transport, 1), 0);
	}
	pair_free_end(dies);
	link_lost(stays->link, dies->generation, "died");
	before = stays->messages;
	pair_new_end(dies);
	dies->messages = 0;
	pair_link_set(p);
	PAIR_UNTIL(p, link_is_up(dies->link) && link_is_up(stays->link));
	assert_int_equal(p->viewer.messages, dies == &p->viewer ? 0 : before);
	assert_int_equal(send_self(&p->transport, 2), 0);
	PAIR_UNTIL(p, p->viewer.messages == before + 1 || p->viewer.messages == 1);
	assert_int_equal(last_port, 2);
	assert_int_equal(p->viewer.alarms + p->transport.alarms, 0);
}

static void test_connecting_end_restarts(void **state)
{
	struct pair p = {.viewer.message = note_port};

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 5; i++)
		restart(&p, &p.viewer, &p.transport);
	pair_end(&p);
}

static void test_binding_end_restarts(void **state)
{
	struct pair p = {.viewer.message = note_port};

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 5; i++)
		restart(&p, &p.transport, &p.viewer);
	pair_end(&p);
}

static void test_new_token_without_a_death(void **state)
{
	struct pair p = {0};

	(void)state;
	pair_begin(&p);
	pair_link_set(&p);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	assert_int_equal(p.viewer.downs, 1);
	assert_int_equal(p.transport.downs, 1);
	pair_end(&p);
}

/* More than one turn takes; the end that parts hears of the goodbye only when all has been heard.
 */
static void part(struct pair_end *leaves, struct pair_end *stays, struct pair *p)
{
	for (uint32_t i = 0; i < 500; i++)
		if (leaves == &p->viewer)
			send_credit(leaves, 1001 + 2 * i);
		else
			send_self(leaves, 7);
	assert_true(link_part(leaves->link));
	PAIR_UNTIL(p, leaves->downs == 1);
	assert_int_equal(link_counted_since_up(stays->link).messages_in, 500 + 1);
	assert_int_equal(stays->downs, 1);
	assert_string_equal(stays->why, "stopped");
	assert_false(link_part(leaves->link));
	assert_int_equal(leaves->alarms + stays->alarms, 0);
}

/* The greeting was slow and is said once more; it is heard by an end that has said goodbye. */
static void test_after_a_goodbye_nobody_is_greeted(void **state)
{
	struct pair p = {.viewer.message = note_port};
	struct msg m;

	(void)state;
	pair_begin(&p);
	assert_true(link_part(p.transport.link));
	msg_begin(&m, MSG_HELLO, 0);
	msg_put_u16(&m, LINK_VERSION);
	msg_put_u8(&m, SERVICE_VIEWER);
	msg_put_u32(&m, p.viewer.generation);
	msg_put_u32(&m, p.viewer.link->greeting);
	assert_int_equal(link_send_raw(p.viewer.link, &m), 0);
	PAIR_UNTIL(&p, p.transport.downs == 1);
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 5);
	assert_false(link_is_up(p.viewer.link));
	assert_int_equal(p.viewer.ups, 1);
	pair_end(&p);
}

static void test_a_goodbye_comes_after_everything_else(void **state)
{
	struct pair p = {.viewer.message = note_port};

	(void)state;
	pair_begin(&p);
	part(&p.viewer, &p.transport, &p);
	pair_end(&p);
	p = (struct pair){.viewer.message = note_port};
	pair_begin(&p);
	part(&p.transport, &p.viewer, &p);
	pair_end(&p);
}

static void test_both_say_goodbye_at_once(void **state)
{
	struct pair p = {0};

	(void)state;
	pair_begin(&p);
	assert_true(link_part(p.viewer.link));
	assert_true(link_part(p.transport.link));
	PAIR_UNTIL(&p, p.viewer.downs == 1 && p.transport.downs == 1);
	assert_int_equal(p.viewer.alarms + p.transport.alarms, 0);
	/* Another life begins as after any other end. */
	pair_link_set(&p);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	pair_end(&p);
}

static void test_nobody_is_thanked_for_a_goodbye_not_said(void **state)
{
	struct pair p = {0};
	struct msg m;

	(void)state;
	pair_begin(&p);
	msg_begin(&m, MSG_BYE_BACK, 0);
	assert_int_equal(link_send(p.viewer.link, &m), 0);
	PAIR_UNTIL(&p, p.transport.alarms == 1 && p.transport.ups == 2);
	assert_non_null(strstr(p.transport.alarm, "BYE_BACK"));
	pair_end(&p);
}

static int refuse_first(struct pair_end *end, struct msg *m)
{
	(void)m;
	return end->messages == 1 ? -1 : 0;
}

/* The end that hears a bad message goes down, the other hears of it, both start anew. */
static void test_bad_message_to_the_connecting_end(void **state)
{
	struct pair p = {.viewer.message = refuse_first};

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 10; i++)
		send_self(&p.transport, 1);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	/* The nine behind the bad one were of the pairing that had ended. */
	assert_int_equal(p.viewer.messages, 1);
	assert_int_equal(p.viewer.alarms, 1);
	assert_non_null(strstr(p.viewer.alarm, "SELF"));
	send_self(&p.transport, 1);
	PAIR_UNTIL(&p, p.viewer.messages == 2);
	pair_end(&p);
}

static void test_bad_message_to_the_binding_end(void **state)
{
	struct pair p = {0};
	struct msg m;

	(void)state;
	pair_begin(&p);
	/* A stream that says it is opened, while nobody has asked: stream.c calls that bad. */
	msg_begin(&m, MSG_STREAM_OPEN, 0);
	msg_put_u32(&m, 1);
	msg_put_u16(&m, 200);
	assert_int_equal(link_send(p.viewer.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	assert_int_equal(p.transport.alarms, 1);
	assert_int_equal(p.viewer.alarms, 0);
	pair_end(&p);
}

static void test_unfit_messages_are_not_sent(void **state)
{
	struct pair p = {0};
	struct msg m;

	(void)state;
	pair_begin(&p);
	msg_begin(&m, MSG_PERSON, 0); /* only discovery says that */
	assert_int_equal(link_send(p.transport.link, &m), -1);
	msg_begin(&m, MSG_SELF, 2000);
	msg_put_room(&m, 2000);
	assert_int_equal(link_send(p.transport.link, &m), -1);
	assert_true(link_is_up(p.transport.link));
	pair_end(&p);
}

static int free_myself(struct pair_end *end, struct msg *m)
{
	(void)m;
	pair_free_end(end);
	return 0;
}

static void test_freed_in_its_own_callback(void **state)
{
	struct pair p = {.viewer.message = free_myself};

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 10; i++)
		send_self(&p.transport, 1);
	PAIR_UNTIL(&p, p.viewer.link == NULL);
	pair_end(&p);
}

static int token_in_callback(struct pair_end *end, struct msg *m)
{
	(void)m;
	if (end->messages == 1)
		pair_link_set(end->pair);
	return 0;
}

static void test_new_token_in_a_callback(void **state)
{
	struct pair p = {.viewer.message = token_in_callback};

	(void)state;
	pair_begin(&p);
	for (int i = 0; i < 10; i++)
		send_self(&p.transport, 1);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	assert_int_equal(p.viewer.messages, 1);
	pair_end(&p);
}

#define MANY 200000

static int count_all(struct pair_end *end, struct msg *m)
{
	(void)m;
	assert_int_equal(end->messages, end->messages);
	return 0;
}

/* The descriptor of libzmq is edge-triggered: whoever forgets that stalls within a hundred. */
static void test_many_messages_both_ways(void **state)
{
	struct pair p = {.viewer.message = count_all};
	uint64_t began = clock_mono_us();
	unsigned sent = 0;

	(void)state;
	pair_begin(&p);
	while (sent < MANY) {
		for (int i = 0; i < 500; i++, sent++) {
			assert_int_equal(send_self(&p.transport, 1), 0);
			assert_int_equal(send_credit(&p.viewer, 1001), 0);
		}
		PAIR_UNTIL(&p, p.viewer.messages == sent);
	}
	PAIR_UNTIL(&p, link_counted(p.transport.link).messages_in >= MANY);
	print_message("%d messages each way in %llu ms\n", MANY,
	    (unsigned long long)(clock_mono_us() - began) / 1000);
	pair_end(&p);
}

static void test_full_queue_is_an_alarm(void **state)
{
	struct pair p = {0};
	unsigned sent = 0;

	(void)state;
	pair_begin(&p);
	/* Nobody turns the loop, so nobody reads. */
	while (sent < 1000000 && send_self(&p.transport, 1) == 0)
		sent++;
	assert_true(sent > 100000);
	assert_false(link_is_up(p.transport.link));
	assert_int_equal(p.transport.alarms, 0);
	PAIR_UNTIL(&p, p.transport.ups == 2 && p.viewer.ups == 2);
	assert_int_equal(p.transport.alarms, 1);
	assert_non_null(strstr(p.transport.alarm, "full queue"));
	pair_end(&p);
}

/* --- strangers at the binding end ---------------------------------------------------------------
 */

struct stranger {
	void *context, *socket;
};

static void stranger_connect(struct stranger *s, const uint8_t *id, size_t len)
{
	int linger = 0;

	s->context = zmq_ctx_new();
	s->socket = zmq_socket(s->context, ZMQ_DEALER);
	zmq_setsockopt(s->socket, ZMQ_LINGER, &linger, sizeof(linger));
	if (id != NULL)
		zmq_setsockopt(s->socket, ZMQ_ROUTING_ID, id, len);
	assert_int_equal(zmq_connect(s->socket, "ipc://run/viewer-transport.ipc"), 0);
}

static void stranger_leave(struct stranger *s)
{
	zmq_close(s->socket);
	zmq_ctx_term(s->context);
}

static void stranger_says(struct stranger *s, struct msg *m, int flags)
{
	assert_int_equal(zmq_send(s->socket, m->base, m->size, flags), m->size);
	msg_drop(m);
}

static void make_hello(struct msg *m, unsigned version, unsigned service, uint32_t greeting)
{
	msg_begin(m, MSG_HELLO, 0);
	msg_put_u16(m, (uint16_t)version);
	msg_put_u8(m, (uint8_t)service);
	msg_put_u32(m, 1);
	msg_put_u32(m, greeting);
}

static void test_strangers_are_not_heard(void **state)
{
	struct pair p = {0};
	struct stranger s;
	struct msg m;

	(void)state;
	pair_begin(&p);
	p.transport.link->quiet_until = 0;
	stranger_connect(&s, NULL, 0);
	for (int i = 0; i < 100; i++) {
		make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
		stranger_says(&s, &m, i % 3 == 0 ? ZMQ_SNDMORE : 0);
	}
	PAIR_UNTIL(&p, p.transport.alarms > 0);
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 10);
	assert_true(link_is_up(p.transport.link));
	assert_int_equal(p.transport.ups, 1);
	assert_non_null(strstr(p.transport.alarm, "without its token"));
	/* Some HELLOs of the viewer, none of the hundred. */
	assert_true(link_counted(p.transport.link).messages_in < 20);
	assert_int_equal(send_self(&p.transport, 1), 0);
	PAIR_UNTIL(&p, p.viewer.messages == 1);
	stranger_leave(&s);
	pair_end(&p);
}

/* Of a new life the binding end may hear after that has greeted. */
static void test_a_new_life_is_no_stranger(void **state)
{
	struct pair p = {0};
	uint8_t id[LINK_ID] = {'g', 1, 2, 3};
	struct link *l;

	(void)state;
	pair_begin(&p);
	l = p.transport.link;
	for (unsigned told = 0; told < 2; told++) {
		link_note_stranger(l, id, sizeof(id));
		l->strange = true;
		if (told == 0)
			link_set(l, p.viewer.generation, id + 1);
		PAIR_UNTIL(&p, !l->strange);
		assert_int_equal(p.transport.alarms, told);
		if (told == 0)
			pair_link_set(&p);
		PAIR_UNTIL(&p, link_is_up(l) && link_is_up(p.viewer.link));
		l->quiet_until = 0;
	}
	pair_end(&p);
}

/* It greeted and died while the binding end was busy, which hears of its death, of the next life
 * and only then the greeting. */
static void test_an_earlier_life_that_greeted_is_no_stranger(void **state)
{
	struct pair p = {0};
	uint8_t id[LINK_ID] = {'g', 'o', 'l', 'd'};
	struct stranger s;
	struct msg m;

	(void)state;
	pair_begin(&p);
	link_lost(p.transport.link, p.viewer.generation, "killed by signal 9");
	link_set(p.transport.link, p.viewer.generation, id + 1);
	stranger_connect(&s, id, sizeof(id));
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
	pair_link_set(&p);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.link->stranger[1] == 'o');
	PAIR_UNTIL(&p, !p.transport.link->strange && link_is_up(p.viewer.link));
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 1);
	assert_int_equal(p.transport.alarms, 0);
	/* Later it is none that could have been under way. */
	p.transport.link->quiet_until = 0;
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.alarms == 1);
	stranger_leave(&s);
	pair_end(&p);
}

/* One who has the token, as a sibling of another build, or one gone mad, would. */
static void begin_with_token(struct pair *p, struct stranger *s)
{
	uint8_t id[1 + LINK_TOKEN] = {'g'};

	pair_init(p);
	pair_new_end(&p->transport);
	p->viewer.generation = 1;
	pair_link_set(p);
	memcpy(id + 1, p->token, LINK_TOKEN);
	stranger_connect(s, id, sizeof(id));
}

static void test_another_version_is_refused(void **state)
{
	struct pair p = {0};
	struct stranger s;
	struct msg m;

	(void)state;
	begin_with_token(&p, &s);
	make_hello(&m, LINK_VERSION + 1, SERVICE_VIEWER, 1);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.alarms == 1);
	assert_non_null(strstr(p.transport.alarm, "version"));
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
	stranger_says(&s, &m, 0);
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 10);
	assert_false(link_is_up(p.transport.link));
	stranger_leave(&s);
	pair_end(&p);
}

static void test_frames_and_sizes_out_of_order(void **state)
{
	static uint8_t huge[STREAM_PAYLOAD + 65];
	struct pair p = {0};
	struct stranger s;
	struct msg m;

	(void)state;
	begin_with_token(&p, &s);
	make_hello(&m, LINK_VERSION, SERVICE_DB, 1); /* not who it should be */
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.alarms == 1);
	for (int i = 0; i < 5; i++)
		zmq_send(s.socket, "frame", 5, i < 4 ? ZMQ_SNDMORE : 0);
	zmq_send(s.socket, "", 0, 0);
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.ups == 1);
	/* A message of the list, but not from a viewer. */
	msg_begin(&m, MSG_PERSON_GONE, 0);
	msg_put_str(&m, PEER);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.alarms == 3);
	assert_non_null(strstr(p.transport.alarm, "PERSON_GONE"));
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 2);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.ups == 2);
	/* libzmq itself breaks the connection for this one. */
	zmq_send(s.socket, huge, sizeof(huge), 0);
	zmq_send(s.socket, huge, sizeof(huge) - 1, 0);
	PAIR_UNTIL(&p, p.transport.downs == 2);
	stranger_leave(&s);
	pair_end(&p);
}

/* As libzmq does when a connection breaks and the process lives on. */
static void test_the_same_token_on_a_new_connection(void **state)
{
	struct pair p = {0};
	struct stranger s, again;
	uint8_t id[1 + LINK_TOKEN] = {'g'};
	struct msg m;

	(void)state;
	begin_with_token(&p, &s);
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 1);
	stranger_says(&s, &m, 0);
	PAIR_UNTIL(&p, p.transport.ups == 1);
	memcpy(id + 1, p.token, LINK_TOKEN);
	stranger_connect(&again, id, sizeof(id));
	make_hello(&m, LINK_VERSION, SERVICE_VIEWER, 2);
	stranger_says(&again, &m, 0);
	PAIR_UNTIL(&p, p.transport.ups == 2);
	stranger_leave(&s);
	stranger_leave(&again);
	pair_end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_comes_up_and_carries),
	    cmocka_unit_test(test_the_order_of_birth_is_no_matter),
	    cmocka_unit_test(test_down_sends_nothing),
	    cmocka_unit_test(test_lost_takes_down_only_its_generation),
	    cmocka_unit_test(test_connecting_end_restarts),
	    cmocka_unit_test(test_binding_end_restarts),
	    cmocka_unit_test(test_new_token_without_a_death),
	    cmocka_unit_test(test_after_a_goodbye_nobody_is_greeted),
	    cmocka_unit_test(test_a_goodbye_comes_after_everything_else),
	    cmocka_unit_test(test_both_say_goodbye_at_once),
	    cmocka_unit_test(test_nobody_is_thanked_for_a_goodbye_not_said),
	    cmocka_unit_test(test_bad_message_to_the_connecting_end),
	    cmocka_unit_test(test_bad_message_to_the_binding_end),
	    cmocka_unit_test(test_unfit_messages_are_not_sent),
	    cmocka_unit_test(test_freed_in_its_own_callback),
	    cmocka_unit_test(test_new_token_in_a_callback),
	    cmocka_unit_test(test_many_messages_both_ways),
	    cmocka_unit_test(test_full_queue_is_an_alarm),
	    cmocka_unit_test(test_strangers_are_not_heard),
	    cmocka_unit_test(test_a_new_life_is_no_stranger),
	    cmocka_unit_test(test_an_earlier_life_that_greeted_is_no_stranger),
	    cmocka_unit_test(test_another_version_is_refused),
	    cmocka_unit_test(test_frames_and_sizes_out_of_order),
	    cmocka_unit_test(test_the_same_token_on_a_new_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

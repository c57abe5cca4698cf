#include "../testing.h"

#include "svc-discovery/gossip_queue.h"

static struct gossip_frame *frame_of(const char *content, size_t len)
{
	struct buf b;
	struct gossip_frame *f;

	buf_init(&b, len);
	while (buf_room(&b) > 0)
		buf_put(&b, content, 1);
	f = gossip_frame_new(&b);
	return f;
}

static size_t put(
    struct gossip_queue *q, const char *content, size_t len, enum gossip_frame_kind kind)
{
	struct gossip_frame *f = frame_of(content, len);
	size_t shed = gossip_queue_put(q, f, kind);

	gossip_frame_unref(f);
	return shed;
}

/* The letters of the frames, in order. */
static void drain(struct gossip_queue *q, char *out)
{
	struct bytes next;

	while ((next = gossip_queue_next(q)).len > 0) {
		*out++ = (char)next.data[0];
		gossip_queue_sent(q, next.len);
	}
	*out = '\0';
	assert_int_equal(gossip_queue_bytes(q), 0);
}

static void frames_leave_in_order_and_in_parts(void **state)
{
	struct gossip_queue q;
	char out[16];

	(void)state;
	gossip_queue_init(&q);
	assert_int_equal(gossip_queue_next(&q).len, 0);
	put(&q, "a", 10, GOSSIP_FRAME_CONTROL);
	put(&q, "b", 20, GOSSIP_FRAME_MESSAGE);
	assert_int_equal(gossip_queue_bytes(&q), 30);
	assert_int_equal(gossip_queue_next(&q).len, 10);
	gossip_queue_sent(&q, 4);
	assert_int_equal(gossip_queue_next(&q).len, 6);
	assert_int_equal(gossip_queue_bytes(&q), 26);
	gossip_queue_sent(&q, 0);
	gossip_queue_sent(&q, 6);
	assert_int_equal(gossip_queue_next(&q).len, 20);
	drain(&q, out);
	assert_string_equal(out, "b");
	gossip_queue_clear(&q);
}

static void the_oldest_messages_are_shed_and_never_control(void **state)
{
	struct gossip_queue q;
	char out[2 * GOSSIP_QUEUE_FRAMES + 8];
	size_t shed = 0;

	(void)state;
	gossip_queue_init(&q);
	put(&q, "a", 10, GOSSIP_FRAME_MESSAGE); /* half of it is on the wire */
	gossip_queue_sent(&q, 5);
	put(&q, "C", 10, GOSSIP_FRAME_CONTROL);
	put(&q, "b", 10, GOSSIP_FRAME_MESSAGE);
	for (int i = 0; i < GOSSIP_QUEUE_FRAMES - 2; i++)
		shed += put(&q, "m", 10, GOSSIP_FRAME_MESSAGE);
	assert_int_equal(shed, 0);
	assert_int_equal(put(&q, "z", 10, GOSSIP_FRAME_MESSAGE), 1);
	drain(&q, out);
	assert_int_equal(strlen(out), GOSSIP_QUEUE_FRAMES + 1);
	assert_memory_equal(out, "aCm", 3);
	assert_int_equal(out[strlen(out) - 1], 'z');
	gossip_queue_clear(&q);
}

static void bytes_of_messages_are_bounded(void **state)
{
	struct gossip_queue q;

	(void)state;
	gossip_queue_init(&q);
	for (int i = 0; i < 20; i++) {
		put(&q, "m", 60000, GOSSIP_FRAME_MESSAGE);
		assert_true(gossip_queue_bytes(&q) <= GOSSIP_QUEUE_BYTES);
	}
	assert_int_equal(q.count[GOSSIP_FRAME_MESSAGE], 4);
	gossip_queue_clear(&q);
	assert_int_equal(gossip_queue_bytes(&q), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(frames_leave_in_order_and_in_parts),
	    cmocka_unit_test(the_oldest_messages_are_shed_and_never_control),
	    cmocka_unit_test(bytes_of_messages_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "../testing.h"

#include "codec/gossip.pb-c.h"
#include "codec/pb.h"

static void a_message_within_the_budget_unpacks(void **state)
{
	size_t n;
	uint8_t *raw = unhex("0a080801120474657374", &n);
	struct pb pb;
	Gossip__Rpc *rpc = gossip__rpc__unpack(pb_init(&pb, 1024), n, raw);

	(void)state;
	assert_non_null(rpc);
	assert_int_equal(rpc->n_subscriptions, 1);
	assert_true(rpc->subscriptions[0]->subscribe);
	assert_int_equal(pb_bytes(&rpc->subscriptions[0]->topic).len, 4);
	assert_memory_equal(pb_bytes(&rpc->subscriptions[0]->topic).data, "test", 4);
	assert_true(pb.left < 1024);
	gossip__rpc__free_unpacked(rpc, &pb.allocator);
	free(raw);
}

static void many_empty_entries_use_up_the_budget(void **state)
{
	size_t n = 100000;
	uint8_t *raw = malloc(n);
	struct pb pb;

	(void)state;
	for (size_t i = 0; i < n; i += 2)
		memcpy(raw + i, "\x0a\x00", 2);
	assert_null(gossip__rpc__unpack(pb_init(&pb, 256 * 1024), n, raw));
	assert_true(pb.left <= 256 * 1024);
	free(raw);
}

static void unknown_fields_count_too(void **state)
{
	size_t n = 100000;
	uint8_t *raw = malloc(n);
	struct pb pb;

	(void)state;
	for (size_t i = 0; i < n; i += 2)
		memcpy(raw + i, "\x78\x01", 2);
	assert_null(gossip__message__unpack(pb_init(&pb, 256 * 1024), n, raw));
	free(raw);
}

static void packing_respects_the_buffer(void **state)
{
	Gossip__Graft graft = GOSSIP__GRAFT__INIT;
	struct buf out;

	(void)state;
	graft.has_topic = true;
	graft.topic = pb_data("test", 4);
	buf_init(&out, 6);
	assert_int_equal(pb_pack(&out, &graft.base), 0);
	assert_int_equal(buf_len(&out), 6);
	assert_memory_equal(buf_data(&out), "\x0a\x04test", 6);
	assert_int_equal(pb_pack(&out, &graft.base), -1);
	assert_int_equal(buf_len(&out), 6);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_message_within_the_budget_unpacks),
	    cmocka_unit_test(many_empty_entries_use_up_the_budget),
	    cmocka_unit_test(unknown_fields_count_too),
	    cmocka_unit_test(packing_respects_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

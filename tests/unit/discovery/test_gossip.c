/* One core among peers played by hand: subscriptions, messages, topics. */
#include "gossip_lab.h"

static struct lab *l;

static int setup(void **state)
{
	(void)state;
	l = lab_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lab_free(l);
	return 0;
}

static void the_first_thing_a_peer_hears_are_our_subscriptions(void **state)
{
	struct heard h;

	(void)state;
	assert_int_equal(gossip_peer_up(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(l->opens[0], 1);
	assert_int_equal(gossip_peer_up(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(l->opens[0], 1);
	gossip_out_opened(l->g, &l->peer[0].id, GOSSIP_MESHSUB_11, l->now);
	/* With a GRAFT in the same RPC. */
	assert_int_equal(buf_len(&l->sent[0]), 21);
	assert_memory_equal(buf_data(&l->sent[0]),
	    "\x14\x0a\x08\x08\x01\x12\x04test\x1a\x08\x1a\x06\x0a\x04test", 21);
	h = lab_heard(l, 0);
	assert_int_equal(h.subscribe, 1);
	assert_int_equal(h.graft, 1);
	assert_int_equal(l->joins[0], 0);
	/* It is in the mesh when it is in the topic; its own stream by itself changes nothing. */
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(buf_len(&l->sent[0]), 0);
	assert_int_equal(lab_mesh(l), 0);
	lab_subscribe(l, 0, true);
	assert_int_equal(lab_mesh(l), 1);
	assert_int_equal(l->joins[0], 1);
}

static void an_inbound_stream_makes_us_open_ours(void **state)
{
	(void)state;
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(l->opens[0], 1);
	assert_int_equal(gossip_peer_up(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(l->opens[0], 1);
	/* What was said before our stream opened counts when it does. */
	lab_subscribe(l, 0, true);
	assert_int_equal(l->joins[0], 0);
	gossip_out_opened(l->g, &l->peer[0].id, GOSSIP_MESHSUB_11, l->now);
	assert_int_equal(l->joins[0], 1);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

static void a_new_inbound_stream_hears_the_subscriptions_again(void **state)
{
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	h = lab_heard(l, 0);
	assert_int_equal(h.subscribe, 1);
	assert_int_equal(h.graft, 1);
	/* What it said on the old one is forgotten until it says it again. */
	assert_int_equal(lab_info(l, 0).topics, 0);
	assert_int_equal(lab_mesh(l), 0);
	lab_subscribe(l, 0, true);
	assert_int_equal(lab_heard(l, 0).graft, 1);
	assert_int_equal(l->joins[0], 2);
}

static void half_an_rpc_of_the_old_stream_does_not_reach_into_the_new(void **state)
{
	struct buf b;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[0].id, (const uint8_t *)"\x0a\x0a\x08", 3, l->now), 0);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	buf_init(&b, 100);
	gossip_rpc_put_subscription(&b, text(TOPIC), true);
	/* Byte by byte, as it may come. */
	for (size_t i = 0; i < buf_len(&b); i++) {
		assert_int_equal(lab_info(l, 0).topics, 0);
		assert_int_equal(
		    gossip_in_data(l->g, &l->peer[0].id, buf_data(&b) + i, 1, l->now), 0);
	}
	assert_int_equal(lab_info(l, 0).topics, 1);
	buf_clear(&b);
}

static void a_message_is_delivered_once_and_passed_on(void **state)
{
	struct someone author = someone(99);

	(void)state;
	for (size_t i = 0; i < 3; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_say(l, 0, &author, 1);
	assert_int_equal(l->messages, 1);
	assert_true(peer_id_equal(&l->from, &author.id));
	assert_int_equal(l->sender, 0);
	assert_string_equal(l->data, "hello");
	assert_int_equal(lab_heard(l, 0).publish, 0);
	assert_int_equal(lab_heard(l, 1).publish, 1);
	assert_int_equal(lab_heard(l, 2).publish, 1);
	lab_say(l, 0, &author, 1);
	lab_say(l, 1, &author, 1);
	assert_int_equal(l->messages, 1);
	assert_int_equal(lab_heard(l, 1).publish + lab_heard(l, 2).publish, 0);
	assert_int_equal(gossip_counted(l->g).duplicates, 2);
	lab_say(l, 1, &author, 2);
	assert_int_equal(l->messages, 2);
}

static void a_message_does_not_go_back_to_its_author(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_say(l, 0, &l->peer[1], 1);
	assert_int_equal(lab_heard(l, 1).publish, 0);
	assert_int_equal(lab_heard(l, 2).publish, 1);
}

static void a_floodsub_peer_gets_every_message_and_no_control(void **state)
{
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_FLOODSUB);
	lab_connect(l, 2, GOSSIP_FLOODSUB);
	lab_subscribe(l, 2, false);
	lab_say(l, 0, &l->peer[0], 1);
	lab_graft(l, 1);
	for (int i = 0; i < 3; i++)
		lab_tick(l);
	h = lab_heard(l, 1);
	assert_int_equal(h.subscribe, 1);
	assert_int_equal(h.publish, 1);
	assert_int_equal(h.graft + h.prune + h.ihave, 0);
	assert_int_equal(lab_heard(l, 2).publish, 0);
}

static void own_messages_go_to_every_subscribed_peer(void **state)
{
	struct signed_message s;
	struct buf wire;
	uint64_t seqno = gossip_next_seqno(l->g);

	(void)state;
	for (size_t i = 0; i < 20; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_subscribe(l, 19, false);
	lab_hush(l);
	sign(&s, &l->self, seqno, text("here"));
	assert_int_equal(
	    gossip_publish(l->g, TOPIC, seqno, text("here"), pb_bytes(&s.m.signature), l->now), 0);
	/* Exactly what was signed. */
	buf_init(&wire, 1024);
	gossip_rpc_put_message(&wire, &s.m);
	assert_int_equal(buf_len(&wire), buf_len(&l->sent[0]));
	assert_memory_equal(buf_data(&wire), buf_data(&l->sent[0]), buf_len(&wire));
	buf_clear(&wire);
	for (size_t i = 0; i < 19; i++)
		assert_int_equal(lab_heard(l, i).publish, 1);
	assert_int_equal(lab_heard(l, 19).publish, 0);
	/* It comes back: nothing happens. */
	lab_message_raw(l, 3, &s.m);
	assert_int_equal(l->messages, 0);
	assert_int_equal(gossip_reach(l->g, TOPIC, l->now), 19);
}

static void what_cannot_be_published_is_refused(void **state)
{
	static uint8_t big[GOSSIP_MESSAGE_MAX];

	(void)state;
	assert_int_equal(gossip_publish(l->g, "other", 1, text("x"), text("sig"), l->now), -1);
	assert_int_equal(
	    gossip_publish(l->g, TOPIC, 1, (struct bytes){big, sizeof(big)}, text("sig"), l->now),
	    -1);
	assert_int_equal(gossip_publish(l->g, TOPIC, 1, (struct bytes){big, sizeof(big) - 200},
			     text("sig"), l->now),
	    0);
}

static void sequence_numbers_grow_from_the_seed(void **state)
{
	(void)state;
	assert_int_equal(gossip_next_seqno(l->g), 1001);
	assert_int_equal(gossip_next_seqno(l->g), 1002);
}

static void other_topics_are_nobodys_business(void **state)
{
	struct signed_message s;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	sign(&s, &l->peer[0], 1, text("x"));
	s.m.topic = pb_data("other", 5);
	lab_message_raw(l, 0, &s.m);
	assert_int_equal(l->messages, 0);
	assert_int_equal(lab_info(l, 0).score, 0);
	gossip_leave(l->g, TOPIC, l->now);
	lab_say(l, 0, &l->peer[0], 1);
	assert_int_equal(l->messages, 0);
	assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
	lab_say(l, 0, &l->peer[0], 1);
	assert_int_equal(l->messages, 1);
}

static void leaving_says_so_and_remembers_who_is_there(void **state)
{
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_10);
	lab_hush(l);
	gossip_leave(l->g, TOPIC, l->now);
	h = lab_heard(l, 0);
	assert_int_equal(h.unsubscribe, 1);
	assert_int_equal(h.prune, 1);
	assert_int_equal(h.backoff, 10);
	h = lab_heard(l, 1);
	assert_int_equal(h.prune, 1);
	assert_int_equal(h.backoff, 0); /* v1.0 knows none */
	assert_int_equal(gossip_reach(l->g, TOPIC, l->now), 0);
	lab_subscribe(l, 1, false);
	assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
	assert_int_equal(gossip_reach(l->g, TOPIC, l->now), 1);
	assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
	h = lab_heard(l, 0);
	assert_int_equal(h.subscribe, 1);
	assert_int_equal(h.graft, 0); /* it was told ten seconds */
	lab_wait(l, 10000);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

static void topics_are_bounded(void **state)
{
	char name[GOSSIP_TOPIC_MAX + 2];

	(void)state;
	memset(name, 'x', sizeof(name));
	name[GOSSIP_TOPIC_MAX + 1] = '\0';
	assert_int_equal(gossip_join(l->g, name, l->now), -1);
	assert_int_equal(gossip_join(l->g, "", l->now), -1);
	for (int i = 1; i < GOSSIP_TOPICS_MAX; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		assert_int_equal(gossip_join(l->g, name, l->now), 0);
	}
	assert_int_equal(gossip_join(l->g, "one more", l->now), -1);
	assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(the_first_thing_a_peer_hears_are_our_subscriptions),
	    TEST(an_inbound_stream_makes_us_open_ours),
	    TEST(a_new_inbound_stream_hears_the_subscriptions_again),
	    TEST(half_an_rpc_of_the_old_stream_does_not_reach_into_the_new),
	    TEST(a_message_is_delivered_once_and_passed_on),
	    TEST(a_message_does_not_go_back_to_its_author),
	    TEST(a_floodsub_peer_gets_every_message_and_no_control),
	    TEST(own_messages_go_to_every_subscribed_peer),
	    TEST(what_cannot_be_published_is_refused),
	    TEST(sequence_numbers_grow_from_the_seed),
	    TEST(other_topics_are_nobodys_business),
	    TEST(leaving_says_so_and_remembers_who_is_there),
	    TEST(topics_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

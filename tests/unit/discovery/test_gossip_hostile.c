/* One core among peers that lie, that send what is broken, too long or without end, and that do not
 * read. */
#include "gossip_lab.h"

#include "svc-discovery/gossip_queue.h"
#include "svc-discovery/gossip_standing.h"

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

static void who_passes_on_forgeries_is_ignored_for_a_while(void **state)
{
	struct someone author = someone(99);
	struct signed_message s;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_hush(l);
	for (uint64_t i = 0; i < 3; i++) {
		assert_false(lab_info(l, 0).ignored);
		sign(&s, &author, i, text("x"));
		s.sig[5] ^= 1;
		lab_message_raw(l, 0, &s.m);
	}
	assert_int_equal(l->messages, 0);
	assert_int_equal(gossip_counted(l->g).unsigned_, 3);
	assert_int_equal(lab_heard(l, 1).publish, 0);
	assert_true(lab_info(l, 0).ignored);
	assert_int_equal(lab_info(l, 0).meshes, 0);
	assert_int_equal(lab_heard(l, 0).prune, 1);
	/* Now nothing of it counts, and it hears nothing, not even anew. */
	lab_say(l, 0, &l->peer[0], 1);
	lab_graft(l, 0);
	gossip_peer_down(l->g, &l->peer[0].id, l->now);
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->peer[0], 1);
	lab_tick(l);
	assert_int_equal(l->messages, 0);
	assert_int_equal(lab_mesh(l), 1);
	lab_say(l, 1, &author, 7);
	gossip_publish(l->g, TOPIC, gossip_next_seqno(l->g), text("x"), text("sig"), l->now);
	assert_int_equal(lab_heard(l, 0).publish, 0);
	assert_int_equal(gossip_reach(l->g, TOPIC, l->now), 1);
	/* The message whose signature was spoilt is not thereby lost. */
	lab_say(l, 1, &author, 0);
	assert_int_equal(l->messages, 2);
	lab_wait(l, GOSSIP_IGNORED_MS);
	lab_say(l, 0, &l->peer[0], 1);
	assert_int_equal(l->messages, 3);
	assert_int_equal(lab_mesh(l), 2);
}

static void unsigned_messages_are_dropped(void **state)
{
	struct signed_message s;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	gossip__message__init(&s.m);
	s.m.has_data = s.m.has_topic = true;
	s.m.data = pb_data("x", 1);
	s.m.topic = pb_data(TOPIC, strlen(TOPIC));
	lab_message_raw(l, 0, &s.m);
	assert_int_equal(l->messages, 0);
	assert_int_equal(lab_info(l, 0).score, -GOSSIP_BLAME_FORGED);
}

static void a_rejected_message_costs_its_author_most(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_connect(l, 2, GOSSIP_MESHSUB_11);
	lab_hush(l);
	l->verdict = GOSSIP_REJECT;
	lab_say(l, 0, &l->peer[1], 1);
	assert_int_equal(lab_info(l, 0).score, -GOSSIP_BLAME_RELAYED);
	assert_int_equal(lab_info(l, 1).score, -GOSSIP_BLAME_FORGED);
	lab_say(l, 1, &l->peer[1], 2);
	lab_say(l, 0, &l->peer[1], 3);
	assert_int_equal(l->messages, 3);
	assert_true(lab_info(l, 1).ignored);
	assert_false(lab_info(l, 0).ignored);
	assert_int_equal(lab_heard(l, 2).publish, 0);
	/* Whoever brings more of the author is not asked about it. */
	l->verdict = GOSSIP_ACCEPT;
	lab_say(l, 0, &l->peer[1], 4);
	assert_int_equal(l->messages, 3);
	assert_int_equal(gossip_counted(l->g).from_ignored, 1);
}

static void an_author_is_not_blamed_twice(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	l->verdict = GOSSIP_REJECT;
	lab_say(l, 0, &l->peer[0], 1);
	assert_int_equal(lab_info(l, 0).score, -GOSSIP_BLAME_FORGED);
}

/* Of an earlier life, still under way. */
static void messages_of_our_own_are_not_news(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->self, 1);
	assert_int_equal(l->messages, 0);
	assert_int_equal(lab_info(l, 0).score, 0);
}

static void a_message_of_no_interest_is_not_passed_on(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_hush(l);
	l->verdict = GOSSIP_IGNORE;
	lab_say(l, 0, &l->peer[0], 1);
	assert_int_equal(l->messages, 1);
	assert_int_equal(lab_heard(l, 1).publish, 0);
	assert_int_equal(lab_info(l, 0).score, 0);
}

static void malformed_rpcs_end_the_stream(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[0].id, (const uint8_t *)"\x02\x0a\x05", 3, l->now), -1);
	assert_int_equal(lab_info(l, 0).score, -GOSSIP_BLAME_MANGLED);
	assert_false(lab_info(l, 0).inbound);
	/* Nothing is taken of a stream that is over. */
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[0].id, (const uint8_t *)"\0", 1, l->now), -1);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[0].id, (const uint8_t *)"\x81\x80\x40", 3, l->now), -1);
	assert_int_equal(gossip_counted(l->g).malformed, 2);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[1].id, (const uint8_t *)"\0", 1, l->now), -1);
}

static void the_longest_rpc_is_taken_in_pieces(void **state)
{
	size_t n = GOSSIP_RPC_IN_MAX;
	uint8_t *rpc = calloc(1, n + 3);

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	/* an unknown field that fills it, twice, in pieces that do not fit */
	memcpy(rpc, "\x80\x80\x40\xfa\x01\xfb\xff\x3f", 8);
	for (int times = 0; times < 2; times++)
		for (size_t at = 0; at < n + 3; at += 100000)
			assert_int_equal(gossip_in_data(l->g, &l->peer[0].id, rpc + at,
					     n + 3 - at < 100000 ? n + 3 - at : 100000, l->now),
			    0);
	assert_int_equal(gossip_counted(l->g).malformed, 0);
	assert_true(lab_info(l, 0).inbound);
	free(rpc);
}

static void unfinished_rpcs_of_all_peers_have_one_budget(void **state)
{
	static uint8_t part[1000 * 1000] = {0x80, 0x80, 0x40};
	unsigned refused = 0;

	(void)state;
	for (size_t i = 0; i < PEERS; i++) {
		lab_connect(l, i, GOSSIP_MESHSUB_11);
		assert_int_equal(
		    gossip_in_data(l->g, &l->peer[i].id, part, sizeof(part), l->now), 0);
	}
	/* Those who hold most make room for who comes. */
	for (size_t i = 0; i < PEERS; i++) {
		refused += l->refusals[i];
		assert_int_equal(lab_info(l, i).inbound, l->refusals[i] == 0);
	}
	assert_int_equal(refused, PEERS - 33);
	assert_int_equal(gossip_counted(l->g).over_limit, refused);
	/* Who leaves makes room. */
	gossip_in_closed(l->g, &l->peer[0].id, l->now);
	gossip_peer_down(l->g, &l->peer[1].id, l->now);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[39].id, l->now), 0);
	assert_int_equal(gossip_in_data(l->g, &l->peer[39].id, part, sizeof(part), l->now), 0);
}

static void whoever_holds_most_of_a_full_budget_goes(void **state)
{
	static uint8_t part[1000 * 1000] = {0x80, 0x80, 0x40};
	struct buf b;

	(void)state;
	for (size_t i = 0; i < 33; i++) {
		lab_connect(l, i, GOSSIP_MESHSUB_11);
		gossip_in_data(l->g, &l->peer[i].id, part, sizeof(part) - i, l->now);
	}
	/* One who says little is heard, at the expense of the largest. */
	lab_connect(l, 33, GOSSIP_MESHSUB_11);
	gossip_in_data(l->g, &l->peer[33].id, part, 600 * 1000, l->now);
	assert_int_equal(l->refusals[0], 1);
	buf_init(&b, 1024);
	gossip_rpc_put_graft(&b, text(TOPIC));
	lab_connect(l, 34, GOSSIP_MESHSUB_11);
	assert_int_equal(lab_feed(l, 34, &b), 0);
	/* The largest itself is refused; it has been told so by the answer. */
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(gossip_in_data(l->g, &l->peer[0].id, part, sizeof(part), l->now), -1);
	assert_int_equal(l->refusals[0], 1);
}

static void an_rpc_that_does_not_end_costs_the_stream(void **state)
{
	struct buf b;
	uint8_t last;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	buf_init(&b, 1024);
	gossip_rpc_put_graft(&b, text(TOPIC));
	last = buf_data(&b)[buf_len(&b) - 1];
	buf_truncate(&b, buf_len(&b) - 1);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[0].id, buf_data(&b), buf_len(&b), l->now), 0);
	/* In between it has finished one and begun the next: its time counts anew. */
	assert_int_equal(lab_feed(l, 1, &b), 0);
	lab_wait(l, 20 * 1000);
	assert_int_equal(gossip_in_data(l->g, &l->peer[1].id, &last, 1, l->now), 0);
	assert_int_equal(
	    gossip_in_data(l->g, &l->peer[1].id, (const uint8_t *)"\x05", 1, l->now), 0);
	lab_wait(l, 9999);
	assert_int_equal(l->refusals[0], 0);
	lab_wait(l, 1);
	assert_int_equal(l->refusals[0], 1);
	assert_int_equal(l->refusals[1], 0);
	assert_false(lab_info(l, 0).inbound);
	assert_true(lab_info(l, 1).inbound);
	assert_int_equal(gossip_in_data(l->g, &l->peer[0].id, &last, 1, l->now), -1);
}

static void signatures_checked_in_a_heartbeat_are_bounded(void **state)
{
	struct someone author = someone(99);

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	for (uint64_t i = 0; i < 600; i++)
		lab_say(l, 0, &author, i);
	assert_int_equal(l->messages, 500);
	assert_int_equal(gossip_counted(l->g).over_limit, 100);
	lab_tick(l);
	lab_say(l, 0, &author, 599);
	assert_int_equal(l->messages, 501);
}

static void a_slow_peer_loses_old_messages_but_no_control(void **state)
{
	struct someone author = someone(99);
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_hush(l);
	l->credit[1] = 100; /* half of the first message */
	for (uint64_t i = 0; i < 200; i++)
		lab_say(l, 0, &author, i);
	gossip_leave(l->g, TOPIC, l->now);
	assert_true(lab_info(l, 1).queued < GOSSIP_QUEUE_BYTES);
	l->credit[1] = SIZE_MAX;
	gossip_out_writable(l->g, &l->peer[1].id, l->now);
	assert_int_equal(lab_info(l, 1).queued, 0);
	h = lab_heard(l, 1);
	assert_int_equal(h.publish, GOSSIP_QUEUE_FRAMES);
	assert_int_equal(h.unsubscribe, 1);
	assert_int_equal(h.prune, 1);
	assert_int_equal(gossip_counted(l->g).dropped, 200 - GOSSIP_QUEUE_FRAMES);
}

static void a_stuck_stream_is_reset_and_tried_again(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	/* Idle for long is not stuck. */
	lab_wait(l, 3600 * 1000);
	assert_int_equal(l->resets[0], 0);
	l->credit[0] = 0;
	gossip_leave(l->g, TOPIC, l->now);
	lab_wait(l, 29 * 1000);
	assert_int_equal(l->resets[0], 0);
	lab_wait(l, 1000);
	assert_int_equal(l->resets[0], 1);
	assert_false(lab_info(l, 0).outbound);
	assert_int_equal(l->opens[0], 1);
	lab_wait(l, 1000);
	assert_int_equal(l->opens[0], 2);
}

static void a_peer_that_takes_no_control_is_cut_off(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	l->credit[0] = 0;
	for (int i = 0; i < 20000 && l->resets[0] == 0; i++) {
		gossip_leave(l->g, TOPIC, l->now);
		assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
		assert_true(lab_info(l, 0).queued <= GOSSIP_QUEUE_CONTROL + 100);
	}
	assert_int_equal(l->resets[0], 1);
	assert_int_equal(lab_info(l, 0).queued, 0);
}

static void a_stream_that_does_not_open_is_tried_ever_later(void **state)
{
	unsigned tried = 0;

	(void)state;
	l->open_fails = true;
	assert_int_equal(gossip_peer_up(l->g, &l->peer[0].id, l->now), 0);
	for (int second = 1; second <= 63; second++) {
		lab_tick(l);
		/* after 1, 3, 7, 15, 31 and 63 seconds */
		if ((second & (second + 1)) == 0)
			tried++;
		assert_int_equal(l->opens[0], 1 + tried);
	}
	for (int i = 0; i < 60; i++)
		lab_tick(l);
	assert_int_equal(l->opens[0], 2 + tried);
	/* The peer's own stream is reason enough to try at once. */
	l->open_fails = false;
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(l->opens[0], 3 + tried);
	/* A stream that was open for long was no failure. */
	gossip_out_opened(l->g, &l->peer[0].id, GOSSIP_MESHSUB_11, l->now);
	l->now += 60000;
	gossip_out_closed(l->g, &l->peer[0].id, l->now);
	lab_tick(l);
	assert_int_equal(l->opens[0], 4 + tried);
}

static void a_closed_stream_of_ours_takes_the_peer_out_of_the_mesh(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_hush(l);
	gossip_out_closed(l->g, &l->peer[0].id, l->now);
	assert_int_equal(lab_mesh(l), 1);
	assert_int_equal(gossip_reach(l->g, TOPIC, l->now), 1);
	lab_say(l, 1, &l->peer[1], 1);
	lab_tick(l);
	assert_int_equal(buf_len(&l->sent[0]), 0);
	gossip_out_opened(l->g, &l->peer[0].id, GOSSIP_MESHSUB_11, l->now);
	assert_int_equal(lab_heard(l, 0).subscribe, 1);
	assert_int_equal(l->joins[0], 2);
	assert_int_equal(lab_mesh(l), 2);
}

static void peers_are_bounded_and_never_ourselves(void **state)
{
	(void)state;
	assert_int_equal(gossip_peer_up(l->g, &l->self.id, l->now), -1);
	assert_int_equal(gossip_in_opened(l->g, &l->self.id, l->now), -1);
	/* Calls about peers that are not there do nothing. */
	gossip_out_opened(l->g, &l->peer[0].id, GOSSIP_MESHSUB_11, l->now);
	gossip_out_closed(l->g, &l->peer[0].id, l->now);
	gossip_out_writable(l->g, &l->peer[0].id, l->now);
	gossip_in_closed(l->g, &l->peer[0].id, l->now);
	gossip_peer_down(l->g, &l->peer[0].id, l->now);
	assert_int_equal(l->opens[0], 0);
}

static void cut_rpc(const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(gossip_in_data(l->g, &l->peer[0].id, p, n, l->now), 0);
	assert_int_equal(l->messages, 0);
}

static void flipped_rpc(const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	gossip_in_data(l->g, &l->peer[0].id, p, n, l->now);
	assert_int_equal(l->messages, 0);
	/* So that it is never ignored. */
	lab_wait(l, 3600 * 1000);
}

static void a_cut_or_flipped_message_is_never_delivered(void **state)
{
	struct signed_message s;
	struct buf b;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	sign(&s, &l->peer[0], 1, text("hello"));
	buf_init(&b, 1024);
	gossip_rpc_put_message(&b, &s.m);
	cut_every_length(buf_data(&b), buf_len(&b), cut_rpc, NULL);
	flip_every_bit(buf_data(&b), buf_len(&b), flipped_rpc, NULL);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[0].id, l->now), 0);
	assert_int_equal(lab_feed(l, 0, &b), 0);
	assert_int_equal(l->messages, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(who_passes_on_forgeries_is_ignored_for_a_while),
	    TEST(unsigned_messages_are_dropped),
	    TEST(a_rejected_message_costs_its_author_most),
	    TEST(an_author_is_not_blamed_twice),
	    TEST(messages_of_our_own_are_not_news),
	    TEST(a_message_of_no_interest_is_not_passed_on),
	    TEST(malformed_rpcs_end_the_stream),
	    TEST(the_longest_rpc_is_taken_in_pieces),
	    TEST(unfinished_rpcs_of_all_peers_have_one_budget),
	    TEST(whoever_holds_most_of_a_full_budget_goes),
	    TEST(an_rpc_that_does_not_end_costs_the_stream),
	    TEST(signatures_checked_in_a_heartbeat_are_bounded),
	    TEST(a_slow_peer_loses_old_messages_but_no_control),
	    TEST(a_stuck_stream_is_reset_and_tried_again),
	    TEST(a_peer_that_takes_no_control_is_cut_off),
	    TEST(a_stream_that_does_not_open_is_tried_ever_later),
	    TEST(a_closed_stream_of_ours_takes_the_peer_out_of_the_mesh),
	    TEST(peers_are_bounded_and_never_ourselves),
	    TEST(a_cut_or_flipped_message_is_never_delivered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* One core among peers played by hand: the mesh, back-off, IHAVE and IWANT. */
#include "gossip_lab.h"

#include "svc-discovery/gossip_cache.h"
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

static void peers_are_grafted_at_once_while_the_mesh_is_small(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8; i++) {
		lab_connect(l, i, GOSSIP_MESHSUB_11);
		/* with our subscription, and when it says that it is in the topic */
		assert_int_equal(lab_heard(l, i).graft, i < 6 ? 2 : 0);
	}
	assert_int_equal(lab_mesh(l), 6);
}

/* Our stream to the peer is open; it has not said anything yet. */
static void greet(size_t i, enum gossip_protocol protocol)
{
	assert_int_equal(gossip_peer_up(l->g, &l->peer[i].id, l->now), 0);
	gossip_out_opened(l->g, &l->peer[i].id, protocol, l->now);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[i].id, l->now), 0);
}

static void no_more_are_invited_than_the_mesh_has_room_for(void **state)
{
	(void)state;
	greet(0, GOSSIP_FLOODSUB);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	for (size_t i = 1; i < 10; i++) {
		greet(i, GOSSIP_MESHSUB_11);
		assert_int_equal(lab_heard(l, i).graft, i < 7 ? 1 : 0);
	}
	/* Whoever was invited has a place, also when others came meanwhile. */
	for (size_t i = 9; i > 0; i--)
		lab_subscribe(l, i, true);
	for (size_t i = 1; i < 10; i++)
		assert_int_equal(lab_info(l, i).meshes, 1);
}

static void who_was_invited_and_is_not_in_the_topic_takes_no_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < 8; i++)
		greet(i, GOSSIP_MESHSUB_11);
	assert_int_equal(lab_mesh(l), 0);
	for (size_t i = 8; i < 14; i++) {
		lab_connect(l, i, GOSSIP_MESHSUB_11);
		assert_int_equal(lab_heard(l, i).graft, 1);
	}
	assert_int_equal(lab_mesh(l), 6);
	/* When they are gone, others are invited. */
	for (size_t i = 0; i < 14; i++)
		gossip_peer_down(l->g, &l->peer[i].id, l->now);
	greet(20, GOSSIP_MESHSUB_11);
	assert_int_equal(lab_heard(l, 20).graft, 1);
}

static void who_declines_an_invitation_is_left_alone(void **state)
{
	(void)state;
	greet(0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_prune(l, 0, 60);
	lab_subscribe(l, 0, true);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	assert_int_equal(lab_mesh(l), 0);
	/* Nor is it invited when it comes back. */
	gossip_peer_down(l->g, &l->peer[0].id, l->now);
	greet(0, GOSSIP_MESHSUB_11);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	lab_subscribe(l, 0, true);
	lab_wait(l, 60000);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

static void a_heartbeat_fills_the_mesh_when_it_is_low(void **state)
{
	(void)state;
	for (size_t i = 0; i < 10; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_hush(l);
	/* With five it is not yet low. */
	gossip_peer_down(l->g, &l->peer[0].id, l->now);
	lab_tick(l);
	assert_int_equal(lab_mesh(l), 5);
	gossip_peer_down(l->g, &l->peer[1].id, l->now);
	lab_tick(l);
	assert_int_equal(lab_mesh(l), 6);
	assert_int_equal(lab_heard(l, 6).graft + lab_heard(l, 7).graft + lab_heard(l, 8).graft +
			     lab_heard(l, 9).graft,
	    2);
}

static void a_full_mesh_refuses_and_is_trimmed(void **state)
{
	struct heard h;
	unsigned pruned = 0;

	(void)state;
	for (size_t i = 0; i < 14; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	for (size_t i = 6; i < 12; i++)
		lab_graft(l, i);
	assert_int_equal(lab_mesh(l), 12);
	lab_hush(l);
	lab_graft(l, 12);
	h = lab_heard(l, 12);
	assert_int_equal(h.prune, 1);
	assert_int_equal(h.backoff, 60);
	assert_int_equal(lab_mesh(l), 12);
	/* Refused is not blamed. */
	assert_int_equal(lab_info(l, 12).score, 0);
	lab_tick(l);
	assert_int_equal(lab_mesh(l), 6);
	for (size_t i = 0; i < 12; i++) {
		h = lab_heard(l, i);
		pruned += h.prune;
		assert_int_equal(h.graft, 0);
	}
	assert_int_equal(pruned, 6);
}

static void a_graft_is_taken_without_an_answer(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_graft(l, 6);
	lab_graft(l, 6);
	h = lab_heard(l, 6);
	assert_int_equal(h.graft + h.prune, 0);
	assert_int_equal(lab_mesh(l), 7);
	assert_int_equal(lab_info(l, 6).score, 0);
}

static void a_peer_that_unsubscribes_leaves_the_mesh(void **state)
{
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_subscribe(l, 0, false);
	lab_tick(l);
	h = lab_heard(l, 0);
	assert_int_equal(h.graft + h.prune, 0);
	assert_int_equal(lab_mesh(l), 0);
	lab_subscribe(l, 0, true);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

/* A peer pruned us for so many seconds: when is it grafted again? */
static void grafted_after(uint64_t told, uint64_t seconds)
{
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	lab_prune(l, 0, told);
	assert_int_equal(lab_mesh(l), 0);
	l->now += seconds * 1000 - 1;
	gossip_tick(l->g, l->now);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	l->now += 1;
	gossip_tick(l->g, l->now);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

static void a_back_off_lasts_as_long_as_we_were_told(void **state)
{
	(void)state;
	grafted_after(10, 10);
}

static void a_back_off_without_a_time_is_a_minute(void **state)
{
	(void)state;
	grafted_after(0, 60);
}

static void a_back_off_for_ever_is_not_believed(void **state)
{
	(void)state;
	grafted_after(UINT64_MAX, 3600);
}

static void a_back_off_survives_a_new_connection(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_prune(l, 0, 10);
	gossip_peer_down(l->g, &l->peer[0].id, l->now);
	lab_hush(l);
	for (int i = 0; i < 9; i++)
		lab_tick(l);
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	assert_int_equal(lab_mesh(l), 0);
	lab_tick(l);
	assert_int_equal(lab_heard(l, 0).graft, 1);
}

static void a_graft_during_the_back_off_is_pruned_and_blamed(void **state)
{
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_prune(l, 0, 10);
	lab_hush(l);
	l->now += 9999;
	lab_graft(l, 0);
	h = lab_heard(l, 0);
	assert_int_equal(h.prune, 1);
	assert_int_equal(h.backoff, 60);
	assert_int_equal(lab_mesh(l), 0);
	assert_int_equal(lab_info(l, 0).score, -GOSSIP_BLAME_EARLY);
	/* The clock starts anew. */
	l->now += 59999;
	gossip_tick(l->g, l->now);
	assert_int_equal(lab_heard(l, 0).graft, 0);
	l->now += 1;
	lab_graft(l, 0);
	assert_int_equal(lab_mesh(l), 1);
}

static void a_flood_of_grafts_makes_us_deaf(void **state)
{
	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_prune(l, 0, 60);
	lab_hush(l);
	for (int i = 0; i < 100; i++)
		lab_graft(l, 0);
	assert_true(lab_info(l, 0).ignored);
	assert_in_range(lab_heard(l, 0).prune, 6, 7);
}

static void control_about_other_topics_is_left_alone(void **state)
{
	struct buf b;
	struct heard h;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	buf_init(&b, 1024);
	gossip_rpc_put_graft(&b, text("other"));
	gossip_rpc_put_prune(&b, text("other"), 5);
	gossip_rpc_put_ihave(&b, text("other"), (struct bytes[]){text("id")}, 1);
	gossip_rpc_put_subscription(&b, text("other"), true);
	assert_int_equal(lab_feed(l, 0, &b), 0);
	h = lab_heard(l, 0);
	assert_int_equal(h.graft + h.prune + h.iwant, 0);
	assert_int_equal(lab_mesh(l), 1);
}

static size_t ihave(size_t peer, const struct bytes *ids, size_t count)
{
	struct buf b;

	buf_init(&b, GOSSIP_RPC_IN_MAX);
	assert_int_equal(gossip_rpc_put_ihave(&b, text(TOPIC), ids, count), 0);
	assert_int_equal(lab_feed(l, peer, &b), 0);
	return lab_heard(l, peer).ids;
}

static void unknown_ids_are_asked_for_once(void **state)
{
	struct bytes ids[] = {text("first"), text("second")};

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_hush(l);
	assert_int_equal(ihave(0, ids, 2), 2);
	assert_int_equal(ihave(0, ids, 2), 0);
	assert_int_equal(ihave(1, ids, 2), 0);
	/* It did not come: somebody else may have it. */
	lab_wait(l, 3000);
	lab_hush(l);
	assert_int_equal(ihave(1, ids, 2), 2);
}

static void known_ids_are_not_asked_for(void **state)
{
	uint8_t raw[PEER_ID_MAX + GOSSIP_SEQNO] = {0};
	struct bytes id = {raw, (size_t)l->peer[5].id.len + GOSSIP_SEQNO};

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->peer[5], 7);
	lab_hush(l);
	/* The author's id and the number, as go makes it. */
	memcpy(raw, l->peer[5].id.bytes, l->peer[5].id.len);
	raw[id.len - 1] = 7;
	assert_int_equal(ihave(0, &id, 1), 0);
	raw[id.len - 1] = 8;
	assert_int_equal(ihave(0, &id, 1), 1);
}

static void asking_is_bounded_per_heartbeat(void **state)
{
	char names[1200][8];
	struct bytes ids[1200];
	size_t asked = 0;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_hush(l);
	for (size_t i = 0; i < 1200; i++) {
		snprintf(names[i], sizeof(names[i]), "%zu", i);
		ids[i] = text(names[i]);
	}
	assert_int_equal(ihave(0, ids, 1200), 1000);
	lab_tick(l);
	lab_hush(l);
	/* Ten RPCs of them are read. */
	for (size_t i = 0; i < 12; i++)
		asked += ihave(0, ids + 1000 + i, 1);
	assert_int_equal(asked, 10);
	/* Ids that nobody can mean. */
	lab_tick(l);
	lab_hush(l);
	static uint8_t huge[GOSSIP_ID_MAX + 1];
	ids[0] = (struct bytes){huge, sizeof(huge)};
	ids[1] = (struct bytes){huge, 0};
	assert_int_equal(ihave(0, ids, 2), 0);
}

/* The id of peer 5's message with that number. */
static struct bytes id_of(uint8_t raw[PEER_ID_MAX + GOSSIP_SEQNO], uint8_t number)
{
	size_t n = l->peer[5].id.len;

	memset(raw, 0, PEER_ID_MAX + GOSSIP_SEQNO);
	memcpy(raw, l->peer[5].id.bytes, n);
	raw[n + GOSSIP_SEQNO - 1] = number;
	return (struct bytes){raw, n + GOSSIP_SEQNO};
}

static unsigned iwant(size_t peer, const struct bytes *ids, size_t count)
{
	struct buf b;

	buf_init(&b, GOSSIP_RPC_IN_MAX);
	assert_int_equal(gossip_rpc_put_iwant(&b, ids, count), 0);
	assert_int_equal(lab_feed(l, peer, &b), 0);
	return lab_heard(l, peer).publish;
}

static void messages_are_served_three_times_to_a_peer(void **state)
{
	uint8_t raw[PEER_ID_MAX + GOSSIP_SEQNO];
	struct bytes ids[5];

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->peer[5], 7);
	lab_hush(l);
	for (size_t i = 0; i < 5; i++)
		ids[i] = id_of(raw, 7);
	assert_int_equal(iwant(1, ids, 1), 1);
	assert_int_equal(iwant(1, ids, 5), 2);
	assert_int_equal(iwant(1, ids, 5), 0);
	assert_int_equal(iwant(0, ids, 1), 1);
	assert_int_equal(gossip_counted(l->g).served, 4);
}

static void messages_are_served_for_five_heartbeats(void **state)
{
	uint8_t raw[PEER_ID_MAX + GOSSIP_SEQNO];
	struct bytes id;

	(void)state;
	lab_connect(l, 0, GOSSIP_MESHSUB_11);
	lab_connect(l, 1, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->peer[5], 7);
	id = id_of(raw, 7);
	for (int i = 0; i < GOSSIP_HISTORY - 1; i++)
		lab_tick(l);
	lab_hush(l);
	assert_int_equal(iwant(1, &id, 1), 1);
	lab_tick(l);
	lab_hush(l);
	assert_int_equal(iwant(1, &id, 1), 0);
	/* But it is still known, until two minutes have passed. */
	assert_int_equal(ihave(0, &id, 1), 0);
	lab_wait(l, 120 * 1000);
	lab_hush(l);
	assert_int_equal(ihave(0, &id, 1), 1);
}

static void those_outside_the_mesh_hear_of_messages_for_three_heartbeats(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < 8; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_connect(l, 8, GOSSIP_FLOODSUB);
	lab_say(l, 0, &l->peer[20], 1);
	lab_say(l, 0, &l->peer[20], 2);
	lab_hush(l);
	for (int beat = 0; beat < 5; beat++) {
		lab_tick(l);
		for (size_t i = 0; i < 6; i++)
			assert_int_equal(lab_heard(l, i).ihave, 0);
		for (size_t i = 6; i < 8; i++) {
			h = lab_heard(l, i);
			assert_int_equal(h.ihave, beat < GOSSIP_HISTORY_SHOWN ? 1 : 0);
			assert_int_equal(h.ids, beat < GOSSIP_HISTORY_SHOWN ? 2 : 0);
		}
		assert_int_equal(lab_heard(l, 8).ihave, 0);
	}
}

static void only_some_of_many_hear_of_messages(void **state)
{
	unsigned told = 0;

	(void)state;
	for (size_t i = 0; i < 36; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_say(l, 0, &l->peer[39], 1);
	lab_hush(l);
	lab_tick(l);
	for (size_t i = 0; i < 36; i++)
		told += lab_heard(l, i).ihave;
	assert_int_equal(told, 7); /* a quarter of thirty */
}

static void what_we_send_fits_into_64_kib(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < 7; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	for (uint64_t n = 0; n < 4; n++) {
		for (uint64_t i = 0; i < 450; i++)
			lab_say(l, n, &l->peer[20], n * 1000 + i);
	}
	lab_hush(l);
	lab_tick(l);
	h = lab_heard(l, 6);
	assert_int_equal(h.ids, 1000);
	assert_true(h.longest <= GOSSIP_RPC_OUT_MAX);
}

static void a_mesh_holds_through_a_year_of_heartbeats_of_silence(void **state)
{
	struct heard h;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		lab_connect(l, i, GOSSIP_MESHSUB_11);
	lab_hush(l);
	for (int i = 0; i < 1000; i++)
		lab_wait(l, 31536000);
	for (size_t i = 0; i < 6; i++) {
		h = lab_heard(l, i);
		assert_int_equal(h.graft + h.prune + h.ihave + h.subscribe, 0);
	}
	assert_int_equal(lab_mesh(l), 6);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(peers_are_grafted_at_once_while_the_mesh_is_small),
	    TEST(no_more_are_invited_than_the_mesh_has_room_for),
	    TEST(who_was_invited_and_is_not_in_the_topic_takes_no_place),
	    TEST(who_declines_an_invitation_is_left_alone),
	    TEST(a_heartbeat_fills_the_mesh_when_it_is_low),
	    TEST(a_full_mesh_refuses_and_is_trimmed),
	    TEST(a_graft_is_taken_without_an_answer),
	    TEST(a_peer_that_unsubscribes_leaves_the_mesh),
	    TEST(a_back_off_lasts_as_long_as_we_were_told),
	    TEST(a_back_off_without_a_time_is_a_minute),
	    TEST(a_back_off_for_ever_is_not_believed),
	    TEST(a_back_off_survives_a_new_connection),
	    TEST(a_graft_during_the_back_off_is_pruned_and_blamed),
	    TEST(a_flood_of_grafts_makes_us_deaf),
	    TEST(control_about_other_topics_is_left_alone),
	    TEST(unknown_ids_are_asked_for_once),
	    TEST(known_ids_are_not_asked_for),
	    TEST(asking_is_bounded_per_heartbeat),
	    TEST(messages_are_served_three_times_to_a_peer),
	    TEST(messages_are_served_for_five_heartbeats),
	    TEST(those_outside_the_mesh_hear_of_messages_for_three_heartbeats),
	    TEST(only_some_of_many_hear_of_messages),
	    TEST(what_we_send_fits_into_64_kib),
	    TEST(a_mesh_holds_through_a_year_of_heartbeats_of_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

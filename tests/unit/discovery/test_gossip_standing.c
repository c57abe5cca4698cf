#include "../testing.h"

#include "svc-discovery/gossip_standing.h"

static struct peer_id peer(uint16_t n)
{
	return (struct peer_id){.len = 2, .bytes = {(uint8_t)n, (uint8_t)(n >> 8)}};
}

static void three_forgeries_in_a_row_are_one_too_many(void **state)
{
	struct gossip_standings *t = gossip_standings_new(10);
	struct peer_id a = peer(1);
	struct gossip_standing *s = gossip_standing_get(t, &a, 1000);

	(void)state;
	assert_false(gossip_standing_blame(s, GOSSIP_BLAME_FORGED, 1000));
	assert_false(gossip_standing_blame(s, GOSSIP_BLAME_FORGED, 1000));
	assert_false(gossip_standing_ignored(s, 1000));
	assert_true(gossip_standing_blame(s, GOSSIP_BLAME_FORGED, 1000));
	assert_true(gossip_standing_ignored(s, 1000));
	/* Once is enough. */
	assert_false(gossip_standing_blame(s, 1000, 2000));
	assert_true(gossip_standing_ignored(s, 1000 + GOSSIP_IGNORED_MS - 1));
	assert_false(gossip_standing_ignored(s, 1000 + GOSSIP_IGNORED_MS));
	/* Nobody begins afresh: one more forgery suffices. */
	assert_true(gossip_standing_blame(s, GOSSIP_BLAME_FORGED, 1000 + GOSSIP_IGNORED_MS));
	gossip_standings_free(t);
}

static void points_are_forgiven_with_time(void **state)
{
	struct gossip_standings *t = gossip_standings_new(10);
	struct peer_id a = peer(1);
	struct gossip_standing *s = gossip_standing_get(t, &a, 0);

	(void)state;
	gossip_standing_hold(s);
	gossip_standing_blame(s, 3, 0);
	gossip_standings_tick(t, GOSSIP_SCORE_DECAY_MS - 1);
	assert_int_equal(s->score, -3);
	gossip_standings_tick(t, GOSSIP_SCORE_DECAY_MS);
	assert_int_equal(s->score, -2);
	gossip_standings_tick(t, 10 * GOSSIP_SCORE_DECAY_MS);
	assert_int_equal(s->score, 0);
	/* Good behaviour is not saved up. */
	gossip_standing_blame(s, 3, 10 * GOSSIP_SCORE_DECAY_MS);
	gossip_standings_tick(t, 10 * GOSSIP_SCORE_DECAY_MS + 1);
	assert_int_equal(s->score, -3);
	gossip_standings_free(t);
}

static void a_back_off_is_kept_while_it_lasts(void **state)
{
	struct gossip_standings *t = gossip_standings_new(10);
	struct peer_id a = peer(1);
	struct gossip_standing *s = gossip_standing_get(t, &a, 0);

	(void)state;
	gossip_standing_back_off(s, 2, 100, 50);
	gossip_standing_back_off(s, 2, 10, 50);
	assert_true(gossip_standing_backs_off(s, 2, 149));
	assert_false(gossip_standing_backs_off(s, 1, 149));
	assert_false(gossip_standing_backs_off(s, 2, 150));
	gossip_standings_tick(t, 149);
	assert_ptr_equal(gossip_standing_find(t, &a), s);
	gossip_standings_tick(t, 150);
	assert_null(gossip_standing_find(t, &a));
	gossip_standings_free(t);
}

static void a_full_table_forgets_who_is_not_held(void **state)
{
	struct gossip_standings *t = gossip_standings_new(3);
	struct peer_id first = peer(0), second = peer(1);

	(void)state;
	gossip_standing_hold(gossip_standing_get(t, &first, 0));
	for (uint16_t i = 1; i < 100; i++) {
		struct peer_id p = peer(i);
		gossip_standing_blame(gossip_standing_get(t, &p, i), 20, i);
		assert_true(gossip_standings_count(t) <= 3);
	}
	assert_non_null(gossip_standing_find(t, &first));
	assert_null(gossip_standing_find(t, &second));
	gossip_standing_release(gossip_standing_find(t, &first));
	gossip_standings_tick(t, 200);
	assert_null(gossip_standing_find(t, &first));
	gossip_standings_free(t);
}

static void a_flood_of_names_does_not_wash_off_a_bad_one(void **state)
{
	struct gossip_standings *t = gossip_standings_new(4);
	struct peer_id bad = peer(1), poor = peer(2), waiting = peer(3);

	(void)state;
	gossip_standing_blame(gossip_standing_get(t, &bad, 0), -GOSSIP_SCORE_IGNORED, 0);
	gossip_standing_blame(gossip_standing_get(t, &poor, 0), GOSSIP_BLAME_FORGED, 0);
	gossip_standing_back_off(gossip_standing_get(t, &waiting, 0), 0, 60000, 0);
	for (uint16_t i = 10; i < 100; i++) {
		struct peer_id p = peer(i);
		gossip_standing_get(t, &p, i);
	}
	assert_int_equal(gossip_standings_count(t), 4);
	assert_non_null(gossip_standing_find(t, &bad));
	assert_non_null(gossip_standing_find(t, &poor));
	assert_non_null(gossip_standing_find(t, &waiting));
	/* Nor a flood of such as lose some points themselves. */
	for (uint16_t i = 100; i < 200; i++) {
		struct peer_id p = peer(i);
		gossip_standing_blame(gossip_standing_get(t, &p, i), GOSSIP_BLAME_FORGED, i);
	}
	assert_true(gossip_standing_ignored(gossip_standing_find(t, &bad), 300));
	assert_null(gossip_standing_find(t, &poor));
	/* When its time is over, it is like others. */
	for (uint16_t i = 200; i < 300; i++) {
		struct peer_id p = peer(i);
		gossip_standing_blame(
		    gossip_standing_get(t, &p, GOSSIP_IGNORED_MS), 1, GOSSIP_IGNORED_MS);
	}
	assert_null(gossip_standing_find(t, &bad));
	gossip_standings_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(three_forgeries_in_a_row_are_one_too_many),
	    cmocka_unit_test(points_are_forgiven_with_time),
	    cmocka_unit_test(a_back_off_is_kept_while_it_lasts),
	    cmocka_unit_test(a_full_table_forgets_who_is_not_held),
	    cmocka_unit_test(a_flood_of_names_does_not_wash_off_a_bad_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

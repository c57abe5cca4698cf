#include "svc-viewer/peers.h"

#include "codec/json.h"
#include "tests/unit/testing.h"

/* The changes told, as "event json\n". */
static char told[4096];

static void changed(void *arg, const char *event, const char *json)
{
	(void)arg;
	strncat(told, event, sizeof(told) - strlen(told) - 1);
	strncat(told, " ", sizeof(told) - strlen(told) - 1);
	strncat(told, json, sizeof(told) - strlen(told) - 1);
	strncat(told, "\n", sizeof(told) - strlen(told) - 1);
}

static int set_up(void **state)
{
	told[0] = '\0';
	*state = peers_new(changed, NULL);
	return 0;
}

static int tear_down(void **state)
{
	peers_free(*state);
	return 0;
}

static void put(struct peers *p, const char *id, const char *label)
{
	const struct peers_person who = {.id = id,
	    .label = label,
	    .email = "a@b",
	    .avatar_hash = "",
	    .last_seen = 1769903999123};

	peers_put(p, &who);
}

static void has_rows(struct peers *p, const char *expect)
{
	char *rows = peers_rows(p);

	assert_string_equal(rows, expect);
	free(rows);
}

#define ROW(id, label)                                                                             \
	"\"ID\":\"" id "\",\"Content\":\"" label                                                   \
	"\",\"Email\":\"a@b\",\"AvatarHash\":\"\",\"LastSeen\":\"2026-01-31T23:59:59.123Z\""

static void test_rows(void **state)
{
	has_rows(*state, "[]");
	put(*state, "A", "x\\\"y");
	put(*state, "B", "b");
	assert_int_equal(peers_count(*state), 2);
	has_rows(*state, "[{" ROW("A", "x\\\\\\\"y") "},{" ROW("B", "b") "}]");
}

static void test_snapshot_event(void **state)
{
	char *snapshot;

	put(*state, "A", "a");
	snapshot = peers_snapshot(*state);
	assert_string_equal(snapshot, "{\"type\":\"snapshot\",\"peers\":[{" ROW("A", "a") "}]}");
	free(snapshot);
}

static void test_changes_are_told(void **state)
{
	put(*state, "A", "a");
	assert_string_equal(told, "update {\"type\":\"update\",\"peer_id\":\"A\",\"peer\":{" ROW(
				      "A", "a") "}," ROW("A", "a") "}\n");
	told[0] = '\0';
	peers_remove(*state, "A");
	assert_string_equal(told, "remove {\"type\":\"remove\",\"peer_id\":\"A\",\"ID\":\"A\"}\n");
	told[0] = '\0';
	peers_remove(*state, "A");
	assert_string_equal(told, "");
	assert_int_equal(peers_count(*state), 0);
}

static void test_update_replaces(void **state)
{
	put(*state, "A", "old");
	put(*state, "A", "new");
	has_rows(*state, "[{" ROW("A", "new") "}]");
}

static void test_who_is_missing_in_a_snapshot_has_gone(void **state)
{
	put(*state, "A", "a");
	put(*state, "B", "b");
	peers_snapshot_begin(*state);
	put(*state, "B", "b");
	put(*state, "C", "c");
	told[0] = '\0';
	peers_snapshot_end(*state);
	assert_string_equal(told, "remove {\"type\":\"remove\",\"peer_id\":\"A\",\"ID\":\"A\"}\n");
	has_rows(*state, "[{" ROW("B", "b") "},{" ROW("C", "c") "}]");
	told[0] = '\0';
	peers_snapshot_end(*state);
	assert_string_equal(told, "");
}

static void test_the_list_is_bounded(void **state)
{
	char id[32];

	for (int i = 0; i < PEERS_MAX + 10; i++) {
		snprintf(id, sizeof(id), "peer%d", i);
		put(*state, id, "x");
	}
	assert_int_equal(peers_count(*state), PEERS_MAX);
	/* Who is listed is still heard. */
	told[0] = '\0';
	put(*state, "peer0", "new name");
	assert_non_null(strstr(told, "new name"));
}

static void test_their_texts_are_bounded(void **state)
{
	static char label[64 * 1024 + 1];
	char id[16], *rows;
	size_t listed;

	memset(label, 'x', sizeof label - 1);
	for (int i = 0; i < 2 * PEERS_BYTES_MAX / (int)sizeof label; i++) {
		snprintf(id, sizeof id, "%d", i);
		put(*state, id, label);
	}
	listed = peers_count(*state);
	assert_in_range(listed, 32, PEERS_BYTES_MAX / (sizeof label - 1));
	/* Who is listed cannot grow beyond it either, and room that is left again is used. */
	put(*state, "small", "");
	assert_int_equal(peers_count(*state), listed + 1);
	put(*state, "small", label);
	rows = peers_rows(*state);
	assert_non_null(strstr(rows, "\"ID\":\"small\",\"Content\":\"\","));
	free(rows);
	peers_remove(*state, "0");
	put(*state, "again", label);
	assert_int_equal(peers_count(*state), listed + 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rows),
	    TEST(test_snapshot_event),
	    TEST(test_changes_are_told),
	    TEST(test_update_replaces),
	    TEST(test_who_is_missing_in_a_snapshot_has_gone),
	    TEST(test_their_texts_are_bounded),
	    TEST(test_the_list_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

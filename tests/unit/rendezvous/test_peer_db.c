/* A real file, two hubs on it, time as argument. */
#include "svc-rendezvous/peer_db.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/rendezvous/hub_testing.h"

struct instance {
	struct stage s;
	struct peer_db *db;
};

static char folder[64], path[96];

static void store(void *arg, const struct hub_row *row)
{
	struct stage *s = arg;

	stage_store(s, row);
	if (s->db != NULL)
		peer_db_store(s->db, row);
}

static void begin(struct instance *i, int64_t now)
{
	const struct hub_limits limits = stage_limits();
	const struct hub_config config = {.limits = limits,
	    .events = {.send = stage_send, .note = stage_note, .store = store, .arg = &i->s},
	    .epoch = "00112233aabbccdd",
	    .ring = 1 << 20};
	char error[PEER_DB_ERROR];

	if (sodium_init() < 0)
		abort();
	*i = (struct instance){0};
	for (int c = 0; c < HUB_CHANNELS; c++)
		buf_init(&i->s.said[c], 1 << 20);
	i->s.hub = hub_new(&config);
	i->db = peer_db_open(path, error);
	assert_non_null(i->db);
	peer_db_load(i->db, i->s.hub, now);
	i->s.db = i->db;
}

static void end(struct instance *i)
{
	peer_db_close(i->db);
	stage_close(&i->s);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/goop-peer-db-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/peers.db", folder);
	return 0;
}

static int tear_down(void **state)
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char name[128];

	(void)state;
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

static void test_restart_keeps_peers_and_signers(void **state)
{
	struct instance a;
	struct key alice, bob;

	(void)state;
	key_make(&alice, 1);
	key_make(&bob, 2);
	begin(&a, NOW);
	say(&a.s, ADDR, &alice, PRESENCE_ONLINE, "alice", 10, true, NOW);
	say(&a.s, ADDR, &bob, PRESENCE_ONLINE, "bob", 10, false, NOW);
	end(&a);
	begin(&a, NOW + 40000);
	assert_int_equal(hub_online(a.s.hub), 2);
	assert_int_equal(say(&a.s, ADDR, &alice, PRESENCE_OFFLINE, "", 10, true, NOW + 40000), 409);
	assert_int_equal(
	    say(&a.s, ADDR, &alice, PRESENCE_OFFLINE, "", 99, false, NOW + 40000), 409);
	assert_int_equal(say(&a.s, ADDR, &bob, PRESENCE_UPDATE, "bob", 1, false, NOW + 40000), 204);
	hub_tick(a.s.hub, NOW + 40000 + HUB_FOREIGN_MS);
	assert_int_equal(hub_online(a.s.hub), 0);
	end(&a);
}

static void test_after_a_long_time_only_signers_are_known(void **state)
{
	struct instance a;
	struct key alice;

	(void)state;
	key_make(&alice, 1);
	begin(&a, NOW);
	say(&a.s, ADDR, &alice, PRESENCE_ONLINE, "alice", 10, true, NOW);
	end(&a);
	begin(&a, NOW + PEER_DB_DOWN_MS);
	assert_int_equal(hub_online(a.s.hub), 0);
	assert_int_equal(hub_signers(a.s.hub), 1);
	end(&a);
	begin(&a, NOW + HUB_SIGNER_MS);
	assert_int_equal(hub_signers(a.s.hub), 0);
	end(&a);
}

static void test_two_instances_show_each_others_peers(void **state)
{
	struct instance a, b;
	struct key alice;
	char *text;

	(void)state;
	key_make(&alice, 1);
	begin(&a, NOW);
	begin(&b, NOW);
	say(&a.s, ADDR, &alice, PRESENCE_ONLINE, "alice", 10, true, NOW);
	peer_db_turn(a.db, a.s.hub, NOW + 250);
	peer_db_turn(b.db, b.s.hub, NOW + 250);
	assert_int_equal(hub_online(b.s.hub), 1);
	text = stage_said(&b.s, HUB_CHANGES);
	assert_non_null(strstr(text, "\"alice\""));
	assert_non_null(strstr(text, "\"sig\""));
	free(text);
	assert_int_equal(b.s.stored, 0);
	/* What was heard there is protected here. */
	assert_int_equal(say(&b.s, ADDR, &alice, PRESENCE_OFFLINE, "", 9, true, NOW + 260), 409);
	say(&a.s, ADDR, &alice, PRESENCE_OFFLINE, "", 11, true, NOW + 300);
	peer_db_turn(a.db, a.s.hub, NOW + 500);
	peer_db_turn(b.db, b.s.hub, NOW + 500);
	assert_int_equal(hub_online(b.s.hub), 0);
	text = stage_said(&b.s, HUB_CHANGES);
	assert_non_null(strstr(text, "\"offline\""));
	free(text);
	end(&a);
	end(&b);
}

static void test_expiry_here_does_not_end_a_peer_that_moved_there(void **state)
{
	struct instance a, b;
	struct key alice;

	(void)state;
	key_make(&alice, 1);
	begin(&a, NOW);
	begin(&b, NOW);
	say(&a.s, ADDR, &alice, PRESENCE_ONLINE, "alice", 10, true, NOW);
	peer_db_turn(a.db, a.s.hub, NOW);
	peer_db_turn(b.db, b.s.hub, NOW);
	say(&b.s, ADDR, &alice, PRESENCE_UPDATE, "alice", 20, true, NOW + 29000);
	hub_tick(a.s.hub, NOW + 30000);
	assert_int_equal(hub_online(a.s.hub), 0);
	peer_db_turn(a.db, a.s.hub, NOW + 30000);
	peer_db_turn(b.db, b.s.hub, NOW + 30000);
	assert_int_equal(hub_online(b.s.hub), 1);
	peer_db_turn(a.db, a.s.hub, NOW + 30250);
	assert_int_equal(hub_online(a.s.hub), 1);
	end(&a);
	end(&b);
}

static void test_damaged_file_is_an_error_that_names_it(void **state)
{
	char error[PEER_DB_ERROR];
	FILE *f = fopen(path, "w");

	(void)state;
	for (int i = 0; i < 1000; i++)
		fputs("this is no database, and nobody may replace it ", f);
	fclose(f);
	assert_null(peer_db_open(path, error));
	assert_non_null(strstr(error, path));
	assert_non_null(strstr(error, "presence.peer_db_path"));
}

static void test_clock_that_was_set_back_loses_nothing(void **state)
{
	const int64_t back = NOW - 600000;
	struct instance a;
	struct key alice;

	(void)state;
	key_make(&alice, 1);
	begin(&a, NOW);
	say(&a.s, ADDR, &alice, PRESENCE_ONLINE, "alice", 10, true, NOW);
	end(&a);
	begin(&a, back);
	assert_int_equal(hub_online(a.s.hub), 1);
	assert_int_equal(say(&a.s, ADDR, &alice, PRESENCE_OFFLINE, "", 99, false, back), 409);
	assert_int_equal(say(&a.s, ADDR, &alice, PRESENCE_OFFLINE, "", 11, true, back), 204);
	end(&a);
	begin(&a, back + 1000);
	assert_int_equal(hub_online(a.s.hub), 0);
	end(&a);
}

static void expect_private(const char *suffix)
{
	char name[128];
	struct stat st;

	snprintf(name, sizeof(name), "%s%s", path, suffix);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_nobody_else_may_read_the_file(void **state)
{
	mode_t before = umask(0);
	struct instance i;

	(void)state;
	begin(&i, NOW);
	expect_private("");
	expect_private("-wal");
	expect_private("-shm");
	end(&i);
	umask(before);
}

#define LARGE 60000
#define MANY  3000

/* Nothing can be written, as on a full disk or while another instance holds the lock. */
static void test_what_waits_is_bounded_and_written_by_and_by(void **state)
{
	static char json[LARGE];
	char id[16];
	struct hub_row row = {
	    .id = id, .client = ADDR, .json = json, .len = LARGE, .signer_ts = -1};
	struct instance a;
	size_t waiting;

	(void)state;
	memset(json, 'x', sizeof(json));
	begin(&a, NOW);
	for (int i = 0; i < MANY; i++) {
		snprintf(id, sizeof(id), "%d", i);
		peer_db_store(a.db, &row);
	}
	waiting = peer_db_pending(a.db);
	assert_in_range(waiting, MANY / 3, MANY / 3 * 2);
	/* Whoever is among them can still be told to be gone. */
	snprintf(id, sizeof(id), "0");
	row.gone = true;
	row.len = 10;
	peer_db_store(a.db, &row);
	assert_int_equal(peer_db_pending(a.db), waiting);
	peer_db_turn(a.db, a.s.hub, NOW);
	assert_in_range(waiting - peer_db_pending(a.db), 1, waiting / 4);
	while (peer_db_pending(a.db) > 0)
		peer_db_turn(a.db, a.s.hub, NOW);
	end(&a);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_restart_keeps_peers_and_signers),
	    T(test_after_a_long_time_only_signers_are_known),
	    T(test_two_instances_show_each_others_peers),
	    T(test_expiry_here_does_not_end_a_peer_that_moved_there),
	    T(test_damaged_file_is_an_error_that_names_it),
	    T(test_nobody_else_may_read_the_file),
	    T(test_clock_that_was_set_back_loses_nothing),
	    T(test_what_waits_is_bounded_and_written_by_and_by),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

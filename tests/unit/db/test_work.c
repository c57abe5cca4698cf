#include "svc-db/work.h"

#include "tests/unit/db/call_testing.h"

/* A job with all that is heard of it. */
struct heard {
	struct job *job;
	struct buf out;
	unsigned outputs;
	bool done, broken;
	unsigned place; /* in the order of ends */
	char why[64];
};

static void on_output(void *arg)
{
	((struct heard *)arg)->outputs++;
}

static unsigned ends;

static void on_done(void *arg)
{
	((struct heard *)arg)->done = true;
	((struct heard *)arg)->place = ++ends;
}

static void on_broken(void *arg, const char *why)
{
	struct heard *h = arg;

	h->broken = true;
	snprintf(h->why, sizeof h->why, "%s", why);
}

static const struct job_events events = {on_output, on_done, on_broken};

struct stage {
	struct place *place;
	struct work *work;
};

static int setup(void **state)
{
	struct stage *s = calloc(1, sizeof *s);

	place_setup((void **)&s->place);
	make_notes(s->place->st);
	outside(s->place, "UPDATE _tables SET insert_policy = 'public'");
	s->work = work_new(s->place->st);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	work_free(s->work);
	place_teardown((void **)&s->place);
	free(s);
	return 0;
}

static void add(struct stage *s, struct heard *h, const struct caller *who, const char *line)
{
	struct data_call *call;

	memset(h, 0, sizeof *h);
	buf_init(&h->out, DATA_CALL_OUT);
	call = data_call_new(line, strlen(line), who, &h->out);
	assert_non_null(call);
	h->job = work_add(s->work, call, who->owner ? "" : who->peer, &h->out, &events, h);
}

static void says(struct heard *h, const char *part)
{
	assert_true(h->done);
	buf_put(&h->out, "", 1);
	if (strstr((const char *)buf_data(&h->out), part) == NULL)
		fail_msg("%s is not in %s", part, (const char *)buf_data(&h->out));
	buf_clear(&h->out);
}

#define INSERT "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}"
#define ALL    "{\"op\":\"query\",\"table\":\"notes\"}"

static void test_writes_that_wait_share_a_transaction(void **state)
{
	struct stage *s = *state;
	struct heard h[64];

	for (size_t i = 0; i < 64; i++)
		add(s, &h[i], i % 2 ? &alice : &bob, INSERT);
	assert_int_equal(work_turn(s->work, 1), WORK_AGAIN);
	assert_int_equal(work_counted(s->work).commits, 1);
	assert_int_equal(work_counted(s->work).writes, 64);
	assert_int_equal(work_counted(s->work).largest, 64);
	for (size_t i = 0; i < 64; i++)
		says(&h[i], "\"inserted\"");
	assert_int_equal(work_turn(s->work, 1), WORK_IDLE);
}

static void test_changes_of_tables_are_alone(void **state)
{
	struct stage *s = *state;
	struct heard h[3];

	add(s, &h[0], &alice, INSERT);
	add(s, &h[1], &the_owner,
	    "{\"op\":\"add-column\",\"table\":\"notes\",\"column\":{\"name\":\"more\"}}");
	add(s, &h[2], &alice,
	    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\",\"more\":1}}");
	for (uint64_t commits = 1; commits <= 3; commits++) {
		work_turn(s->work, 1);
		assert_int_equal(work_counted(s->work).commits, commits);
	}
	says(&h[0], "\"inserted\"");
	says(&h[1], "\"added\"");
	says(&h[2], "\"inserted\"");
	assert_int_equal(work_counted(s->work).alters, 1);
}

static void test_nothing_is_told_before_the_commit(void **state)
{
	struct stage *s = *state;
	struct heard h;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(s->place->file, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	add(s, &h, &alice, INSERT);
	work_turn(s->work, 100);
	assert_false(h.done);
	assert_int_equal(work_turn(s->work, 101), WORK_LATER);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	work_turn(s->work, 100 + WORK_RETRY_MS);
	says(&h, "\"inserted\"");
}

static void test_cancelled_writes_are_not_done(void **state)
{
	struct stage *s = *state;
	struct heard h[2];

	add(s, &h[0], &alice, INSERT);
	add(s, &h[1], &alice, INSERT);
	job_cancel(h[0].job);
	work_turn(s->work, 1);
	assert_false(h[0].done);
	says(&h[1], "\"inserted\",\"id\":1");
	buf_clear(&h[0].out);
}

static void fill(struct stage *s, unsigned rows)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO notes (_owner, title, n) SELECT 'a', printf('%%01000d', i), i FROM n",
	    rows);
	outside(s->place, sql);
}

/* Turns until everything rests. */
static uint64_t settle(struct stage *s, uint64_t now)
{
	while (work_turn(s->work, now) == WORK_AGAIN)
		now++;
	return now;
}

static void test_long_answers_rest_until_read(void **state)
{
	struct stage *s = *state;
	struct heard h;
	unsigned outputs;

	fill(s, 300);
	add(s, &h, &alice, ALL);
	settle(s, 1);
	assert_false(h.done);
	assert_int_equal(h.outputs, 1);
	assert_true(buf_len(&h.out) >= DATA_CALL_CHUNK);
	for (outputs = 1; !h.done; outputs++) {
		buf_consume(&h.out, buf_len(&h.out));
		job_resume(h.job);
		settle(s, 1);
	}
	assert_true(outputs > 4);
	buf_clear(&h.out);
}

static void test_callers_take_turns(void **state)
{
	struct stage *s = *state;
	struct heard greedy[40], modest;

	fill(s, 20);
	for (size_t i = 0; i < 40; i++)
		add(s, &greedy[i], &alice, ALL);
	add(s, &modest, &bob, ALL);
	ends = 0;
	settle(s, 1);
	for (size_t i = 0; i < 40; i++)
		says(&greedy[i], "\"ok\":true");
	says(&modest, "\"ok\":true");
	/* Among the first, not after all of hers. */
	assert_true(modest.place < 20);
}

static void test_readers_left_by_one_caller(void **state)
{
	struct stage *s = *state;
	struct heard greedy[STORE_READERS], modest;

	fill(s, 300);
	for (size_t i = 0; i < STORE_READERS; i++)
		add(s, &greedy[i], &alice, ALL);
	settle(s, 1);
	/* Alice reads none of hers; the rest of them waits, bob gets his. */
	add(s, &modest, &bob, "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"]}");
	settle(s, 2);
	says(&modest, "\"_id\":300");
	for (size_t i = 0; i < STORE_READERS; i++) {
		assert_int_equal(greedy[i].outputs, i < WORK_OPEN);
		job_cancel(greedy[i].job);
		buf_clear(&greedy[i].out);
	}
	assert_int_equal(work_turn(s->work, 3), WORK_IDLE);
}

static void test_the_longest_stalled_gives_way(void **state)
{
	struct stage *s = *state;
	struct heard h[STORE_READERS], last;
	size_t remote = STORE_READERS - STORE_READERS_OWNER;

	fill(s, 300);
	for (size_t i = 0; i < remote; i++) {
		char peer[16];
		struct caller who = {false, peer, ""};
		snprintf(peer, sizeof peer, "peer-%zu", i);
		add(s, &h[i], &who, ALL);
		settle(s, 10 * (i + 1));
	}
	add(s, &last, &bob, ALL);
	settle(s, 1000);
	assert_int_equal(last.outputs, 0);
	assert_int_equal(work_turn(s->work, 1001), WORK_LATER);
	assert_false(h[0].broken);
	settle(s, WORK_STALL_MS + 20);
	assert_true(h[0].broken);
	assert_string_equal(h[0].why, "given up: others wait and nobody read this answer");
	settle(s, WORK_STALL_MS + 20 + WORK_RETRY_MS);
	assert_int_equal(last.outputs, 1);
	job_cancel(last.job);
	buf_clear(&last.out);
	for (size_t i = 0; i < remote; i++) {
		if (!h[i].broken)
			job_cancel(h[i].job);
		buf_clear(&h[i].out);
	}
}

/* A few bytes now and then keep nobody else's reader for ever. */
static void test_who_trickles_gives_way(void **state)
{
	struct stage *s = *state;
	struct heard h[STORE_READERS], last;
	size_t remote = STORE_READERS - STORE_READERS_OWNER;
	unsigned broken = 0;

	fill(s, 300);
	for (size_t i = 0; i < remote; i++) {
		char peer[16];
		struct caller who = {false, peer, ""};
		snprintf(peer, sizeof peer, "peer-%zu", i);
		add(s, &h[i], &who, ALL);
	}
	settle(s, 1);
	add(s, &last, &bob, ALL);
	for (uint64_t now = 2; now < 2 * WORK_STALL_MS && last.outputs == 0; now += 100) {
		settle(s, now);
		for (size_t i = 0; i < remote; i++) {
			if (h[i].broken)
				continue;
			buf_consume(&h[i].out, 1500);
			job_resume(h[i].job);
		}
	}
	assert_int_equal(last.outputs, 1);
	for (size_t i = 0; i < remote; i++)
		broken += h[i].broken;
	assert_int_equal(broken, 1);
	job_cancel(last.job);
	buf_clear(&last.out);
	for (size_t i = 0; i < remote; i++) {
		if (!h[i].broken)
			job_cancel(h[i].job);
		buf_clear(&h[i].out);
	}
}

static void test_broken_after_a_part(void **state)
{
	struct stage *s = *state;
	struct heard h;

	fill(s, 500);
	outside(s->place, "UPDATE notes SET n = -9223372036854775807 - 1 WHERE n = 400");
	add(s, &h, &alice,
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"title\",\"abs(n)\"]}");
	settle(s, 1);
	while (!h.broken) {
		assert_false(h.done);
		buf_consume(&h.out, buf_len(&h.out));
		job_resume(h.job);
		settle(s, 1);
	}
	assert_string_equal(h.why, "integer overflow");
	buf_clear(&h.out);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_writes_that_wait_share_a_transaction),
	    T(test_changes_of_tables_are_alone),
	    T(test_nothing_is_told_before_the_commit),
	    T(test_cancelled_writes_are_not_done),
	    T(test_long_answers_rest_until_read),
	    T(test_callers_take_turns),
	    T(test_readers_left_by_one_caller),
	    T(test_the_longest_stalled_gives_way),
	    T(test_who_trickles_gives_way),
	    T(test_broken_after_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

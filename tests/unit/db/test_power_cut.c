/* Whenever the power goes, and whatever the disk has made of what was not synced: every row that
 * was answered "inserted" is there afterwards, and the database opens. */
#include "svc-db/work.h"

#include "base/log.h"
#include "tests/unit/db/call_testing.h"
#include "tests/unit/db/power.h"

#define ROUNDS   40
#define AT_ONCE  8
#define CUTS_MAX 400
#define TITLES   (ROUNDS * AT_ONCE)

/* A folder as a power cut left it, and the rows that had been answered for. */
struct cut {
	struct place place;
	enum power_loss loss;
	unsigned long call;
	bool answered[TITLES];
};

static struct {
	bool answered[TITLES];
	struct cut cuts[CUTS_MAX];
	size_t count;
	unsigned one_in;
} life;

static void maybe_cut(void)
{
	struct cut *c = &life.cuts[life.count];
	struct place place;

	if (life.count == CUTS_MAX || random() % life.one_in != 0)
		return;
	life.count++;
	place_make(&place);
	c->place = place;
	c->loss = (enum power_loss)(random() % 3);
	c->call = power.calls;
	memcpy(c->answered, life.answered, sizeof c->answered);
	power_cut(c->place.folder, c->loss);
}

/* --- the life of a database --- */

struct row {
	unsigned title;
	struct buf out;
};

static void on_done(void *arg)
{
	struct row *r = arg;

	life.answered[r->title] =
	    memmem(buf_data(&r->out), buf_len(&r->out), "\"inserted\"", 10) != NULL;
}

static const struct job_events events = {NULL, on_done, NULL};

static void insert_some(struct place *p, struct work *w, unsigned round, unsigned size)
{
	struct row rows[AT_ONCE];
	size_t count = 1 + (size_t)random() % AT_ONCE;

	for (size_t i = 0; i < count; i++) {
		char *line = xasprintf(
		    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"n\":%zu,\"title\":"
		    "\"%0*d\"}}",
		    round * AT_ONCE + i, (int)size, 0);
		rows[i].title = round * AT_ONCE + (unsigned)i;
		buf_init(&rows[i].out, DATA_CALL_OUT);
		work_add(w, data_call_new(line, strlen(line), &alice, &rows[i].out), alice.peer,
		    &rows[i].out, &events, &rows[i]);
		free(line);
	}
	while (work_turn(w, round) == WORK_AGAIN)
		;
	for (size_t i = 0; i < count; i++) {
		assert_true(life.answered[rows[i].title]);
		buf_clear(&rows[i].out);
	}
	(void)p;
}

static void live(struct place *p, unsigned size)
{
	struct work *w;

	place_open(p);
	notes_with(p->st, "open");
	w = work_new(p->st);
	for (unsigned round = 0; round < ROUNDS; round++) {
		insert_some(p, w, round, size);
		if (round % 7 == 3)
			outside(p, "PRAGMA wal_checkpoint(RESTART)");
		if (round % 13 == 12) {
			/* Which writes the log back and deletes it. */
			work_free(w);
			store_close(p->st);
			place_open(p);
			w = work_new(p->st);
		}
	}
	work_free(w);
	store_close(p->st);
	p->st = NULL;
}

/* --- after the cut --- */

static void all_is_there(struct cut *c)
{
	bool found[TITLES] = {false};
	char why[STORE_WHY] = "";
	sqlite3_stmt *stmt;
	sqlite3 *db;

	c->place.st = store_open(c->place.file, why);
	if (c->place.st == NULL)
		fail_msg("cut at call %lu, loss %d: %s", c->call, c->loss, why);
	store_close(c->place.st);
	assert_int_equal(outside_number(&c->place, "SELECT integrity_check = 'ok' FROM"
						   " pragma_integrity_check LIMIT 1"),
	    1);
	assert_int_equal(sqlite3_open(c->place.file, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, "SELECT n FROM notes", -1, &stmt, NULL) == SQLITE_OK)
		while (sqlite3_step(stmt) == SQLITE_ROW)
			found[sqlite3_column_int(stmt, 0)] = true;
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	for (unsigned i = 0; i < TITLES; i++)
		if (c->answered[i] && !found[i])
			fail_msg("cut at call %lu, loss %d: row %u is lost", c->call, c->loss, i);
}

static void live_and_cut(unsigned size, unsigned one_in)
{
	struct place p;

	memset(&life, 0, sizeof life);
	life.one_in = one_in;
	place_make(&p);
	power_begin(p.folder, maybe_cut);
	live(&p, size);
	power_end();
	place_remove(&p);
	assert_true(life.count > 50);
	for (size_t i = 0; i < life.count; i++) {
		all_is_there(&life.cuts[i]);
		place_remove(&life.cuts[i].place);
	}
	print_message("%zu power cuts\n", life.count);
}

static void test_small_rows(void **state)
{
	(void)state;
	live_and_cut(40, 3);
}

/* Of several pages each, so that pages that were free before are written without a journal. */
static void test_rows_of_many_pages(void **state)
{
	(void)state;
	live_and_cut(30000, 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_small_rows),
	    cmocka_unit_test(test_rows_of_many_pages),
	};

	log_set_level(LOG_LEVEL_ERROR);
	srandom(4711);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

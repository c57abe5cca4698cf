/* What was answered "stored" is stored, whichever write, sync or allocation fails; and a fault once
 * over is forgotten. */
#include "svc-db/store.h"

#include "base/log.h"
#include "tests/unit/db/faulty_vfs.h"
#include "tests/unit/db/store_testing.h"

#define ROUNDS 6
#define ROWS   3

/* --- an allocator whose N-th call fails --- */

static struct {
	long calls, fail_at;
	sqlite3_mem_methods real;
} memory;

static bool memory_fails(void)
{
	return memory.fail_at != 0 && ++memory.calls == memory.fail_at;
}

static void *memory_malloc(int n)
{
	return memory_fails() ? NULL : memory.real.xMalloc(n);
}

static void *memory_realloc(void *p, int n)
{
	return memory_fails() ? NULL : memory.real.xRealloc(p, n);
}

static void memory_install(void)
{
	sqlite3_mem_methods methods;

	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory.real), SQLITE_OK);
	methods = memory.real;
	methods.xMalloc = memory_malloc;
	methods.xRealloc = memory_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
}

/* --- a life with faults --- */

struct life {
	unsigned stored[ROUNDS * ROWS]; /* titles answered for */
	unsigned count;
};

static const struct table *notes_of(struct store *st)
{
	enum store_code code;

	return store_table(st, "notes", &code);
}

static bool try_table(struct store *st)
{
	const struct column_def column = {"title", "TEXT", "", true};

	if (store_begin(st) != STORE_OK)
		return false;
	if (store_create_table(st, "notes", &column, 1) == STORE_OK)
		return store_commit(st) == STORE_OK;
	store_rollback(st);
	return false;
}

static bool try_rows(struct store *st, unsigned round)
{
	char title[16];
	int64_t id;

	if (store_begin(st) != STORE_OK)
		return false;
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(title, sizeof title, "%u", round * ROWS + i);
		if (notes_of(st) == NULL || store_save(st, true) != STORE_OK ||
		    put_note(st, "a", title, &id) != STORE_OK || store_release(st) != STORE_OK) {
			store_rollback(st);
			return false;
		}
	}
	return store_commit(st) == STORE_OK;
}

static void try_query(struct store *st)
{
	struct query_spec spec = {.table = notes_of(st), .where = "title LIKE '%1%'"};
	enum store_code code;
	struct query *q = spec.table != NULL ? query_open(st, &spec, &code) : NULL;

	while (q != NULL && query_next(q) == QUERY_ROW)
		;
	query_free(q);
}

static void live(const struct place *p, struct life *life)
{
	char why[STORE_WHY];
	struct store *st = store_open(p->file, why);

	if (st == NULL)
		return;
	for (unsigned round = 0; round < ROUNDS; round++) {
		if (notes_of(st) == NULL)
			try_table(st);
		try_query(st);
		if (!try_rows(st, round))
			continue;
		for (unsigned i = 0; i < ROWS; i++)
			life->stored[life->count++] = round * ROWS + i;
	}
	store_close(st);
}

static void all_is_there(const struct place *p, const struct life *life)
{
	assert_int_equal(outside_number(p, "SELECT count(*) FROM pragma_integrity_check"
					   " WHERE integrity_check = 'ok'"),
	    1);
	for (unsigned i = 0; i < life->count; i++) {
		char sql[80];
		snprintf(sql, sizeof sql, "SELECT count(*) FROM notes WHERE title = '%u'",
		    life->stored[i]);
		if (outside_number(p, sql) < 1)
			fail_msg("row %u is lost", life->stored[i]);
	}
}

static void live_and_look(struct place *p, struct life *life)
{
	char why[STORE_WHY] = "";

	memset(life, 0, sizeof *life);
	place_make(p);
	live(p, life);
	faulty_set(0, false, 0);
	memory.fail_at = 0;
	/* Afterwards it opens again. */
	p->st = store_open(p->file, why);
	if (p->st == NULL)
		fail_msg("%s", why);
	store_close(p->st);
	all_is_there(p, life);
	place_remove(p);
}

static void each_call_fails(bool for_ever, int error)
{
	struct place p;
	struct life life;
	unsigned wounded = 0;

	for (long n = 1;; n++) {
		faulty_set(n, for_ever, error);
		live_and_look(&p, &life);
		if (life.count == ROUNDS * ROWS && n > 200)
			break;
		if (life.count < ROUNDS * ROWS)
			wounded++;
	}
	assert_true(wounded > 10);
}

static void test_each_write_fails_once(void **state)
{
	(void)state;
	each_call_fails(false, SQLITE_IOERR_WRITE);
}

static void test_disk_is_full_once(void **state)
{
	(void)state;
	each_call_fails(false, SQLITE_FULL);
}

static void test_disk_stays_full(void **state)
{
	(void)state;
	each_call_fails(true, SQLITE_FULL);
}

static void test_disk_breaks_for_good(void **state)
{
	(void)state;
	each_call_fails(true, SQLITE_IOERR_WRITE);
}

static void test_each_allocation_fails_once(void **state)
{
	struct place p;
	struct life life = {.count = 0};
	long used;

	(void)state;
	memory.calls = 0;
	memory.fail_at = -1; /* counts only */
	place_make(&p);
	live(&p, &life);
	used = memory.calls;
	place_remove(&p);
	assert_true(used > 1000);
	/* A stride that is a prime meets every kind of call in a few thousand runs less. */
	for (long n = 1; n < used; n += n < 1500 ? 1 : 17) {
		memory.calls = 0;
		memory.fail_at = n;
		live_and_look(&p, &life);
	}
}

/* Whatever fails while a table is looked at: it is whole, with the rules that stand beside it, or
 * it is not there; and next time it is. */
static void test_no_table_without_its_rules(void **state)
{
	struct place p;
	const struct table *t = NULL, *again;
	unsigned failed = 0;

	(void)state;
	faulty_set(0, false, 0);
	place_make(&p);
	place_open(&p);
	make_notes(p.st);
	outside(&p, "INSERT INTO _orm_schemas (table_name, schema_json) VALUES ('notes',"
		    "'{\"access\":{\"read\":\"local\",\"insert\":\"local\"}}')");
	for (long n = 1; t == NULL; n++) {
		store_close(p.st);
		place_open(&p);
		memory.calls = 0;
		memory.fail_at = n;
		t = notes_of(p.st);
		memory.fail_at = 0;
		failed += t == NULL;
		again = table_of(p.st, "notes");
		assert_int_equal(again->count, 7);
		assert_int_equal(again->rules.read, ROWS_NONE);
		assert_int_equal(again->rules.insert, INSERT_LOCAL);
	}
	assert_true(failed > 10);
	store_close(p.st);
	place_remove(&p);
}

static void test_full_disk_is_said_and_gets_better(void **state)
{
	struct place p;
	int64_t id;

	(void)state;
	faulty_set(0, false, 0);
	place_make(&p);
	place_open(&p);
	make_notes(p.st);
	faulty_set(1, true, SQLITE_FULL);
	ASSERT_STORE(p.st, store_begin(p.st), STORE_OK);
	ASSERT_STORE(p.st, put_note(p.st, "a", "x", &id), STORE_OK);
	ASSERT_STORE(p.st, store_commit(p.st), STORE_FAILED);
	assert_string_equal(store_why(p.st), "disk full: nothing was stored");
	faulty_set(0, false, 0);
	assert_int_equal(note(p.st, "a", "y"), 1);
	assert_int_equal(outside_number(&p, "SELECT count(*) FROM notes"), 1);
	store_close(p.st);
	place_remove(&p);
}

static void test_commit_returns_after_the_sync(void **state)
{
	struct place p;

	(void)state;
	faulty_set(0, false, 0);
	place_make(&p);
	place_open(&p);
	make_notes(p.st);
	for (int i = 0; i < 20; i++) {
		long before = faulty.log_syncs;
		note(p.st, "a", "x");
		assert_false(faulty.log_dirty);
		assert_true(faulty.log_syncs > before);
	}
	store_close(p.st);
	place_remove(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_commit_returns_after_the_sync),
	    cmocka_unit_test(test_no_table_without_its_rules),
	    cmocka_unit_test(test_full_disk_is_said_and_gets_better),
	    cmocka_unit_test(test_each_write_fails_once),
	    cmocka_unit_test(test_disk_is_full_once),
	    cmocka_unit_test(test_disk_stays_full),
	    cmocka_unit_test(test_disk_breaks_for_good),
	    cmocka_unit_test(test_each_allocation_fails_once),
	};

	log_set_level(LOG_LEVEL_ERROR);
	memory_install();
	faulty_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}

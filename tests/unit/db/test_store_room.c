/* What visitors may store comes to an end; what the owner may does not. */
#include "svc-db/store.h"

#include <sys/vfs.h>

#include "tests/unit/db/call_testing.h"

#define KIB    1024
#define MIB    (1024 * KIB)
#define INSERT "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}"
#define REFUSED                                                                                    \
	"{\"ok\":false,\"error\":\"the database of this site is full: it takes no more from "      \
	"visitors\"}"

/* Instead of the system's: a disk of so many blocks of 4 KiB, of which so many are free. */
static uint64_t disk_blocks = 1000000, disk_free = 1000000;

int fstatfs(int fd, struct statfs *fs)
{
	(void)fd;
	memset(fs, 0, sizeof *fs);
	fs->f_bsize = 4 * KIB;
	fs->f_blocks = disk_blocks;
	fs->f_bfree = fs->f_bavail = disk_free;
	return 0;
}

static void add(struct place *p, unsigned kib)
{
	char sql[160];

	snprintf(sql, sizeof sql,
	    "INSERT INTO notes (_owner, title) VALUES ('x', printf('%%0%ud', 1))", kib * KIB);
	outside(p, sql);
	store_refresh(p->st);
}

static void test_database_has_reached_its_bound(void **state)
{
	struct place *p = *state;

	notes_with(p->st, "open");
	store_set_bound(p->st, MIB);
	ok(p->st, &alice, INSERT);
	assert_string_equal(store_full(p->st), "");
	add(p, 1100);
	answers(p->st, &alice, INSERT, REFUSED);
	assert_string_equal(store_full(p->st), "the database has reached 1 MiB");
	/* To make a row longer is to add. */
	answers(p->st, &alice,
	    "{\"op\":\"update\",\"table\":\"notes\",\"id\":1,\"data\":{\"title\":\"y\"}}", REFUSED);
	ok(p->st, &alice, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":1}");
	ok(p->st, &the_owner, INSERT);
	assert_string_not_equal(store_full(p->st), "");
	/* It is said at once that there is room again. */
	ok(p->st, &the_owner, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":2}");
	assert_string_equal(store_full(p->st), "");
	ok(p->st, &alice, INSERT);
}

static void test_bound_of_nothing(void **state)
{
	struct place *p = *state;

	notes_with(p->st, "open");
	store_set_bound(p->st, 0);
	answers(p->st, &alice, INSERT, REFUSED);
	ok(p->st, &the_owner, INSERT);
}

static void test_part_of_the_disk_stays_free(void **state)
{
	struct place *p = *state;

	notes_with(p->st, "open");
	disk_blocks = 100000;
	disk_free = 5000;
	ok(p->st, &alice, INSERT);
	disk_free = 4999;
	answers(p->st, &alice, INSERT, REFUSED);
	assert_string_equal(store_full(p->st), "less than 19 MiB of the disk are free");
	ok(p->st, &the_owner, INSERT);
	/* Of a large one, not a twentieth. */
	disk_blocks = 1ULL << 40;
	disk_free = 262144;
	ok(p->st, &alice, INSERT);
	assert_string_equal(store_full(p->st), "");
	disk_free = 262143;
	answers(p->st, &alice, INSERT, REFUSED);
	disk_blocks = disk_free = 1000000;
}

/* Who reads slowly keeps the log from being begun anew; then changes of one row fill the disk, too.
 */
static void test_log_counts(void **state)
{
	struct place *p = *state;
	struct query_spec spec = {.where = ""};
	enum store_code code;
	struct query *q;

	notes_with(p->st, "open");
	ok(p->st, &alice, INSERT);
	ok(p->st, &alice, INSERT);
	store_set_bound(p->st, 8 * MIB);
	spec.table = table_of(p->st, "notes");
	q = query_open(p->st, &spec, &code);
	assert_non_null(q);
	assert_int_equal(query_next(q), QUERY_ROW);
	for (unsigned i = 0; i < 48; i++) {
		char sql[80];
		snprintf(sql, sizeof sql,
		    "UPDATE notes SET title = printf('%%0%ud', 1) WHERE _id = 1", MIB + i);
		outside(p, sql);
	}
	answers(p->st, &alice, INSERT, REFUSED);
	assert_string_equal(store_full(p->st), "the database has reached 8 MiB");
	query_free(q);
	ok(p->st, &alice, INSERT);
	assert_string_equal(store_full(p->st), "");
}

static char *long_note(const char *op, const char *column, size_t n, const char *character)
{
	struct buf line;
	size_t len;

	buf_init(&line, 4 * MIB);
	buf_putf(
	    &line, "{\"op\":\"%s\",\"table\":\"wide\",\"id\":1,\"data\":{\"%s\":\"", op, column);
	for (size_t i = 0; i < n; i += strlen(character))
		buf_puts(&line, character);
	buf_put(&line, "\"}}", 4);
	return (char *)buf_take(&line, &len);
}

/* Column after column, to a row that would not fit into any answer. */
static void test_row_that_nobody_could_read(void **state)
{
	struct place *p = *state;
	char *line = long_note("insert", "a", 1000 * KIB, "x");

	ok(p->st, &the_owner,
	    "{\"op\":\"create-table\",\"name\":\"wide\",\"columns\":[\"a\",\"b\",\"c\",\"d\",\"e\","
	    "\"f\",\"g\",\"h\",\"i\"]}");
	ok(p->st, &the_owner, "{\"op\":\"set-policy\",\"table\":\"wide\",\"policy\":\"open\"}");
	ok(p->st, &alice, line);
	free(line);
	line = long_note("update", "b", 1000 * KIB, "\\u0001");
	ok(p->st, &alice, line);
	free(line);
	line = long_note("update", "c", 1000 * KIB, "\\u0001");
	errs(p->st, &alice, line, "row too large");
	free(line);
	ok(p->st, &the_owner, "{\"op\":\"query\",\"table\":\"wide\"}");
	/* The owner's own may be longer, and a change of the table is the owner's. */
	line = long_note("update", "c", 1000 * KIB, "x");
	ok(p->st, &the_owner, line);
	errs(p->st, &alice, line, "row too large");
	free(line);
	ok(p->st, &the_owner, "{\"op\":\"drop-column\",\"table\":\"wide\",\"column\":\"i\"}");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, place_setup, place_teardown)
	const struct CMUnitTest tests[] = {
	    T(test_database_has_reached_its_bound),
	    T(test_bound_of_nothing),
	    T(test_part_of_the_disk_stays_free),
	    T(test_log_counts),
	    T(test_row_that_nobody_could_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

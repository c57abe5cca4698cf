/* svc-db is killed at any moment under load, or its disk fills up: every row that was answered
 * "inserted" is there afterwards, once, and the file is sound. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "tests/service/puppet.h"

#define ALICE     "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define ROUNDS    20
#define UNDER_WAY 48

/* What became of each title, which are numbers from 0. */
enum fate { ASKED, STORED, REFUSED, UNANSWERED };

struct writer {
	struct crash *all;
	uint32_t title;
};

struct crash {
	struct puppet *p;
	struct puppet_end *transport, *viewer;
	struct writer writers[UNDER_WAY];
	size_t size; /* of a title's padding */
	uint8_t *fates;
	uint32_t count; /* titles so far */
	uint32_t stored, refused, under_way;
	bool paused;
	char last_error[256];
};

/* --- writers --- */

static void write_one(struct writer *w);

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct writer *w = user;
	struct crash *c = w->all;

	(void)last;
	stream_consumed(s, len);
	if (len == 0)
		return;
	if (memmem(p, len, "\"inserted\"", 10) != NULL) {
		c->fates[w->title] = STORED;
		c->stored++;
	} else {
		c->fates[w->title] = REFUSED;
		c->refused++;
		snprintf(c->last_error, sizeof c->last_error, "%.*s", (int)len, (const char *)p);
	}
}

static void on_closed(struct stream *s, void *user)
{
	struct writer *w = user;

	(void)s;
	w->all->under_way--;
	write_one(w);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct writer *w = user;

	(void)s;
	(void)code;
	(void)text;
	w->all->under_way--;
	if (w->all->fates[w->title] == ASKED)
		w->all->fates[w->title] = UNANSWERED;
}

static const struct stream_events events = {
    .data = on_data, .closed = on_closed, .reset = on_reset};

static void write_one(struct writer *w)
{
	static const enum protocol data = PROTOCOL_GOOP_DATA;
	struct crash *c = w->all;
	struct stream *s;
	char *line;

	if (c->paused)
		return;
	s = stream_open(puppet_streams(c->transport), &data, 1, ALICE, "", 5000, &events, w);
	if (s == NULL)
		return;
	w->title = c->count++;
	c->fates = xrealloc(c->fates, c->count);
	c->fates[w->title] = ASKED;
	c->under_way++;
	line =
	    xasprintf("{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"%u\",\"pad\":"
		      "\"%0*d\"}}\n",
		w->title, (int)c->size, 0);
	assert_int_equal(stream_write(s, line, strlen(line), true), strlen(line));
	free(line);
}

static void begin_writing(struct crash *c)
{
	c->paused = false;
	for (size_t i = 0; i < UNDER_WAY; i++)
		write_one(&c->writers[i]);
}

/* --- the file --- */

static int64_t number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

/* Each title that is in the file was asked for, none twice; what was stored is there, what was
 * refused is not; what was not answered may be either. */
static void check_file(const struct crash *c)
{
	uint8_t *seen = xcalloc(c->count, 1);
	sqlite3_stmt *stmt;
	sqlite3 *db;

	assert_int_equal(sqlite3_open("data.db", &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(
	    number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check LIMIT 1"), 1);
	assert_int_equal(
	    sqlite3_prepare_v2(db, "SELECT CAST(title AS INTEGER) FROM notes", -1, &stmt, NULL),
	    SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		int64_t title = sqlite3_column_int64(stmt, 0);
		assert_in_range(title, 0, c->count - 1);
		if (seen[title]++ != 0)
			fail_msg("title %d is there twice", (int)title);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	for (uint32_t i = 0; i < c->count; i++) {
		if (c->fates[i] == STORED && !seen[i])
			fail_msg("title %u was answered as stored and is lost", i);
		if (c->fates[i] == REFUSED && seen[i])
			fail_msg("title %u was refused and is there", i);
	}
	free(seen);
}

/* --- the stage --- */

static void ask_owner(struct crash *c, const char *line)
{
	struct puppet_stream *s = puppet_open(c->viewer, PROTOCOL_GOOP_DATA, "", 5000);

	puppet_write(s, line, strlen(line), true);
	puppet_read_end(s);
	if (strstr((char *)s->data, "\"ok\":true") == NULL)
		fail_msg("%s%s", line, (char *)s->data);
}

static int setup(void **state)
{
	struct crash *c = xcalloc(1, sizeof *c);

	c->p = puppet_new(SERVICE_DB);
	c->transport = puppet_neighbour(c->p, SERVICE_TRANSPORT);
	c->viewer = puppet_neighbour(c->p, SERVICE_VIEWER);
	puppet_neighbour(c->p, SERVICE_DISCOVERY);
	for (size_t i = 0; i < UNDER_WAY; i++)
		c->writers[i].all = c;
	c->size = 40;
	puppet_start(c->p);
	puppet_wait_up(c->transport);
	puppet_wait_up(c->viewer);
	ask_owner(c, "{\"op\":\"create-table\",\"name\":\"notes\",\"column_defs\":[{\"name\":"
		     "\"title\",\"type\":\"TEXT\"},{\"name\":\"pad\",\"type\":\"TEXT\"}]}\n");
	ask_owner(c, "{\"op\":\"set-policy\",\"table\":\"notes\",\"policy\":\"open\"}\n");
	*state = c;
	return 0;
}

static int teardown(void **state)
{
	struct crash *c = *state;

	c->paused = true;
	puppet_free(c->p);
	free(c->fates);
	free(c);
	return 0;
}

/* --- the stories --- */

static void test_killed_at_any_moment(void **state)
{
	struct crash *c = *state;
	unsigned seed = 4711;

	for (unsigned round = 0; round < ROUNDS; round++) {
		uint32_t until;
		seed = seed * 1103515245 + 12345;
		until = c->stored + 1 + (seed >> 16) % 400;
		begin_writing(c);
		PUPPET_UNTIL(c->p, c->stored >= until);
		puppet_kill(c->p, SIGKILL);
		c->paused = true;
		puppet_wait_end(c->p);
		puppet_restart(c->p);
		puppet_wait_up(c->transport);
		PUPPET_UNTIL(c->p, c->under_way == 0);
		check_file(c);
	}
	assert_int_equal(c->refused, 0);
	print_message("%u rows stored, %u unanswered, over %u deaths\n", c->stored,
	    c->count - c->stored, ROUNDS);
}

static void limit_files(struct crash *c, rlim_t bytes)
{
	struct rlimit limit = {bytes, RLIM_INFINITY};

	assert_int_equal(prlimit(puppet_pid(c->p), RLIMIT_FSIZE, &limit, NULL), 0);
}

/* As good as a full disk: no file may grow beyond some size. */
static void test_disk_that_fills_up(void **state)
{
	struct crash *c = *state;
	uint32_t stored;

	c->size = 4000;
	limit_files(c, 3 * 1024 * 1024);
	begin_writing(c);
	PUPPET_UNTIL(c->p, c->refused >= 500);
	assert_true(c->stored > 100);
	assert_non_null(strstr(c->last_error, "\"ok\":false"));
	assert_non_null(strstr(c->last_error, "nothing was stored"));
	/* Reading goes on. */
	ask_owner(c, "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"count(*)\"]}\n");
	/* And there is room again. */
	limit_files(c, RLIM_INFINITY);
	stored = c->stored;
	PUPPET_UNTIL(c->p, c->stored >= stored + 500);
	c->paused = true;
	PUPPET_UNTIL(c->p, c->under_way == 0);
	check_file(c);
	print_message("%u rows stored, %u refused\n", c->stored, c->refused);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_killed_at_any_moment),
	    T(test_disk_that_fills_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* svc-db among puppets: the real program with a database in the stage's folder. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/json.h"
#include "tests/service/puppet.h"

#define ME    "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define ALICE "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define BOB   "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define MIB   (1024 * 1024)

struct stage {
	struct puppet *p;
	struct puppet_end *transport, *discovery, *viewer;
};

/* --- the neighbours' words --- */

static void say_self(struct stage *t)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, ME);
	msg_put_bytes(&m, "key", 3);
	msg_put_u16(&m, 4001);
	puppet_say(t->transport, &m);
}

static void say_person(struct stage *t, const char *peer, const char *email)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON, 0);
	msg_put_str(&m, peer);
	msg_put_str(&m, "somebody");
	msg_put_str(&m, email);
	msg_put_str(&m, "");
	msg_put_i64(&m, 1);
	msg_put_u8(&m, 1);
	puppet_say(t->discovery, &m);
}

static void say_gone(struct stage *t, const char *peer)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON_GONE, 0);
	msg_put_str(&m, peer);
	puppet_say(t->discovery, &m);
}

static void say_all(struct stage *t)
{
	struct msg m;

	msg_begin(&m, MSG_PEOPLE_ALL, 0);
	puppet_say(t->discovery, &m);
}

/* --- reports --- */

static int64_t counted(struct stage *t, const char *what)
{
	const char *text = puppet_report(t->p, "work");
	cJSON *tree = json_parse(text, strlen(text), 64, NULL);
	int64_t n = -1;

	if (!json_int(tree, what, 0, INT64_MAX, &n))
		fail_msg("no %s in %s", what, text);
	cJSON_Delete(tree);
	return n;
}

/* Messages of one link come in order, those of two links do not: waits until it is heard. */
static void wait_emails(struct stage *t, int64_t n)
{
	int64_t now = -1;

	for (unsigned i = 0; i < 1000 && (now = counted(t, "emails")) != n; i++)
		puppet_turns(t->p, 1);
	assert_int_equal(now, n);
}

/* --- asking --- */

/* NULL for the owner, through the viewer. */
static struct puppet_stream *begin_ask(struct stage *t, const char *peer, const char *line)
{
	struct puppet_stream *s = peer == NULL
	                              ? puppet_open(t->viewer, PROTOCOL_GOOP_DATA, "", 5000)
	                              : puppet_open(t->transport, PROTOCOL_GOOP_DATA, peer, 5000);

	puppet_write(s, line, strlen(line), true);
	return s;
}

/* The answer, lent until the stage ends. */
static const char *ask(struct stage *t, const char *peer, const char *line)
{
	struct puppet_stream *s = begin_ask(t, peer, line);

	puppet_read_end(s);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	return (const char *)s->data;
}

static void answers(struct stage *t, const char *peer, const char *line, const char *expected)
{
	const char *answer = ask(t, peer, line);

	if (strcmp(answer, expected) != 0)
		fail_msg("%sanswers %sexpected %s", line, answer, expected);
}

static void errs(struct stage *t, const char *peer, const char *line, const char *part)
{
	const char *answer = ask(t, peer, line);

	if (strstr(answer, "{\"ok\":false,") != answer || strstr(answer, part) == NULL)
		fail_msg("%sanswers %sexpected an error with %s", line, answer, part);
}

#define OK(data)    "{\"ok\":true,\"data\":" data "}\n"
#define INSERT_NOTE "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}\n"
#define IDS         "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"]}\n"

static void make_notes(struct stage *t, const char *policy)
{
	char line[128];

	answers(t, NULL,
	    "{\"op\":\"create-table\",\"name\":\"notes\",\"column_defs\":[{\"name\":\"title\","
	    "\"type\":\"TEXT\"}]}\n",
	    OK("{\"status\":\"created\",\"table\":\"notes\"}"));
	snprintf(line, sizeof line,
	    "{\"op\":\"set-policy\",\"table\":\"notes\",\"policy\":\"%s\"}\n", policy);
	assert_non_null(strstr(ask(t, NULL, line), "\"ok\":true"));
}

/* --- the file, from outside --- */

static sqlite3 *open_file(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open("data.db", &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static void outside(const char *sql)
{
	sqlite3 *db = open_file();
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static void fill_notes(unsigned rows, unsigned size)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO notes (_owner, title) SELECT 'a', printf('%%0%ud', i) FROM n",
	    rows, size);
	outside(sql);
}

/* --- stages --- */

static int setup(void **state)
{
	struct stage *t = xcalloc(1, sizeof *t);

	t->p = puppet_new(SERVICE_DB);
	t->transport = puppet_neighbour(t->p, SERVICE_TRANSPORT);
	t->discovery = puppet_neighbour(t->p, SERVICE_DISCOVERY);
	t->viewer = puppet_neighbour(t->p, SERVICE_VIEWER);
	puppet_config(t->p, "profile.email", "me@example.org");
	*state = t;
	return 0;
}

static void start(struct stage *t)
{
	puppet_start(t->p);
	puppet_wait_up(t->transport);
	puppet_wait_up(t->discovery);
	puppet_wait_up(t->viewer);
	say_self(t);
	/* The transport's word comes before what its streams bring; the viewer's link is another.
	 */
	ask(t, ALICE, "{\"op\":\"tables\"}\n");
}

static int setup_started(void **state)
{
	setup(state);
	start(*state);
	return 0;
}

static int teardown(void **state)
{
	struct stage *t = *state;

	puppet_free(t->p);
	free(t);
	return 0;
}

/* --- who asks --- */

static void test_owner_and_remote(void **state)
{
	struct stage *t = *state;

	assert_string_equal(puppet_fact(t->p, "tables"), "0");
	make_notes(t, "open");
	answers(t, NULL, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":2}"));
	answers(t, NULL,
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_owner\",\"_owner_email\"]}\n",
	    OK("[{\"_owner\":\"" ME "\",\"_owner_email\":\"me@example.org\"},"
	       "{\"_owner\":\"" ALICE "\",\"_owner_email\":\"\"}]"));
	answers(t, ALICE, IDS, OK("[{\"_id\":2}]"));
	answers(t, BOB, IDS, OK("[]"));
	errs(t, BOB, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":2}\n", "not owned by caller");
	errs(t, ALICE, "{\"op\":\"delete-table\",\"table\":\"notes\"}\n",
	    "schema operations not allowed");
	assert_string_equal(puppet_fact(t->p, "tables"), "1");
	assert_non_null(strstr(puppet_report(t->p, "tables"), "\"name\":\"notes\""));
	assert_string_equal(puppet_report(t->p, "nothing"), "null");
}

static void test_emails_come_from_discovery(void **state)
{
	static const char no_email[] = "must have an email address";
	struct stage *t = *state;

	make_notes(t, "email");
	errs(t, ALICE, INSERT_NOTE, no_email);
	say_person(t, ALICE, "alice@example.org");
	say_person(t, BOB, "");
	say_all(t);
	wait_emails(t, 1);
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	errs(t, BOB, INSERT_NOTE, no_email);
	answers(t, ALICE, "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_owner_email\"]}\n",
	    OK("[{\"_owner_email\":\"alice@example.org\"}]"));
	say_person(t, BOB, "bob@example.org");
	wait_emails(t, 2);
	answers(t, BOB, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":2}"));
	say_gone(t, BOB);
	wait_emails(t, 1);
	errs(t, BOB, INSERT_NOTE, no_email);
	/* While discovery restarts, what is known holds; its next snapshot is what counts. */
	say_person(t, BOB, "bob@example.org");
	wait_emails(t, 2);
	puppet_die(t->discovery, "killed");
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":3}"));
	puppet_revive(t->discovery);
	puppet_wait_up(t->discovery);
	say_person(t, BOB, "bob@example.org");
	say_all(t);
	wait_emails(t, 1);
	errs(t, ALICE, INSERT_NOTE, no_email);
	answers(t, BOB, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":4}"));
}

static void test_owner_before_the_transport_spoke(void **state)
{
	struct stage *t = *state;

	puppet_start(t->p);
	puppet_wait_up(t->viewer);
	make_notes(t, "open");
	errs(t, NULL, INSERT_NOTE, "own peer id is not known yet");
	answers(t, NULL, IDS, OK("[]"));
}

/* --- lines --- */

static void test_lines(void **state)
{
	struct stage *t = *state;

	/* Without a line break, the end of the stream ends the line. */
	answers(t, ALICE, "{\"op\":\"tables\"}", OK("[]"));
	/* What follows the line is nobody's. */
	answers(t, ALICE, "{\"op\":\"tables\"}\nand more\n{}\n", OK("[]"));
	errs(t, ALICE, "", "invalid json");
	errs(t, ALICE, "\n", "invalid json");
	errs(t, ALICE, "ENC:abc\n", "invalid json");
}

static void test_line_in_pieces(void **state)
{
	static const char line[] = "{\"op\":\"tables\"}\n";
	struct stage *t = *state;
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);

	for (size_t i = 0; i + 1 < sizeof line; i++) {
		puppet_write(s, line + i, 1, false);
		puppet_turns(t->p, 0);
	}
	/* The answer does not wait for the end of the other direction. */
	puppet_read_end(s);
	assert_string_equal((char *)s->data, OK("[]"));
	assert_false(s->closed);
	puppet_write(s, "", 0, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
}

static long memory_kib(struct stage *t, const char *key)
{
	char path[64], line[128];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)puppet_pid(t->p));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtol(line + strlen(key), NULL, 10);
	fclose(f);
	return kib;
}

static void test_line_of_ten_megabytes(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
	char *line = xmalloc(10 * MIB);
	long before = memory_kib(t, "VmHWM:");

	memset(line, ' ', 10 * MIB);
	line[10 * MIB - 1] = '\n';
	/* It is all taken, so that whoever writes first and reads then comes to reading. */
	puppet_write(s, line, 10 * MIB, true);
	puppet_read_end(s);
	assert_string_equal(
	    (char *)s->data, "{\"ok\":false,\"error\":\"request too large: at most 1 MiB\"}\n");
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
#ifndef __SANITIZE_ADDRESS__
	assert_true(memory_kib(t, "VmHWM:") - before < 6 * 1024);
#else
	(void)before;
#endif
	free(line);
}

static void test_largest_line(void **state)
{
	struct stage *t = *state;
	char *line = xmalloc(MIB + 2);
	size_t n;

	make_notes(t, "open");
	n = (size_t)sprintf(line, "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"");
	memset(line + n, 'x', MIB - n);
	memcpy(line + MIB - 3, "\"}}\n", 5);
	answers(t, ALICE, line, OK("{\"status\":\"inserted\",\"id\":1}"));
	free(line);
}

/* --- group commit --- */

static void test_inserts_share_transactions(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s[64];
	int64_t commits, writes;
	bool seen[65] = {false};

	make_notes(t, "open");
	commits = counted(t, "commits");
	writes = counted(t, "writes");
	for (size_t i = 0; i < 64; i++)
		s[i] = begin_ask(t, ALICE, INSERT_NOTE);
	for (size_t i = 0; i < 64; i++) {
		unsigned id;
		puppet_read_end(s[i]);
		assert_int_equal(
		    sscanf((char *)s[i]->data,
			"{\"ok\":true,\"data\":{\"status\":\"inserted\",\"id\":%u}}", &id),
		    1);
		assert_in_range(id, 1, 64);
		assert_false(seen[id]);
		seen[id] = true;
	}
	assert_int_equal(counted(t, "writes") - writes, 64);
	commits = counted(t, "commits") - commits;
	print_message("64 inserts in %d transactions, at most %d in one\n", (int)commits,
	    (int)counted(t, "largest"));
	assert_true(commits <= 16);
}

static void test_a_refused_write_spoils_no_other(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s[30];

	make_notes(t, "open");
	outside("CREATE UNIQUE INDEX once ON notes (title)");
	for (size_t i = 0; i < 30; i++) {
		char line[100];
		snprintf(line, sizeof line,
		    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"%zu\"}}\n",
		    i / 2);
		s[i] = begin_ask(t, ALICE, line);
	}
	for (size_t i = 0; i < 30; i++) {
		puppet_read_end(s[i]);
		assert_non_null(strstr((char *)s[i]->data,
		    i % 2 == 0 ? "\"inserted\"" : "UNIQUE constraint failed: notes.title"));
	}
}

/* A trigger that takes the whole transaction with it: the others are done over. */
static void test_a_lost_transaction_is_done_over(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s[20];

	make_notes(t, "open");
	outside("CREATE TRIGGER bomb BEFORE INSERT ON notes WHEN NEW.title = '7'"
		" BEGIN SELECT RAISE(ROLLBACK, 'boom'); END");
	for (size_t i = 0; i < 20; i++) {
		char line[100];
		snprintf(line, sizeof line,
		    "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"%zu\"}}\n", i);
		s[i] = begin_ask(t, ALICE, line);
	}
	for (size_t i = 0; i < 20; i++) {
		puppet_read_end(s[i]);
		assert_non_null(
		    strstr((char *)s[i]->data, i == 7 ? "\"error\":\"boom\"" : "\"inserted\""));
	}
	assert_non_null(strstr(ask(t, NULL,
				   "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"count(*) "
				   "AS n\"]}\n"),
	    "[{\"n\":19}]"));
}

static void test_locked_by_another_program(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s;
	sqlite3 *db;

	make_notes(t, "open");
	db = open_file();
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	s = begin_ask(t, ALICE, INSERT_NOTE);
	/* Others read meanwhile. */
	for (int i = 0; i < 20; i++)
		answers(t, ALICE, IDS, OK("[]"));
	assert_false(s->last);
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	puppet_read_end(s);
	assert_string_equal((char *)s->data, OK("{\"status\":\"inserted\",\"id\":1}"));
}

#ifdef __SANITIZE_ADDRESS__
#define LOAD 3000
#else
#define LOAD 20000
#endif

/* Keeps 64 requests under way until all are answered. */
struct load {
	struct stage *t;
	unsigned left, under_way, stored;
};

static void load_more(struct load *l);

static void load_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct load *l = user;

	(void)last;
	stream_consumed(s, len);
	l->stored += len > 30 && memmem(p, len, "\"inserted\"", 10) != NULL;
}

static void load_closed(struct stream *s, void *user)
{
	struct load *l = user;

	(void)s;
	l->under_way--;
	load_more(l);
}

static const struct stream_events load_events = {.data = load_data, .closed = load_closed};

static void load_more(struct load *l)
{
	static const enum protocol data = PROTOCOL_GOOP_DATA;
	struct stream *s;

	for (; l->left > 0 && l->under_way < 64; l->left--, l->under_way++) {
		s = stream_open(
		    puppet_streams(l->t->transport), &data, 1, ALICE, "", 5000, &load_events, l);
		assert_non_null(s);
		stream_write(s, INSERT_NOTE, sizeof INSERT_NOTE - 1, true);
	}
}

static void test_load(void **state)
{
	struct stage *t = *state;
	struct load l = {.t = t, .left = LOAD};
	uint64_t began;

	make_notes(t, "open");
	began = clock_mono_us();
	load_more(&l);
	PUPPET_UNTIL(t->p, l.under_way == 0);
	print_message("%u inserts with 64 under way: %.0f a second, %.1f in a transaction\n",
	    l.stored, l.stored * 1e6 / (double)(clock_mono_us() - began),
	    l.stored / (double)counted(t, "commits"));
	assert_int_equal(l.stored, LOAD);
	assert_true(counted(t, "commits") < LOAD / 4);
}

/* --- long answers --- */

static void is_array_of(const struct puppet_stream *s, int rows)
{
	cJSON *tree = json_parse((char *)s->data, s->len, 1 << 20, NULL);

	assert_non_null(tree);
	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(tree, "data")), rows);
	cJSON_Delete(tree);
}

static void test_stalled_reader(void **state)
{
	static const char all[] = "{\"op\":\"query\",\"table\":\"notes\"}\n";
	struct stage *t = *state;
	struct puppet_stream *stalled, *other;
	size_t taken;
	uint64_t began;
	long before;

	make_notes(t, "owner");
	fill_notes(15000, 1000);
	before = memory_kib(t, "VmHWM:");
	stalled = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
	stalled->hold = true;
	puppet_write(stalled, all, strlen(all), true);
	PUPPET_UNTIL(t->p, stalled->len >= STREAM_WINDOW);
	taken = stalled->len;
	/* Meanwhile others write and read, small and large. */
	answers(t, NULL, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":15001}"));
	answers(t, BOB,
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"],\"where\":\"_id > 15000\"}"
	    "\n",
	    OK("[{\"_id\":15001}]"));
	began = clock_mono_us();
	other = begin_ask(t, BOB, all);
	puppet_read_end(other);
	print_message("%zu bytes in %d ms\n", other->len, (int)(clock_mono_us() - began) / 1000);
	is_array_of(other, 15001);
	assert_int_equal(stalled->len, taken);
	assert_false(stalled->last);
#ifndef __SANITIZE_ADDRESS__
	print_message(
	    "memory grew by %ld KiB over two answers of 16 MB\n", memory_kib(t, "VmHWM:") - before);
	assert_true(memory_kib(t, "VmHWM:") - before < 8 * 1024);
#else
	(void)before;
#endif
	/* It goes on where it was, with what it saw when it began. */
	stalled->hold = false;
	stream_consumed(stalled->s, stalled->len);
	puppet_read_end(stalled);
	is_array_of(stalled, 15000);
}

/* One row of a megabyte, asked for seven times in a line, by sixty streams that nobody reads. */
static void test_unread_answers_are_bounded(void **state)
{
	static const char line[] =
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"title\",\"title\",\"title\","
	    "\"title\",\"title\",\"title\",\"title\"]}\n";
	struct stage *t = *state;
	struct puppet_stream *s[60], *other;
	size_t given_up = 0;
	long before;

	make_notes(t, "owner");
	fill_notes(1, 1000000);
	before = memory_kib(t, "VmHWM:");
	for (size_t i = 0; i < 60; i++) {
		s[i] = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
		s[i]->hold = true;
		puppet_write(s[i], line, strlen(line), true);
		PUPPET_UNTIL(t->p, s[i]->len > 0 || s[i]->was_reset);
	}
	/* Somebody else gets his. */
	other = begin_ask(t, BOB, line);
	puppet_read_end(other);
	assert_true(other->len > 7000000);
	for (size_t i = 0; i < 60; i++)
		given_up += s[i]->was_reset && strstr(s[i]->text, "too many answers") != NULL;
	print_message("%zu of 60 given up, memory grew by %ld KiB\n", given_up,
	    memory_kib(t, "VmHWM:") - before);
	assert_true(given_up >= 55);
#ifndef __SANITIZE_ADDRESS__
	assert_true(memory_kib(t, "VmHWM:") - before < 80 * 1024);
#else
	(void)before;
#endif
}

static size_t answered(struct puppet_stream *const s[], size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += s[i]->last;
	return count;
}

/* Lines of almost a megabyte that do not end. */
static void test_unfinished_requests_are_bounded(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s[20];
	size_t size = 900 * 1024;
	char *line = xmalloc(size);

	memset(line, ' ', size);
	for (size_t i = 0; i < 20; i++) {
		s[i] = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
		puppet_write(s[i], line, size, false);
	}
	PUPPET_UNTIL(t->p, answered(s, 20) >= 20 - 8 * MIB / (size - 16 * 1024));
	for (size_t i = 0; i < 20; i++)
		if (s[i]->last)
			assert_non_null(
			    strstr((char *)s[i]->data, "too many large requests under way"));
	assert_in_range(answered(s, 20), 11, 13);
	/* Small ones go on, and large ones of others. */
	answers(t, ALICE, "{\"op\":\"tables\"}\n", OK("[]"));
	strcpy(line + size - 18, "{\"op\":\"tables\"}\n");
	answers(t, BOB, line, OK("[]"));
	free(line);
}

static void test_reader_that_goes_away(void **state)
{
	static const char all[] = "{\"op\":\"query\",\"table\":\"notes\"}\n";
	struct stage *t = *state;
	struct puppet_stream *last;

	make_notes(t, "owner");
	fill_notes(2000, 1000);
	/* More than there are readers: each gives its own back. */
	for (int i = 0; i < 40; i++) {
		struct puppet_stream *s =
		    puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
		s->hold = true;
		puppet_write(s, all, strlen(all), true);
		PUPPET_UNTIL(t->p, s->len > 0);
		puppet_reset(s, STREAM_CANCELLED, "enough");
	}
	last = begin_ask(t, ALICE, IDS);
	puppet_read_end(last);
	is_array_of(last, 2000);
}

static void test_one_caller_does_not_hold_up_others(void **state)
{
	static const char slow[] = "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"count(*)"
				   "\"],\"where\":\"title LIKE "
				   "'%1%2%3%4%5%x%' OR title LIKE '%5%4%3%2%1%x%'\"}\n";
	struct stage *t = *state;
	struct puppet_stream *s[20];

	make_notes(t, "owner");
	fill_notes(5000, 1000);
	for (size_t i = 0; i < 20; i++)
		s[i] = begin_ask(t, ALICE, slow);
	ask(t, BOB, "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"],\"limit\":1}\n");
	/* Bob did not wait for all of alice's. */
	assert_true(answered(s, 20) < 20);
	for (size_t i = 0; i < 20; i++)
		puppet_read_end(s[i]);
}

/* --- life --- */

static void test_rows_survive_kill(void **state)
{
	struct stage *t = *state;

	make_notes(t, "open");
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	puppet_kill(t->p, SIGKILL);
	puppet_wait_end(t->p);
	puppet_restart(t->p);
	puppet_wait_up(t->transport);
	answers(t, ALICE, IDS, OK("[{\"_id\":1}]"));
}

static void test_stop_answers_what_came(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s[8];
	int status;

	make_notes(t, "open");
	for (size_t i = 0; i < 8; i++)
		s[i] = begin_ask(t, ALICE, INSERT_NOTE);
	puppet_open(t->transport, PROTOCOL_GOOP_DATA, BOB, 5000);
	for (size_t i = 0; i < 8; i++)
		puppet_read_end(s[i]);
	puppet_stop(t->p, 3000);
	status = puppet_wait_end(t->p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_null(strstr(puppet_log(t->p), "not everything could be finished"));
}

static void test_damaged_file_is_named(void **state)
{
	struct stage *t = *state;
	int status;

	puppet_put_file(t->p, "data.db", "this is no database at all", 26);
	puppet_spawn(t->p);
	status = puppet_wait_end(t->p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 78);
	assert_non_null(strstr(puppet_log(t->p), "data.db: database is damaged"));
}

static void test_links_that_die(void **state)
{
	struct stage *t = *state;

	make_notes(t, "open");
	/* A line begun, then the transport dies. */
	puppet_write(puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000), "{", 1, false);
	puppet_die(t->transport, "killed");
	answers(t, NULL, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	puppet_revive(t->transport);
	puppet_wait_up(t->transport);
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":2}"));
}

static void test_other_protocols_are_refused(void **state)
{
	struct stage *t = *state;

	assert_int_equal(
	    puppet_wait_over(puppet_open(t->transport, PROTOCOL_GOOP_SITE, ALICE, 5000)),
	    STREAM_REFUSED);
	assert_int_equal(puppet_wait_over(puppet_open(t->transport, PROTOCOL_GOOP_DATA, "", 5000)),
	    STREAM_REFUSED);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup_started, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_owner_and_remote),
	    T(test_emails_come_from_discovery),
	    cmocka_unit_test_setup_teardown(test_owner_before_the_transport_spoke, setup, teardown),
	    T(test_lines),
	    T(test_line_in_pieces),
	    T(test_line_of_ten_megabytes),
	    T(test_largest_line),
	    T(test_inserts_share_transactions),
	    T(test_a_refused_write_spoils_no_other),
	    T(test_a_lost_transaction_is_done_over),
	    T(test_load),
	    T(test_locked_by_another_program),
	    T(test_stalled_reader),
	    T(test_unread_answers_are_bounded),
	    T(test_unfinished_requests_are_bounded),
	    T(test_reader_that_goes_away),
	    T(test_one_caller_does_not_hold_up_others),
	    T(test_rows_survive_kill),
	    T(test_stop_answers_what_came),
	    cmocka_unit_test_setup_teardown(test_damaged_file_is_named, setup, teardown),
	    T(test_links_that_die),
	    T(test_other_protocols_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* svc-db among puppets: who may ask what, how lines come, how it lives and dies. */
#include "tests/service/db_stage.h"

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
	word_person(t->discovery, ALICE, "somebody", "alice@example.org");
	word_person(t->discovery, BOB, "somebody", "");
	word_all(t->discovery);
	wait_emails(t, 1);
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	errs(t, BOB, INSERT_NOTE, no_email);
	answers(t, ALICE, "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_owner_email\"]}\n",
	    OK("[{\"_owner_email\":\"alice@example.org\"}]"));
	word_person(t->discovery, BOB, "somebody", "bob@example.org");
	wait_emails(t, 2);
	answers(t, BOB, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":2}"));
	word_gone(t->discovery, BOB);
	wait_emails(t, 1);
	errs(t, BOB, INSERT_NOTE, no_email);
	/* While discovery restarts, what is known holds; its next snapshot is what counts. */
	word_person(t->discovery, BOB, "somebody", "bob@example.org");
	wait_emails(t, 2);
	puppet_die(t->discovery, "killed");
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":3}"));
	puppet_revive(t->discovery);
	puppet_wait_up(t->discovery);
	word_person(t->discovery, BOB, "somebody", "bob@example.org");
	word_all(t->discovery);
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

static void test_visitors_are_refused_when_it_is_full(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "database.visitors_mib", "1");
	start(t);
	make_notes(t, "open");
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":1}"));
	fill_notes(1, 1100000);
	errs(t, ALICE, INSERT_NOTE, "full: it takes no more from visitors");
	answers(t, NULL, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":3}"));
	assert_string_equal(puppet_fact(t->p, "database"),
	    "refuses visitors' rows: the database has reached 1 MiB");
	answers(t, NULL, "{\"op\":\"delete\",\"table\":\"notes\",\"id\":2}\n",
	    OK("{\"status\":\"deleted\"}"));
	answers(t, ALICE, INSERT_NOTE, OK("{\"status\":\"inserted\",\"id\":4}"));
	assert_string_equal(puppet_fact(t->p, "database"), "");
}

static void test_the_file_is_for_nobody_else(void **state)
{
	static const char *const files[] = {"elsewhere.db", "elsewhere.db-wal", "elsewhere.db-shm"};
	struct stage *t = *state;
	struct stat st;

	assert_int_equal(symlink("elsewhere.db", "data.db"), 0);
	start(t);
	make_notes(t, "open");
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		assert_int_equal(lstat(files[i], &st), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
	}
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

static void test_line_of_ten_megabytes(void **state)
{
	struct stage *t = *state;
	struct puppet_stream *s = puppet_open(t->transport, PROTOCOL_GOOP_DATA, ALICE, 5000);
	char *line = xmalloc(10 * MIB);
	long before = (long)(puppet_memory(t->p, "VmHWM") / 1024);

	memset(line, ' ', 10 * MIB);
	line[10 * MIB - 1] = '\n';
	/* It is all taken, so that whoever writes first and reads then comes to reading. */
	puppet_write(s, line, 10 * MIB, true);
	puppet_read_end(s);
	assert_string_equal(
	    (char *)s->data, "{\"ok\":false,\"error\":\"request too large: at most 1 MiB\"}\n");
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
#ifndef __SANITIZE_ADDRESS__
	assert_true((long)(puppet_memory(t->p, "VmHWM") / 1024) - before < 6 * 1024);
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

/* What it is can perhaps still be told by somebody: it stays as it was. */
static void test_damaged_file_is_named(void **state)
{
	struct stage *t = *state;
	char content[64] = "";
	FILE *f;
	int status;

	puppet_put_file(t->p, "data.db", "this is no database at all", 26);
	puppet_spawn(t->p);
	status = puppet_wait_end(t->p);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 78);
	assert_non_null(strstr(puppet_log(t->p), "data.db: database is damaged"));
	f = fopen("data.db", "r");
	assert_int_equal(fread(content, 1, sizeof content, f), 26);
	fclose(f);
	assert_string_equal(content, "this is no database at all");
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

#define T(test) cmocka_unit_test_setup_teardown(test, setup_started, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_owner_and_remote),
	    T(test_emails_come_from_discovery),
	    cmocka_unit_test_setup_teardown(test_owner_before_the_transport_spoke, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_visitors_are_refused_when_it_is_full, setup, teardown),
	    cmocka_unit_test_setup_teardown(test_the_file_is_for_nobody_else, setup, teardown),
	    T(test_lines),
	    T(test_line_in_pieces),
	    T(test_line_of_ten_megabytes),
	    T(test_largest_line),
	    T(test_rows_survive_kill),
	    T(test_stop_answers_what_came),
	    cmocka_unit_test_setup_teardown(test_damaged_file_is_named, setup, teardown),
	    T(test_links_that_die),
	    T(test_other_protocols_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* svc-db on a stage: puppets play its neighbours, and its file is looked at from outside. */
#ifndef TESTS_SERVICE_DB_STAGE_H
#define TESTS_SERVICE_DB_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/json.h"
#include "tests/service/puppet.h"
#include "tests/service/word.h"

#define ME    "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define ALICE "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define BOB   "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define MIB   (1024 * 1024)

struct stage {
	struct puppet *p;
	struct puppet_end *transport, *discovery, *viewer;
};

/* --- reports --- */

static inline int64_t counted(struct stage *t, const char *what)
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
static inline void wait_emails(struct stage *t, int64_t n)
{
	int64_t now = -1;

	for (unsigned i = 0; i < 1000 && (now = counted(t, "emails")) != n; i++)
		puppet_turns(t->p, 1);
	assert_int_equal(now, n);
}

/* --- asking --- */

/* NULL for the owner, through the viewer. */
static inline struct puppet_stream *begin_ask(struct stage *t, const char *peer, const char *line)
{
	struct puppet_stream *s = peer == NULL
	                              ? puppet_open(t->viewer, PROTOCOL_GOOP_DATA, "", 5000)
	                              : puppet_open(t->transport, PROTOCOL_GOOP_DATA, peer, 5000);

	puppet_write(s, line, strlen(line), true);
	return s;
}

/* The answer, lent until the stage ends. */
static inline const char *ask(struct stage *t, const char *peer, const char *line)
{
	struct puppet_stream *s = begin_ask(t, peer, line);

	puppet_read_end(s);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	return (const char *)s->data;
}

static inline void answers(
    struct stage *t, const char *peer, const char *line, const char *expected)
{
	const char *answer = ask(t, peer, line);

	if (strcmp(answer, expected) != 0)
		fail_msg("%sanswers %sexpected %s", line, answer, expected);
}

static inline void errs(struct stage *t, const char *peer, const char *line, const char *part)
{
	const char *answer = ask(t, peer, line);

	if (strstr(answer, "{\"ok\":false,") != answer || strstr(answer, part) == NULL)
		fail_msg("%sanswers %sexpected an error with %s", line, answer, part);
}

#define OK(data)    "{\"ok\":true,\"data\":" data "}\n"
#define INSERT_NOTE "{\"op\":\"insert\",\"table\":\"notes\",\"data\":{\"title\":\"x\"}}\n"
#define IDS         "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"_id\"]}\n"

static inline void make_notes(struct stage *t, const char *policy)
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

static inline sqlite3 *open_file(void)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open("data.db", &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	return db;
}

static inline void outside(const char *sql)
{
	sqlite3 *db = open_file();
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s: %s", sql, why);
	sqlite3_close(db);
}

static inline void fill_notes(unsigned rows, unsigned size)
{
	char sql[256];

	snprintf(sql, sizeof sql,
	    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %u)"
	    " INSERT INTO notes (_owner, title) SELECT 'a', printf('%%0%ud', i) FROM n",
	    rows, size);
	outside(sql);
}

/* --- stages --- */

static inline int setup(void **state)
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

static inline void start(struct stage *t)
{
	puppet_start(t->p);
	puppet_wait_up(t->transport);
	puppet_wait_up(t->discovery);
	puppet_wait_up(t->viewer);
	word_self(t->transport, ME);
	/* The transport's word comes before what its streams bring; the viewer's link is another.
	 */
	ask(t, ALICE, "{\"op\":\"tables\"}\n");
}

static inline int setup_started(void **state)
{
	setup(state);
	start(*state);
	return 0;
}

static inline int teardown(void **state)
{
	struct stage *t = *state;

	puppet_free(t->p);
	free(t);
	return 0;
}

#endif

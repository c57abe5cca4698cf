/* Requests to a store, and their answers. */
#ifndef TESTS_UNIT_DB_CALL_TESTING_H
#define TESTS_UNIT_DB_CALL_TESTING_H

#include "codec/json.h"
#include "svc-db/data_call.h"
#include "tests/unit/db/store_testing.h"

static const struct caller the_owner = {true, "owner-peer", "owner@example.org"};
static const struct caller alice = {false, "alice-peer", "alice@example.org"};
static const struct caller bob = {false, "bob-peer", ""};

/* Runs a call to its end as the service does: writes in a transaction. Appends the answer. */
static inline enum data_state run_to_end(struct store *st, struct data_call *c, struct buf *out)
{
	bool writes = data_call_kind(c) != DATA_READ;
	enum data_state state;

	if (writes)
		ASSERT_STORE(st, store_begin(st), STORE_OK);
	do
		state = data_call_run(c, st, out);
	while (state == DATA_MORE || state == DATA_FLOW);
	if (writes)
		ASSERT_STORE(st, store_commit(st), STORE_OK);
	return state;
}

/* The answer line, with its zero; free(3). */
static inline char *answer_to(struct store *st, const struct caller *who, const char *line)
{
	struct buf out;
	struct data_call *c;
	size_t n;

	buf_init(&out, 64 * 1024 * 1024);
	c = data_call_new(line, strlen(line), who, &out);
	if (c != NULL) {
		assert_int_equal(run_to_end(st, c, &out), DATA_DONE);
		data_call_free(c);
	}
	assert_true(buf_len(&out) > 0);
	assert_int_equal(buf_data(&out)[buf_len(&out) - 1], '\n');
	buf_truncate(&out, buf_len(&out) - 1);
	buf_put(&out, "", 1);
	return (char *)buf_take(&out, &n);
}

static inline void answers(
    struct store *st, const struct caller *who, const char *line, const char *expected)
{
	char *answer = answer_to(st, who, line);

	if (strcmp(answer, expected) != 0)
		fail_msg("%s\nanswers  %s\nexpected %s", line, answer, expected);
	free(answer);
}

/* An error whose text contains `part`. */
static inline void errs(
    struct store *st, const struct caller *who, const char *line, const char *part)
{
	char *answer = answer_to(st, who, line);

	if (strstr(answer, "{\"ok\":false,\"error\":\"") != answer || strstr(answer, part) == NULL)
		fail_msg("%s\nanswers  %s\nexpected an error with \"%s\"", line, answer, part);
	free(answer);
}

static inline void ok(struct store *st, const struct caller *who, const char *line)
{
	char *answer = answer_to(st, who, line);

	if (strstr(answer, "{\"ok\":true,") != answer)
		fail_msg("%s\nanswers %s", line, answer);
	free(answer);
}

/* A table "notes" (title, n) with that insert policy. */
static inline void notes_with(struct store *st, const char *policy)
{
	char line[128];

	make_notes(st);
	snprintf(line, sizeof line, "{\"op\":\"set-policy\",\"table\":\"notes\",\"policy\":\"%s\"}",
	    policy);
	ok(st, &the_owner, line);
}

#endif

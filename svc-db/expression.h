/* Proves that text is lexically one SQL expression, before it becomes part of a statement.
 *
 * Expressions of callers stand inside parentheses. Text that closes them ("1=1) OR (1=1"), opens a
 * comment, ends the statement or leaves a quote open would put its remainder somewhere else, so it
 * is refused here, with the same rules by which SQLite splits text into tokens
 * (https://sqlite.org/lang_keywords.html, src/tokenize.c). What the expression may read is not
 * decided here: that is the engine's, see store_guard.c. */
#ifndef DB_EXPRESSION_H
#define DB_EXPRESSION_H

#include <stddef.h>

#define EXPRESSION_MAX (16 * 1024) /* bytes */

enum {
	EXPRESSION_PLAIN = 1, /* no SELECT, no VALUES, no "IN table" */
	EXPRESSION_ALIAS = 2, /* may end in "AS name" */
};

/* The parts, lent from the text. */
struct expression {
	const char *text; /* without white space around it */
	size_t len;
	const char *alias; /* without its quotes, NULL when there is none */
	size_t alias_len;
};

/* NULL when `text` passes, with *e filled; otherwise what is wrong with it, static. */
const char *expression_check(const char *text, unsigned flags, struct expression *e);

#endif

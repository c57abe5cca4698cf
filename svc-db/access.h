/* Who may do what. Pure decisions: no database, no network.
 * Source: docs/CONTRACT.md, "Stream protocols" (insert policies).
 *
 * The contract knows the policies owner, email and open. Databases of deployed peers may hold more
 * of them, and explicit rules for each operation; those are kept as their owners meant them, and
 * never give a caller more than one's own rows to change:
 *
 *	policy            remote insert          remote query
 *	owner, local      refused                all rows
 *	email             with an e-mail         own rows
 *	open              allowed                own rows
 *	public            allowed                all rows
 *	group             refused (no groups)    all rows
 *	anything else     refused                own rows
 */
#ifndef DB_ACCESS_H
#define DB_ACCESS_H

#include <stdbool.h>

enum access_rows { ROWS_NONE, ROWS_OWN, ROWS_ALL };
enum access_insert {
	INSERT_OWNER,   /* the site's owner alone */
	INSERT_LOCAL,   /* the same, said in other words */
	INSERT_EMAIL,   /* whoever announces an e-mail address */
	INSERT_OPEN,    /* everybody */
	INSERT_GROUP,   /* members of a group: there are no groups here */
	INSERT_UNKNOWN, /* a policy nobody has heard of */
};

/* What remote callers may do with a table. */
struct access_rules {
	enum access_insert insert;
	enum access_rows read;
	enum access_rows update; /* ROWS_NONE or ROWS_OWN */
	enum access_rows delete_;
};

enum access_op {
	ACCESS_TABLES,
	ACCESS_DESCRIBE,
	ACCESS_READ,
	ACCESS_INSERT,
	ACCESS_UPDATE,
	ACCESS_DELETE,
	ACCESS_SCHEMA,
};

/* Who asks. The peer id is the one that the handshake proved; both strings are lent. */
struct caller {
	bool owner; /* of this site, through its viewer */
	const char *peer;
	const char *email; /* "" when none is known */
};

/* The rules that an insert policy stands for. */
struct access_rules access_by_policy(const char *policy);

/* Explicit rules of a table, as deployed peers keep them; each "local", "owner", "group", "open",
 * or NULL to leave what stands. */
void access_refine(struct access_rules *rules, const char *read, const char *insert,
    const char *update, const char *delete_);

/* A policy that set-policy takes: owner, email, open. */
bool access_policy_ok(const char *policy);

/* NULL when the caller may, with *rows set to the rows that he may touch; otherwise the sentence
 * that refuses, static. `rules` may be NULL for ACCESS_TABLES and ACCESS_SCHEMA. */
const char *access_refusal(enum access_op op, const struct caller *caller,
    const struct access_rules *rules, enum access_rows *rows);

#endif

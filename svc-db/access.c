#include "svc-db/access.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	struct access_rules rules;
} policies[] = {
    {"owner", {INSERT_OWNER, ROWS_ALL, ROWS_OWN, ROWS_OWN}},
    {"email", {INSERT_EMAIL, ROWS_OWN, ROWS_OWN, ROWS_OWN}},
    {"open", {INSERT_OPEN, ROWS_OWN, ROWS_OWN, ROWS_OWN}},
    {"public", {INSERT_OPEN, ROWS_ALL, ROWS_OWN, ROWS_OWN}},
    {"group", {INSERT_GROUP, ROWS_ALL, ROWS_OWN, ROWS_OWN}},
    {"local", {INSERT_LOCAL, ROWS_ALL, ROWS_OWN, ROWS_OWN}},
};

struct access_rules access_by_policy(const char *policy)
{
	static const struct access_rules unknown = {INSERT_UNKNOWN, ROWS_OWN, ROWS_OWN, ROWS_OWN};

	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++)
		if (strcmp(policies[i].name, policy) == 0)
			return policies[i].rules;
	return unknown;
}

static enum access_rows rows_for(const char *rule, enum access_rows open)
{
	return strcmp(rule, "open") == 0 ? open : ROWS_NONE;
}

void access_refine(struct access_rules *rules, const char *read, const char *insert,
    const char *update, const char *delete_)
{
	if (insert != NULL && *insert != '\0')
		rules->insert = access_by_policy(insert).insert;
	if (read != NULL && *read != '\0')
		rules->read = strcmp(read, "owner") == 0 ? ROWS_OWN : rows_for(read, ROWS_ALL);
	if (update != NULL && *update != '\0')
		rules->update = rows_for(update, ROWS_OWN);
	if (delete_ != NULL && *delete_ != '\0')
		rules->delete_ = rows_for(delete_, ROWS_OWN);
}

bool access_policy_ok(const char *policy)
{
	return strcmp(policy, "owner") == 0 || strcmp(policy, "email") == 0 ||
	       strcmp(policy, "open") == 0;
}

static const char *insert_refusal(enum access_insert rule, const struct caller *caller)
{
	switch (rule) {
	case INSERT_OPEN: return NULL;
	case INSERT_EMAIL:
		return *caller->email != '\0' ? NULL
		                              : "insert not allowed: your peer must have an email "
		                                "address configured";
	case INSERT_OWNER:
		return "insert not allowed: this table only accepts data from the site owner";
	case INSERT_LOCAL: return "insert not allowed: table is local-only";
	case INSERT_GROUP: return "insert not allowed: no group system";
	case INSERT_UNKNOWN: break;
	}
	return "insert not allowed: unknown table policy";
}

static const char *rows_refusal(enum access_rows allowed, enum access_rows *rows, const char *text)
{
	*rows = allowed;
	return allowed == ROWS_NONE ? text : NULL;
}

const char *access_refusal(enum access_op op, const struct caller *caller,
    const struct access_rules *rules, enum access_rows *rows)
{
	*rows = ROWS_ALL;
	if (caller->owner)
		return NULL;
	switch (op) {
	case ACCESS_TABLES:
	case ACCESS_DESCRIBE: return NULL;
	case ACCESS_READ:
		return rows_refusal(
		    rules->read, rows, "query not allowed: table is not open to remote peers");
	case ACCESS_INSERT: *rows = ROWS_OWN; return insert_refusal(rules->insert, caller);
	case ACCESS_UPDATE:
		return rows_refusal(rules->update, rows, "update not allowed: owner only");
	case ACCESS_DELETE:
		return rows_refusal(rules->delete_, rows, "delete not allowed: owner only");
	case ACCESS_SCHEMA: break;
	}
	return "schema operations not allowed for remote peers";
}

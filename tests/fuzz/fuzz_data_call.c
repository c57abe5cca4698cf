/* A remote caller's request line, or (when it does not look like one) the where and the column of a
 * query: whatever it is, the answer is one JSON line and never holds the word that stands in rows
 * that are not the caller's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "codec/json.h"
#include "svc-db/data_call.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET "xyzzy"

static const char setup[] =
    "CREATE TABLE diary (_id INTEGER PRIMARY KEY, _owner TEXT, title TEXT);"
    "INSERT INTO diary VALUES (1, 'alice', '" SECRET "');"
    "CREATE TABLE notes (_id INTEGER PRIMARY KEY AUTOINCREMENT, _owner TEXT NOT NULL,"
    " _owner_email TEXT DEFAULT '', _created_at DATETIME DEFAULT CURRENT_TIMESTAMP,"
    " _updated_at DATETIME DEFAULT CURRENT_TIMESTAMP, title TEXT, n INTEGER);"
    "INSERT INTO _tables (name, schema, insert_policy) VALUES ('notes', '" SECRET "', 'open');"
    "INSERT INTO notes (_owner, title, n) VALUES ('alice', 'a', 1), ('bob', '" SECRET "', 2);";

static char folder[] = "/tmp/goop-fuzz.XXXXXX";
static char file[64];
static struct store *st;

static void end(void)
{
	store_close(st);
	unlink(file);
	rmdir(folder);
}

static void begin(void)
{
	char why[STORE_WHY];
	sqlite3 *db;

	log_set_level(LOG_LEVEL_ERROR);
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(file, sizeof file, "%s/data.db", folder);
	st = store_open(file, why);
	if (st == NULL || sqlite3_open(file, &db) != SQLITE_OK)
		abort();
	if (sqlite3_exec(db, setup, NULL, NULL, NULL) != SQLITE_OK)
		abort();
	sqlite3_close(db);
	store_refresh(st);
	atexit(end);
}

/* What a caller has said himself may come back to him. */
static void check(const char *line, const struct buf *out)
{
	cJSON *tree;

	if (buf_len(out) == 0 || buf_data(out)[buf_len(out) - 1] != '\n')
		abort();
	if (strstr(line, SECRET) == NULL &&
	    memmem(buf_data(out), buf_len(out), SECRET, strlen(SECRET)) != NULL)
		abort();
	/* Names of columns may be the same, which json_parse() does not take. */
	tree = cJSON_ParseWithLength((const char *)buf_data(out), buf_len(out));
	if (tree == NULL)
		abort();
	cJSON_Delete(tree);
}

static void call(const char *line)
{
	static const struct caller alice = {false, "alice", ""};
	struct data_call *c;
	enum data_state s = DATA_DONE;
	struct buf out;

	buf_init(&out, DATA_CALL_OUT);
	c = data_call_new(line, strlen(line), &alice, &out);
	if (c != NULL && store_begin(st) != STORE_OK)
		abort();
	if (c != NULL) {
		do
			s = data_call_run(c, st, &out);
		while (s == DATA_MORE || s == DATA_FLOW);
		store_rollback(st);
	}
	data_call_free(c);
	if (s != DATA_DONE)
		abort();
	check(line, &out);
	buf_clear(&out);
}

static void query(const char *where, const char *column)
{
	cJSON *r = cJSON_CreateObject();
	char *line;

	cJSON_AddStringToObject(r, "op", "query");
	cJSON_AddStringToObject(r, "table", "notes");
	if (where != NULL)
		cJSON_AddStringToObject(r, "where", where);
	if (column != NULL)
		cJSON_AddItemToArray(
		    cJSON_AddArrayToObject(r, "columns"), cJSON_CreateString(column));
	line = json_print(r);
	call(line);
	free(line);
	cJSON_Delete(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1);

	if (st == NULL)
		begin();
	memcpy(text, data, size);
	if (size > 0 && *text == '{') {
		call(text);
	} else {
		query(text, NULL);
		query(NULL, text);
		query(text, text);
	}
	free(text);
	return 0;
}

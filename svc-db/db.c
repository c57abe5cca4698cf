#include "svc-db/db.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-db/data_call.h"
#include "svc-db/data_stream.h"
#include "svc-db/emails.h"
#include "svc-db/store.h"
#include "svc-db/work.h"

#define FILE_NAME  "data.db"
#define PEER_ROOM  128
#define EMAIL_ROOM 512
#define REPORT_MAX (120 * 1024)
#define MIB        (1024 * 1024)

#define BOUND_KEY "database.visitors_mib"
#define BOUND_MIB 1024

struct db {
	struct service *svc;
	struct store *store;
	struct work *work;
	struct data_streams *streams;
	struct emails *emails;
	char self[PEER_ROOM]; /* our own peer id, "" until the transport has said it */
	struct before_sleep *hook;
	struct timer *retry;
	uint64_t alters; /* changes of tables when the fact was last told */
	char *full;      /* why visitors are refused, as it was last told */
	bool stopping;
};

static struct db *db_of(const struct service *svc)
{
	return service_state(svc);
}

/* --- from the transport: who we are --- */

static int hear_self(struct db *db, struct msg *m)
{
	char peer[PEER_ROOM];

	msg_get_cstr(m, peer, sizeof peer);
	msg_get_bytes(m); /* the public key */
	msg_get_u16(m);   /* the port */
	if (!msg_end(m))
		return -1;
	memcpy(db->self, peer, sizeof peer);
	return 0;
}

int db_from_transport(struct service *svc, struct msg *m)
{
	switch (m->type) {
	case MSG_SELF: return hear_self(db_of(svc), m);
	default: return -1;
	}
}

/* --- from discovery: who is there --- */

static int hear_person(struct db *db, struct msg *m)
{
	char peer[PEER_ROOM], email[EMAIL_ROOM];

	msg_get_cstr(m, peer, sizeof peer);
	msg_get_str(m); /* the label */
	msg_get_cstr(m, email, sizeof email);
	msg_get_str(m); /* the avatar's hash */
	msg_get_i64(m); /* last seen */
	msg_get_u8(m);  /* heard by */
	if (!msg_end(m))
		return -1;
	emails_set(db->emails, peer, email);
	return 0;
}

static int hear_person_gone(struct db *db, struct msg *m)
{
	char peer[PEER_ROOM];

	msg_get_cstr(m, peer, sizeof peer);
	if (!msg_end(m))
		return -1;
	emails_remove(db->emails, peer);
	return 0;
}

static int hear_people_all(struct db *db, struct msg *m)
{
	if (!msg_end(m))
		return -1;
	emails_all(db->emails);
	return 0;
}

int db_from_discovery(struct service *svc, struct msg *m)
{
	switch (m->type) {
	case MSG_PERSON: return hear_person(db_of(svc), m);
	case MSG_PERSON_GONE: return hear_person_gone(db_of(svc), m);
	case MSG_PEOPLE_ALL: return hear_people_all(db_of(svc), m);
	default: return -1;
	}
}

void db_discovery_up(struct service *svc)
{
	emails_begin(db_of(svc)->emails);
}

/* --- streams: the caller is who the link says it is, never who the request says --- */

const struct stream_events *db_stream_of_peer(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	struct db *db = db_of(arg);
	const struct caller caller = {false, peer, emails_get(db->emails, peer)};

	(void)address;
	if (protocol != PROTOCOL_GOOP_DATA || *peer == '\0')
		return NULL;
	return data_streams_take(db->streams, s, &caller, user);
}

const struct stream_events *db_stream_of_owner(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	struct db *db = db_of(arg);
	const struct caller caller = {true, db->self, service_config(arg, "profile.email")};

	(void)peer;
	(void)address;
	if (protocol != PROTOCOL_GOOP_DATA)
		return NULL;
	return data_streams_take(db->streams, s, &caller, user);
}

/* --- the turn --- */

static void tell_tables(struct db *db)
{
	char text[24];

	snprintf(text, sizeof text, "%zu", store_table_count(db->store));
	service_fact(db->svc, "tables", text);
}

static void tell_room(struct db *db)
{
	const char *full = store_full(db->store);
	char text[160] = "";

	if (strcmp(db->full, full) == 0)
		return;
	free(db->full);
	db->full = xstrdup(full);
	if (*full != '\0')
		snprintf(text, sizeof text, "refuses visitors' rows: %s", full);
	service_fact(db->svc, "database", text);
}

/* All that came in this turn of the loop is handled: now the writes that wait go together. */
static bool before_sleep(void *arg)
{
	struct db *db = arg;
	enum work_state state = work_turn(db->work, loop_now(service_loop(db->svc)));
	uint64_t alters = work_counted(db->work).alters;

	if (alters != db->alters)
		tell_tables(db);
	db->alters = alters;
	tell_room(db);
	if (state == WORK_LATER && !timer_active(db->retry))
		timer_start(db->retry, WORK_RETRY_MS);
	if (db->stopping && data_streams_count(db->streams) == 0)
		service_exit(db->svc, EXIT_SUCCESS);
	/* Also when all is done: what was written to streams is sent by a hook that comes earlier.
	 */
	return state == WORK_AGAIN;
}

/* The loop wakes up, and so comes to before_sleep(). */
static void retry(void *arg)
{
	(void)arg;
}

/* --- reports --- */

static void report_work(struct db *db, struct buf *out)
{
	struct work_count c = work_counted(db->work);

	buf_putf(out,
	    "{\"streams\":%zu,\"writes\":%llu,\"commits\":%llu,\"largest\":%zu,\"lost\":%llu,"
	    "\"alters\":%llu,\"reads\":%llu,\"emails\":%zu}",
	    data_streams_count(db->streams), (unsigned long long)c.writes,
	    (unsigned long long)c.commits, c.largest, (unsigned long long)c.lost,
	    (unsigned long long)c.alters, (unsigned long long)c.reads, emails_count(db->emails));
}

void db_report(struct service *svc, uint32_t request, const char *what)
{
	struct buf out;

	buf_init(&out, REPORT_MAX);
	if (strcmp(what, "tables") == 0)
		data_call_tables(db_of(svc)->store, &out);
	else if (strcmp(what, "work") == 0)
		report_work(db_of(svc), &out);
	else
		buf_puts(&out, "null");
	if (buf_put(&out, "", 1) != 0)
		service_report(svc, request, "{\"error\":\"the report is too large\"}");
	else
		service_report(svc, request, (const char *)buf_data(&out));
	buf_clear(&out);
}

/* --- life --- */

int db_init(struct service *svc)
{
	struct db *db = xcalloc(1, sizeof *db);
	char why[STORE_WHY];

	service_set_state(svc, db);
	db->svc = svc;
	/* A limit on the size of files is one more way in which a disk is full. */
	signal(SIGXFSZ, SIG_IGN);
	db->store = store_open(FILE_NAME, why);
	if (db->store == NULL) {
		log_error("db", "%s", why);
		return -1;
	}
	if (store_keep_files(db->store) != STORE_OK) {
		log_error("db", "%s: %s", FILE_NAME, store_why(db->store));
		return -1;
	}
	store_set_bound(db->store, service_config_u64(svc, BOUND_KEY, BOUND_MIB) * MIB);
	db->full = xstrdup("");
	db->work = work_new(db->store);
	db->streams = data_streams_new(service_loop(svc), db->work);
	db->emails = emails_new();
	db->retry = timer_new(service_loop(svc), retry, db);
	db->hook = loop_before_sleep(service_loop(svc), before_sleep, db);
	tell_tables(db);
	return 0;
}

/* What is being answered is answered to its end; before_sleep() sees when that is. */
void db_stop(struct service *svc, uint32_t grace_ms)
{
	struct db *db = db_of(svc);

	(void)grace_ms;
	db->stopping = true;
	data_streams_stop(db->streams);
}

void db_fini(struct service *svc)
{
	struct db *db = db_of(svc);

	before_sleep_free(db->hook);
	timer_free(db->retry);
	data_streams_free(db->streams);
	work_free(db->work);
	emails_free(db->emails);
	store_close(db->store);
	store_drop_files();
	free(db->full);
	free(db);
}

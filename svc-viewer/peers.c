#include "svc-viewer/peers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "codec/json.h"

struct person {
	TAILQ_ENTRY(person) entry;
	char *id, *label, *email, *avatar_hash;
	int64_t last_seen;
	bool doubtful; /* not heard of since the snapshot began */
};

struct peers {
	TAILQ_HEAD(, person) all;
	struct map *by_id;
	size_t bytes; /* of all texts */
	peers_change_fn *changed;
	void *arg;
	struct log_limit full;
};

struct peers *peers_new(peers_change_fn *changed, void *arg)
{
	struct peers *p = xcalloc(1, sizeof(*p));

	TAILQ_INIT(&p->all);
	p->by_id = map_new();
	p->changed = changed;
	p->arg = arg;
	return p;
}

static void person_free(struct person *who)
{
	free(who->id);
	free(who->label);
	free(who->email);
	free(who->avatar_hash);
	free(who);
}

void peers_free(struct peers *p)
{
	struct person *who, *next;

	if (p == NULL)
		return;
	for (who = TAILQ_FIRST(&p->all); who != NULL; who = next) {
		next = TAILQ_NEXT(who, entry);
		person_free(who);
	}
	map_free(p->by_id);
	free(p);
}

/* --- rows and events -------------------------------------------------------------------------- */

static void put_row(cJSON *row, const struct person *who)
{
	char seen[25];

	clock_format(who->last_seen, seen);
	cJSON_AddStringToObject(row, "ID", who->id);
	cJSON_AddStringToObject(row, "Content", who->label);
	cJSON_AddStringToObject(row, "Email", who->email);
	cJSON_AddStringToObject(row, "AvatarHash", who->avatar_hash);
	cJSON_AddStringToObject(row, "LastSeen", seen);
}

static cJSON *rows(const struct peers *p)
{
	cJSON *array = cJSON_CreateArray();
	const struct person *who;

	TAILQ_FOREACH (who, &p->all, entry) {
		cJSON *row = cJSON_CreateObject();
		put_row(row, who);
		cJSON_AddItemToArray(array, row);
	}
	return array;
}

static char *printed(cJSON *value)
{
	char *text = json_print(value);

	cJSON_Delete(value);
	return text;
}

static cJSON *event(const char *type, const struct person *who)
{
	cJSON *e = cJSON_CreateObject();

	cJSON_AddStringToObject(e, "type", type);
	cJSON_AddStringToObject(e, "peer_id", who->id);
	return e;
}

/* The person both inside "peer" and in the event itself: the deployed client libraries have taught
 * pages to read either. */
static void tell_update(struct peers *p, const struct person *who)
{
	cJSON *e = event("update", who), *peer = cJSON_AddObjectToObject(e, "peer");
	char *json;

	put_row(peer, who);
	put_row(e, who);
	json = printed(e);
	p->changed(p->arg, "update", json);
	free(json);
}

static void tell_remove(struct peers *p, const struct person *who)
{
	cJSON *e = event("remove", who);
	char *json;

	cJSON_AddStringToObject(e, "ID", who->id);
	json = printed(e);
	p->changed(p->arg, "remove", json);
	free(json);
}

char *peers_rows(const struct peers *p)
{
	return printed(rows(p));
}

char *peers_snapshot(const struct peers *p)
{
	cJSON *e = cJSON_CreateObject();

	cJSON_AddStringToObject(e, "type", "snapshot");
	cJSON_AddItemToObject(e, "peers", rows(p));
	return printed(e);
}

/* --- changes ---------------------------------------------------------------------------------- */

static size_t size_of(const struct peers_person *who)
{
	return strlen(who->id) + strlen(who->label) + strlen(who->email) + strlen(who->avatar_hash);
}

static size_t size_now(const struct person *who)
{
	return strlen(who->id) + strlen(who->label) + strlen(who->email) + strlen(who->avatar_hash);
}

/* Is there room for these texts, in the place of `known` if that is not NULL? */
static bool fits(struct peers *p, const struct peers_person *who, const struct person *known)
{
	size_t others = p->bytes - (known != NULL ? size_now(known) : 0);
	bool place = known != NULL || map_count(p->by_id) < PEERS_MAX;

	if (place && size_of(who) <= PEERS_BYTES_MAX - others)
		return true;
	if (log_allowed(&p->full, 1, "peers"))
		log_warn("peers", "too many people, or too much about them: %s is not listed%s",
		    who->id, known != NULL ? " anew" : "");
	return false;
}

static struct person *add(struct peers *p, const char *id)
{
	struct person *who = xcalloc(1, sizeof(*who));

	who->id = xstrdup(id);
	TAILQ_INSERT_TAIL(&p->all, who, entry);
	map_sets(p->by_id, id, who);
	return who;
}

static void replace(char **field, const char *value)
{
	free(*field);
	*field = xstrdup(value);
}

static void describe(struct person *known, const struct peers_person *who)
{
	replace(&known->label, who->label);
	replace(&known->email, who->email);
	replace(&known->avatar_hash, who->avatar_hash);
}

void peers_put(struct peers *p, const struct peers_person *who)
{
	struct person *known = map_gets(p->by_id, who->id);

	if (fits(p, who, known)) {
		p->bytes -= known != NULL ? size_now(known) : 0;
		if (known == NULL)
			known = add(p, who->id);
		describe(known, who);
		p->bytes += size_now(known);
	}
	if (known == NULL)
		return;
	known->last_seen = who->last_seen;
	known->doubtful = false;
	tell_update(p, known);
}

static void remove_person(struct peers *p, struct person *who)
{
	tell_remove(p, who);
	p->bytes -= size_now(who);
	map_removes(p->by_id, who->id);
	TAILQ_REMOVE(&p->all, who, entry);
	person_free(who);
}

void peers_remove(struct peers *p, const char *id)
{
	struct person *who = map_gets(p->by_id, id);

	if (who != NULL)
		remove_person(p, who);
}

void peers_snapshot_begin(struct peers *p)
{
	struct person *who;

	TAILQ_FOREACH (who, &p->all, entry)
		who->doubtful = true;
}

void peers_snapshot_end(struct peers *p)
{
	struct person *who, *next;

	for (who = TAILQ_FIRST(&p->all); who != NULL; who = next) {
		next = TAILQ_NEXT(who, entry);
		if (who->doubtful)
			remove_person(p, who);
	}
}

size_t peers_count(const struct peers *p)
{
	return map_count(p->by_id);
}

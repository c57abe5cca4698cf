/* Who is there, as discovery says; and the rows and events that pages get of it. No I/O.
 * Source: docs/CONTRACT.md, "Viewer" (GET /api/peers, /api/peers/events). */
#ifndef SVC_VIEWER_PEERS_H
#define SVC_VIEWER_PEERS_H

#include <stddef.h>
#include <stdint.h>

/* More people than this are not listed: whoever floods discovery does not fill this process. */
#define PEERS_MAX 10000
/* And their texts are no longer than this together, without the terminators. When there is no room,
 * newcomers are not listed, and who is listed keeps the texts it has. */
#define PEERS_BYTES_MAX (4 * 1024 * 1024)

struct peers;

struct peers_person {
	const char *id;
	const char *label;
	const char *email;
	const char *avatar_hash;
	int64_t last_seen; /* Unix milliseconds */
};

/* A change: event "update" or "remove" and its JSON, lent for the call. */
typedef void peers_change_fn(void *arg, const char *event, const char *json);

struct peers *peers_new(peers_change_fn *changed, void *arg);
void peers_free(struct peers *p); /* NULL is fine */

/* Somebody is there, or something about him has changed. */
void peers_put(struct peers *p, const struct peers_person *who);
/* Somebody has gone. */
void peers_remove(struct peers *p, const char *id);

/* A snapshot begins: everybody is doubtful until peers_put(); who still is at its end has gone. */
void peers_snapshot_begin(struct peers *p);
void peers_snapshot_end(struct peers *p);

/* People listed. */
size_t peers_count(const struct peers *p);

/* The array of rows, for free(3). */
char *peers_rows(const struct peers *p);
/* The data of the event "snapshot", for free(3). */
char *peers_snapshot(const struct peers *p);

#endif

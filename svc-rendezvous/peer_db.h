/* The peers in a SQLite file: kept across a restart, and shared between instances on one machine.
 * The only file here that includes sqlite3.h.
 *
 * Each row bears the number of the change that wrote it; an instance asks for the numbers that it
 * has not seen. Writes are collected and go out in one transaction. Nothing waits for another
 * instance's lock: what cannot be written now is written at the next turn. */
#ifndef SVC_RENDEZVOUS_PEER_DB_H
#define SVC_RENDEZVOUS_PEER_DB_H

#include <stddef.h>
#include <stdint.h>

#include "svc-rendezvous/hub.h"

struct peer_db;

#define PEER_DB_ERROR 512

/* Opens or creates the file. NULL with a sentence in `error` that names it when that is not
 * possible: a damaged file is never replaced. */
struct peer_db *peer_db_open(const char *path, char error[PEER_DB_ERROR]);

/* Writes what is pending and closes. NULL is fine. */
void peer_db_close(struct peer_db *db);

/* Tells the hub who was online when the last instance ended, as if heard now, unless that is
 * longer ago than PEER_DB_DOWN_MS; and who has signed within a day. */
#define PEER_DB_DOWN_MS (5LL * 60 * 1000)
void peer_db_load(struct peer_db *db, struct hub *hub, int64_t now);

/* To be written at the next turn; hub_events.store. */
void peer_db_store(struct peer_db *db, const struct hub_row *row);

/* Writes what is pending, then tells the hub what other instances have written. To be called every
 * PEER_DB_TURN_MS. */
#define PEER_DB_TURN_MS 250
void peer_db_turn(struct peer_db *db, struct hub *hub, int64_t now);

/* Rows not yet written. */
size_t peer_db_pending(const struct peer_db *db);

#endif

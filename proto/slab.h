/* Memory that the two ends of a link share, for the bytes of streams: a message of 256 KiB then
 * crosses as a few bytes that say where they are, and is copied through no socket.
 *
 * Each end has an area of SLAB_SLOTS slots which it writes and the other end reads. The supervisor
 * makes a slab for each pairing, sealed in its size, and hands it to both ends with the token; so a
 * slab never outlives the pairing that it was made for, and what a dead process had in its hands is
 * gone with it. It is only a faster way: when no slot is free, or there is no slab at all, bytes
 * travel inside of messages.
 *
 * The other end is not trusted: what it wrote may change at any time, so it is to be read once
 * (copied, or sealed) and nothing is to be decided from it but from a copy. */
#ifndef PROTO_SLAB_H
#define PROTO_SLAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/messages.h"

#define SLAB_SLOTS 12
#define SLAB_SLOT  STREAM_PAYLOAD /* bytes */

/* For the supervisor: a new slab's descriptor (memfd_create(2)), or -1 with errno. */
int slab_create(void);

struct slab;

/* Maps it; the descriptor stays the caller's and is no more needed. NULL, logged, when that has
 * not the size of a slab. `connects`: which end of the link this is. */
struct slab *slab_open(int fd, bool connects);
void slab_free(struct slab *s); /* NULL is fine */

/* --- writing ---------------------------------------------------------------------------------- */

/* A free slot of ours, to be filled; -1 when there is none, or the other end has not opened the
 * slab. `s` may be NULL. */
int slab_take(struct slab *s);
uint8_t *slab_room(const struct slab *s, unsigned slot);
/* It was not sent. */
void slab_give_back(struct slab *s, unsigned slot);
/* It is the other end's until that has called slab_done(). */
void slab_sent(struct slab *s, unsigned slot);
/* The link has gone down: once it is up again the other end will have forgotten what was sent. All
 * slots that were taken must have been given back or sent. `s` may be NULL. */
void slab_start_over(struct slab *s);
/* Gives the memory of our slots back to the system, unless one of them is in use. */
bool slab_rest(struct slab *s);

/* --- reading ---------------------------------------------------------------------------------- */

/* `n` bytes in a slot of the other end, lent until slab_done(). NULL when there are no such, or `s`
 * is NULL. */
const uint8_t *slab_lent(const struct slab *s, unsigned slot, size_t n);
void slab_done(struct slab *s, unsigned slot);

#endif

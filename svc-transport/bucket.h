/* A token bucket: how much of something may happen at once, and then how much a second. No I/O; the
 * time is an argument (milliseconds). */
#ifndef SVC_TRANSPORT_BUCKET_H
#define SVC_TRANSPORT_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Its size, a constant of whoever uses it. */
struct bucket_size {
	uint32_t burst;  /* tokens of a full one */
	uint32_t second; /* that come back a second; not 0 */
};

/* Embedded by value; zeroed is full. */
struct bucket {
	uint64_t full_at; /* nanoseconds */
};

/* Would `n` tokens be there? */
bool bucket_has(const struct bucket *b, const struct bucket_size *size, uint64_t n, uint64_t now);

/* Takes `n` tokens. False when they are not there: then none is taken. */
bool bucket_take(struct bucket *b, const struct bucket_size *size, uint64_t n, uint64_t now);

/* Whether it may be forgotten: it says no more than a zeroed one. */
bool bucket_is_full(const struct bucket *b, uint64_t now);

#endif

/* Messages of ours that wait for their signature: a row each, with a deadline. No I/O; the time is
 * an argument (monotonic milliseconds). */
#ifndef SVC_DISCOVERY_DRAFTS_H
#define SVC_DISCOVERY_DRAFTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DRAFTS_MAX     8
#define DRAFTS_WAIT_MS 2000 /* a signature that has not come by then will not come */

struct draft {
	uint32_t request; /* its number, below 2^31; 0: the row is free */
	uint64_t seqno;
	uint64_t deadline;
	struct bytes data; /* owned by the row */
};

/* Embedded by value; a zeroed struct is empty. */
struct drafts {
	struct draft rows[DRAFTS_MAX];
	uint32_t last;
};

/* Copies the message. The row, lent until it is removed; NULL when all are taken. */
const struct draft *drafts_add(
    struct drafts *d, uint64_t seqno, const void *data, size_t len, uint64_t now);
const struct draft *drafts_find(const struct drafts *d, uint32_t request);
void drafts_remove(struct drafts *d, uint32_t request);

/* Removes those whose time is over (at UINT64_MAX: all). */
void drafts_expire(struct drafts *d, uint64_t now);

/* Whether no message waits. */
bool drafts_empty(const struct drafts *d);

#endif

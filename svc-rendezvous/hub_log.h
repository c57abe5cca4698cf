/* Where in a stream of events each one begins, for subscribers that come back: the newest events
 * by their number. No I/O; the bytes themselves are in the ring of http/http_sse.h. */
#ifndef SVC_RENDEZVOUS_HUB_LOG_H
#define SVC_RENDEZVOUS_HUB_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hub_log {
	struct hub_log_entry *entries; /* a ring, oldest at `first` */
	size_t size, first, count;
	uint64_t complete; /* all events with a greater number are here */
};

/* Keeps the last `size` events; `seq` is the number before the first. */
void hub_log_init(struct hub_log *log, size_t size, uint64_t seq);
void hub_log_clear(struct hub_log *log);

/* An event with this number, greater than those before, begins at that place. */
void hub_log_add(struct hub_log *log, uint64_t seq, uint64_t place);

/* The place where the first event after number `seq` begins, `end` when there is none. False when
 * that is no longer known. */
bool hub_log_after(const struct hub_log *log, uint64_t seq, uint64_t end, uint64_t *place);

/* How many events begin at `place` or later (at least: older ones are not counted). */
size_t hub_log_count_from(const struct hub_log *log, uint64_t place);

#endif

#include "svc-rendezvous/hub_log.h"

#include <stdlib.h>

#include "base/alloc.h"

struct hub_log_entry {
	uint64_t seq, place;
};

void hub_log_init(struct hub_log *log, size_t size, uint64_t seq)
{
	*log = (struct hub_log){.size = size, .complete = seq};
	log->entries = xcalloc(size, sizeof(log->entries[0]));
}

void hub_log_clear(struct hub_log *log)
{
	free(log->entries);
	*log = (struct hub_log){0};
}

static const struct hub_log_entry *at(const struct hub_log *log, size_t i)
{
	return &log->entries[(log->first + i) % log->size];
}

void hub_log_add(struct hub_log *log, uint64_t seq, uint64_t place)
{
	if (log->count == log->size) {
		log->complete = at(log, 0)->seq;
		log->first = (log->first + 1) % log->size;
		log->count--;
	}
	log->entries[(log->first + log->count) % log->size] =
	    (struct hub_log_entry){.seq = seq, .place = place};
	log->count++;
}

bool hub_log_after(const struct hub_log *log, uint64_t seq, uint64_t end, uint64_t *place)
{
	size_t low = 0, high = log->count, middle;

	if (seq < log->complete)
		return false;
	while (low < high) {
		middle = low + (high - low) / 2;
		if (at(log, middle)->seq > seq)
			high = middle;
		else
			low = middle + 1;
	}
	*place = low < log->count ? at(log, low)->place : end;
	return true;
}

size_t hub_log_count_from(const struct hub_log *log, uint64_t place)
{
	size_t low = 0, high = log->count, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (at(log, middle)->place >= place)
			high = middle;
		else
			low = middle + 1;
	}
	return log->count - low;
}

/* Which messages somebody wants to see of a service: `goop-supervisor trace`. */
#ifndef PROTO_TRACE_FILTER_H
#define PROTO_TRACE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/msg.h"
#include "proto/services.h"

/* Zeroed, it wants nothing. */
struct trace_filter {
	uint16_t peers; /* a bit for each service at the other end */
	uint8_t types[MSG_NUMBERS / 8];
};

/* What a person asked for: "" is all, a service's name all on the link with it, anything else all
 * messages whose names begin so ("STREAM", "sign_presence"). False when that is nothing. */
bool trace_filter_parse(struct trace_filter *f, const char *subject);

bool trace_filter_wants(const struct trace_filter *f, enum service_id peer, unsigned type);
bool trace_filter_is_empty(const struct trace_filter *f);
/* Wants at least what both want. */
void trace_filter_add(struct trace_filter *f, const struct trace_filter *more);

/* As the fields of TRACE_SET. */
void trace_filter_put(const struct trace_filter *f, struct msg *m);
/* Returns 0, or -1 when they make no sense. */
int trace_filter_get(struct trace_filter *f, struct msg *m);

#endif

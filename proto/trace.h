/* A service's side of `goop-supervisor trace`: what passes on its links is noted while somebody
 * wants to see it, collected for a moment, and told to the supervisor. What comes faster than the
 * supervisor reads is counted only: the service never waits for those who look. */
#ifndef PROTO_TRACE_H
#define PROTO_TRACE_H

#include "base/loop.h"
#include "proto/parent.h"
#include "proto/trace_filter.h"

#define TRACE_BATCH      2000 /* messages told at a time, and kept at most */
#define TRACE_COLLECT_MS 50

struct trace;

/* `parent` is lent. */
struct trace *trace_new(struct loop *loop, struct parent *parent);
void trace_free(struct trace *t); /* NULL is fine */

/* What is wanted from now on. */
void trace_set(struct trace *t, const struct trace_filter *filter);
bool trace_is_on(const struct trace *t);

/* A message has come from that service, or gone to it. */
void trace_note(struct trace *t, enum service_id peer, bool out, unsigned type, size_t size);

#endif

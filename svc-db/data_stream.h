/* Streams of /goop/data/1.0.0: one JSON line comes, one JSON line goes, in bounded memory.
 * Source: docs/CONTRACT.md, "Stream protocols".
 *
 * A line longer than REQUEST_MAX is answered with an error while it is still coming; the rest is
 * thrown away as it comes, so that the other side gets to reading. A long answer is made as fast as
 * it is read. What fails after a part of the answer has gone resets the stream, so that a cut
 * answer is never taken for a whole one. */
#ifndef DB_DATA_STREAM_H
#define DB_DATA_STREAM_H

#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"
#include "proto/stream.h"
#include "svc-db/access.h"
#include "svc-db/work.h"

#define DATA_STREAM_REQUEST_MS 10000              /* until the line is complete */
#define DATA_STREAM_WORK_MS    20000              /* until the answer begins */
#define DATA_STREAM_STALL_MS   30000              /* in which the other side takes */
#define DATA_STREAM_PACE       (64 * 1024)        /* so much, or all there is */
#define DATA_STREAM_CLOSE_MS   10000              /* from the answer's end to the stream's */
#define DATA_STREAM_WASTE      (64 * 1024 * 1024) /* thrown away of one stream, at most */

/* Streams of one remote peer at a time, by all its connections together. */
#define DATA_STREAM_PEER 128

/* Memory for requests until their answer begins: the first bytes of each stream are free, what is
 * beyond counts for its caller and for all. */
#define DATA_STREAM_FREE   (16 * 1024)
#define DATA_STREAM_CALLER (8 * 1024 * 1024)
#define DATA_STREAM_BUDGET (32 * 1024 * 1024)

/* Memory for answers that wait to be read, of one remote caller and of all: beyond it the caller's
 * newest, or the one that was not read for the longest time, is given up. */
#define DATA_STREAM_UNREAD_CALLER (16 * 1024 * 1024)
#define DATA_STREAM_UNREAD        (64 * 1024 * 1024)

struct data_streams;

struct data_streams *data_streams_new(struct loop *loop, struct work *work);
/* Their streams must have ended. NULL is fine. */
void data_streams_free(struct data_streams *d);

/* Takes a stream that was opened to us; to be returned from the desk's `incoming`. NULL, which
 * refuses it, when the peer has too many. `caller` is copied. */
const struct stream_events *data_streams_take(
    struct data_streams *d, struct stream *s, const struct caller *caller, void **user);

/* Ends those whose line is still coming, and takes no new ones. */
void data_streams_stop(struct data_streams *d);
size_t data_streams_count(const struct data_streams *d);

#endif

/* Reads an event stream (HTML Living Standard, section 9.2 "Server-sent events"), wherever it is
 * cut. No I/O.
 *
 * Bounded: a line or an event that is longer than SSE_EVENT_MAX is left out and counted, the stream
 * goes on after it. An event whose stream ends before its empty line is never told. */
#ifndef SVC_DISCOVERY_SSE_READER_H
#define SVC_DISCOVERY_SSE_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SSE_EVENT_MAX (72 * 1024) /* bytes of an event's data, or of a line */
#define SSE_TYPE_MAX  63
#define SSE_ID_MAX    127
#define SSE_RETRY_MAX (3600 * 1000)

struct sse_reader_events {
	/* An event: its type ("message" when the stream names none) and its lines of data joined by
	 * '\n', followed by a zero byte that is not counted. Lent. */
	void (*event)(void *arg, const char *type, const char *data, size_t len);
	/* The time after which to come back, milliseconds, at most SSE_RETRY_MAX. */
	void (*retry)(void *arg, uint32_t ms);
};

/* Embedded by value; fields are private to sse_reader.c. */
struct sse_reader {
	const struct sse_reader_events *events;
	void *arg;
	struct buf line, data;
	char type[SSE_TYPE_MAX + 1];
	char id[SSE_ID_MAX + 1];      /* as the stream goes */
	char last_id[SSE_ID_MAX + 1]; /* of the last event that is over */
	uint64_t left_out;
	bool begun;    /* the first line is over, or is none of a byte order mark */
	bool after_cr; /* a line feed belongs to the line break before */
	bool too_long; /* this line */
	bool spoiled;  /* this event */
	bool has_data;
};

/* `events` is lent for the life of the reader. Cleared, it is to be initialised before use. */
void sse_reader_init(struct sse_reader *r, const struct sse_reader_events *events, void *arg);
void sse_reader_clear(struct sse_reader *r);

/* A new connection: what was not over is forgotten, the last id stays. */
void sse_reader_restart(struct sse_reader *r);

/* The next bytes of the stream. The events are called from inside. */
void sse_reader_feed(struct sse_reader *r, const void *p, size_t n);

/* What `Last-Event-ID` is to say, "" for nothing; lent. sse_reader_forget() empties it. */
const char *sse_reader_last_id(const struct sse_reader *r);
void sse_reader_forget(struct sse_reader *r);

/* Events and lines left out so far. */
uint64_t sse_reader_left_out(const struct sse_reader *r);

#endif

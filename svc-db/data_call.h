/* One data request: from its line, through what the caller may do, to its answer line. Remote peers
 * and the site's owner go the same way.
 * Source: docs/CONTRACT.md, "Stream protocols" (data operations). */
#ifndef DB_DATA_CALL_H
#define DB_DATA_CALL_H

#include <stddef.h>

#include "base/buf.h"
#include "svc-db/access.h"
#include "svc-db/store.h"

/* An answer is handed on when this much of it is there, and never grows far beyond. */
#define DATA_CALL_CHUNK (64 * 1024)
/* Room that the answer's buffer must have: a chunk and the largest row. */
#define DATA_CALL_OUT (8 * 1024 * 1024)
_Static_assert(DATA_CALL_OUT > DATA_CALL_CHUNK + 6 * STORE_VISITORS_ROW,
    "a visitor can store what nobody can read");

/* What remote callers get at most by one query. More is an error, not a shorter answer. */
#define DATA_CALL_ROWS  100000
#define DATA_CALL_BYTES (64 * 1024 * 1024)

enum data_kind {
	DATA_READ,  /* outside transactions */
	DATA_WRITE, /* inside one, which it may share with others */
	DATA_ALTER, /* inside one of its own */
};

enum data_state {
	DATA_DONE,   /* the answer is complete */
	DATA_MORE,   /* call again; nothing may be sent yet, it may still become an error */
	DATA_FLOW,   /* what is there may be sent; call again when there is room */
	DATA_LATER,  /* the database is taken: call again in a while */
	DATA_LOST,   /* the transaction is gone, and all that was done in it; see store_why() */
	DATA_BROKEN, /* failed after a part was sent: data_call_why() */
};

struct data_call;

/* Parses the line of a request. `caller` is copied. NULL when it could only be refused: then `out`
 * has the answer. */
struct data_call *data_call_new(
    const char *line, size_t n, const struct caller *caller, struct buf *out);
void data_call_free(struct data_call *c); /* NULL is fine */

enum data_kind data_call_kind(const struct data_call *c);

/* Does it, or the next part of it. Appends to `out`, whose content is the call's alone until
 * DATA_FLOW or DATA_DONE. Writes must be committed before the answer leaves. */
enum data_state data_call_run(struct data_call *c, struct store *st, struct buf *out);

/* What went wrong last, a sentence; lent. */
const char *data_call_why(const struct data_call *c);

/* What "tables" answers: a JSON array. */
enum store_code data_call_tables(struct store *st, struct buf *out);

#endif

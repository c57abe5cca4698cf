/* The answer line: {"ok":true,"data":...} or {"ok":false,"error":"..."}, and the JSON of values.
 * Source: docs/CONTRACT.md, "Stream protocols".
 *
 * Everything appends to a buffer with a maximum and returns 0, or -1 when it is full; what was
 * appended before stays. The line is always valid UTF-8: bytes that are not become U+FFFD. Whole
 * numbers keep all their digits, reals are as short as reads back the same, infinities are null,
 * blobs are base64 text. */
#ifndef DB_ANSWER_H
#define DB_ANSWER_H

#include <stdint.h>

#include "base/buf.h"
#include "svc-db/value.h"

#define ANSWER_OK  "{\"ok\":true,\"data\":"
#define ANSWER_END "}\n"

/* A whole answer that says what went wrong, its newline included. This and the following append and
 * return 0, or not 0 when the buffer is full. */
int answer_error(struct buf *out, const char *text);

/* A JSON value. In a string, what is no UTF-8 becomes U+FFFD; a blob is a string in base64. */
int answer_string(struct buf *out, const void *p, size_t n);
int answer_text(struct buf *out, const char *s); /* the same, NULL is null */
int answer_value(struct buf *out, const struct value *v);

#endif

/* One message: typed put and get with bounds. A message counts only when it was read to its end
 * without error:
 *
 *	struct bytes peer = msg_get_str(m);
 *	uint32_t ttl = msg_get_u32(m);
 *	if (!msg_end(m))
 *		return -1;
 */
#ifndef PROTO_MSG_H
#define PROTO_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "proto/messages.h"

/* By value on the stack. Fields are private to proto/. */
struct msg {
	uint16_t type;
	bool bad;      /* a field did not fit, or was not there */
	uint8_t *base; /* type and fields; owned while writing, lent while reading */
	size_t cap;    /* allocated (writing) */
	size_t size;   /* written, or to be read */
	size_t pos;    /* next field (reading) */
};

/* The type of a message as bytes, also of one that is no good; 0 when it has none. */
unsigned msg_type_of(const void *p, size_t n);

/* Starts a message. `hint` is the expected size of all fields (0 if small). It is ended by
 * link_send() or parent_send(), which consume it, or by msg_drop(). */
void msg_begin(struct msg *m, enum msg_type type, size_t hint);
void msg_drop(struct msg *m);

void msg_put_u8(struct msg *m, uint8_t v);
void msg_put_u16(struct msg *m, uint16_t v);
void msg_put_u32(struct msg *m, uint32_t v);
void msg_put_u64(struct msg *m, uint64_t v);
void msg_put_i64(struct msg *m, int64_t v);
void msg_put_str(struct msg *m, const char *s); /* NULL counts as "" */
void msg_put_strn(struct msg *m, const void *p, size_t n);
void msg_put_bytes(struct msg *m, const void *p, size_t n);
void msg_put_rest(struct msg *m, const void *p, size_t n); /* last field, no length */

/* Room for `n` bytes as the last field, filled in place by the caller before the message is sent.
 */
uint8_t *msg_put_room(struct msg *m, size_t n);
/* Keeps only the first `n` bytes of that room. */
void msg_trim_room(struct msg *m, size_t room, size_t n);

/* Takes received bytes for reading; they are lent and must outlive the msg. Returns 0, or -1 when
 * the type is unknown or the size is out of bounds. */
int msg_open(struct msg *m, const void *p, size_t n);

/* Each getter returns 0 or empty and marks the message bad when the field is not all there. What a
 * str or bytes getter returns is lent by the message and not zero-terminated; a str is UTF-8
 * without zero bytes. */
uint8_t msg_get_u8(struct msg *m);
uint16_t msg_get_u16(struct msg *m);
uint32_t msg_get_u32(struct msg *m);
uint64_t msg_get_u64(struct msg *m);
int64_t msg_get_i64(struct msg *m);
struct bytes msg_get_str(struct msg *m);
struct bytes msg_get_bytes(struct msg *m);
struct bytes msg_get_rest(struct msg *m);

/* A str copied into `out` and terminated; marks the message bad when it is longer than size - 1. */
void msg_get_cstr(struct msg *m, char *out, size_t size);

/* True when nothing failed and nothing is left. */
bool msg_end(const struct msg *m);

#endif

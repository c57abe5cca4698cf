/* Answers. Each request gets exactly one, from its handler or later; a second one is a broken
 * invariant. HEAD needs no care: the body is left out. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct http_request;

/* Sets a header of the coming answer, in place of one that was set before; the value is copied. A
 * value with a line break, or empty, is left out. */
void http_answer_header(struct http_request *r, const char *name, const char *value);

/* Status, media type (NULL for none) and body, which is copied. */
void http_answer(
    struct http_request *r, unsigned status, const char *type, const void *body, size_t n);

/* The same for bytes that outlive the server. */
void http_answer_static(
    struct http_request *r, unsigned status, const char *type, const void *body, size_t n);

/* The same for bytes that many are given (http_sse.h): held, not copied, until this client has
 * taken them or is gone. */
struct http_sse_text;
void http_answer_shared(
    struct http_request *r, unsigned status, const char *type, struct http_sse_text *body);

/* One line of plain text; the line break is added. */
void http_answer_text(struct http_request *r, unsigned status, const char *text);

/* 302 to a URL. */
void http_answer_redirect(struct http_request *r, const char *url);

#define HTTP_SIZE_UNKNOWN UINT64_MAX
#define HTTP_BLOCK        (256 * 1024)

/* Hands out the next bytes of a body at offset `pos`: returns how many (at most `max`), 0 when none
 * are there yet (nothing more is asked until http_answer_wake()), or one of the two below. */
typedef ssize_t http_fill_fn(void *arg, uint64_t pos, uint8_t *to, size_t max);
#define HTTP_END (-1) /* no more, size was unknown */
#define HTTP_FAIL                                                                                  \
	(-2) /* the connection is broken off, so that nobody takes a part for the whole            \
	      */

/* A body that comes piece by piece, up to HTTP_BLOCK at a time when the size is known, through the
 * connection's pool when it is not. `fill` is called only while the client takes bytes, until the
 * request's http_done_fn. */
void http_answer_stream(struct http_request *r, unsigned status, const char *type, uint64_t size,
    http_fill_fn *fill, void *arg);

/* There is something to hand out again. Harmless when nobody waits. */
void http_answer_wake(struct http_request *r);

/* Whether the request has its answer. */
bool http_answer_given(const struct http_request *r);

#endif

/* Bytes that many are given, shared by counting who holds them: the opening of a stream, or a page,
 * the same for all. */
#ifndef HTTP_SSE_TEXT_H
#define HTTP_SSE_TEXT_H

#include <stddef.h>

struct http_sse_text;

struct http_sse_text *http_sse_text_new(const void *p, size_t n); /* a copy, held once */
struct http_sse_text *http_sse_text_hold(struct http_sse_text *t);
void http_sse_text_drop(struct http_sse_text *t); /* freed with the last; NULL is fine */

#endif

/* Text as HTTP and HTML carry it: percent encoding, escaping, small page templates. */
#ifndef HTTP_TEXT_H
#define HTTP_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* The path of a request target, without its query, percent-decoded (RFC 3986, section 2.1). Returns
 * a fresh string for free(3); or NULL when it does not begin with '/', an escape is malformed, or
 * a control character appears, be it escaped or not. */
char *http_text_path(const char *target);

/* Appends `text` so that it is text inside HTML and inside quoted attributes. 0, or -1 when
 * the buffer is full. */
int http_text_put_html(struct buf *out, const char *text);

/* A value for a page template. */
struct http_text_value {
	const char *name;
	const char *value;
};

/* Appends `page` with every {{name}} replaced by the escaped value of that name; an unknown name is
 * a broken invariant. `values` ends with a NULL name. 0 or -1. */
int http_text_put_page(
    struct buf *out, const void *page, size_t n, const struct http_text_value *values);

#endif

#include "http/http_sse_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http_mhd.h"

struct http_sse_text *http_sse_text_new(const void *p, size_t n)
{
	struct http_sse_text *t = xmalloc(sizeof(*t) + n);

	t->holders = 1;
	t->len = n;
	if (n > 0)
		memcpy(t->data, p, n);
	return t;
}

struct http_sse_text *http_sse_text_hold(struct http_sse_text *t)
{
	t->holders++;
	return t;
}

void http_sse_text_drop(struct http_sse_text *t)
{
	if (t != NULL && --t->holders == 0)
		free(t);
}

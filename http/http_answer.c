#include "http/http_answer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/http_mhd.h"
#include "http/http_sse_text.h"

/* Blocks of unknown size go through the connection's pool; this buffer is then not used. */
#define SMALL_BLOCK 64

void http_answer_header(struct http_request *r, const char *name, const char *value)
{
	if (value[0] == '\0' || strpbrk(value, "\r\n") != NULL)
		return;
	for (unsigned i = 0; i < r->header_count; i++)
		if (strcasecmp(r->headers[i].name, name) == 0) {
			free(r->headers[i].value);
			r->headers[i].value = xstrdup(value);
			return;
		}
	r->headers = xreallocarray(r->headers, r->header_count + 1, sizeof(r->headers[0]));
	r->headers[r->header_count++] =
	    (struct http_mhd_header){.name = name, .value = xstrdup(value)};
}

static void add_header(struct MHD_Response *m, const char *name, const char *value)
{
	if (MHD_add_response_header(m, name, value) != MHD_YES)
		log_warn("http_answer", "header %s cannot be sent: %s", name, value);
}

static void give(struct http_request *r, unsigned status, const char *type, struct MHD_Response *m)
{
	if (r->status != 0)
		panic("http_answer", "%s %s was answered twice", r->method, r->target);
	if (m == NULL)
		fatal("http_answer", "out of memory");
	if (type != NULL)
		add_header(m, "Content-Type", type);
	for (unsigned i = 0; i < r->header_count; i++)
		add_header(m, r->headers[i].name, r->headers[i].value);
	r->response = m;
	r->status = status;
	http_mhd_resume(r);
}

void http_answer(
    struct http_request *r, unsigned status, const char *type, const void *body, size_t n)
{
	give(r, status, type,
	    MHD_create_response_from_buffer(n, (void *)body, MHD_RESPMEM_MUST_COPY));
}

void http_answer_static(
    struct http_request *r, unsigned status, const char *type, const void *body, size_t n)
{
	give(r, status, type,
	    MHD_create_response_from_buffer(n, (void *)body, MHD_RESPMEM_PERSISTENT));
}

static void drop(void *text)
{
	http_sse_text_drop(text);
}

void http_answer_shared(
    struct http_request *r, unsigned status, const char *type, struct http_sse_text *body)
{
	give(r, status, type,
	    MHD_create_response_from_buffer_with_free_callback_cls(
		body->len, body->data, drop, http_sse_text_hold(body)));
}

void http_answer_text(struct http_request *r, unsigned status, const char *text)
{
	char *line = xasprintf("%s\n", text);

	give(r, status, "text/plain; charset=utf-8",
	    MHD_create_response_from_buffer(strlen(line), line, MHD_RESPMEM_MUST_FREE));
}

void http_answer_redirect(struct http_request *r, const char *url)
{
	http_answer_header(r, "Location", url);
	give(r, MHD_HTTP_FOUND, NULL,
	    MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT));
}

static ssize_t fill(void *arg, uint64_t pos, char *to, size_t max)
{
	struct http_request *r = arg;
	ssize_t n = r->fill(r->fill_arg, pos, (uint8_t *)to, max);

	if (n > 0)
		return n;
	if (n == HTTP_END)
		return MHD_CONTENT_READER_END_OF_STREAM;
	if (n == HTTP_FAIL)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	/* Returning 0 alone would make libmicrohttpd ask again and again. */
	r->suspended = true;
	MHD_suspend_connection(r->mhd);
	return 0;
}

void http_answer_stream(struct http_request *r, unsigned status, const char *type, uint64_t size,
    http_fill_fn *fn, void *arg)
{
	size_t block = size == HTTP_SIZE_UNKNOWN ? SMALL_BLOCK
	               : size < HTTP_BLOCK       ? (size_t)size + 1
	                                         : HTTP_BLOCK;

	r->fill = fn;
	r->fill_arg = arg;
	give(r, status, type, MHD_create_response_from_callback(size, block, fill, r, NULL));
}

void http_answer_wake(struct http_request *r)
{
	/* Before the answer is queued there is nothing to hand out to. */
	if (r->fill != NULL)
		http_mhd_resume(r);
}

bool http_answer_given(const struct http_request *r)
{
	return r->status != 0;
}

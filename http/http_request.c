#include "http/http_request.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/str.h"
#include "http/http_mhd.h"
#include "http/http_text.h"

struct http_request *http_mhd_request_new(
    struct http_server *s, struct MHD_Connection *mhd, const char *target)
{
	struct http_request *r = xcalloc(1, sizeof(*r));

	r->server = s;
	r->mhd = mhd;
	r->target = xstrdup(target);
	r->path = http_text_path(target);
	return r;
}

void http_mhd_request_free(struct http_request *r)
{
	if (r->done != NULL)
		r->done(r->done_arg, r);
	if (r->response != NULL)
		MHD_destroy_response(r->response);
	for (unsigned i = 0; i < r->header_count; i++)
		free(r->headers[i].value);
	free(r->headers);
	free(r->target);
	free(r->path);
	buf_clear(&r->body);
	free(r);
}

int http_mhd_request_body(struct http_request *r, const void *p, size_t n, size_t max)
{
	r->body.max = max;
	if (!r->too_large && buf_put(&r->body, p, n) == 0)
		return 0;
	r->too_large = true;
	r->discarded += n + buf_len(&r->body);
	buf_clear(&r->body);
	return r->discarded > HTTP_MHD_DISCARD + max ? -1 : 0;
}

void http_mhd_request_give_up(struct http_request *r)
{
	r->given_up = true;
	buf_clear(&r->body);
}

uint64_t http_mhd_request_announced(const struct http_request *r)
{
	const char *length = http_request_header(r, "Content-Length");
	uint64_t n;

	if (length == NULL)
		return 0;
	return str_to_u64(length, 0, UINT64_MAX, &n) ? n : UINT64_MAX;
}

struct framing {
	unsigned lengths, codings;
	bool bad;
};

static enum MHD_Result see_header(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct framing *f = cls;
	uint64_t n;

	(void)kind;
	if (strcasecmp(name, "Content-Length") == 0) {
		f->lengths++;
		f->bad |= value == NULL || !str_to_u64(value, 0, UINT64_MAX, &n);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		f->codings++;
		f->bad |= value == NULL || strcasecmp(value, "chunked") != 0;
	}
	return MHD_YES;
}

bool http_mhd_request_is_framed(const struct http_request *r)
{
	struct framing f = {0};

	MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, see_header, &f);
	return !f.bad && f.lengths + f.codings <= 1;
}

const char *http_request_method(const struct http_request *r)
{
	return r->method;
}

const char *http_request_target(const struct http_request *r)
{
	return r->target;
}

const char *http_request_path(const struct http_request *r)
{
	return r->path;
}

const char *http_request_header(const struct http_request *r, const char *name)
{
	return MHD_lookup_connection_value(r->mhd, MHD_HEADER_KIND, name);
}

struct search {
	const char *name, *found;
};

static enum MHD_Result match(
    void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct search *s = cls;

	(void)kind;
	if (strcasecmp(name, s->name) == 0)
		s->found = value == NULL ? "" : value;
	return MHD_YES;
}

const char *http_request_header_last(const struct http_request *r, const char *name)
{
	struct search s = {.name = name};

	MHD_get_connection_values(r->mhd, MHD_HEADER_KIND, match, &s);
	return s.found;
}

struct bytes http_request_body(const struct http_request *r)
{
	return (struct bytes){buf_data(&r->body), buf_len(&r->body)};
}

void http_request_client(const struct http_request *r, char *out, size_t size)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info == NULL ? NULL : info->client_addr;
	const void *addr = NULL;

	out[0] = '\0';
	if (sa != NULL && sa->sa_family == AF_INET)
		addr = &((const struct sockaddr_in *)sa)->sin_addr;
	else if (sa != NULL && sa->sa_family == AF_INET6)
		addr = &((const struct sockaddr_in6 *)sa)->sin6_addr;
	if (addr != NULL)
		inet_ntop(sa->sa_family, addr, out, (socklen_t)size);
	/* A socket for both families shows IPv4 clients as mapped addresses. */
	if (str_starts(out, "::ffff:") && strchr(out, '.') != NULL)
		memmove(out, out + 7, strlen(out + 7) + 1);
}

void http_request_on_done(struct http_request *r, http_done_fn *fn, void *arg)
{
	r->done = fn;
	r->done_arg = arg;
}

int http_request_detach(struct http_request *r)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	int fd = info == NULL ? -1 : fcntl(info->connect_fd, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	r->detached = true;
	r->status = MHD_HTTP_OK;
	return fd;
}

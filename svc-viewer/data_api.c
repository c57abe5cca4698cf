#include "svc-viewer/data_api.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/data_line.h"
#include "svc-viewer/page.h"
#include "svc-viewer/remote.h"

#define JSON "application/json"

/* An answer that is complete by then is sent with its length, a longer one piece by piece. */
#define WAIT_MAX (64 * 1024)

struct data_api {
	struct loop *loop;
	struct data_api_config config;
	size_t calls;
};

enum state {
	WAITING,   /* nothing is known about the answer */
	VALUE,     /* its value is handed on, or about to be */
	COLLECTING /* it has to be read as a whole */
};

/* Lives as long as its request. */
struct call {
	struct data_api *api;
	struct http_request *request;
	struct stream *stream;  /* NULL once it is over */
	struct timer *deadline; /* runs while the other side is awaited */
	char *ask;              /* the request line */
	size_t ask_len, asked;
	struct buf in; /* of the answer line, what has not been taken */
	enum state state;
	bool complete; /* the line has ended; `in` is cut to what is the browser's */
	bool failed;   /* it has ended wrongly, after a part was handed on */
};

struct data_api *data_api_new(struct loop *loop, const struct data_api_config *config)
{
	struct data_api *a = xcalloc(1, sizeof(*a));

	a->loop = loop;
	a->config = *config;
	return a;
}

void data_api_free(struct data_api *a)
{
	if (a != NULL && a->calls != 0)
		panic("data_api", "freed while %zu calls are under way", a->calls);
	free(a);
}

size_t data_api_calls(const struct data_api *a)
{
	return a->calls;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void drop_stream(struct call *c, enum stream_code code, const char *why)
{
	struct stream *s = c->stream;

	c->stream = NULL;
	timer_stop(c->deadline);
	if (s != NULL)
		stream_reset(s, code, why);
}

static void done(void *arg, struct http_request *r)
{
	struct call *c = arg;

	(void)r;
	drop_stream(c, STREAM_CANCELLED, "the browser does not want it any more");
	c->api->calls--;
	timer_free(c->deadline);
	buf_clear(&c->in);
	free(c->ask);
	free(c);
}

/* No answer: says why, or breaks off what has begun. */
static void fail(struct call *c, enum stream_code code, const char *text)
{
	struct page_trouble t;
	char *line;

	c->failed = true;
	if (http_answer_given(c->request)) {
		http_answer_wake(c->request);
		return;
	}
	remote_trouble(code, text, &t);
	line = xasprintf("%s%s%s", t.title, text[0] != '\0' ? ": " : "", text);
	http_answer_text(c->request, t.status, line);
	free(line);
}

/* --- to the browser --------------------------------------------------------------------------- */

/* The line's closing brace is not the value's: while the end is not there, the last byte waits. */
static size_t ready(const struct call *c)
{
	size_t n = buf_len(&c->in);

	if (c->complete)
		return n;
	return n > 0 ? n - 1 : 0;
}

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	struct call *c = arg;
	size_t n = ready(c);

	(void)pos;
	if (n > max)
		n = max;
	if (n == 0) {
		if (c->failed)
			return HTTP_FAIL;
		if (c->complete)
			return HTTP_END;
		timer_start(c->deadline, c->api->config.idle_ms);
		return 0;
	}
	memcpy(to, buf_data(&c->in), n);
	buf_consume(&c->in, n);
	if (c->stream != NULL)
		stream_consumed(c->stream, n);
	return (ssize_t)n;
}

static struct bytes held(const struct call *c)
{
	return (struct bytes){buf_data(&c->in), buf_len(&c->in)};
}

static void answer_whole(struct call *c)
{
	bool ok;
	char *text = data_line_whole(held(c), &ok);

	if (text == NULL)
		fail(c, STREAM_VIOLATION, "what it sent is not an answer");
	else if (ok)
		http_answer(c->request, 200, JSON, text, strlen(text));
	else
		http_answer_text(c->request, data_line_status(text), text);
	free(text);
}

static void end_value(struct call *c)
{
	long end = data_line_value_end(held(c));
	bool begun = http_answer_given(c->request);

	if (end < 0 || (end == 0 && !begun)) {
		fail(c, STREAM_VIOLATION, "what it sent is not an answer");
		return;
	}
	buf_truncate(&c->in, (size_t)end);
	if (begun)
		http_answer_wake(c->request);
	else
		http_answer(c->request, 200, JSON, buf_data(&c->in), buf_len(&c->in));
}

/* --- from the other side ---------------------------------------------------------------------- */

/* Bytes of a value count as consumed when the browser takes them. Whatever is read as a whole is
 * bounded by a limit of its own, so it counts at once. */
static void begin(struct call *c)
{
	size_t used;

	switch (data_line_begin(held(c), &used)) {
	case DATA_LINE_MORE: break;
	case DATA_LINE_VALUE:
		buf_consume(&c->in, used);
		stream_consumed(c->stream, used);
		c->state = VALUE;
		break;
	case DATA_LINE_WHOLE:
		stream_consumed(c->stream, buf_len(&c->in));
		c->state = COLLECTING;
		break;
	}
}

static void take(struct call *c, const uint8_t *p, size_t len)
{
	if (buf_put(&c->in, p, len) != 0)
		panic("data_api", "more bytes than credit allows");
	if (c->state == WAITING)
		begin(c);
	else if (c->state == COLLECTING)
		stream_consumed(c->stream, len);
}

static void end(struct call *c)
{
	c->complete = true;
	if (c->state == VALUE)
		end_value(c);
	else
		answer_whole(c);
}

static void go_on(struct call *c)
{
	if (c->state == VALUE) {
		if (http_answer_given(c->request))
			http_answer_wake(c->request);
		else if (buf_len(&c->in) > WAIT_MAX)
			http_answer_stream(c->request, 200, JSON, HTTP_SIZE_UNKNOWN, fill, c);
	} else if (buf_len(&c->in) > DATA_LINE_WHOLE_MAX) {
		drop_stream(c, STREAM_VIOLATION, "the answer is too large");
		fail(c, STREAM_VIOLATION, "its answer is too large");
	}
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct call *c = user;
	const uint8_t *line_end = len > 0 ? memchr(p, '\n', len) : NULL;

	(void)s;
	/* What follows the line is nobody's. */
	if (c->complete || c->failed) {
		stream_consumed(c->stream, len);
		return;
	}
	timer_stop(c->deadline);
	take(c, p, line_end == NULL ? len : (size_t)(line_end - p));
	if (line_end != NULL || last) {
		end(c);
		return;
	}
	if (!http_answer_given(c->request))
		timer_start(c->deadline, c->api->config.idle_ms);
	go_on(c);
}

static void write_more(struct call *c)
{
	size_t left = c->ask_len - c->asked;

	if (left > 0)
		c->asked += stream_write(c->stream, c->ask + c->asked, left, true);
}

static void on_writable(struct stream *s, void *user)
{
	(void)s;
	write_more(user);
}

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct call *c = user;

	(void)s, (void)protocol, (void)address;
	timer_start(c->deadline, c->api->config.idle_ms);
}

static void stream_over(struct call *c, enum stream_code code, const char *text)
{
	c->stream = NULL;
	timer_stop(c->deadline);
	if (!c->complete && !c->failed)
		fail(c, code, text);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s;
	stream_over(user, code, text);
}

static void on_closed(struct stream *s, void *user)
{
	(void)s;
	stream_over(user, STREAM_BROKEN, "it closed the connection without an answer");
}

static void on_deadline(void *arg)
{
	struct call *c = arg;

	drop_stream(c, STREAM_TIMEOUT, "no answer for too long");
	stream_over(c, STREAM_TIMEOUT, "no answer for too long");
}

static const struct stream_events events = {.opened = on_opened,
    .data = on_data,
    .writable = on_writable,
    .reset = on_reset,
    .closed = on_closed};

/* --- a call ----------------------------------------------------------------------------------- */

static void open_call(struct call *c, struct streams *streams, const char *peer)
{
	static const enum protocol data = PROTOCOL_GOOP_DATA;
	const struct data_api_config *config = &c->api->config;

	c->stream = stream_open(streams, &data, 1, peer, "", config->open_ms, &events, c);
	if (c->stream == NULL)
		fail(c, STREAM_RESTARTING, "it will be back in a moment");
	else
		write_more(c);
}

static struct call *call_new(struct data_api *a, struct http_request *r, char *ask, size_t n)
{
	struct call *c = xcalloc(1, sizeof(*c));

	c->api = a;
	c->request = r;
	c->ask = ask;
	c->ask_len = n;
	c->deadline = timer_new(a->loop, on_deadline, c);
	buf_init(&c->in, STREAM_WINDOW_MAX + DATA_LINE_WHOLE_MAX);
	a->calls++;
	http_request_on_done(r, done, c);
	return c;
}

void data_api_call(
    struct data_api *a, struct http_request *r, bool own, const char *peer, const char *operation)
{
	const struct data_line_route *route = data_line_route(operation);
	const char *why;
	char *ask;
	size_t n;

	if (route == NULL || (route->own_only && !own))
		http_answer_text(r, 404, "unknown data operation");
	else if (strcmp(route->method, http_request_method(r)) != 0)
		http_answer_text(r, 405, "this data operation does not take that method");
	else if ((ask = data_line_ask(route, http_request_body(r), &n, &why)) == NULL)
		http_answer_text(r, 400, why);
	else
		open_call(call_new(a, r, ask, n), own ? a->config.own : a->config.remote, peer);
}

#include "svc-viewer/remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/backlog.h"
#include "svc-viewer/page.h"
#include "svc-viewer/site_http.h"
#include "svc-viewer/site_line.h"

struct remote {
	struct loop *loop;
	struct remote_config config;
	size_t visits;
	struct log_limit trouble;
};

/* Lives as long as its request. */
struct visit {
	struct remote *remote;
	struct http_request *request;
	struct stream *stream;   /* NULL once it is over */
	struct timer *deadline;  /* runs while the peer is awaited */
	struct buf line;         /* until the answer line is complete */
	struct backlog body;     /* what the browser has not taken */
	uint64_t size, came;     /* of the file */
	struct site_range range; /* what the browser wants of it */
	bool answered;           /* the line has come */
};

struct remote *remote_new(struct loop *loop, const struct remote_config *config)
{
	struct remote *rm = xcalloc(1, sizeof(*rm));

	rm->loop = loop;
	rm->config = *config;
	return rm;
}

void remote_free(struct remote *rm)
{
	if (rm != NULL && rm->visits != 0)
		panic("remote", "freed while %zu visits are under way", rm->visits);
	free(rm);
}

size_t remote_visits(const struct remote *rm)
{
	return rm->visits;
}

/* --- trouble ---------------------------------------------------------------------------------- */

void remote_trouble(enum stream_code code, const char *text, struct page_trouble *out)
{
	*out = (struct page_trouble){502, "The peer broke the connection off", text, "", ""};
	switch (code) {
	case STREAM_UNREACHABLE:
		out->title = "This peer cannot be reached";
		out->text = "What was tried, and what came of it:";
		out->details = text;
		break;
	case STREAM_TIMEOUT: out->title = "This peer does not answer"; break;
	case STREAM_RESTARTING:
		out->status = 503;
		out->title = "A part of this program is restarting";
		break;
	case STREAM_NO_MEMORY:
		out->status = 503;
		out->title = "Too much at once";
		break;
	case STREAM_REFUSED: out->title = "The peer does not serve this"; break;
	default: break;
	}
}

static void answer_trouble(struct visit *v, enum stream_code code, const char *text)
{
	struct page_trouble t;

	remote_trouble(code, text, &t);
	t.home = v->remote->config.home;
	if (log_allowed(&v->remote->trouble, 20, "remote"))
		log_info("remote", "%s: %s: %s", http_request_path(v->request),
		    stream_code_name(code), text);
	page_answer_trouble(v->request, &t);
}

/* Ends the stream from this side. */
static void drop_stream(struct visit *v, enum stream_code code, const char *why)
{
	struct stream *s = v->stream;

	v->stream = NULL;
	timer_stop(v->deadline);
	if (s != NULL)
		stream_reset(s, code, why);
}

/* The stream will give nothing more. */
static void stream_over(struct visit *v, enum stream_code code, const char *text)
{
	v->stream = NULL;
	timer_stop(v->deadline);
	if (!http_answer_given(v->request)) {
		answer_trouble(v, code, text);
		return;
	}
	if (v->came < v->size && log_allowed(&v->remote->trouble, 20, "remote"))
		log_info("remote", "%s: broken off: %s: %s", http_request_path(v->request),
		    stream_code_name(code), text);
	http_answer_wake(v->request);
}

static void on_deadline(void *arg)
{
	struct visit *v = arg;

	drop_stream(v, STREAM_TIMEOUT, "the peer sent nothing for too long");
	stream_over(v, STREAM_TIMEOUT, "It accepted the request and then sent nothing.");
}

/* --- to the browser --------------------------------------------------------------------------- */

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	struct visit *v = arg;
	size_t n = backlog_take(&v->body, to, max);

	(void)pos;
	if (n == 0 && v->stream == NULL)
		return HTTP_FAIL;
	if (n == 0)
		timer_start(v->deadline, v->remote->config.idle_ms);
	else if (v->stream != NULL)
		stream_consumed(v->stream, n);
	return (ssize_t)n;
}

static void done(void *arg, struct http_request *r)
{
	struct visit *v = arg;

	(void)r;
	drop_stream(v, STREAM_CANCELLED, "the browser does not want it any more");
	v->remote->visits--;
	timer_free(v->deadline);
	buf_clear(&v->line);
	backlog_clear(&v->body);
	free(v);
}

/* --- from the peer ---------------------------------------------------------------------------- */

static size_t part(size_t n, uint64_t most)
{
	return n > most ? (size_t)most : n;
}

/* Bytes of the file; more than was announced is not handed on. A stream brings the whole file: what
 * the browser wants none of is consumed here, and behind its part the stream ends. */
static void take_body(struct visit *v, const uint8_t *p, size_t len)
{
	const struct site_range *wanted = &v->range;
	uint64_t at = v->came;
	size_t n = part(len, v->size - at);
	size_t before = at < wanted->from ? part(n, wanted->from - at) : 0;
	size_t within = at < wanted->end ? part(n, wanted->end - at) - before : 0;

	backlog_put(&v->body, p + before, within);
	v->came += n;
	if (n > within)
		stream_consumed(v->stream, n - within);
	if (n < len)
		drop_stream(v, STREAM_VIOLATION, "more bytes than announced");
	else if (v->came >= wanted->end && wanted->end < v->size)
		drop_stream(v, STREAM_CANCELLED, "the browser wants no more of it");
}

/* The answer is known: `body` is what came with its line. */
static void begin_answer(struct visit *v, const struct site_line_answer *a, struct bytes body)
{
	if (!a->ok) {
		site_http_refuse(v->request, a->text, v->remote->config.home);
		return;
	}
	v->size = a->size;
	if (site_http_file(v->request, a->text, a->size, &v->range, fill, v))
		take_body(v, body.data, body.len);
	else
		drop_stream(v, STREAM_CANCELLED, "there is no such part of the file");
}

/* Adds to the answer line, and goes on when it is complete. What it needs counts as consumed. */
static void take_line(struct visit *v, const uint8_t *p, size_t len, bool last)
{
	size_t before = buf_len(&v->line), room = buf_room(&v->line), used;
	struct site_line_answer a;
	enum site_line line;

	buf_put(&v->line, p, len < room ? len : room);
	line = site_line_answer(buf_data(&v->line), buf_len(&v->line), &a, &used);
	if (line == SITE_LINE_MORE && !last) {
		stream_consumed(v->stream, len);
		timer_start(v->deadline, v->remote->config.idle_ms);
		return;
	}
	v->answered = true;
	if (line == SITE_LINE_DONE) {
		stream_consumed(v->stream, used - before);
		begin_answer(v, &a, (struct bytes){p + used - before, len - (used - before)});
	} else {
		drop_stream(v, STREAM_VIOLATION, "not an answer line");
		answer_trouble(
		    v, STREAM_VIOLATION, "What it sent is not an answer to this request.");
	}
	buf_clear(&v->line);
}

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct visit *v = user;

	(void)s, (void)protocol;
	log_debug("remote", "%s goes to %s", http_request_path(v->request), address);
	timer_start(v->deadline, v->remote->config.idle_ms);
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct visit *v = user;

	(void)s;
	timer_stop(v->deadline);
	if (!v->answered)
		take_line(v, p, len, last);
	else
		take_body(v, p, len);
	http_answer_wake(v->request);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s;
	stream_over(user, code, text);
}

static void on_closed(struct stream *s, void *user)
{
	(void)s;
	stream_over(user, STREAM_BROKEN, "It closed the connection without an answer.");
}

static const struct stream_events events = {
    .opened = on_opened, .data = on_data, .reset = on_reset, .closed = on_closed};

static void ask(struct visit *v, const char *peer, const char *path)
{
	static const enum protocol site = PROTOCOL_GOOP_SITE;
	struct remote *rm = v->remote;
	char *line = site_line_ask(path);

	if (line == NULL) {
		http_answer_text(v->request, 414, "the address is too long");
		return;
	}
	v->stream =
	    stream_open(rm->config.streams, &site, 1, peer, "", rm->config.open_ms, &events, v);
	if (v->stream == NULL)
		answer_trouble(
		    v, STREAM_RESTARTING, "The network service will be back in a moment.");
	else
		stream_write(v->stream, line, strlen(line), true);
	free(line);
}

void remote_visit(struct remote *rm, struct http_request *r, const char *peer, const char *path)
{
	struct visit *v = xcalloc(1, sizeof(*v));

	v->remote = rm;
	v->request = r;
	v->deadline = timer_new(rm->loop, on_deadline, v);
	buf_init(&v->line, SITE_LINE_ANSWER_MAX);
	backlog_init(&v->body);
	rm->visits++;
	http_request_on_done(r, done, v);
	ask(v, peer, path);
}

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "svc-discovery/transfer_private.h"

#define HEADER_MAX (32 * 1024)
#define ANSWER_MAX 1024         /* of an error: more is not read */
#define IGNORE_MAX (64 * 1024)  /* of what a redirect says: more is not read */
#define STREAM_MAX (256 * 1024) /* bytes of events at a time; a server may have more at once */

long transfer_answer_status(const struct transfer *t)
{
	long status = 0;

	t->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool is_event_stream(const struct transfer *t)
{
	static const char want[] = "text/event-stream";
	const char *type = NULL;

	t->curl->easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	return type != NULL && strncasecmp(type, want, sizeof want - 1) == 0;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->header_bytes += n;
	if (t->header_bytes > HEADER_MAX)
		return 0;
	/* The empty line ends the header; that of a proxy is followed by another. */
	if (n > 0 && (*p == '\r' || *p == '\n'))
		t->streams =
		    t->request.streams && transfer_answer_status(t) == 200 && is_event_stream(t);
	return n;
}

/* A page for people, which must not keep us from following it. */
static bool may_ignore(struct transfer *t, size_t n)
{
	long status = transfer_answer_status(t);

	t->ignored += n;
	return status >= 300 && status < 400 && t->ignored <= IGNORE_MAX;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	size_t room;

	(void)one;
	if (t->streams && buf_put(&t->body, p, n) == 0)
		return n;
	if (t->streams) {
		t->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	room = buf_len(&t->body) < ANSWER_MAX ? ANSWER_MAX - buf_len(&t->body) : 0;
	buf_put(&t->body, p, n < room ? n : room);
	return n <= room || may_ignore(t, n - room) ? n : 0;
}

void transfer_answer_prepare(struct transfer *t)
{
	t->curl->easy_setopt(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	t->curl->easy_setopt(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	t->curl->easy_setopt(t->easy, CURLOPT_HEADERDATA, t);
	t->curl->easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	t->curl->easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
}

void transfer_answer_begin(struct transfer *t)
{
	buf_clear(&t->body);
	buf_init(&t->body, t->request.streams ? STREAM_MAX : ANSWER_MAX);
	t->streams = t->told = t->paused = false;
	t->header_bytes = t->ignored = 0;
	t->error[0] = '\0';
}

/* libcurl hands out what it holds back at once, and asks the socket for more later. */
static void go_on(struct transfer *t)
{
	if (!t->active || !t->paused)
		return;
	t->paused = false;
	t->curl->easy_pause(t->easy, CURLPAUSE_CONT);
}

void transfer_answer_tell(struct transfer *t)
{
	if (t->active && t->streams && !t->told) {
		t->told = true;
		t->events->opened(t->arg);
	}
	while (t->active && t->streams && buf_len(&t->body) > 0) {
		struct buf came = t->body;

		/* Whoever hears it may hang up. */
		buf_init(&t->body, STREAM_MAX);
		t->events->bytes(t->arg, buf_data(&came), buf_len(&came));
		buf_clear(&came);
		go_on(t);
	}
}

void transfer_answer_explain(const struct transfer *t, char why[TRANSFER_WHY])
{
	const char *text = (const char *)buf_data(&t->body), *type = NULL;
	long status = transfer_answer_status(t);
	size_t n = t->streams ? 0 : buf_len(&t->body), line = 0;
	char said[100], *full;

	while (line < n && text[line] != '\r' && text[line] != '\n')
		line++;
	str_escape(text, line, said, sizeof said);
	t->curl->easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (t->refused[0] != '\0')
		full =
		    xasprintf("a redirect to the private address %s is not followed", t->refused);
	else if (t->streams && t->result == CURLE_OK)
		full = xstrdup("the server ended the stream");
	else if (t->streams || status == 0)
		full = xstrdup(t->error[0] != '\0' ? t->error : t->curl->easy_strerror(t->result));
	else if (status == 200 && t->request.streams)
		full = xasprintf("the answer is no event stream but %s", type ? type : "nothing");
	else
		full = xasprintf("HTTP %ld%s%s", status, line > 0 ? ": " : "", said);
	str_escape(full, strlen(full), why, TRANSFER_WHY);
	free(full);
}

uint32_t transfer_answer_retry(const struct transfer *t)
{
	curl_off_t seconds = 0;

	t->curl->easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 ? (uint32_t)(seconds < 86400 ? seconds : 86400) : 0;
}

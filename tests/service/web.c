#include "tests/service/web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

static struct web *all;

static void keep(struct web *w, const char *p, size_t n)
{
	w->total += n;
	if (w->discard)
		return;
	if (w->len + n + 1 > w->cap) {
		w->cap = 2 * (w->len + n + 1);
		w->got = xrealloc(w->got, w->cap);
	}
	memcpy(w->got + w->len, p, n);
	w->len += n;
	w->got[w->len] = '\0';
}

static void on_ready(void *arg, int events)
{
	static char chunk[256 * 1024];
	struct web *w = arg;
	ssize_t n = recv(w->fd, chunk, sizeof(chunk), 0);

	(void)events;
	if (n > 0) {
		keep(w, chunk, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	w->ended = true;
	watch_set(w->watch, 0);
}

struct web *web_open(struct puppet *p, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct web *w = xcalloc(1, sizeof(*w));

	w->next = all;
	all = w;
	w->stage = p;
	w->got = xcalloc(1, 1);
	w->cap = 1;
	w->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(w->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	assert_int_equal(fcntl(w->fd, F_SETFL, O_NONBLOCK), 0);
	w->watch = watch_new(puppet_loop(p), w->fd, on_ready, w);
	watch_set(w->watch, WATCH_READ);
	return w;
}

void web_close(struct web *w)
{
	struct web **at = &all;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	watch_free(w->watch);
	close(w->fd);
	free(w->got);
	free(w);
}

int web_tear_down(void **state)
{
	struct puppet **p = *state;

	while (all != NULL)
		web_close(all);
	puppet_free(*p);
	free(p);
	return 0;
}

uint16_t web_port(struct puppet *p, const char *fact)
{
	const char *url = puppet_fact(p, fact);

	assert_non_null(url);
	return (uint16_t)atoi(strrchr(url, ':') + 1);
}

void web_send(struct web *w, const char *text)
{
	size_t n = strlen(text), done = 0;

	while (done < n) {
		ssize_t sent = send(w->fd, text + done, n - done, MSG_NOSIGNAL);
		if (sent > 0)
			done += (size_t)sent;
		else
			puppet_turns(w->stage, 1);
	}
}

void web_hold(struct web *w, bool hold)
{
	watch_set(w->watch, hold ? 0 : WATCH_READ);
}

void web_until(struct web *w, const char *text)
{
	PUPPET_UNTIL(w->stage, memmem(w->got, w->len, text, strlen(text)) != NULL);
}

static char *find_header(const struct web *w, const char *name)
{
	size_t n = strlen(name);

	for (char *line = strstr(w->got, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
		line += 2;
		if (*line == '\r')
			break;
		if (strncasecmp(line, name, n) == 0 && line[n] == ':')
			return line + n + 1 + strspn(line + n + 1, " ");
	}
	return NULL;
}

void web_header(const struct web *w, const char *name, char *out, size_t size)
{
	const char *value = find_header(w, name);
	size_t n = value == NULL ? 0 : strcspn(value, "\r");

	assert_true(n < size);
	memcpy(out, value == NULL ? "" : value, n);
	out[n] = '\0';
}

static void join_chunks(struct web *w)
{
	char *to = w->body, *at = w->body, *end = w->got + w->len;

	while (at < end) {
		size_t n = strtoul(at, &at, 16);
		if (n == 0 || at + 2 + n > end)
			break;
		memmove(to, at + 2, n);
		to += n;
		at += 2 + n + 2;
	}
	w->body_len = (size_t)(to - w->body);
	*to = '\0';
}

void web_finish(struct web *w)
{
	char coding[32];
	char *blank;

	PUPPET_UNTIL(w->stage, w->ended);
	blank = strstr(w->got, "\r\n\r\n");
	if (sscanf(w->got, "HTTP/1.1 %d", &w->status) != 1 || blank == NULL)
		fail_msg("not an HTTP answer: %s", w->got);
	w->body = blank + 4;
	w->body_len = w->len - (size_t)(w->body - w->got);
	web_header(w, "Transfer-Encoding", coding, sizeof(coding));
	if (strcmp(coding, "chunked") == 0)
		join_chunks(w);
}

struct web *web_begin(struct puppet *p, uint16_t port, const char *method, const char *host,
    const char *path, const char *headers, const char *body)
{
	struct web *w = web_open(p, port);
	char *request, length[64] = "";

	if (body != NULL)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	request = xasprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s%s\r\n%s", method,
	    path, host, headers, length, body == NULL ? "" : body);
	web_send(w, request);
	free(request);
	return w;
}

struct web *web_ask(struct puppet *p, uint16_t port, const char *method, const char *host,
    const char *path, const char *headers, const char *body)
{
	struct web *w = web_begin(p, port, method, host, path, headers, body);

	web_finish(w);
	return w;
}

void web_ask_until(
    struct puppet *p, uint16_t port, const char *host, const char *path, const char *text)
{
	bool known = false;

	while (!known) {
		struct web *w = web_ask(p, port, "GET", host, path, "", NULL);

		known = strstr(w->body, text) != NULL;
		web_close(w);
	}
}

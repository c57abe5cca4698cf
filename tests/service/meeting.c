#include "tests/service/meeting.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

struct meeting_guest {
	struct meeting_guest *next;
	struct meeting *m;
	int fd;
	struct watch *watch;
	char got[2 * MEETING_TEXT];
	size_t len;
};

static void leave(struct meeting_guest *g)
{
	struct meeting_guest **at = &g->m->guests;

	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	if (g->m->subscriber == g)
		g->m->subscriber = NULL;
	watch_free(g->watch);
	close(g->fd);
	free(g);
}

static void write_all(const struct meeting_guest *g, const char *text)
{
	if (send(g->fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
		fatal("meeting", "the guest does not read");
}

static void answer_publish(struct meeting_guest *g)
{
	struct meeting *m = g->m;
	bool minds = m->minds_sig && strstr(m->body, "\"sig\"") != NULL;
	unsigned status = minds ? 400 : m->publish_status;
	const char *why = minds ? "bad message: unknown field sig\n" : status < 300 ? "" : m->why;
	char *text = xasprintf(
	    "HTTP/1.1 %u X\r\n%sContent-Length: %zu\r\n\r\n%s", status, m->extra, strlen(why), why);

	write_all(g, text);
	free(text);
}

static void answer_events(struct meeting_guest *g)
{
	struct meeting *m = g->m;
	char *text;

	m->subscriber = g;
	if (m->events_status == 0)
		return;
	text = xasprintf("HTTP/1.1 %u X\r\n%sContent-Type: %s\r\n%s\r\n%s", m->events_status,
	    m->extra, m->type, m->events_status == 200 ? "" : "Content-Length: 0\r\n",
	    m->events_status == 200 ? m->greeting : "");
	write_all(g, text);
	free(text);
}

static void keep(char to[MEETING_TEXT], const char *from, size_t n)
{
	if (n >= MEETING_TEXT)
		fatal("meeting", "too long");
	memcpy(to, from, n);
	to[n] = '\0';
}

/* Bytes that the first request takes, 0 while it is not whole. */
static size_t take_request(struct meeting_guest *g)
{
	const char *end, *length;
	size_t head, body = 0;

	g->got[g->len] = '\0';
	end = strstr(g->got, "\r\n\r\n");
	if (end == NULL)
		return 0;
	head = (size_t)(end - g->got) + 4;
	length = strcasestr(g->got, "\r\nContent-Length:");
	if (length != NULL && length < end)
		body = strtoul(length + 17, NULL, 10);
	if (g->len < head + body)
		return 0;
	if (strncmp(g->got, "POST ", 5) == 0) {
		g->m->publishes++;
		keep(g->m->publish_head, g->got, head);
		keep(g->m->body, g->got + head, body);
		answer_publish(g);
	} else {
		g->m->subscriptions++;
		keep(g->m->events_head, g->got, head);
		answer_events(g);
	}
	return head + body;
}

static void on_guest(void *arg, int events)
{
	struct meeting_guest *g = arg;
	ssize_t n = recv(g->fd, g->got + g->len, sizeof g->got - 1 - g->len, MSG_DONTWAIT);
	size_t taken;

	(void)events;
	if (n <= 0) {
		leave(g);
		return;
	}
	g->len += (size_t)n;
	while ((taken = take_request(g)) > 0) {
		memmove(g->got, g->got + taken, g->len - taken);
		g->len -= taken;
	}
}

static void on_connection(void *arg, int events)
{
	struct meeting *m = arg;
	struct meeting_guest *g;
	int fd = accept4(m->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	m->connections++;
	g = xcalloc(1, sizeof *g);
	g->m = m;
	g->fd = fd;
	g->next = m->guests;
	m->guests = g;
	g->watch = watch_new(m->loop, fd, on_guest, g);
	watch_set(g->watch, WATCH_READ);
}

struct meeting *meeting_open(struct loop *loop, uint16_t port)
{
	struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct meeting *m = xcalloc(1, sizeof *m);
	socklen_t len = sizeof sin;
	int yes = 1;

	sin.sin_addr.s_addr = htonl(INADDR_ANY);
	m->loop = loop;
	m->publish_status = 204;
	m->events_status = 200;
	m->why = "why\n";
	m->extra = "";
	m->type = "text/event-stream";
	m->greeting = ": ok\n\n";
	m->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(m->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(m->fd, (struct sockaddr *)&sin, sizeof sin) < 0 || listen(m->fd, 64) < 0 ||
	    getsockname(m->fd, (struct sockaddr *)&sin, &len) < 0)
		fatal("meeting", "no port to listen on");
	m->port = ntohs(sin.sin_port);
	m->watch = watch_new(loop, m->fd, on_connection, m);
	watch_set(m->watch, WATCH_READ);
	return m;
}

void meeting_close(struct meeting *m)
{
	if (m == NULL)
		return;
	while (m->guests != NULL)
		leave(m->guests);
	watch_free(m->watch);
	close(m->fd);
	free(m);
}

void meeting_say(struct meeting *m, const char *text)
{
	if (m->subscriber == NULL)
		fatal("meeting", "nobody listens");
	write_all(m->subscriber, text);
}

void meeting_drop(struct meeting *m)
{
	if (m->subscriber != NULL)
		leave(m->subscriber);
}

const char *meeting_url(const struct meeting *m)
{
	static char url[64];

	snprintf(url, sizeof url, "http://127.0.0.1:%u", m->port);
	return url;
}

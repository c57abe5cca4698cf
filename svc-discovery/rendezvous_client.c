#include "svc-discovery/rendezvous_client.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "svc-discovery/curl_late.h"
#include "svc-discovery/name_service.h"

#define REDIRECTS  3
#define HEADER_MAX (32 * 1024)
#define ANSWER_MAX 1024         /* of an error: more is not read */
#define STREAM_MAX (256 * 1024) /* bytes of events at a time; a server may have more at once */

static const struct curl_late *curl; /* from the first `struct rendezvous_clients` on */

/* A request under way, or its handle at rest. */
struct transfer {
	struct rendezvous_client *client;
	CURL *easy;
	struct curl_slist *headers;
	bool active, over;
	CURLcode result;
	size_t header_bytes;
	bool streams; /* the answer is an event stream */
	bool told;    /* that it is */
	bool paused;  /* by us: the next bytes of it wait until those here have been told */
	struct buf body;
	char error[CURL_ERROR_SIZE];
};

struct rendezvous_client {
	TAILQ_ENTRY(rendezvous_client) entry;
	struct rendezvous_clients *all;
	const struct rendezvous_client_events *events;
	void *arg;
	char *shown;
	struct transfer events_get, publish_post;
};

struct rendezvous_clients {
	struct loop *loop;
	CURLM *multi;
	struct timer *timer;
	TAILQ_HEAD(, rendezvous_client) clients;
};

/* --- libcurl on the loop ---------------------------------------------------------------------- */

static void settle(struct rendezvous_clients *all);

struct socket_watch {
	struct rendezvous_clients *all;
	struct watch *watch;
	curl_socket_t fd;
};

static void on_ready(void *arg, int events)
{
	struct socket_watch *s = arg;
	struct rendezvous_clients *all = s->all;
	int ready = (events & WATCH_READ ? CURL_CSELECT_IN : 0) |
	            (events & WATCH_WRITE ? CURL_CSELECT_OUT : 0),
	    running;

	curl->multi_socket_action(all->multi, s->fd, ready, &running);
	settle(all);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct rendezvous_clients *all = arg;
	struct socket_watch *s = of_socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			watch_free(s->watch);
		free(s);
		curl->multi_assign(all->multi, fd, NULL);
		return 0;
	}
	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		s->all = all;
		s->fd = fd;
		s->watch = watch_new(all->loop, fd, on_ready, s);
		curl->multi_assign(all->multi, fd, s);
	}
	watch_set(s->watch,
	    (what & CURL_POLL_IN ? WATCH_READ : 0) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0));
	return 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
	struct rendezvous_clients *all = arg;

	(void)multi;
	if (ms < 0)
		timer_stop(all->timer);
	else
		timer_start(all->timer, (uint64_t)ms);
	return 0;
}

static void on_timer(void *arg)
{
	struct rendezvous_clients *all = arg;
	int running;

	curl->multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	settle(all);
}

struct rendezvous_clients *rendezvous_clients_new(struct loop *loop)
{
	struct rendezvous_clients *all = xcalloc(1, sizeof *all);

	curl = curl_late();
	name_service_load(NAME_SERVICE_CONF);
	if (curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("rendezvous", "libcurl cannot start");
	TAILQ_INIT(&all->clients);
	all->loop = loop;
	all->timer = timer_new(loop, on_timer, all);
	all->multi = curl->multi_init();
	if (all->multi == NULL)
		fatal("rendezvous", "libcurl cannot start");
	curl->multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl->multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
	curl->multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl->multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
	return all;
}

void rendezvous_clients_free(struct rendezvous_clients *all)
{
	if (all == NULL)
		return;
	curl->multi_cleanup(all->multi);
	timer_free(all->timer);
	curl->global_cleanup();
	free(all);
}

/* --- what comes ------------------------------------------------------------------------------- */

static long status_of(const struct transfer *t)
{
	long status = 0;

	curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static bool is_event_stream(const struct transfer *t)
{
	static const char want[] = "text/event-stream";
	const char *type = NULL;

	curl->easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	return type != NULL && strncasecmp(type, want, sizeof want - 1) == 0;
}

static size_t on_header(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)one;
	t->header_bytes += n;
	if (t->header_bytes > HEADER_MAX)
		return 0;
	/* The empty line ends the header; a redirect's is followed by another. */
	if (n > 0 && (*p == '\r' || *p == '\n'))
		t->streams =
		    t == &t->client->events_get && status_of(t) == 200 && is_event_stream(t);
	return n;
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
	return n <= room ? n : 0;
}

/* What failed, with the first line of what the server says. */
static void explain(const struct transfer *t, char why[RENDEZVOUS_WHY])
{
	const char *text = (const char *)buf_data(&t->body), *type = NULL;
	long status = status_of(t);
	size_t n = t->streams ? 0 : buf_len(&t->body), line = 0;
	char said[100], *full;

	while (line < n && text[line] != '\r' && text[line] != '\n')
		line++;
	str_escape(text, line, said, sizeof said);
	curl->easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &type);
	if (t->streams && t->result == CURLE_OK)
		full = xstrdup("the server ended the stream");
	else if (t->streams || status == 0)
		full = xstrdup(t->error[0] != '\0' ? t->error : curl->easy_strerror(t->result));
	else if (status == 200 && t == &t->client->events_get)
		full = xasprintf("the answer is no event stream but %s", type ? type : "nothing");
	else
		full = xasprintf("HTTP %ld%s%s", status, line > 0 ? ": " : "", said);
	str_escape(full, strlen(full), why, RENDEZVOUS_WHY);
	free(full);
}

static uint32_t retry_after(const struct transfer *t)
{
	curl_off_t seconds = 0;

	curl->easy_getinfo(t->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 ? (uint32_t)(seconds < 86400 ? seconds : 86400) : 0;
}

static void stop(struct transfer *t)
{
	if (t->active)
		curl->multi_remove_handle(t->client->all->multi, t->easy);
	t->active = t->over = false;
	curl->slist_free_all(t->headers);
	t->headers = NULL;
	buf_clear(&t->body);
}

/* libcurl hands out what it holds back at once, and asks the socket for more later. */
static void go_on(struct transfer *t)
{
	if (!t->active || !t->paused)
		return;
	t->paused = false;
	curl->easy_pause(t->easy, CURLPAUSE_CONT);
}

static void tell_stream(struct rendezvous_client *c)
{
	struct transfer *t = &c->events_get;

	if (t->active && t->streams && !t->told) {
		t->told = true;
		c->events->opened(c->arg);
	}
	while (t->active && t->streams && buf_len(&t->body) > 0) {
		struct buf came = t->body;

		/* Whoever hears it may hang up. */
		buf_init(&t->body, STREAM_MAX);
		c->events->bytes(c->arg, buf_data(&came), buf_len(&came));
		buf_clear(&came);
		go_on(t);
	}
}

static void tell_end(struct transfer *t)
{
	struct rendezvous_client *c = t->client;
	unsigned status = (unsigned)status_of(t);
	uint32_t retry_s = retry_after(t);
	char why[RENDEZVOUS_WHY];

	explain(t, why);
	stop(t);
	if (t == &c->events_get)
		c->events->lost(c->arg, why, retry_s);
	else
		c->events->published(c->arg, status, why, retry_s);
}

/* What libcurl's callbacks have gathered is told here, outside of them: whoever hears it may begin
 * and end transfers. */
static void settle(struct rendezvous_clients *all)
{
	struct rendezvous_client *c;
	struct transfer *t;
	CURLMsg *m;
	int left;

	while ((m = curl->multi_info_read(all->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		t->over = true;
		t->result = m->data.result;
	}
	TAILQ_FOREACH (c, &all->clients, entry) {
		tell_stream(c);
		if (c->events_get.over)
			tell_end(&c->events_get);
		if (c->publish_post.over)
			tell_end(&c->publish_post);
	}
}

/* --- requests --------------------------------------------------------------------------------- */

static void start(struct transfer *t)
{
	curl->easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	t->active = true;
	t->over = t->streams = t->told = t->paused = false;
	t->header_bytes = 0;
	t->error[0] = '\0';
	curl->multi_add_handle(t->client->all->multi, t->easy);
}

void rendezvous_client_subscribe(struct rendezvous_client *c, const char *last_id)
{
	struct transfer *t = &c->events_get;

	stop(t);
	buf_init(&t->body, STREAM_MAX);
	t->headers = curl->slist_append(NULL, "Accept: text/event-stream");
	if (last_id[0] != '\0') {
		char *line = xasprintf("Last-Event-ID: %s", last_id);

		t->headers = curl->slist_append(t->headers, line);
		free(line);
	}
	start(t);
}

void rendezvous_client_hang_up(struct rendezvous_client *c)
{
	stop(&c->events_get);
}

void rendezvous_client_publish(struct rendezvous_client *c, const char *json)
{
	struct transfer *t = &c->publish_post;

	stop(t);
	buf_init(&t->body, ANSWER_MAX);
	t->headers = curl->slist_append(NULL, "Content-Type: application/json");
	/* No round trip to ask whether so little may be sent. */
	t->headers = curl->slist_append(t->headers, "Expect:");
	curl->easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(json));
	curl->easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, json);
	start(t);
}

/* --- a server --------------------------------------------------------------------------------- */

static void prepare(struct transfer *t, struct rendezvous_client *c, CURLU *url, bool direct)
{
	char *text = NULL, *scheme = NULL;
	CURL *e = curl->easy_init();

	if (e == NULL)
		fatal("rendezvous", "libcurl cannot start");
	t->client = c;
	t->easy = e;
	curl->url_get(url, CURLUPART_URL, &text, 0);
	curl->url_get(url, CURLUPART_SCHEME, &scheme, 0);
	curl->easy_setopt(e, CURLOPT_URL, text);
	curl->easy_setopt(e, CURLOPT_PRIVATE, t);
	curl->easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	/* Giving up on a name must not wait for the resolver's thread. */
	curl->easy_setopt(e, CURLOPT_QUICK_EXIT, 1L);
	curl->easy_setopt(e, CURLOPT_USERAGENT, "goop/" GOOP_VERSION);
	curl->easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(
	    e, CURLOPT_REDIR_PROTOCOLS_STR, strcmp(scheme, "https") == 0 ? "https" : "http,https");
	curl->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 1L);
	curl->easy_setopt(e, CURLOPT_MAXREDIRS, (long)REDIRECTS);
	curl->easy_setopt(e, CURLOPT_POSTREDIR, (long)CURL_REDIR_POST_ALL);
	curl->easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)RENDEZVOUS_CONNECT_MS);
	curl->easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl->easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl->easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl->easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl->easy_setopt(e, CURLOPT_WRITEDATA, t);
	if (direct)
		curl->easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl->free(text);
	curl->free(scheme);
}

/* The route below the path that the URL may have. */
static void set_route(CURLU *url, const char *route, const char *query)
{
	char *path = NULL, *full;
	size_t n;

	curl->url_get(url, CURLUPART_PATH, &path, 0);
	n = path != NULL ? strlen(path) : 0;
	while (n > 0 && path[n - 1] == '/')
		n--;
	full = xasprintf("%.*s%s", (int)n, n > 0 ? path : "", route);
	curl->url_set(url, CURLUPART_PATH, full, 0);
	curl->url_set(url, CURLUPART_QUERY, query, 0);
	curl->url_set(url, CURLUPART_FRAGMENT, NULL, 0);
	free(full);
	curl->free(path);
}

static bool parse(CURLU *url, const char *text)
{
	char *scheme = NULL;
	bool good = curl->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	            curl->url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	            (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	curl->free(scheme);
	return good;
}

static char *shown(CURLU *url, const char *text)
{
	CURLU *copy = curl->url_dup(url);
	char *without = NULL, *out;

	curl->url_set(copy, CURLUPART_USER, NULL, 0);
	curl->url_set(copy, CURLUPART_PASSWORD, NULL, 0);
	curl->url_get(copy, CURLUPART_URL, &without, 0);
	out = xstrdup(strchr(text, '@') != NULL && without != NULL ? without : text);
	curl->free(without);
	curl->url_cleanup(copy);
	return out;
}

struct rendezvous_client *rendezvous_client_new(struct rendezvous_clients *all, const char *text,
    bool direct, const struct rendezvous_client_events *events, void *arg)
{
	struct rendezvous_client *c = xcalloc(1, sizeof *c);
	CURLU *url = curl->url();

	if (!parse(url, text)) {
		curl->url_cleanup(url);
		free(c);
		return NULL;
	}
	c->all = all;
	c->events = events;
	c->arg = arg;
	c->shown = shown(url, text);
	set_route(url, "/events", "changes=1");
	prepare(&c->events_get, c, url, direct);
	parse(url, text);
	set_route(url, "/publish", NULL);
	prepare(&c->publish_post, c, url, direct);
	curl->easy_setopt(c->publish_post.easy, CURLOPT_POST, 1L);
	curl->easy_setopt(c->publish_post.easy, CURLOPT_TIMEOUT_MS, (long)RENDEZVOUS_PUBLISH_MS);
	curl->url_cleanup(url);
	TAILQ_INSERT_TAIL(&all->clients, c, entry);
	return c;
}

void rendezvous_client_free(struct rendezvous_client *c)
{
	if (c == NULL)
		return;
	stop(&c->events_get);
	stop(&c->publish_post);
	curl->easy_cleanup(c->events_get.easy);
	curl->easy_cleanup(c->publish_post.easy);
	TAILQ_REMOVE(&c->all->clients, c, entry);
	free(c->shown);
	free(c);
}

const char *rendezvous_client_url(const struct rendezvous_client *c)
{
	return c->shown;
}

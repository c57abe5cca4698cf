#include "http/http_server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "http/http_conn.h"
#include "http/http_mhd.h"

#define TICK_MS 1000
/* So many before the last one, others make room for new ones. libmicrohttpd takes ten at a time,
 * and none at all when there are as many as it may have. */
#define SPARE 16

struct http_server {
	struct http_server_config config;
	struct loop *loop;
	struct MHD_Daemon *daemon;
	struct watch *watch;
	struct timer *tick;
	struct before_sleep *hook;
	struct http_conns conns;
	TAILQ_HEAD(, http_request) requests;
	bool resumed; /* a connection is to go on: libmicrohttpd must run */
	bool ending;
	struct log_limit slow;
};

static void run(struct http_server *s)
{
	s->resumed = false;
	MHD_run(s->daemon);
}

void http_mhd_resume(struct http_request *r)
{
	if (!r->suspended)
		return;
	r->suspended = false;
	r->server->resumed = true;
	MHD_resume_connection(r->mhd);
}

/* --- connections ------------------------------------------------------------------------------ */

static void await(
    struct http_server *s, struct http_conn *c, enum http_conn_state state, uint32_t ms)
{
	http_conn_await(&s->conns, c, state, ms == 0 ? 0 : loop_now(s->loop) + ms);
}

bool http_server_make_room(struct http_server *s)
{
	return http_conns_make_room(&s->conns);
}

static struct http_conn *conn_of(struct MHD_Connection *mhd)
{
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info == NULL ? NULL : info->socket_context;
}

static void on_tick(void *arg)
{
	struct http_server *s = arg;

	if (http_conns_cut_slow(&s->conns, loop_now(s->loop)) &&
	    log_allowed(&s->slow, 5, "http_server"))
		log_debug("http_server", "connections were too slow");
	run(s);
}

static const struct sockaddr *client_of(struct MHD_Connection *mhd)
{
	return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
}

static bool admit(struct http_server *s, struct MHD_Connection *mhd, bool opened)
{
	return s->config.admit == NULL || s->config.admit(s->config.arg, client_of(mhd), opened);
}

static struct http_conn *open_conn(struct http_server *s, struct MHD_Connection *mhd)
{
	int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	struct http_conn *c;

	if (s->conns.count + SPARE >= s->config.connections)
		http_conns_make_room(&s->conns);
	c = http_conn_new(&s->conns, fd, client_of(mhd));
	c->admitted = admit(s, mhd, true);
	if (c->admitted)
		await(s, c, HTTP_CONN_HEADER, s->config.header_ms);
	else
		shutdown(fd, SHUT_RDWR);
	if (s->conns.count == 1)
		timer_repeat(s->tick, TICK_MS);
	return c;
}

static void on_connection(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = cls;
	struct http_conn *c = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*context = open_conn(s, mhd);
		return;
	}
	if (c->admitted)
		admit(s, mhd, false);
	http_conn_free(&s->conns, c);
	*context = NULL;
	if (s->conns.count == 0)
		timer_stop(s->tick);
}

/* --- requests --------------------------------------------------------------------------------- */

static void *on_target(void *cls, const char *target, struct MHD_Connection *mhd)
{
	struct http_server *s = cls;
	struct http_request *r = http_mhd_request_new(s, mhd, target);
	struct http_conn *c = conn_of(mhd);

	c->request = r;
	/* From here on it is a request, and may be as slow as a first one. */
	if (c->state == HTTP_CONN_IDLE)
		await(s, c, HTTP_CONN_HEADER, s->config.header_ms);
	TAILQ_INSERT_TAIL(&s->requests, r, entry);
	return r;
}

static void on_completed(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct http_server *s = cls;
	struct http_request *r = *context;
	struct http_conn *c = conn_of(mhd);

	(void)why;
	if (r == NULL)
		return;
	*context = NULL;
	if (log_enabled(LOG_LEVEL_DEBUG))
		log_debug("http_server", "%s %.500s %u", r->method, r->target, r->status);
	if (s->config.over != NULL)
		s->config.over(s->config.arg, r, r->status);
	TAILQ_REMOVE(&s->requests, r, entry);
	c->request = NULL;
	http_conn_hold(&s->conns, c, 0);
	if (!r->given_up)
		await(s, c, HTTP_CONN_IDLE, s->config.idle_ms);
	http_mhd_request_free(r);
}

static const struct http_route *route_of(const struct http_request *r, bool *path_known)
{
	const struct http_server_config *config = &r->server->config;

	return http_route_find(config->routes, config->route_count, r->method, r->path, path_known);
}

static size_t body_max(const struct http_request *r)
{
	bool path_known;
	const struct http_route *route = r->path == NULL ? NULL : route_of(r, &path_known);

	return route == NULL ? 0 : route->body_max;
}

static void refuse_method(struct http_request *r)
{
	const struct http_server_config *config = &r->server->config;
	char allow[HTTP_ROUTE_ALLOW];

	http_route_allow(config->routes, config->route_count, r->path, allow);
	http_answer_header(r, "Allow", allow);
	http_answer_text(r, MHD_HTTP_METHOD_NOT_ALLOWED, "this address does not take that method");
}

static void dispatch(struct http_request *r)
{
	const struct http_server_config *config = &r->server->config;
	const struct http_route *route;
	bool path_known;

	r->dispatched = true;
	if (r->path == NULL) {
		http_answer_text(r, MHD_HTTP_BAD_REQUEST, "the request's path is malformed");
		return;
	}
	if (config->gate != NULL && !config->gate(config->arg, r))
		return;
	route = route_of(r, &path_known);
	if (route == NULL && path_known)
		refuse_method(r);
	else if (route == NULL)
		http_answer_text(r, MHD_HTTP_NOT_FOUND, "there is nothing at this address");
	else if (r->too_large)
		http_answer_text(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large");
	else
		route->handler(config->arg, r);
}

static enum MHD_Result queue(struct http_request *r)
{
	struct MHD_Response *response = r->response;
	enum MHD_Result result = MHD_queue_response(r->mhd, r->status, response);

	r->response = NULL;
	MHD_destroy_response(response);
	return result;
}

static bool headers_fit(const struct http_request *r)
{
	size_t max = r->server->config.header_max;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(r->mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return max == 0 || info == NULL || info->header_size <= max;
}

static enum MHD_Result headers_seen(struct http_request *r, const char *method)
{
	r->headers_seen = true;
	if (!str_copy(r->method, sizeof(r->method), method)) {
		http_answer_text(r, MHD_HTTP_NOT_IMPLEMENTED, "unknown method");
		return queue(r);
	}
	if (!headers_fit(r)) {
		http_answer_text(r, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
		    "the request's headers are too large");
		return queue(r);
	}
	if (!http_mhd_request_is_framed(r)) {
		http_answer_text(
		    r, MHD_HTTP_BAD_REQUEST, "it is not certain where the request ends");
		return queue(r);
	}
	/* Far too much is refused before it is sent. Anything else waits for the end of the body:
	 * to answer now would mean to close the connection. */
	if (http_mhd_request_announced(r) > HTTP_MHD_DISCARD + body_max(r)) {
		http_answer_text(r, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large");
		return queue(r);
	}
	await(r->server, conn_of(r->mhd), HTTP_CONN_BODY, r->server->config.body_ms);
	return MHD_YES;
}

static enum MHD_Result complete(struct http_request *r)
{
	struct http_server *s = r->server;
	struct http_conn *c = conn_of(r->mhd);

	if (!r->dispatched) {
		await(s, c, HTTP_CONN_NOTHING, 0);
		dispatch(r);
		buf_clear(&r->body);
		http_conn_hold(&s->conns, c, 0);
	}
	if (r->response != NULL) {
		await(s, c, HTTP_CONN_ANSWER, s->config.answer_ms);
		return queue(r);
	}
	/* Closing is all that is left to do here; without a shutdown (MHD_USE_TURBO) the detached
	 * descriptor outlives it. */
	if (s->ending || r->detached)
		return MHD_NO;
	r->suspended = true;
	MHD_suspend_connection(r->mhd);
	return MHD_YES;
}

static enum MHD_Result on_access(void *cls, struct MHD_Connection *mhd, const char *url,
    const char *method, const char *version, const char *upload, size_t *n, void **context)
{
	struct http_request *r = *context;
	size_t got = *n;

	(void)cls, (void)url, (void)version;
	if (r->given_up)
		return MHD_NO;
	if (!r->headers_seen)
		return headers_seen(r, method);
	if (got == 0)
		return complete(r);
	*n = 0;
	if (http_mhd_request_body(r, upload, got, body_max(r)) != 0 ||
	    !http_conn_hold(&r->server->conns, conn_of(mhd), buf_len(&r->body)))
		return MHD_NO;
	return MHD_YES;
}

/* --- libmicrohttpd on the loop ---------------------------------------------------------------- */

static void on_ready(void *arg, int events)
{
	(void)events;
	run(arg);
}

static bool before_sleep(void *arg)
{
	struct http_server *s = arg;
	MHD_UNSIGNED_LONG_LONG ms;

	if (!s->resumed && (MHD_get_timeout(s->daemon, &ms) != MHD_YES || ms != 0))
		return false;
	run(s);
	return true;
}

/* The target is decoded by http_text_path(), which refuses what libmicrohttpd would let pass. */
static size_t leave_escaped(void *cls, struct MHD_Connection *mhd, char *s)
{
	(void)cls, (void)mhd;
	return strlen(s);
}

static void on_log(void *cls, const char *format, va_list ap)
{
	char line[512];

	(void)cls;
	if (!log_enabled(LOG_LEVEL_DEBUG))
		return;
	vsnprintf(line, sizeof(line), format, ap);
	line[strcspn(line, "\n")] = '\0';
	log_debug("http_server", "libmicrohttpd: %s", line);
}

static void start(struct http_server *s, int fd)
{
	const struct http_server_config *c = &s->config;
	const union MHD_DaemonInfo *info;

	s->daemon = MHD_start_daemon(
	    MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO | MHD_USE_ERROR_LOG, 0, NULL,
	    NULL, on_access, s, MHD_OPTION_EXTERNAL_LOGGER, on_log,
	    s, /* first, as errors in later options need it */
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_MEMORY_LIMIT, c->pool,
	    MHD_OPTION_CONNECTION_MEMORY_INCREMENT, (size_t)1024, MHD_OPTION_CONNECTION_LIMIT,
	    c->connections, MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->per_address,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((c->stall_ms + 999) / 1000),
	    MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
	    MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_END);
	if (s->daemon == NULL)
		fatal("http_server", "libmicrohttpd does not start");
	info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	s->watch = watch_new(s->loop, info->epoll_fd, on_ready, s);
	watch_set(s->watch, WATCH_READ);
}

struct http_server *http_server_new(
    struct loop *loop, int fd, const struct http_server_config *config)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	s->config = *config;
	s->loop = loop;
	http_conns_init(&s->conns, config->connections, config->body_budget);
	TAILQ_INIT(&s->requests);
	s->tick = timer_new(loop, on_tick, s);
	start(s, fd);
	s->hook = loop_before_sleep(loop, before_sleep, s);
	/* Puts the listening socket into the epoll set. */
	run(s);
	return s;
}

void http_server_free(struct http_server *s)
{
	struct http_request *r;

	if (s == NULL)
		return;
	s->ending = true;
	/* libmicrohttpd refuses to end while a connection is suspended. */
	TAILQ_FOREACH (r, &s->requests, entry)
		http_mhd_resume(r);
	watch_free(s->watch);
	before_sleep_free(s->hook);
	MHD_stop_daemon(s->daemon);
	http_conns_clear(&s->conns);
	timer_free(s->tick);
	free(s);
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->conns.count;
}

uint64_t http_server_cut(const struct http_server *s)
{
	return s->conns.cut;
}

uint64_t http_server_displaced(const struct http_server *s)
{
	return s->conns.displaced;
}

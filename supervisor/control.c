#include "supervisor/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

#define BACKLOG       64
#define ACCEPT_MAX    16 /* in one turn, before other descriptors get theirs */
#define REQUEST_NODES 64

struct client {
	TAILQ_ENTRY(client) entry;
	struct control *control;
	uint32_t id;
	int fd;
	struct watch *watch;
	struct buf in, out;
	uint64_t since; /* the last progress */
	bool pending;   /* its request is being worked on */
	bool follows;   /* and that is for ever */
};

struct control {
	struct loop *loop;
	control_fn *fn;
	control_gone_fn *gone;
	void *arg;
	int fd;
	struct watch *watch;
	TAILQ_HEAD(, client) clients; /* in the order they came */
	unsigned count;
	uint32_t next_id;
	struct log_limit strangers;
};

static void client_free(struct client *cl)
{
	struct control *c = cl->control;

	TAILQ_REMOVE(&c->clients, cl, entry);
	c->count--;
	if (cl->follows)
		c->gone(c->arg, cl->id);
	watch_free(cl->watch);
	close(cl->fd);
	buf_clear(&cl->in);
	buf_clear(&cl->out);
	free(cl);
}

/* Sends what is there; when all of an answer is out, the client has had what it came for. */
static void flush(struct client *cl)
{
	while (buf_len(&cl->out) > 0) {
		ssize_t n = send(cl->fd, buf_data(&cl->out), buf_len(&cl->out), MSG_NOSIGNAL);

		if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
			watch_set(cl->watch, WATCH_WRITE | (cl->follows ? WATCH_READ : 0));
			return;
		}
		if (n < 0)
			break;
		buf_consume(&cl->out, (size_t)n);
		cl->since = clock_mono_ms();
	}
	if (cl->follows && buf_len(&cl->out) == 0)
		watch_set(cl->watch, WATCH_READ);
	else
		client_free(cl);
}

/* Who follows has nothing more to say; that it has left shows by the end of what it says. */
static bool has_left(const struct client *cl)
{
	char words[256];
	ssize_t n = recv(cl->fd, words, sizeof(words), MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static void say(struct client *cl, cJSON *answer)
{
	char *text = json_print(answer);

	cJSON_Delete(answer);
	cl->pending = false;
	cl->since = clock_mono_ms();
	if (buf_puts(&cl->out, text) < 0 || buf_puts(&cl->out, "\n") < 0) {
		buf_clear(&cl->out);
		buf_puts(
		    &cl->out, "{\"ok\":false,\"error\":\"the answer is too long\",\"status\":1}\n");
	}
	free(text);
	flush(cl);
}

static cJSON *refusal(int status, const char *error)
{
	cJSON *answer = cJSON_CreateObject();

	cJSON_AddBoolToObject(answer, "ok", false);
	cJSON_AddStringToObject(answer, "error", error);
	cJSON_AddNumberToObject(answer, "status", status);
	return answer;
}

static void take_request(struct client *cl, size_t len)
{
	struct control *c = cl->control;
	struct json_error error;
	char what[192];
	cJSON *request = json_parse((const char *)buf_data(&cl->in), len, REQUEST_NODES, &error);

	buf_clear(&cl->in);
	if (cJSON_IsObject(request)) {
		cl->pending = true;
		watch_set(cl->watch, 0);
		c->fn(c->arg, cl->id, request);
	} else {
		snprintf(what, sizeof(what), "not a request: %s",
		    request != NULL ? "expected an object" : error.what);
		say(cl, refusal(2, what));
	}
	cJSON_Delete(request);
}

static void receive(struct client *cl)
{
	size_t room = buf_room(&cl->in);
	ssize_t n = recv(cl->fd, buf_reserve(&cl->in, room), room, MSG_DONTWAIT);
	const uint8_t *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		client_free(cl);
		return;
	}
	buf_commit(&cl->in, (size_t)n);
	end = memchr(buf_data(&cl->in), '\n', buf_len(&cl->in));
	if (end != NULL)
		take_request(cl, (size_t)(end - buf_data(&cl->in)));
	else if (buf_room(&cl->in) == 0)
		say(cl, refusal(2, "not a request: longer than 4096 bytes"));
}

static void on_client(void *arg, int events)
{
	struct client *cl = arg;

	if (cl->follows && events & WATCH_READ && has_left(cl))
		client_free(cl);
	else if (buf_len(&cl->out) > 0)
		flush(cl);
	else if (events & WATCH_READ && !cl->pending)
		receive(cl);
}

static bool is_trusted(struct control *c, int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	if (cred.uid == geteuid() || cred.uid == 0)
		return true;
	if (log_allowed(&c->strangers, 5, "control"))
		log_warn("control", "user %u (pid %d) has no say here", cred.uid, cred.pid);
	return false;
}

/* All places taken: who has not asked anything yet, or does not read its answer, goes first. */
static bool make_room(struct control *c)
{
	struct client *cl, *oldest = NULL;

	if (c->count < CONTROL_CLIENTS)
		return true;
	TAILQ_FOREACH (cl, &c->clients, entry)
		if (!cl->pending && (oldest == NULL || cl->since < oldest->since))
			oldest = cl;
	if (oldest == NULL)
		return false;
	client_free(oldest);
	return true;
}

static void take_client(struct control *c, int fd)
{
	struct client *cl = xcalloc(1, sizeof(*cl));

	cl->control = c;
	cl->id = ++c->next_id;
	cl->fd = fd;
	cl->since = clock_mono_ms();
	buf_init(&cl->in, CONTROL_REQUEST_MAX);
	buf_init(&cl->out, CONTROL_ANSWER_MAX);
	cl->watch = watch_new(c->loop, fd, on_client, cl);
	watch_set(cl->watch, WATCH_READ);
	TAILQ_INSERT_TAIL(&c->clients, cl, entry);
	c->count++;
}

static void on_listen(void *arg, int events)
{
	struct control *c = arg;

	(void)events;
	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(c->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return;
		if (is_trusted(c, fd) && make_room(c))
			take_client(c, fd);
		else
			close(fd);
	}
}

static int listen_here(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = CONTROL_PATH};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), saved;

	if (fd < 0)
		return -1;
	/* The folder is 0700 already; this is for whoever opens it up. */
	fchmod(fd, 0600);
	unlink(CONTROL_PATH);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, BACKLOG) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

struct control *control_new(
    struct loop *loop, int fd, control_fn *fn, control_gone_fn *gone, void *arg)
{
	struct control *c;

	if (fd < 0)
		fd = listen_here();
	if (fd < 0)
		return NULL;
	c = xcalloc(1, sizeof(*c));
	c->loop = loop;
	c->fn = fn;
	c->gone = gone;
	c->arg = arg;
	c->fd = fd;
	TAILQ_INIT(&c->clients);
	c->watch = watch_new(loop, fd, on_listen, c);
	watch_set(c->watch, WATCH_READ);
	return c;
}

int control_fd(const struct control *c)
{
	return c->fd;
}

void control_free(struct control *c)
{
	struct client *cl, *next;

	if (c == NULL)
		return;
	for (cl = TAILQ_FIRST(&c->clients); cl != NULL; cl = next) {
		next = TAILQ_NEXT(cl, entry);
		client_free(cl);
	}
	watch_free(c->watch);
	close(c->fd);
	unlink(CONTROL_PATH);
	free(c);
}

static struct client *find(const struct control *c, uint32_t id)
{
	struct client *cl;

	TAILQ_FOREACH (cl, &c->clients, entry)
		if (cl->id == id)
			return cl;
	return NULL;
}

void control_answer(struct control *c, uint32_t client, cJSON *answer)
{
	struct client *cl = find(c, client);

	if (cl == NULL || !cl->pending)
		cJSON_Delete(answer);
	else
		say(cl, answer);
}

void control_refuse(struct control *c, uint32_t client, int status, const char *format, ...)
{
	char *error;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&error, format, ap) < 0)
		fatal("control", "out of memory");
	va_end(ap);
	control_answer(c, client, refusal(status, error));
	free(error);
}

void control_follow(struct control *c, uint32_t client)
{
	struct client *cl = find(c, client);

	if (cl == NULL)
		return;
	cl->follows = true;
	watch_set(cl->watch, WATCH_READ);
}

bool control_has_room(const struct control *c, uint32_t client)
{
	const struct client *cl = find(c, client);

	return cl != NULL && cl->follows &&
	       buf_len(&cl->out) + CONTROL_LINE_MAX <= CONTROL_FOLLOW_MAX;
}

bool control_push(struct control *c, uint32_t client, const char *line)
{
	struct client *cl = find(c, client);
	size_t n = strlen(line);

	if (cl == NULL || !cl->follows || buf_len(&cl->out) + n > CONTROL_FOLLOW_MAX)
		return false;
	buf_put(&cl->out, line, n);
	/* Sent from the loop, where it may turn out that nobody reads any more. */
	watch_set(cl->watch, WATCH_READ | WATCH_WRITE);
	return true;
}

void control_tick(struct control *c, uint64_t now)
{
	struct client *cl, *next;

	for (cl = TAILQ_FIRST(&c->clients); cl != NULL; cl = next) {
		next = TAILQ_NEXT(cl, entry);
		if (!cl->pending && now > cl->since && now - cl->since >= CONTROL_LIMIT)
			client_free(cl);
	}
}

#include "proto/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <zmq.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "proto/link_private.h"

#define IPC       "ipc://"
#define ID_PREFIX 'g' /* a routing id must not begin with a zero byte (zmq_setsockopt(3)) */
/* A few messages of the data path in one system call; the kernel grants what net.core.wmem_max
 * allows. */
#define SOCKET_BUFFER   (1024 * 1024)
#define LARGEST         (STREAM_PAYLOAD + 64)
#define HIGH_WATER      131072 /* messages; what credit allows lies far below */
#define LINGER_MS       250
#define TURN_MESSAGES   64 /* then other links and descriptors have their turn */
#define TURN_BYTES      (2 * 1024 * 1024)
#define ZERO_COPY_BYTES 1024 /* below, one copy is cheaper than one more allocation */

/* One context a process: each costs two threads. */
static struct {
	void *zmq;
	unsigned users;
} context;

static void *context_get(void)
{
	if (context.users++ == 0)
		context.zmq = zmq_ctx_new();
	if (context.zmq == NULL)
		fatal("link", "zmq_ctx_new: %s", zmq_strerror(zmq_errno()));
	return context.zmq;
}

static void context_release(void)
{
	if (--context.users > 0)
		return;
	while (zmq_ctx_term(context.zmq) != 0 && errno == EINTR)
		;
	context.zmq = NULL;
}

void link_start_threads(void)
{
	void *socket = context.users > 0 ? zmq_socket(context.zmq, ZMQ_DEALER) : NULL;

	if (socket == NULL)
		fatal("link", "zmq_socket: %s", zmq_strerror(zmq_errno()));
	zmq_close(socket);
}

static void set_int(void *socket, int option, int value)
{
	if (zmq_setsockopt(socket, option, &value, sizeof(value)) != 0)
		fatal("link", "zmq_setsockopt %d: %s", option, zmq_strerror(zmq_errno()));
}

static void fd_ready(void *arg, int events)
{
	struct link *l = arg;

	(void)events;
	/* The hook receives; one place is enough. */
	l->look = true;
}

static void socket_open(struct link *l, int type)
{
	int64_t largest = LARGEST;
	size_t size = sizeof(int);
	int fd;

	l->socket = zmq_socket(context.zmq, type);
	if (l->socket == NULL)
		fatal("link", "zmq_socket: %s", zmq_strerror(zmq_errno()));
	zmq_setsockopt(l->socket, ZMQ_MAXMSGSIZE, &largest, sizeof(largest));
	set_int(l->socket, ZMQ_SNDHWM, HIGH_WATER);
	set_int(l->socket, ZMQ_RCVHWM, HIGH_WATER);
	set_int(l->socket, ZMQ_LINGER, 0);
	set_int(l->socket, ZMQ_SNDBUF, SOCKET_BUFFER);
	set_int(l->socket, ZMQ_RCVBUF, SOCKET_BUFFER);
	if (zmq_getsockopt(l->socket, ZMQ_FD, &fd, &size) != 0)
		fatal("link", "ZMQ_FD: %s", zmq_strerror(zmq_errno()));
	l->watch = watch_new(l->loop, fd, fd_ready, l);
	watch_set(l->watch, WATCH_READ);
	l->look = true;
}

static void socket_close(struct link *l, int linger_ms)
{
	if (l->socket == NULL)
		return;
	watch_free(l->watch);
	l->watch = NULL;
	set_int(l->socket, ZMQ_LINGER, linger_ms);
	zmq_close(l->socket);
	l->socket = NULL;
}

/* The listening socket is ours: libzmq would remove the file when it closes its own, some time
 * later, and so take away the path of a successor. */
static int listen_at(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (!str_copy(address.sun_path, sizeof(address.sun_path), path))
		fatal("link", "%s: path too long for a socket", path);
	/* Left behind by an earlier life; the supervisor holds the lock of the folder. */
	unlink(path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 64) != 0)
		fatal("link", "cannot listen at %s: %m", path);
	return fd;
}

const char *link_path(const struct link *l)
{
	return l->place->endpoint + strlen(IPC);
}

int link_set_user(const struct link *l, uid_t user)
{
	return chmod(link_path(l), 0600) == 0 ? lchown(link_path(l), user, (gid_t)user) : -1;
}

static void open_binding(struct link *l)
{
	socket_open(l, ZMQ_ROUTER);
	set_int(l->socket, ZMQ_ROUTER_MANDATORY, 1);
	set_int(l->socket, ZMQ_ROUTER_HANDOVER, 1);
	set_int(l->socket, ZMQ_USE_FD, l->listening);
	l->listening = -1;
	if (zmq_bind(l->socket, l->place->endpoint) != 0)
		fatal("link", "%s: %s", l->place->endpoint, zmq_strerror(zmq_errno()));
}

static void open_connecting(struct link *l)
{
	socket_open(l, ZMQ_DEALER);
	set_int(l->socket, ZMQ_RECONNECT_IVL, 20);
	set_int(l->socket, ZMQ_RECONNECT_IVL_MAX, 200);
	zmq_setsockopt(l->socket, ZMQ_ROUTING_ID, l->id, LINK_ID);
	if (zmq_connect(l->socket, l->place->endpoint) != 0)
		fatal("link", "%s: %s", l->place->endpoint, zmq_strerror(zmq_errno()));
}

static void free_body(void *data, void *hint)
{
	(void)hint;
	free(data);
}

/* Gives the message's memory to libzmq, or copies it when it is small. */
static void make_body(zmq_msg_t *body, struct msg *m)
{
	int r;

	if (m->size < ZERO_COPY_BYTES) {
		r = zmq_msg_init_size(body, m->size);
		if (r == 0)
			memcpy(zmq_msg_data(body), m->base, m->size);
	} else {
		/* What waits in queues shall take no more memory than credit counts. */
		if (m->cap > 2 * m->size)
			m->base = xrealloc(m->base, m->size);
		r = zmq_msg_init_data(body, m->base, m->size, free_body, NULL);
		if (r == 0)
			m->base = NULL;
	}
	if (r != 0)
		fatal("link", "out of memory");
	msg_drop(m);
}

/* The one operation that can be refused: the first frame on the binding side, else the only one. */
static int send_frames(struct link *l, zmq_msg_t *body)
{
	int r;

	do
		r = l->binds ? zmq_send(l->socket, l->id, LINK_ID, ZMQ_SNDMORE | ZMQ_DONTWAIT) : 0;
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -1;
	do
		r = zmq_msg_send(body, l->socket, ZMQ_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -1 : 0;
}

static void count_out(struct link *l, unsigned type, size_t bytes)
{
	l->count[type].messages_out++;
	l->count[type].bytes_out += bytes;
	l->since_up.messages_out += !link_is_greeting(type);
}

int link_send_raw(struct link *l, struct msg *m)
{
	size_t bytes = m->size, size = sizeof(int);
	unsigned type = m->type;
	zmq_msg_t body;
	int r, saved, events;

	make_body(&body, m);
	r = send_frames(l, &body);
	if (r < 0 && errno == EAGAIN) {
		/* libzmq looks at what its thread has done only now and then; this makes it look.
		 */
		zmq_getsockopt(l->socket, ZMQ_EVENTS, &events, &size);
		r = send_frames(l, &body);
	}
	saved = errno;
	/* Sending may have swallowed the signal that something has come. */
	l->look = true;
	loop_again(l->loop);
	if (r == 0) {
		count_out(l, type, bytes);
		if (l->seen != NULL)
			l->seen(l->arg, l, true, type, bytes);
	} else {
		zmq_msg_close(&body);
	}
	errno = saved;
	return r;
}

/* In constant time, although only siblings can try. */
static bool is_present_id(const struct link *l, zmq_msg_t *frame)
{
	const uint8_t *p = zmq_msg_data(frame);
	uint8_t differ = 0;

	if (!l->has_id || zmq_msg_size(frame) != LINK_ID)
		return false;
	for (size_t i = 0; i < LINK_ID; i++)
		differ |= p[i] ^ l->id[i];
	return differ == 0;
}

/* False when there is no frame now. */
static bool next_frame(struct link *l, zmq_msg_t *frame)
{
	int r;

	do
		r = zmq_msg_recv(frame, l->socket, ZMQ_DONTWAIT);
	while (r < 0 && errno == EINTR);
	return r >= 0;
}

/* Receives one message; returns its size, or -1 when there was none. */
static long receive_one(struct link *l)
{
	zmq_msg_t frame;
	bool known = true, more = false;
	long size = -1;

	zmq_msg_init(&frame);
	if (!next_frame(l, &frame)) {
		l->look = false;
		goto out;
	}
	size = 0;
	if (l->binds) {
		known = is_present_id(l, &frame);
		if (!known)
			link_note_stranger(l, zmq_msg_data(&frame), zmq_msg_size(&frame));
		if (!zmq_msg_more(&frame) || !next_frame(l, &frame))
			goto out;
	}
	/* We send no further frames, so nobody who does is one of us. */
	more = zmq_msg_more(&frame);
	size = (long)zmq_msg_size(&frame);
	if (known && !more)
		link_hear(l, zmq_msg_data(&frame), (size_t)size);
	else if (!known)
		l->strange |= msg_type_of(zmq_msg_data(&frame), (size_t)size) == MSG_HELLO;
	while (more && next_frame(l, &frame))
		more = zmq_msg_more(&frame);
out:
	zmq_msg_close(&frame);
	return size;
}

static void receive(struct link *l)
{
	size_t bytes = 0;
	long n;

	for (int i = 0; i < TURN_MESSAGES && bytes < TURN_BYTES && l->socket != NULL; i++) {
		n = receive_one(l);
		if (n < 0)
			return;
		bytes += (size_t)n;
		link_deliver(l);
	}
}

static bool on_before_sleep(void *arg)
{
	struct link *l = arg;

	l->busy = true;
	link_tell_of_stranger(l);
	link_deliver(l);
	if (l->look && l->socket != NULL)
		receive(l);
	l->busy = false;
	if (l->freed) {
		free(l);
		return true;
	}
	return (l->look && l->socket != NULL) || l->down_due || l->alarm[0] != '\0' || l->strange;
}

struct link *link_new(struct loop *loop, enum service_id self, uint32_t self_generation,
    enum service_id peer, const struct link_events *events, void *arg)
{
	struct link *l = xcalloc(1, sizeof(*l));

	l->place = link_between(self, peer);
	if (l->place == NULL)
		panic("link", "%s and %s may not talk", service_name(self), service_name(peer));
	l->loop = loop;
	l->self = self;
	l->peer = peer;
	l->self_generation = self_generation;
	l->events = events;
	l->arg = arg;
	l->binds = l->place->binds == self;
	l->greet = timer_new(loop, link_on_greet, l);
	l->hook = loop_before_sleep(loop, on_before_sleep, l);
	context_get();
	l->listening = l->binds ? listen_at(link_path(l)) : -1;
	return l;
}

void link_free(struct link *l)
{
	if (l == NULL || l->freed)
		return;
	l->freed = true;
	timer_free(l->greet);
	before_sleep_free(l->hook);
	/* Last words are for an end that listens. */
	socket_close(l, l->up ? LINGER_MS : 0);
	if (l->listening >= 0)
		close(l->listening);
	context_release();
	if (!l->busy)
		free(l);
}

void link_set(struct link *l, uint32_t generation, const uint8_t token[LINK_TOKEN])
{
	link_go_down(l, "new token");
	l->generation = generation;
	l->id[0] = ID_PREFIX;
	memcpy(l->id + 1, token, LINK_TOKEN);
	l->has_id = true;
	l->parting = false;
	l->refused = false;
	l->greeting = 0;
	link_is_fresh(l);
	if (l->binds) {
		timer_stop(l->greet);
		if (l->socket == NULL)
			open_binding(l);
		return;
	}
	socket_close(l, 0);
	open_connecting(l);
	link_greet_now(l);
}

void link_lost(struct link *l, uint32_t generation, const char *why)
{
	if (!l->has_id || generation != l->generation)
		return;
	link_go_down(l, why);
	l->has_id = false;
	timer_stop(l->greet);
	if (!l->binds)
		socket_close(l, 0);
}

bool link_part(struct link *l)
{
	struct msg m;

	if (!l->up || l->parting)
		return l->up;
	msg_begin(&m, MSG_BYE, 0);
	l->parting = true;
	return link_send(l, &m) == 0;
}

bool link_is_up(const struct link *l)
{
	return l->up;
}

enum service_id link_peer(const struct link *l)
{
	return l->peer;
}

bool link_connects(const struct link *l)
{
	return !l->binds;
}

int link_send(struct link *l, struct msg *m)
{
	const char *name = msg_name(m->type);

	if (!l->up || l->freed) {
		msg_drop(m);
		return -1;
	}
	if (m->bad || m->size > msg_max(m->type) || !msg_allowed(m->type, l->self, l->peer)) {
		log_error("link", "%s of %zu bytes is not fit to be sent to %s", name, m->size,
		    service_name(l->peer));
		msg_drop(m);
		return -1;
	}
	if (link_send_raw(l, m) == 0)
		return 0;
	if (errno == EHOSTUNREACH) {
		link_start_over(l, "the other end has gone");
	} else {
		link_raise_alarm(l, "does not read: %s finds a full queue", name);
		link_start_over(l, "the other end does not read");
	}
	return -1;
}

void link_on_seen(struct link *l, link_seen_fn *fn)
{
	l->seen = fn;
}

struct link_count link_counted(const struct link *l)
{
	struct link_count sum = {0};

	for (size_t i = 0; i < MSG_NUMBERS; i++) {
		sum.messages_in += l->count[i].messages_in;
		sum.messages_out += l->count[i].messages_out;
		sum.bytes_in += l->count[i].bytes_in;
		sum.bytes_out += l->count[i].bytes_out;
	}
	return sum;
}

struct link_count link_counted_type(const struct link *l, unsigned type)
{
	return l->count[type < MSG_NUMBERS ? type : 0];
}

struct link_count link_counted_since_up(const struct link *l)
{
	return l->since_up;
}

uint32_t link_generation(const struct link *l)
{
	return l->has_id ? l->generation : 0;
}

#include "proto/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

#define QUEUE_MAX    (1024 * 1024)
#define PACKET_MAX   (128 * 1024) /* REPORT, the largest message on this socket */
#define SOCKET_SPACE (512 * 1024)
#define TURN_MAX     64 /* messages handled before other descriptors get their turn */

struct queued {
	STAILQ_ENTRY(queued) entry;
	struct msg msg;
	int fd; /* ours, or -1 */
};

struct parent {
	struct watch *watch;
	int fd;
	enum service_id self, other;
	const struct parent_events *events;
	void *arg;
	STAILQ_HEAD(, queued) queue;
	size_t queued;
	int came;  /* the descriptor of the message that is being heard, or -1 */
	bool gone; /* the other side has closed */
	bool busy; /* inside a callback: parent_free() only marks */
	bool freed;
	struct log_limit bad;
};

static void on_ready(void *arg, int events);

struct parent *parent_new(struct loop *loop, int fd, enum service_id self, enum service_id other,
    const struct parent_events *events, void *arg)
{
	struct parent *p = xcalloc(1, sizeof(*p));
	int space = SOCKET_SPACE;

	p->fd = fd;
	p->came = -1;
	p->self = self;
	p->other = other;
	p->events = events;
	p->arg = arg;
	STAILQ_INIT(&p->queue);
	/* A unix socket accounts packets to the sender alone, so its receive buffer is no matter.
	 * The kernel may grant less than asked for; then large packets wait in the queue. */
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &space, sizeof(space));
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		fatal("parent", "descriptor %d: %m", fd);
	p->watch = watch_new(loop, fd, on_ready, p);
	watch_set(p->watch, WATCH_READ);
	return p;
}

static void drop_first(struct parent *p)
{
	struct queued *q = STAILQ_FIRST(&p->queue);

	STAILQ_REMOVE_HEAD(&p->queue, entry);
	p->queued -= q->msg.size;
	msg_drop(&q->msg);
	if (q->fd >= 0)
		close(q->fd);
	free(q);
}

static void drop_queue(struct parent *p)
{
	while (!STAILQ_EMPTY(&p->queue))
		drop_first(p);
}

void parent_free(struct parent *p)
{
	if (p == NULL)
		return;
	if (!p->freed) {
		p->freed = true;
		drop_queue(p);
		watch_free(p->watch);
		close(p->fd);
	}
	if (!p->busy)
		free(p);
}

/* Room for the one descriptor of a packet, aligned. */
union control {
	struct cmsghdr head;
	uint8_t space[CMSG_SPACE(sizeof(int))];
};

static void attach(struct msghdr *h, union control *control, int fd)
{
	*control = (union control){0};
	h->msg_control = control;
	h->msg_controllen = sizeof(control->space);
	control->head.cmsg_level = SOL_SOCKET;
	control->head.cmsg_type = SCM_RIGHTS;
	control->head.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control->head), &fd, sizeof(fd));
}

/* 1: sent, 0: the socket is full, -1: it will not go. */
static int send_now(struct parent *p, const struct msg *m, int fd)
{
	struct iovec packet = {m->base, m->size};
	struct msghdr h = {.msg_iov = &packet, .msg_iovlen = 1};
	union control control;
	ssize_t n;

	if (fd >= 0)
		attach(&h, &control, fd);
	do
		n = sendmsg(p->fd, &h, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return 1;
	if (errno == EAGAIN || errno == ENOBUFS)
		return 0;
	/* The end of file is reported from the loop, where the last words of the other side are
	 * read first. */
	if (errno != EPIPE && errno != ECONNRESET)
		log_error("parent", "%s to %s: %m", msg_name(m->type), service_name(p->other));
	return -1;
}

static void flush(struct parent *p)
{
	struct queued *q;

	while ((q = STAILQ_FIRST(&p->queue)) != NULL && send_now(p, &q->msg, q->fd) != 0)
		drop_first(p);
	watch_set(p->watch, WATCH_READ | (STAILQ_EMPTY(&p->queue) ? 0 : WATCH_WRITE));
}

static int enqueue(struct parent *p, struct msg *m, int fd)
{
	struct queued *q;

	if (m->size > QUEUE_MAX - p->queued) {
		if (log_allowed(&p->bad, 5, "parent"))
			log_error("parent", "%s does not read: %s is dropped",
			    service_name(p->other), msg_name(m->type));
		msg_drop(m);
		return -1;
	}
	q = xmalloc(sizeof(*q));
	q->msg = *m;
	/* Without it, if there are no more: the service then knows that it is missing. */
	q->fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	p->queued += m->size;
	STAILQ_INSERT_TAIL(&p->queue, q, entry);
	watch_set(p->watch, WATCH_READ | WATCH_WRITE);
	return 0;
}

int parent_send(struct parent *p, struct msg *m)
{
	return parent_send_fd(p, m, -1);
}

int parent_send_fd(struct parent *p, struct msg *m, int fd)
{
	int r = 0;

	if (p->gone || p->freed) {
		msg_drop(m);
		return -1;
	}
	if (m->bad || m->size > msg_max(m->type) || !msg_allowed(m->type, p->self, p->other)) {
		log_error("parent", "%s of %zu bytes is not fit to be sent to %s",
		    msg_name(m->type), m->size, service_name(p->other));
		msg_drop(m);
		return -1;
	}
	if (STAILQ_EMPTY(&p->queue))
		r = send_now(p, m, fd);
	if (r == 0)
		return enqueue(p, m, fd);
	msg_drop(m);
	return r < 0 ? -1 : 0;
}

size_t parent_waiting(const struct parent *p)
{
	return p->queued;
}

static void hear(struct parent *p, const uint8_t *packet, size_t n)
{
	struct msg m;
	bool bad = msg_open(&m, packet, n) < 0 || !msg_allowed(m.type, p->other, p->self) ||
	           p->events->message(p->arg, &m) < 0;

	if (bad && log_allowed(&p->bad, 5, "parent"))
		log_error("parent", "bad message %s of %zu bytes from %s", msg_name(m.type), n,
		    service_name(p->other));
}

/* Only the supervisor is heard with a descriptor: without room for one the kernel closes it. */
static ssize_t receive(struct parent *p, uint8_t *packet, size_t len)
{
	struct iovec to = {packet, len};
	struct msghdr h = {.msg_iov = &to, .msg_iovlen = 1};
	union control control = {0};
	const struct cmsghdr *c;
	ssize_t n;

	if (p->other == SERVICE_SUPERVISOR) {
		h.msg_control = &control;
		h.msg_controllen = sizeof(control.space);
	}
	n = recvmsg(p->fd, &h, MSG_CMSG_CLOEXEC);
	c = n >= 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&p->came, CMSG_DATA(c), sizeof(int));
	return n;
}

/* Reads one packet. False when there is none (now, or ever: then `gone` is set). */
static bool read_packet(struct parent *p)
{
	/* The length first: so memory is held for a packet's size and time only. */
	ssize_t len = recv(p->fd, NULL, 0, MSG_PEEK | MSG_TRUNC), n;
	uint8_t *packet;

	if (len > PACKET_MAX)
		len = 0; /* taken off the socket below, and refused as too short */
	else if (len <= 0) {
		p->gone = len == 0 || (errno != EAGAIN && errno != EINTR);
		return false;
	}
	packet = xmalloc((size_t)len);
	n = receive(p, packet, (size_t)len);
	if (n >= 0)
		hear(p, packet, (size_t)n);
	if (p->came >= 0)
		close(p->came);
	p->came = -1;
	free(packet);
	return n >= 0;
}

int parent_fd(const struct parent *p)
{
	return p->came;
}

static void on_ready(void *arg, int events)
{
	struct parent *p = arg;

	p->busy = true;
	if (events & WATCH_WRITE)
		flush(p);
	for (int i = 0; i < TURN_MAX && !p->freed && (events & WATCH_READ); i++)
		if (!read_packet(p))
			break;
	if (p->gone && !p->freed) {
		watch_set(p->watch, 0);
		drop_queue(p);
		p->events->closed(p->arg);
	}
	p->busy = false;
	if (p->freed)
		free(p);
}

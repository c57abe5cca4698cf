/* All connections: who gets in, who gives way, their clock and their last words. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "svc-transport/conn_private.h"
#include "svc-transport/tcp.h"

#define TICK_MS     1000
#define MUCH_BYTES  (1024 * 1024) /* moved in a tick: the heap has grown */
#define QUIET_TICKS 10            /* after which it may shrink again */

/* The oldest inbound handshake gives way. False when there is none that has not already. */
static bool make_room(struct conns *cs)
{
	struct conn *c;

	TAILQ_FOREACH (c, &cs->all, all) {
		if (!conn_is_handshake(c) || c->is_dying)
			continue;
		conn_close(c, "gave way to a newer connection");
		TAILQ_REMOVE(&cs->dying, c, dying);
		TAILQ_INSERT_HEAD(&cs->dying, c, dying);
		conn_end(c);
		return true;
	}
	return false;
}

void conns_accept(struct conns *cs, int fd, const struct sockaddr *from)
{
	struct admission_key key = admission_key_of(from);

	switch (admission_ask(cs->admission, &key, true, loop_now(cs->loop))) {
	case ADMISSION_YES: break;
	case ADMISSION_CROWDED:
		if (make_room(cs))
			break;
		/* fall through */
	case ADMISSION_NO:
		if (log_allowed(&cs->failures, 20, "conn"))
			log_info("conn", "an inbound connection was refused: too many");
		close(fd);
		return;
	}
	conn_new(cs, fd, true, from, NULL);
}

struct conn *conns_dial(
    struct conns *cs, const struct multiaddr *addr, const struct peer_id *peer, char *why)
{
	struct sockaddr_storage to;
	socklen_t len = multiaddr_to_sockaddr(addr, &to);
	struct admission_key key;
	char reason[TCP_WHY];
	int fd;

	if (len == 0) {
		snprintf(why, CONN_WHY, "not an address that can be dialled");
		return NULL;
	}
	key = admission_key_of((struct sockaddr *)&to);
	if (admission_ask(cs->admission, &key, false, loop_now(cs->loop)) != ADMISSION_YES) {
		snprintf(why, CONN_WHY, "too many connections");
		return NULL;
	}
	fd = tcp_connect((struct sockaddr *)&to, len, reason);
	if (fd < 0) {
		snprintf(why, CONN_WHY, "%s", reason);
		return NULL;
	}
	return conn_new(cs, fd, false, (struct sockaddr *)&to, peer);
}

/* Ends the dying first: what they free others may use, and their streams' ends are to be sent. */
static bool before_sleep(void *arg)
{
	struct conns *cs = arg;
	struct conn_list touched = TAILQ_HEAD_INITIALIZER(touched);
	struct conn *c;

	while ((c = TAILQ_FIRST(&cs->dying)) != NULL)
		conn_end(c);
	TAILQ_CONCAT(&touched, &cs->touched, touched);
	while ((c = TAILQ_FIRST(&touched)) != NULL) {
		TAILQ_REMOVE(&touched, c, touched);
		c->is_touched = false;
		conn_flush(c);
	}
	return false;
}

static void check_deadlines(struct conn *c, uint64_t now)
{
	if (c->phase == CONN_LEAVING)
		conn_check_leaving(c);
	else if (c->phase != CONN_OPEN && now - c->since >= LIMIT_UPGRADE_MS)
		conn_close(c, "not connected within %d s", LIMIT_UPGRADE_MS / 1000);
	else if (buf_len(&c->out) > 0 && now - c->moved_at >= LIMIT_WRITE_STALL_MS)
		conn_close(c, "the peer has read nothing for %d s", LIMIT_WRITE_STALL_MS / 1000);
	else if (c->phase == CONN_OPEN && yamux_tick(c->yamux, now) != 0)
		conn_close(c, "yamux: %s", yamux_error(c->yamux));
	else if (c->phase == CONN_OPEN && yamux_is_over(c->yamux) && yamux_count(c->yamux) == 0)
		conn_close(c, "the peer said goodbye");
}

/* The heap is kept while transfers go on; afterwards it goes back, once. */
static void trim_heap(struct conns *cs)
{
	if (cs->moved - cs->moved_then >= MUCH_BYTES)
		cs->quiet = 1;
	else if (cs->quiet > 0)
		cs->quiet++;
	cs->moved_then = cs->moved;
	if (cs->quiet < QUIET_TICKS)
		return;
	malloc_trim(0);
	cs->quiet = 0;
}

static void tick(void *arg)
{
	struct conns *cs = arg;
	uint64_t now = loop_now(cs->loop);
	struct conn *c;

	trim_heap(cs);

	TAILQ_FOREACH (c, &cs->all, all) {
		if (c->is_dying)
			continue;
		check_deadlines(c, now);
		if (conn_is_open(c))
			cs->events->tick(cs->arg, c, now);
		conn_touch(c);
	}
}

struct conns *conns_new(
    struct loop *loop, const struct noise_self *self, const struct conn_events *events, void *arg)
{
	struct conns *cs = xcalloc(1, sizeof *cs);

	*cs = (struct conns){.loop = loop, .self = self, .events = events, .arg = arg};
	TAILQ_INIT(&cs->all);
	TAILQ_INIT(&cs->touched);
	TAILQ_INIT(&cs->dying);
	cs->admission = admission_new();
	cs->in = xmalloc(CONN_IN);
	cs->seal = xmalloc(CONN_SEAL);
	cs->timer = timer_new(loop, tick, cs);
	timer_repeat(cs->timer, TICK_MS);
	cs->hook = loop_before_sleep(loop, before_sleep, cs);
	return cs;
}

void conns_free(struct conns *cs)
{
	struct conn *c;

	if (cs == NULL)
		return;
	TAILQ_FOREACH (c, &cs->all, all)
		conn_close(c, "this peer is stopping");
	while ((c = TAILQ_FIRST(&cs->dying)) != NULL)
		conn_end(c);
	before_sleep_free(cs->hook);
	timer_free(cs->timer);
	admission_free(cs->admission);
	free(cs->in);
	free(cs->seal);
	free(cs);
}

size_t conns_count(const struct conns *cs)
{
	return admission_count(cs->admission);
}

bool conns_are_over(const struct conns *cs)
{
	return admission_is_over(cs->admission);
}

size_t conns_handshakes(const struct conns *cs)
{
	return admission_handshakes(cs->admission);
}

struct conn *conns_next(const struct conns *cs, const struct conn *c)
{
	return c == NULL ? TAILQ_FIRST(&cs->all) : TAILQ_NEXT(c, all);
}

/* The node's addresses and dials. */
#include <stdio.h>

#include "svc-transport/node_private.h"

void node_dial_tick(void *arg)
{
	struct node *n = arg;
	uint64_t now = loop_now(n->loop), next = dialer_tick(n->dialer, now);

	if (next == UINT64_MAX)
		timer_stop(n->dialing);
	else
		timer_start(n->dialing, next > now ? next - now : 0);
}

void node_dial_soon(struct node *n)
{
	timer_start(n->dialing, 0);
}

static void *dial_start(
    void *arg, const struct peer_id *peer, const struct multiaddr *addr, char *why)
{
	struct node *n = arg;
	char reason[CONN_WHY];
	struct conn *c = conns_dial(n->conns, addr, peer, reason);

	if (c == NULL)
		snprintf(why, DIAL_WHY, "%.*s", DIAL_WHY - 1, reason);
	return c;
}

static void dial_abort(void *arg, void *handle)
{
	(void)arg;
	conn_close(handle, "not needed any more");
}

static void give_up(struct node *n, const struct peer_id *id, const char *text)
{
	struct peer *p = peers_get(n->peers, id);

	stream_table_unreached(n->table, id, STREAM_UNREACHABLE, text);
	if (p == NULL)
		return;
	if (p->wanted) {
		p->wanted = false;
		n->events->connect_failed(n->arg, p, text);
	}
	peers_drop_if_idle(n->peers, p);
}

static void dial_failed(void *arg, const struct peer_id *id, const char *text)
{
	give_up(arg, id, text);
}

const struct dial_io node_dial_io = {
    .start = dial_start, .abort = dial_abort, .failed = dial_failed};

void node_dial(struct node *n, const struct peer_id *id)
{
	struct multiaddr addrs[LIMIT_DIAL_ADDRS];
	uint64_t now = loop_now(n->loop);
	size_t count = addrbook_get(n->book, id, now, addrs, LIMIT_DIAL_ADDRS);

	if (n->leave != NULL || dialer_busy(n->dialer, id))
		return;
	if (dialer_start(n->dialer, id, addrs, count, now) != 0)
		give_up(n, id, "too many peers are being dialled");
	else
		node_dial_tick(n);
}

void node_connect(struct node *n, const struct peer_id *id)
{
	struct peer *p;

	if (peer_id_equal(id, identity_peer(n->identity)))
		return;
	p = peers_need(n->peers, id);
	if (p->up)
		return;
	p->wanted = true;
	if (peers_lane(p) == NULL)
		node_dial(n, id);
}

static bool is_ours(const struct node *n, const struct multiaddr *addr)
{
	for (size_t i = 0; i < n->addr_count; i++)
		if (multiaddr_equal(&n->addrs[i], addr))
			return true;
	return false;
}

/* Our own address in another's mouth would only have us talk to ourselves. */
static size_t others_only(const struct node *n, const struct multiaddr *addrs, size_t count,
    struct multiaddr out[LIMIT_BOOK_ADDRS])
{
	size_t kept = 0;

	for (size_t i = 0; i < count && kept < LIMIT_BOOK_ADDRS; i++) {
		struct multiaddr addr = addrs[i];

		multiaddr_strip_peer(&addr);
		if (!is_ours(n, &addr))
			out[kept++] = addrs[i];
	}
	return kept;
}

void node_learn(struct node *n, const struct peer_id *id, uint8_t source, uint64_t ttl_ms,
    const struct multiaddr *addrs, size_t count)
{
	struct multiaddr kept[LIMIT_BOOK_ADDRS];
	struct multiaddr dialable[LIMIT_DIAL_ADDRS];
	uint64_t now = loop_now(n->loop);

	count = others_only(n, addrs, count, kept);
	addrbook_set(n->book, id, source, ttl_ms, kept, count, now);
	dialer_forgive(n->dialer, id, kept, count);
	if (!dialer_busy(n->dialer, id))
		return;
	count = addrbook_get(n->book, id, now, dialable, LIMIT_DIAL_ADDRS);
	dialer_start(n->dialer, id, dialable, count, now);
	node_dial_soon(n);
}

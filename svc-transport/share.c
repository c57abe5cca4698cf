#include "svc-transport/share.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "svc-transport/limits.h"

struct shares {
	struct map *by_peer;
};

struct shares *shares_new(void)
{
	struct shares *s = xcalloc(1, sizeof *s);

	s->by_peer = map_new();
	return s;
}

void shares_free(struct shares *s)
{
	struct share *share;

	if (s == NULL)
		return;
	MAP_FOREACH (s->by_peer, at, share)
		free(share);
	map_free(s->by_peer);
	free(s);
}

struct share *shares_enter(struct shares *s, const struct peer_id *peer)
{
	struct share *share = map_get(s->by_peer, peer->bytes, peer->len);

	if (share == NULL) {
		share = xcalloc(1, sizeof *share);
		share->peer = *peer;
		map_set(s->by_peer, peer->bytes, peer->len, share);
	}
	share->connections++;
	return share;
}

void shares_leave(struct shares *s, struct share *share)
{
	if (--share->connections > 0)
		return;
	map_remove(s->by_peer, share->peer.bytes, share->peer.len);
	free(share);
}

struct share *shares_greediest(const struct shares *s)
{
	struct share *share, *most = NULL;

	MAP_FOREACH (s->by_peer, at, share)
		if (share->unsent > (most != NULL ? most->unsent : 0))
			most = share;
	return most;
}

bool share_may_open(const struct share *share)
{
	return share->talking < LIMIT_NEGOTIATING_PEER && share->inbound < LIMIT_SERVED_PEER;
}

bool share_may_serve(const struct share *share, enum protocol protocol)
{
	return share->serving[protocol] < protocol_limit(protocol);
}

void share_opened(struct share *share)
{
	share->talking++;
	share->inbound++;
}

void share_agreed(struct share *share, enum protocol protocol)
{
	share->talking--;
	share->serving[protocol]++;
}

void share_over(struct share *share, enum protocol protocol)
{
	share->inbound--;
	if (protocol == PROTOCOL_NONE)
		share->talking--;
	else
		share->serving[protocol]--;
}

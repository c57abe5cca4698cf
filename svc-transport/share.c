#include "svc-transport/share.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/map.h"
#include "svc-transport/limits.h"

struct shares {
	struct map *by_key;
};

struct shares *shares_new(void)
{
	struct shares *s = xcalloc(1, sizeof *s);

	s->by_key = map_new();
	return s;
}

static void share_free(struct share *share)
{
	free((void *)share->key.data);
	free(share);
}

void shares_free(struct shares *s)
{
	struct share *share;

	if (s == NULL)
		return;
	MAP_FOREACH (s->by_key, at, share)
		share_free(share);
	map_free(s->by_key);
	free(s);
}

struct share *shares_enter(struct shares *s, struct bytes key)
{
	struct share *share = map_get(s->by_key, key.data, key.len);

	if (share == NULL) {
		share = xcalloc(1, sizeof *share);
		share->key = (struct bytes){xmemdup(key.data, key.len), key.len};
		map_set(s->by_key, key.data, key.len, share);
	}
	share->connections++;
	return share;
}

void shares_leave(struct shares *s, struct share *share)
{
	if (--share->connections > 0)
		return;
	map_remove(s->by_key, share->key.data, share->key.len);
	share_free(share);
}

struct share *shares_greediest(const struct shares *s)
{
	struct share *share, *most = NULL;

	MAP_FOREACH (s->by_key, at, share)
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

bool share_address_may_serve(const struct share *share, enum protocol protocol)
{
	return share->serving[protocol] < LIMIT_SERVED_ADDRESS || share_may_serve(share, protocol);
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

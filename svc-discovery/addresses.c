#include "svc-discovery/addresses.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum rank { RANK_PUBLIC, RANK_LINK_LOCAL, RANK_LOOPBACK, RANK_USELESS };

static enum rank rank_of(const struct netif_addr *at)
{
	if (netif_addr_is_loopback(at))
		return RANK_LOOPBACK;
	if (!netif_addr_is_link_local(at))
		return RANK_PUBLIC;
	return at->family == AF_INET ? RANK_LINK_LOCAL : RANK_USELESS;
}

static void add_rank(
    struct addresses *a, const struct netif_table *table, uint16_t port, enum rank rank)
{
	const struct netif *nif;
	char text[INET6_ADDRSTRLEN];

	for (size_t at = 0; (nif = netif_next(table, &at)) != NULL;) {
		for (size_t i = 0; i < nif->count && a->count < ADDRESSES_MAX; i++) {
			const struct netif_addr *own = &nif->addrs[i];

			if (rank_of(own) != rank)
				continue;
			inet_ntop(own->family, &own->ip6, text, sizeof text);
			a->text[a->count++] = xasprintf(
			    "/%s/%s/tcp/%u", own->family == AF_INET ? "ip4" : "ip6", text, port);
		}
	}
}

void addresses_all(struct addresses *a, const struct netif_table *table, uint16_t port)
{
	a->count = 0;
	for (enum rank rank = RANK_PUBLIC; rank < RANK_USELESS; rank++)
		add_rank(a, table, port, rank);
}

void addresses_public(struct addresses *a, const struct netif_table *table, uint16_t port)
{
	a->count = 0;
	for (enum rank rank = RANK_PUBLIC; rank < RANK_USELESS && a->count == 0; rank++)
		add_rank(a, table, port, rank);
}

static bool is_local(const char *text)
{
	struct multiaddr a;

	return multiaddr_from_text(&a, text, strlen(text)) == 0 &&
	       (multiaddr_is_loopback(&a) || multiaddr_is_link_local(&a));
}

bool addresses_can_reach(const struct addresses *own, const char *text)
{
	struct multiaddr a;

	if (multiaddr_from_text(&a, text, strlen(text)) < 0)
		return false;
	return !is_local(text) || (own->count > 0 && is_local(own->text[0]));
}

void addresses_clear(struct addresses *a)
{
	while (a->count > 0)
		free(a->text[--a->count]);
}

bool addresses_equal(const struct addresses *a, const struct addresses *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->text[i], b->text[i]) != 0)
			return false;
	return true;
}

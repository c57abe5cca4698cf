#include "svc-transport/addrbook.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "svc-transport/limits.h"

struct entry {
	struct multiaddr addr;
	uint64_t until;
	uint8_t source;
};

struct page {
	struct peer_id peer;
	size_t count;
	struct entry *entries; /* room for the next power of two of count */
};

struct addrbook {
	struct map *pages; /* by peer id */
};

struct addrbook *addrbook_new(void)
{
	struct addrbook *b = xcalloc(1, sizeof *b);

	b->pages = map_new();
	return b;
}

static void page_free(struct page *page)
{
	free(page->entries);
	free(page);
}

void addrbook_free(struct addrbook *b)
{
	struct page *page;

	if (b == NULL)
		return;
	MAP_FOREACH (b->pages, at, page)
		page_free(page);
	map_free(b->pages);
	free(b);
}

static void page_drop(struct addrbook *b, struct page *page)
{
	map_remove(b->pages, page->peer.bytes, page->peer.len);
	page_free(page);
}

static void entry_drop(struct page *page, size_t i)
{
	page->entries[i] = page->entries[--page->count];
}

static void page_expire(struct page *page, uint64_t now)
{
	for (size_t i = page->count; i-- > 0;)
		if (page->entries[i].until <= now)
			entry_drop(page, i);
}

static void page_forget_source(struct page *page, uint8_t source)
{
	for (size_t i = page->count; i-- > 0;)
		if (page->entries[i].source == source)
			entry_drop(page, i);
}

/* When the last word about a peer runs out; 0 for a page without entries. */
static uint64_t page_until(const struct page *page)
{
	uint64_t until = 0;

	for (size_t i = 0; i < page->count; i++)
		if (page->entries[i].until > until)
			until = page->entries[i].until;
	return until;
}

static bool is_told_by_others(const struct page *page)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->entries[i].source != ADDRBOOK_IDENTIFY)
			return true;
	return false;
}

/* A stranger can come under as many names as it likes, and its own word lasts longest. */
static bool goes_before(const struct page *a, const struct page *b)
{
	bool a_known = is_told_by_others(a), b_known = is_told_by_others(b);

	return a_known != b_known ? b_known : page_until(a) < page_until(b);
}

static void evict_page(struct addrbook *b)
{
	struct page *page, *first = NULL;

	MAP_FOREACH (b->pages, at, page)
		if (first == NULL || goes_before(page, first))
			first = page;
	if (first != NULL)
		page_drop(b, first);
}

static struct page *page_make(struct addrbook *b, const struct peer_id *peer)
{
	struct page *page;

	if (map_count(b->pages) >= LIMIT_BOOK_PEERS)
		evict_page(b);
	page = xcalloc(1, sizeof *page);
	page->peer = *peer;
	map_set(b->pages, peer->bytes, peer->len, page);
	return page;
}

static void evict_entry(struct page *page)
{
	size_t soonest = 0;

	for (size_t i = 1; i < page->count; i++)
		if (page->entries[i].until < page->entries[soonest].until)
			soonest = i;
	entry_drop(page, soonest);
}

/* One address may be known from several sources, once each: a source that takes its word back must
 * not take that of another. */
static void page_add(
    struct page *page, uint8_t source, const struct multiaddr *addr, uint64_t until)
{
	for (size_t i = 0; i < page->count; i++)
		if (page->entries[i].source == source &&
		    multiaddr_equal(&page->entries[i].addr, addr))
			return;
	if (page->count == LIMIT_BOOK_ADDRS)
		evict_entry(page);
	if ((page->count & (page->count - 1)) == 0)
		page->entries = xreallocarray(
		    page->entries, page->count == 0 ? 1 : page->count * 2, sizeof page->entries[0]);
	page->entries[page->count++] =
	    (struct entry){.addr = *addr, .until = until, .source = source};
}

/* The address without /p2p, when it can be dialled and is that peer's. */
static bool normalise(const struct peer_id *peer, const struct multiaddr *in, struct multiaddr *out)
{
	struct sockaddr_storage sa;
	struct peer_id named;

	if (multiaddr_to_sockaddr(in, &sa) == 0)
		return false;
	if (multiaddr_peer(in, &named) == 0 && !peer_id_equal(&named, peer))
		return false;
	*out = *in;
	multiaddr_strip_peer(out);
	return true;
}

void addrbook_set(struct addrbook *b, const struct peer_id *peer, uint8_t source, uint64_t ttl_ms,
    const struct multiaddr *addrs, size_t count, uint64_t now)
{
	struct page *page = map_get(b->pages, peer->bytes, peer->len);
	struct multiaddr addr;

	if (page != NULL) {
		page_expire(page, now);
		page_forget_source(page, source);
	}
	for (size_t i = 0; ttl_ms > 0 && i < count && i < LIMIT_BOOK_ADDRS; i++) {
		if (!normalise(peer, &addrs[i], &addr))
			continue;
		if (page == NULL)
			page = page_make(b, peer);
		page_add(page, source, &addr, now + ttl_ms);
	}
	if (page != NULL && page->count == 0)
		page_drop(b, page);
}

static int rank(const struct multiaddr *addr)
{
	int family = multiaddr_is_ip4(addr) ? 0 : 1;

	if (multiaddr_is_loopback(addr))
		return 4 + family;
	return (multiaddr_is_private(addr) ? 0 : 2) + family;
}

static int in_dial_order(const void *a, const void *b)
{
	const struct entry *x = *(const struct entry *const *)a;
	const struct entry *y = *(const struct entry *const *)b;
	int by_rank = rank(&x->addr) - rank(&y->addr);

	if (by_rank != 0)
		return by_rank;
	if (x->until != y->until)
		return x->until > y->until ? -1 : 1;
	return x < y ? -1 : x > y;
}

static bool listed(const struct multiaddr *list, size_t count, const struct multiaddr *addr)
{
	for (size_t i = 0; i < count; i++)
		if (multiaddr_equal(&list[i], addr))
			return true;
	return false;
}

size_t addrbook_get(const struct addrbook *b, const struct peer_id *peer, uint64_t now,
    struct multiaddr *out, size_t max)
{
	const struct page *page = map_get(b->pages, peer->bytes, peer->len);
	const struct entry *order[LIMIT_BOOK_ADDRS] = {NULL};
	size_t n = 0, filled = 0;

	for (size_t i = 0; page != NULL && i < page->count; i++)
		if (page->entries[i].until > now)
			order[n++] = &page->entries[i];
	qsort(order, n, sizeof order[0], in_dial_order);
	for (size_t i = 0; i < n && filled < max; i++)
		if (!listed(out, filled, &order[i]->addr))
			out[filled++] = order[i]->addr;
	return filled;
}

void addrbook_sweep(struct addrbook *b, uint64_t now)
{
	struct page *page;

	MAP_FOREACH (b->pages, at, page) {
		page_expire(page, now);
		if (page->count == 0)
			page_drop(b, page);
	}
}

size_t addrbook_count(const struct addrbook *b)
{
	return map_count(b->pages);
}

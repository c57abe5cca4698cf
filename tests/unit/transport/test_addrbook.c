/* The address book: who said what, until when, in which order it is dialled, and its bounds. */
#include "tests/unit/testing.h"

#include "svc-transport/addrbook.h"
#include "svc-transport/limits.h"

#define A "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define B "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"

enum { MDNS = 1, WAN = 2 };

static struct peer_id peer(const char *text)
{
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, text, strlen(text)), 0);
	return id;
}

/* Ends with NULL. */
static size_t addrs(struct multiaddr *out, const char *const *texts)
{
	size_t n = 0;

	for (; texts[n] != NULL; n++)
		assert_int_equal(multiaddr_from_text(&out[n], texts[n], strlen(texts[n])), 0);
	return n;
}

static void set(struct addrbook *b, const char *who, uint8_t source, uint64_t ttl,
    const char *const *texts, uint64_t now)
{
	struct multiaddr list[64];
	struct peer_id id = peer(who);

	addrbook_set(b, &id, source, ttl, list, addrs(list, texts), now);
}
#define SET(b, who, source, ttl, now, ...)                                                         \
	set(b, who, source, ttl, (const char *const[]){__VA_ARGS__, NULL}, now)

static void expect(struct addrbook *b, const char *who, uint64_t now, const char *const *texts)
{
	struct multiaddr got[64];
	struct peer_id id = peer(who);
	size_t n = addrbook_get(b, &id, now, got, 64), i;
	char text[MULTIADDR_TEXT];

	for (i = 0; texts[i] != NULL; i++) {
		if (i == n)
			fail_msg("%s is missing", texts[i]);
		multiaddr_to_text(&got[i], text);
		assert_string_equal(text, texts[i]);
	}
	assert_int_equal(n, i);
}
#define EXPECT(b, who, now, ...) expect(b, who, now, (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_NONE(b, who, now) expect(b, who, now, (const char *const[]){NULL})

static void lan_goes_first_and_loopback_last(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip6/::1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/2001:db8::1/tcp/1",
	    "/ip4/198.51.100.1/tcp/1", "/ip6/fd00::1/tcp/1", "/ip4/192.168.1.5/tcp/1");
	EXPECT(b, A, 0, "/ip4/192.168.1.5/tcp/1", "/ip6/fd00::1/tcp/1", "/ip4/198.51.100.1/tcp/1",
	    "/ip6/2001:db8::1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1");
	addrbook_free(b);
}

static void the_freshest_of_a_rank_goes_first(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip4/10.0.0.1/tcp/1");
	SET(b, A, WAN, 5000, 0, "/ip4/10.0.0.2/tcp/1");
	EXPECT(b, A, 0, "/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.1/tcp/1");
	addrbook_free(b);
}

static void words_run_out(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 100, 1000, "/ip4/10.0.0.1/tcp/1");
	EXPECT(b, A, 1099, "/ip4/10.0.0.1/tcp/1");
	EXPECT_NONE(b, A, 1100);
	addrbook_sweep(b, 1099);
	assert_int_equal(addrbook_count(b), 1);
	addrbook_sweep(b, 1100);
	assert_int_equal(addrbook_count(b), 0);
	addrbook_free(b);
}

static void a_source_replaces_its_own_words_only(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1");
	SET(b, A, WAN, 900, 0, "/ip4/10.0.0.2/tcp/1");
	SET(b, A, MDNS, 800, 0, "/ip4/10.0.0.3/tcp/1");
	EXPECT(b, A, 0, "/ip4/10.0.0.2/tcp/1", "/ip4/10.0.0.3/tcp/1");
	SET(b, A, WAN, 0, 0, "/ip4/10.0.0.2/tcp/1");
	EXPECT(b, A, 0, "/ip4/10.0.0.3/tcp/1");
	SET(b, A, MDNS, 0, 0, "/ip4/10.0.0.3/tcp/1");
	assert_int_equal(addrbook_count(b), 0);
	addrbook_free(b);
}

static void one_address_of_two_sources_is_dialled_once(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1/p2p/" A);
	SET(b, A, WAN, 2000, 0, "/ip4/10.0.0.1/tcp/1");
	EXPECT(b, A, 0, "/ip4/10.0.0.1/tcp/1");
	addrbook_free(b);
}

static void what_cannot_be_dialled_is_left_out(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip4/10.0.0.1/udp/1/quic-v1", "/dns4/example.com/tcp/1",
	    "/ip4/10.0.0.1/tcp/1/p2p/" B "/p2p-circuit/p2p/" A, "/ip4/10.0.0.1/tcp/1/p2p/" B);
	assert_int_equal(addrbook_count(b), 0);
	EXPECT_NONE(b, A, 0);
	addrbook_free(b);
}

static void peers_are_apart(void **state)
{
	struct addrbook *b = addrbook_new();

	(void)state;
	SET(b, A, MDNS, 1000, 0, "/ip4/10.0.0.1/tcp/1");
	SET(b, B, MDNS, 1000, 0, "/ip4/10.0.0.2/tcp/1");
	EXPECT(b, A, 0, "/ip4/10.0.0.1/tcp/1");
	EXPECT(b, B, 0, "/ip4/10.0.0.2/tcp/1");
	addrbook_free(b);
}

static void one_peer_holds_so_many_addresses(void **state)
{
	struct addrbook *b = addrbook_new();
	struct multiaddr list[LIMIT_BOOK_ADDRS], got[2 * LIMIT_BOOK_ADDRS];
	struct peer_id id = peer(A);
	char text[64];

	(void)state;
	for (unsigned source = 0; source < 3; source++) {
		for (unsigned i = 0; i < LIMIT_BOOK_ADDRS; i++) {
			snprintf(text, sizeof text, "/ip4/10.0.%u.%u/tcp/1", source, i);
			multiaddr_from_text(&list[i], text, strlen(text));
		}
		addrbook_set(b, &id, (uint8_t)source, 1000 + source, list, LIMIT_BOOK_ADDRS, 0);
	}
	/* What ends soonest gave way. */
	assert_int_equal(addrbook_get(b, &id, 0, got, 2 * LIMIT_BOOK_ADDRS), LIMIT_BOOK_ADDRS);
	assert_int_equal(addrbook_get(b, &id, 1001, got, 2 * LIMIT_BOOK_ADDRS), LIMIT_BOOK_ADDRS);
	assert_int_equal(addrbook_get(b, &id, 0, got, 3), 3);
	addrbook_free(b);
}

static void the_book_holds_so_many_peers(void **state)
{
	struct addrbook *b = addrbook_new();
	struct peer_id id = peer(A);
	struct multiaddr addr, got;

	(void)state;
	multiaddr_from_text(&addr, "/ip4/10.0.0.1/tcp/1", 19);
	for (uint32_t i = 0; i < LIMIT_BOOK_PEERS + 10; i++) {
		memcpy(id.bytes + 10, &i, sizeof i);
		addrbook_set(b, &id, MDNS, 1000 + i, &addr, 1, 0);
	}
	assert_int_equal(addrbook_count(b), LIMIT_BOOK_PEERS);
	assert_int_equal(addrbook_get(b, &id, 0, &got, 1), 1);
	memset(id.bytes + 10, 0, 4);
	assert_int_equal(addrbook_get(b, &id, 0, &got, 1), 0);
	addrbook_free(b);
}

/* However many names a stranger comes under, and however long it says to believe it. */
static void those_who_speak_for_themselves_give_way_first(void **state)
{
	struct addrbook *b = addrbook_new();
	struct peer_id id = peer(A);
	struct multiaddr addr;

	(void)state;
	multiaddr_from_text(&addr, "/ip4/10.0.0.1/tcp/1", 19);
	SET(b, B, MDNS, 1000, 0, "/ip4/10.0.0.2/tcp/2");
	for (uint32_t i = 0; i < 2 * LIMIT_BOOK_PEERS; i++) {
		memcpy(id.bytes + 10, &i, sizeof i);
		addrbook_set(b, &id, ADDRBOOK_IDENTIFY, 1000000, &addr, 1, 0);
	}
	assert_int_equal(addrbook_count(b), LIMIT_BOOK_PEERS);
	EXPECT(b, B, 1, "/ip4/10.0.0.2/tcp/2");
	addrbook_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lan_goes_first_and_loopback_last),
	    cmocka_unit_test(the_freshest_of_a_rank_goes_first),
	    cmocka_unit_test(words_run_out),
	    cmocka_unit_test(a_source_replaces_its_own_words_only),
	    cmocka_unit_test(one_address_of_two_sources_is_dialled_once),
	    cmocka_unit_test(what_cannot_be_dialled_is_left_out),
	    cmocka_unit_test(peers_are_apart),
	    cmocka_unit_test(one_peer_holds_so_many_addresses),
	    cmocka_unit_test(the_book_holds_so_many_peers),
	    cmocka_unit_test(those_who_speak_for_themselves_give_way_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

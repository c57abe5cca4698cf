#include "../testing.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "codec/multiaddr.h"
#include "keys.h"

#define ID_A "002408011220 1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define ID_B "002408011220 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"

/* multiformats multiaddr; those with peers were checked against js-multiaddr */
static const struct {
	const char *text, *hex;
} VECTORS[] = {
    {"/ip4/192.168.1.5/tcp/4001", "04c0a80105060fa1"},
    {"/ip4/192.168.1.5/tcp/4001/p2p/" TEXT_A, "04c0a80105060fa1 a50326" ID_A},
    {"/ip4/192.168.1.5/tcp/4001/p2p/" TEXT_B "/p2p-circuit/p2p/" TEXT_A,
	"04c0a80105060fa1 a50326" ID_B "a202 a50326" ID_A},
    {"/ip6zone/eth0/ip6/fe80::1/tcp/4001",
	"2a0465746830 29fe800000000000000000000000000001 060fa1"},
    {"/dns4/example.com/tcp/443/wss", "360b6578616d706c652e636f6d 0601bb de03"},
    {"/ip4/1.2.3.4/udp/4001/quic-v1/webtransport/certhash/"
     "uEiAkH5a4DPGKUuOBjYw0CgwjvcJCJMD2K_1aluKR_tpevQ",
	"0401020304 91020fa1 cd03 d103 d20322 1220 "
	"241f96b80cf18a52e3818d8c340a0c23bdc24224c0f62bfd5a96e291feda5ebd"},
    {"/ip6/::ffff:1.2.3.4/tcp/1", "2900000000000000000000ffff01020304 060001"},
    {"/dnsaddr/bootstrap.libp2p.io", "3813 626f6f7473747261702e6c69627032702e696f"},
    {"/unix/a/b/c", "9003 06 2f612f622f63"},
    {"/memory/7", "8906 0000000000000007"},
    {"/p2p/" TEXT_EC, NULL},
};

static void from_text(struct multiaddr *a, const char *text)
{
	assert_int_equal(multiaddr_from_text(a, text, strlen(text)), 0);
}

static void vectors_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
		struct multiaddr a, b;
		char text[MULTIADDR_TEXT];
		from_text(&a, VECTORS[i].text);
		multiaddr_to_text(&a, text);
		assert_string_equal(text, VECTORS[i].text);
		if (VECTORS[i].hex == NULL)
			continue;
		size_t n;
		uint8_t *raw = unhex(VECTORS[i].hex, &n);
		assert_int_equal(a.len, n);
		assert_memory_equal(a.bytes, raw, n);
		assert_int_equal(multiaddr_from_bytes(&b, raw, n), 0);
		assert_true(multiaddr_equal(&a, &b));
		free(raw);
	}
}

static void old_name_and_other_bases_are_read(void **state)
{
	struct multiaddr a, b;

	(void)state;
	from_text(&a, "/p2p/" TEXT_A);
	from_text(&b, "/ipfs/" TEXT_A);
	assert_true(multiaddr_equal(&a, &b));
	from_text(&b, "/p2p/" CID32_A);
	assert_true(multiaddr_equal(&a, &b));
	from_text(&b, "/p2p/" TEXT_A "/");
	assert_true(multiaddr_equal(&a, &b));
}

static void text_that_is_no_address_is_refused(void **state)
{
	static const char *const bad[] = {"", "/", "//", "ip4/1.2.3.4", "/ip4", "/ip4/",
	    "/ip4/1.2.3", "/ip4/1.2.3.4//tcp/1", "/ip4/1.2.3.4/tcp", "/ip4/1.2.3.4/tcp/65536",
	    "/tcp/-1", "/tcp/1x", "/tcp/99999999999999999999999999", "/nosuch/1", "/ip6/1.2.3.4",
	    "/ip6/fe80::1%eth0", "/dns/", "/p2p/hello", "/ip4/1.2.3.4/tcp/1/p2p", "/certhash/uAAAA",
	    "/certhash/x", "/memory/x", "/unix", "/unix/", "/dns/\xff"};
	struct multiaddr a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(multiaddr_from_text(&a, bad[i], strlen(bad[i])), -1);
	assert_int_equal(multiaddr_from_text(&a, "/tcp/1\0", 7), -1);
	assert_int_equal(multiaddr_from_text(&a, "/dns/a\0b", 8), -1);
}

static void too_long_is_refused(void **state)
{
	struct multiaddr a;
	char text[400] = "/dns/";
	uint8_t circuits[MULTIADDR_MAX];

	(void)state;
	memset(text + 5, 'a', 253);
	assert_int_equal(multiaddr_from_text(&a, text, 5 + 253), 0);
	assert_int_equal(a.len, MULTIADDR_MAX);
	memset(text + 5, 'a', 254);
	assert_int_equal(multiaddr_from_text(&a, text, 5 + 254), -1);
	/* Short in bytes, but its text would not fit. */
	for (size_t i = 0; i < sizeof(circuits); i += 2)
		memcpy(circuits + i, "\xa2\x02", 2);
	assert_int_equal(multiaddr_from_bytes(&a, circuits, 64), 0);
	assert_int_equal(multiaddr_from_bytes(&a, circuits, sizeof(circuits)), -1);
}

static void bytes_that_are_no_address_are_refused(void **state)
{
	static const char *const bad[] = {"04c0a801", "060f", "8400c0a80105", "ffff7f", "05",
	    "3600", "3603612f62", "360361ff62", "a50300", "a503021200", "d20300", "d203021201",
	    "9003", "900301 2f", "90030361 6263", "a50326", "3681008061"};
	struct multiaddr a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t n;
		uint8_t *raw = unhex(bad[i], &n);
		assert_int_equal(multiaddr_from_bytes(&a, raw, n), -1);
		free(raw);
	}
	assert_int_equal(multiaddr_from_bytes(&a, NULL, 0), -1);
}

static void cut_is_shorter_or_refused(const uint8_t *p, size_t n, void *arg)
{
	struct multiaddr a;

	(void)arg;
	if (multiaddr_from_bytes(&a, p, n) == 0)
		assert_int_equal(a.len, n);
}

static void text_round_trips_or_refused(const uint8_t *p, size_t n, void *arg)
{
	struct multiaddr a, b;
	char text[MULTIADDR_TEXT], again[MULTIADDR_TEXT];

	(void)arg;
	if (multiaddr_from_bytes(&a, p, n) != 0)
		return;
	multiaddr_to_text(&a, text);
	if (multiaddr_from_text(&b, text, strlen(text)) != 0)
		return;
	multiaddr_to_text(&b, again);
	assert_string_equal(text, again);
}

static void every_vector_survives_the_cruelties(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(VECTORS) / sizeof(VECTORS[0]); i++) {
		struct multiaddr a;
		from_text(&a, VECTORS[i].text);
		cut_every_length(a.bytes, a.len, cut_is_shorter_or_refused, NULL);
		flip_every_bit(a.bytes, a.len, text_round_trips_or_refused, NULL);
	}
}

static void check_sockaddr(const char *text, const char *ip, int port)
{
	struct multiaddr a, back;
	struct sockaddr_storage ss;
	char shown[INET6_ADDRSTRLEN];
	socklen_t len;

	from_text(&a, text);
	len = multiaddr_to_sockaddr(&a, &ss);
	if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&ss;
		assert_int_equal(len, sizeof(*in));
		inet_ntop(AF_INET, &in->sin_addr, shown, sizeof(shown));
		assert_int_equal(ntohs(in->sin_port), port);
	} else {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&ss;
		assert_int_equal(len, sizeof(*in6));
		inet_ntop(AF_INET6, &in6->sin6_addr, shown, sizeof(shown));
		assert_int_equal(ntohs(in6->sin6_port), port);
	}
	assert_string_equal(shown, ip);
	assert_int_equal(multiaddr_from_sockaddr(&back, (struct sockaddr *)&ss), 0);
	multiaddr_strip_peer(&a);
	assert_true(multiaddr_equal(&a, &back));
}

static void addresses_that_can_be_dialled(void **state)
{
	(void)state;
	check_sockaddr("/ip4/192.168.1.5/tcp/4001", "192.168.1.5", 4001);
	check_sockaddr("/ip4/10.0.0.1/tcp/80/p2p/" TEXT_A, "10.0.0.1", 80);
	check_sockaddr("/ip6/2001:db8::1/tcp/1", "2001:db8::1", 1);
	check_sockaddr("/ip6zone/lo/ip6/fe80::1/tcp/4001", "fe80::1", 4001);
}

static void addresses_that_cannot_be_dialled(void **state)
{
	static const char *const other[] = {"/ip4/1.2.3.4", "/ip4/1.2.3.4/udp/1",
	    "/ip4/1.2.3.4/tcp/1/ws", "/dns4/a/tcp/1", "/tcp/1", "/ip6zone/lo/ip4/1.2.3.4/tcp/1",
	    "/ip6zone/no-such-if/ip6/fe80::1/tcp/1",
	    "/ip4/1.2.3.4/tcp/1/p2p/" TEXT_A "/p2p-circuit/p2p/" TEXT_B,
	    "/ip4/1.2.3.4/tcp/1/p2p/" TEXT_A "/p2p/" TEXT_B};
	struct sockaddr_storage ss;
	struct multiaddr a;

	(void)state;
	for (size_t i = 0; i < sizeof(other) / sizeof(other[0]); i++) {
		from_text(&a, other[i]);
		assert_int_equal(multiaddr_to_sockaddr(&a, &ss), 0);
	}
}

static void a_mapped_socket_address_is_ip4(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(5)};
	struct sockaddr unknown = {.sa_family = AF_UNIX};
	struct multiaddr a;
	char text[MULTIADDR_TEXT];

	(void)state;
	inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6.sin6_addr);
	assert_int_equal(multiaddr_from_sockaddr(&a, (struct sockaddr *)&in6), 0);
	multiaddr_to_text(&a, text);
	assert_string_equal(text, "/ip4/10.1.2.3/tcp/5");
	assert_int_equal(multiaddr_from_sockaddr(&a, &unknown), -1);
}

static void peers_are_found_and_stripped(void **state)
{
	struct multiaddr a;
	struct peer_id id, found;
	char text[MULTIADDR_TEXT];

	(void)state;
	from_text(&a, "/ip4/1.2.3.4/tcp/1");
	assert_int_equal(multiaddr_peer(&a, &found), -1);
	assert_int_equal(peer_id_from_text(&id, TEXT_A, strlen(TEXT_A)), 0);
	from_text(&a, "/ip4/1.2.3.4/tcp/1/p2p/" TEXT_A);
	multiaddr_strip_peer(&a);
	multiaddr_strip_peer(&a);
	multiaddr_to_text(&a, text);
	assert_string_equal(text, "/ip4/1.2.3.4/tcp/1");

	from_text(&a, "/ip4/1.2.3.4/tcp/1/p2p/" TEXT_B "/p2p-circuit/p2p/" TEXT_A);
	assert_int_equal(multiaddr_peer(&a, &found), 0);
	assert_true(peer_id_equal(&found, &id));
	multiaddr_strip_peer(&a);
	multiaddr_to_text(&a, text);
	assert_string_equal(text, "/ip4/1.2.3.4/tcp/1/p2p/" TEXT_B "/p2p-circuit");
}

static void kinds_of_addresses(void **state)
{
	static const struct {
		const char *text;
		bool loopback, link_local, private, ip4;
	} rows[] = {
	    {"/ip4/127.0.0.1/tcp/1", true, false, true, true},
	    {"/ip4/169.254.1.1/tcp/1", false, true, true, true},
	    {"/ip4/10.9.8.7/tcp/1", false, false, true, true},
	    {"/ip4/172.16.0.1/tcp/1", false, false, true, true},
	    {"/ip4/172.32.0.1/tcp/1", false, false, false, true},
	    {"/ip4/192.168.0.1/tcp/1", false, false, true, true},
	    {"/ip4/8.8.8.8/tcp/1", false, false, false, true},
	    {"/ip4/0.0.0.0/tcp/1", true, false, true, true},
	    {"/ip6/::/tcp/1", true, false, true, false},
	    {"/ip6/::1/tcp/1", true, false, true, false},
	    {"/ip6/::ffff:127.0.0.1/tcp/1", true, false, true, false},
	    {"/ip6/fe80::1/tcp/1", false, true, true, false},
	    {"/ip6zone/eth0/ip6/fe80::1/tcp/1", false, true, true, false},
	    {"/ip6/fd00::1/tcp/1", false, false, true, false},
	    {"/ip6/2001:db8::1/tcp/1", false, false, false, false},
	    {"/dns4/localhost/tcp/1", false, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct multiaddr a;
		from_text(&a, rows[i].text);
		assert_int_equal(multiaddr_is_loopback(&a), rows[i].loopback);
		assert_int_equal(multiaddr_is_link_local(&a), rows[i].link_local);
		assert_int_equal(multiaddr_is_private(&a), rows[i].private);
		assert_int_equal(multiaddr_is_ip4(&a), rows[i].ip4);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vectors_both_ways),
	    cmocka_unit_test(old_name_and_other_bases_are_read),
	    cmocka_unit_test(text_that_is_no_address_is_refused),
	    cmocka_unit_test(too_long_is_refused),
	    cmocka_unit_test(bytes_that_are_no_address_are_refused),
	    cmocka_unit_test(every_vector_survives_the_cruelties),
	    cmocka_unit_test(addresses_that_can_be_dialled),
	    cmocka_unit_test(addresses_that_cannot_be_dialled),
	    cmocka_unit_test(a_mapped_socket_address_is_ip4),
	    cmocka_unit_test(peers_are_found_and_stripped),
	    cmocka_unit_test(kinds_of_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/testing.h"

#include "svc-discovery/mdns.h"

#include <arpa/inet.h>

#define INSTANCE "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6"
#define PEER_A   "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"
#define PEER_B   "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"
#define STRING_A "dnsaddr=/ip4/192.168.1.5/tcp/4001/p2p/" PEER_A

/* The answer of go-libp2p's shape that js-libp2p's own decoder accepted, byte for byte. */
static const char *const ANSWER =
    "1a2b 8400 0000 0001 0000 0003"
    "09676f6f702d6d646e73056c6f63616c00 000c 0001 00000078 0023 20"
    "6131623263336434653566366737683869396a306b316c326d336e346f357036 c00c"
    "c027 0021 0001 00000078 002e 0000 0000 0fa1 20"
    "6131623263336434653566366737683869396a306b316c326d336e346f357036 056c6f63616c 00"
    "c027 0010 0001 00000078 005b 5a"
    "646e73616464723d2f6970342f3139322e3136382e312e352f7463702f343030312f7032702f313244334b6f6f"
    "57427467336161524d6a78776564683833614769556b7753784477555a6b7a754a63666171556d6f3752337071"
    "c05c 0001 0001 00000078 0004 c0a80105";

static const char *const QUERY =
    "1a2b 0000 0001 0000 0000 0000 09676f6f702d6d646e73056c6f63616c00 000c 0001";

static struct mdns_names names_of(const char *instance)
{
	struct mdns_names names;

	assert_int_equal(mdns_names_init(&names, "goop-mdns", instance), 0);
	return names;
}

/* --- a small writer of the shapes that others send, uncompressed as js does --------------------
 */

struct wire {
	uint8_t p[4096];
	size_t n;
};

static void put(struct wire *w, const void *p, size_t n)
{
	memcpy(w->p + w->n, p, n);
	w->n += n;
}

static void put_u16(struct wire *w, unsigned v)
{
	uint8_t b[2] = {(uint8_t)(v >> 8), (uint8_t)v};

	put(w, b, 2);
}

static void put_name(struct wire *w, const char *dotted)
{
	uint8_t len;

	while (*dotted != '\0') {
		len = (uint8_t)strcspn(dotted, ".");
		put(w, &len, 1);
		put(w, dotted, len);
		dotted += len + (dotted[len] == '.');
	}
	put(w, "", 1);
}

static struct wire header(
    unsigned id, unsigned flags, unsigned qd, unsigned an, unsigned ns, unsigned ar)
{
	struct wire w = {.n = 0};

	put_u16(&w, id);
	put_u16(&w, flags);
	put_u16(&w, qd);
	put_u16(&w, an);
	put_u16(&w, ns);
	put_u16(&w, ar);
	return w;
}

static void put_head(struct wire *w, const char *owner, unsigned type, unsigned class, unsigned ttl)
{
	put_name(w, owner);
	put_u16(w, type);
	put_u16(w, class);
	put_u16(w, ttl >> 16);
	put_u16(w, ttl & 0xffff);
}

static void put_ptr(struct wire *w, const char *owner, unsigned ttl, const char *target)
{
	struct wire name = {.n = 0};

	put_name(&name, target);
	put_head(w, owner, 12, 1, ttl);
	put_u16(w, (unsigned)name.n);
	put(w, name.p, name.n);
}

static void put_txt(struct wire *w, const char *owner, unsigned class, unsigned ttl,
    const char *const *strings, size_t count)
{
	struct wire data = {.n = 0};

	for (size_t i = 0; i < count; i++) {
		uint8_t len = (uint8_t)strlen(strings[i]);
		put(&data, &len, 1);
		put(&data, strings[i], len);
	}
	put_head(w, owner, 16, class, ttl);
	put_u16(w, (unsigned)data.n);
	put(w, data.p, data.n);
}

static void put_srv(
    struct wire *w, const char *owner, unsigned class, unsigned ttl, const char *host)
{
	struct wire data = {.n = 0};

	put_u16(&data, 0);
	put_u16(&data, 0);
	put_u16(&data, 4001);
	put_name(&data, host);
	put_head(w, owner, 33, class, ttl);
	put_u16(w, (unsigned)data.n);
	put(w, data.p, data.n);
}

static void parse(const struct wire *w, struct mdns_packet *out)
{
	struct mdns_names names = names_of("ourowninstance");

	assert_int_equal(mdns_parse(&names, w->p, w->n, out), 0);
}

static void assert_entry(
    const struct mdns_entry *e, const char *instance, const char *peer, uint32_t ttl)
{
	char text[PEER_ID_TEXT];

	assert_int_equal(e->instance_len, strlen(instance));
	assert_memory_equal(e->instance, instance, e->instance_len);
	peer_id_to_text(&e->peer, text);
	assert_string_equal(text, peer);
	assert_int_equal(e->ttl, ttl);
}

static void assert_addr(const struct mdns_entry *e, size_t i, const char *want)
{
	char text[MULTIADDR_TEXT];

	assert_in_range(i, 0, e->count - 1);
	multiaddr_to_text(&e->addrs[i], text);
	assert_string_equal(text, want);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_query_is_go_s_byte_for_byte(void **state)
{
	struct mdns_names names = names_of(INSTANCE);
	uint8_t out[MDNS_PACKET];
	size_t n, want_len;
	uint8_t *want = unhex(QUERY, &want_len);

	(void)state;
	n = mdns_build_query(&names, 0x1a2b, out, sizeof out);
	assert_int_equal(n, want_len);
	assert_memory_equal(out, want, n);
	free(want);
}

/* The only difference from the vector is that the owner of the A record is not compressed. */
static void test_answer_is_go_s_shape(void **state)
{
	struct mdns_names names = names_of(INSTANCE);
	const char *strings[] = {STRING_A};
	struct in_addr ip4 = {.s_addr = htonl(0xc0a80105)};
	struct mdns_answer a = {
	    .id = 0x1a2b, .ttl = 120, .port = 4001, .strings = strings, .count = 1, .ip4 = &ip4};
	uint8_t out[MDNS_PACKET];
	size_t want_len, n;
	uint8_t *want = unhex(ANSWER, &want_len);
	const size_t same = want_len - 16; /* up to the owner of A */

	(void)state;
	n = mdns_build_answer(&names, &a, out, sizeof out);
	assert_int_equal(n, want_len + 33); /* a label of 32 and its length more */
	assert_memory_equal(out, want, same);
	assert_memory_equal(out + same, out + 0x5c, 33);
	assert_int_equal(out[same + 33], 0xc0);
	assert_memory_equal(out + n - 14, want + want_len - 14, 14);
	free(want);
}

static void test_answer_with_all_kinds_of_addresses_is_understood(void **state)
{
	struct mdns_names names = names_of(INSTANCE);
	const char *strings[] = {STRING_A, "dnsaddr=/ip6/2001:db8::1/tcp/4001/p2p/" PEER_A};
	struct in_addr ip4 = {.s_addr = htonl(0xc0a80105)};
	struct in6_addr ip6 = IN6ADDR_LOOPBACK_INIT;
	struct mdns_answer a = {
	    .ttl = 120, .port = 1, .strings = strings, .count = 2, .ip4 = &ip4, .ip6 = &ip6};
	struct mdns_packet *packet = malloc(sizeof *packet);
	struct wire w = {.n = 0};

	(void)state;
	w.n = mdns_build_answer(&names, &a, w.p, sizeof w.p);
	parse(&w, packet);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], INSTANCE, PEER_A, 120);
	assert_int_equal(packet->entries[0].count, 2);
	assert_addr(&packet->entries[0], 0, "/ip4/192.168.1.5/tcp/4001");
	assert_addr(&packet->entries[0], 1, "/ip6/2001:db8::1/tcp/4001");
	free(packet);
}

static void test_room_is_kept(void **state)
{
	struct mdns_names names = names_of(INSTANCE);
	struct in_addr ip4 = {0};
	struct in6_addr ip6 = {0};
	char longest[MDNS_STRING + 1];
	const char *strings[16];
	struct mdns_answer a = {.strings = strings, .ip4 = &ip4, .ip6 = &ip6};
	uint8_t out[MDNS_PACKET];
	size_t room = mdns_answer_room(&names);

	(void)state;
	memset(longest, 'x', sizeof longest);
	longest[MDNS_STRING] = '\0';
	while (room > MDNS_STRING) {
		strings[a.count++] = longest;
		room -= MDNS_STRING + 1;
	}
	assert_in_range(a.count, 3, 5);
	assert_int_not_equal(mdns_build_answer(&names, &a, out, sizeof out), 0);
	strings[a.count++] = longest;
	strings[a.count++] = longest;
	strings[a.count++] = longest;
	assert_int_equal(mdns_build_answer(&names, &a, out, sizeof out), 0);
}

static void test_vector_is_parsed(void **state)
{
	struct mdns_names names = names_of("ourowninstance");
	struct mdns_packet *packet = malloc(sizeof *packet);
	size_t n;
	uint8_t *p = unhex(ANSWER, &n);

	(void)state;
	assert_int_equal(mdns_parse(&names, p, n, packet), 0);
	assert_false(packet->asks);
	assert_int_equal(packet->id, 0x1a2b);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], INSTANCE, PEER_A, 120);
	assert_int_equal(packet->entries[0].count, 1);
	assert_addr(&packet->entries[0], 0, "/ip4/192.168.1.5/tcp/4001");
	free(p);
	free(packet);
}

#define JS_NAME "a23456789b123456789c123456789d123456789e123456789f123456789g123"

/* js: both records in the answer section, one TXT record an address. */
static void test_js_response(void **state)
{
	const char *one[] = {"dnsaddr=/ip4/192.168.1.7/tcp/4001/p2p/" PEER_B};
	const char *two[] = {"dnsaddr=/ip4/10.0.0.7/tcp/4002/p2p/" PEER_B};
	struct wire w = header(0, 0x8400, 0, 3, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_ptr(&w, "goop-mdns.local", 120, JS_NAME ".goop-mdns.local");
	put_txt(&w, JS_NAME ".goop-mdns.local", 1, 120, one, 1);
	put_txt(&w, JS_NAME ".goop-mdns.local", 1, 120, two, 1);
	parse(&w, packet);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], JS_NAME, PEER_B, 120);
	assert_int_equal(packet->entries[0].count, 2);
	assert_addr(&packet->entries[0], 0, "/ip4/192.168.1.7/tcp/4001");
	assert_addr(&packet->entries[0], 1, "/ip4/10.0.0.7/tcp/4002");
	free(packet);
}

/* go: announcements without AA, with the flush bit, with strings that are of no use to us. */
static void test_go_announcement(void **state)
{
	const char *strings[] = {"dnsaddr=/p2p-circuit/p2p/" PEER_A, "other=thing",
	    "dnsaddr=", "dnsaddr=/ip4/1.2.3.4/udp/4001/quic-v1/p2p/" PEER_A, STRING_A,
	    "dnsaddr=/ip4/1.2.3.4/tcp/4001", "dnsaddr=/ip4/1.2.3.4/tcp/4001/p2p/" PEER_B,
	    "dnsaddr=/ip4/127.0.0.1/tcp/4001/p2p/" PEER_A};
	struct wire w = header(0, 0x8000, 0, 5, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_srv(&w, "abc.goop-mdns.local", 0x8001, 3200, "abc.local");
	put_txt(&w, "abc.goop-mdns.local", 0x8001, 3200, strings, 8);
	put_ptr(&w, "goop-mdns.local", 3200, "abc.goop-mdns.local");
	put_ptr(&w, "_services._dns-sd._udp.local", 3200, "goop-mdns.local");
	put_head(&w, "abc.local", 1, 0x8001, 120);
	put_u16(&w, 4);
	put(&w, "\x01\x02\x03\x04", 4);
	parse(&w, packet);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], "abc", PEER_A, 3200);
	assert_int_equal(packet->entries[0].count, 2);
	assert_addr(&packet->entries[0], 0, "/ip4/192.168.1.5/tcp/4001");
	assert_addr(&packet->entries[0], 1, "/ip4/127.0.0.1/tcp/4001");
	free(packet);
}

/* A go probe asks for a name, with its records under authority: heard, but not to be answered. */
static void test_go_probe(void **state)
{
	const char *strings[] = {STRING_A};
	struct wire w = header(7, 0, 2, 0, 1, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_name(&w, "abc.goop-mdns.local");
	put_u16(&w, 12);
	put_u16(&w, 1);
	put_name(&w, "goop-mdns.local");
	put_u16(&w, 12);
	put_u16(&w, 1);
	put_txt(&w, "abc.goop-mdns.local", 1, 3200, strings, 1);
	parse(&w, packet);
	assert_false(packet->asks);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], "abc", PEER_A, 3200);
	free(packet);
}

/* rust: PTR in the answer, TXT additional, one TXT record per address. */
static void test_rust_response(void **state)
{
	const char *one[] = {"dnsaddr=/ip4/192.168.1.7/tcp/4001/p2p/" PEER_B};
	struct wire w = header(0, 0x8400, 0, 1, 0, 1);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_ptr(&w, "goop-mdns.local", 300, "abc.goop-mdns.local");
	put_txt(&w, "abc.goop-mdns.local", 1, 300, one, 1);
	parse(&w, packet);
	assert_int_equal(packet->count, 1);
	assert_entry(&packet->entries[0], "abc", PEER_B, 300);
	free(packet);
}

static void test_goodbyes(void **state)
{
	const char *strings[] = {STRING_A};
	struct wire w = header(0, 0x8000, 0, 2, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_txt(&w, "abc.goop-mdns.local", 0x8001, 0, strings, 1);
	put_ptr(&w, "goop-mdns.local", 0, "def.goop-mdns.local");
	parse(&w, packet);
	assert_int_equal(packet->count, 2);
	assert_string_equal(packet->entries[0].instance, "abc");
	assert_int_equal(packet->entries[0].ttl, 0);
	assert_string_equal(packet->entries[1].instance, "def");
	assert_int_equal(packet->entries[1].ttl, 0);
	free(packet);
}

static void test_other_names_and_letters_are_others(void **state)
{
	const char *strings[] = {STRING_A};
	struct wire w = header(0, 0x8400, 0, 4, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_txt(&w, "abc.Goop-mdns.local", 1, 120, strings, 1);
	put_txt(&w, "abc.goop-mdns.Local", 1, 120, strings, 1);
	put_txt(&w, "abc.def.goop-mdns.local", 1, 120, strings, 1);
	put_txt(&w, "goop-mdns.local", 1, 120, strings, 1);
	parse(&w, packet);
	assert_int_equal(packet->count, 0);
	free(packet);
}

static void test_own_instance_is_left_out(void **state)
{
	const char *strings[] = {STRING_A};
	struct wire w = header(0, 0x8400, 0, 1, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);

	(void)state;
	put_txt(&w, "ourowninstance.goop-mdns.local", 1, 120, strings, 1);
	parse(&w, packet);
	assert_int_equal(packet->count, 0);
	free(packet);
}

static struct wire question(const char *name, unsigned type, unsigned class)
{
	struct wire w = header(9, 0, 1, 0, 0, 0);

	put_name(&w, name);
	put_u16(&w, type);
	put_u16(&w, class);
	return w;
}

static bool asks(struct wire w, bool *unicast)
{
	struct mdns_packet *packet = malloc(sizeof *packet);
	bool r;

	parse(&w, packet);
	assert_int_equal(packet->id, 9);
	r = packet->asks;
	*unicast = packet->unicast;
	free(packet);
	return r;
}

static void test_questions(void **state)
{
	bool unicast;

	(void)state;
	assert_true(asks(question("goop-mdns.local", 12, 1), &unicast));
	assert_false(unicast);
	assert_true(asks(question("goop-mdns.local", 12, 0x8001), &unicast));
	assert_true(unicast);
	assert_true(asks(question("goop-mdns.local", 255, 255), &unicast));
	assert_false(asks(question("goop-mdns.local", 12, 3), &unicast));
	assert_false(asks(question("goop-mdns.local", 1, 1), &unicast));
	assert_false(asks(question("other-mdns.local", 12, 1), &unicast));
	assert_false(asks(question("goop-MDNS.local", 12, 1), &unicast));
}

static struct wire question_knowing(const char *instance, unsigned ttl)
{
	struct wire w = question("goop-mdns.local", 12, 1);

	w.p[7] = 1; /* one answer */
	put_ptr(&w, "goop-mdns.local", ttl, instance);
	return w;
}

static void test_who_knows_us_needs_no_answer(void **state)
{
	bool unicast;

	(void)state;
	assert_false(asks(question_knowing("ourowninstance.goop-mdns.local", 60), &unicast));
	assert_true(asks(question_knowing("ourowninstance.goop-mdns.local", 59), &unicast));
	assert_true(asks(question_knowing("another.goop-mdns.local", 3200), &unicast));
}

static void test_tags(void **state)
{
	char label[66], names_too_long[260];
	struct mdns_names names;

	(void)state;
	memset(label, 'x', sizeof label);
	label[63] = '\0';
	assert_int_equal(mdns_names_init(&names, label, "i"), 0);
	label[63] = 'x';
	label[64] = '\0';
	assert_int_equal(mdns_names_init(&names, label, "i"), -1);
	assert_int_equal(mdns_names_init(&names, "_p2p._udp", "i"), 0);
	assert_int_equal(names.service.len, 5 + 5 + 7);
	assert_int_equal(mdns_names_init(&names, "", "i"), -1);
	assert_int_equal(mdns_names_init(&names, "a..b", "i"), -1);
	assert_int_equal(mdns_names_init(&names, "a.", "i"), -1);
	assert_int_equal(mdns_names_init(&names, "a,b", "i"), -1);
	assert_int_equal(mdns_names_init(&names, "a", ""), -1);
	for (size_t i = 0; i < sizeof names_too_long - 1; i++)
		names_too_long[i] = i % 2 ? '.' : 'x';
	names_too_long[sizeof names_too_long - 1] = '\0';
	for (size_t n = 200; n < sizeof names_too_long - 1; n++) {
		char *cut = strndup(names_too_long, n);
		mdns_names_init(&names, cut, INSTANCE);
		assert_in_range(names.service.len, 0, MDNS_NAME);
		free(cut);
	}
	assert_int_equal(mdns_names_init(&names, names_too_long, "i"), -1);
}

static void survive(const uint8_t *p, size_t n, void *arg)
{
	struct mdns_names names = names_of("ourowninstance");
	struct mdns_packet *packet = arg;

	if (mdns_parse(&names, p, n, packet) < 0)
		return;
	assert_in_range(packet->count, 0, MDNS_ENTRIES_MAX);
	for (size_t i = 0; i < packet->count; i++)
		assert_in_range(packet->entries[i].count, 0, MDNS_ADDRS_MAX);
}

static void refuse(const uint8_t *p, size_t n, void *arg)
{
	struct mdns_names names = names_of("ourowninstance");

	assert_int_equal(mdns_parse(&names, p, n, arg), -1);
}

static void test_cut_and_flipped(void **state)
{
	struct mdns_packet *packet = malloc(sizeof *packet);
	size_t n;
	uint8_t *p = unhex(ANSWER, &n);

	(void)state;
	cut_every_length(p, n, refuse, packet);
	flip_every_bit(p, n, survive, packet);
	free(p);
	free(packet);
}

static void test_many_peers_in_one_packet_are_bounded(void **state)
{
	const char *strings[] = {STRING_A};
	struct wire w = header(0, 0x8400, 0, 20, 0, 0);
	struct mdns_packet *packet = malloc(sizeof *packet);
	char owner[32];

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(owner, sizeof owner, "n%d.goop-mdns.local", i);
		put_txt(&w, owner, 1, 120, strings, 1);
	}
	parse(&w, packet);
	assert_int_equal(packet->count, MDNS_ENTRIES_MAX);
	free(packet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_query_is_go_s_byte_for_byte),
	    cmocka_unit_test(test_answer_is_go_s_shape),
	    cmocka_unit_test(test_answer_with_all_kinds_of_addresses_is_understood),
	    cmocka_unit_test(test_room_is_kept),
	    cmocka_unit_test(test_vector_is_parsed),
	    cmocka_unit_test(test_js_response),
	    cmocka_unit_test(test_go_announcement),
	    cmocka_unit_test(test_go_probe),
	    cmocka_unit_test(test_rust_response),
	    cmocka_unit_test(test_goodbyes),
	    cmocka_unit_test(test_other_names_and_letters_are_others),
	    cmocka_unit_test(test_own_instance_is_left_out),
	    cmocka_unit_test(test_questions),
	    cmocka_unit_test(test_who_knows_us_needs_no_answer),
	    cmocka_unit_test(test_tags),
	    cmocka_unit_test(test_cut_and_flipped),
	    cmocka_unit_test(test_many_peers_in_one_packet_are_bounded),
	};

	return cmocka_run_group_tests_name("mdns", tests, NULL, NULL);
}

/* The identify message: what we write, what we make of what others write. */
#include "tests/unit/testing.h"

#include "base/alloc.h"
#include "codec/varint.h"
#include "svc-transport/identify.h"
#include "svc-transport/limits.h"

#define A_KEY "08011220 1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define B_KEY "08011220 03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define ADDR  "04c0a80105060fa1"
/* The sealed record of A with ADDR (accepted by js-libp2p). */
#define RECORD                                                                                     \
	"0a24" A_KEY "12020301 1a3e 0a260024" A_KEY "108080a8b1e39fe7cb171a0a0a08" ADDR "2a40"     \
	"12974994438c010132b5b7b0c9acc781f3c733093a9d044a346bcdf1befd52df"                         \
	"a41dc4bf27a9002dbf1afab6594686b78d2e1d3a7494f9ac09f4a733a824d20c"
#define PROTO_ID   "1a0f 2f697066732f69642f312e302e30 0a" /* not ours: a newline behind it */
#define PROTO_MESH "1a0e 2f6d6573687375622f312e312e30"
#define PROTO_SITE "1a10 2f676f6f702f736974652f312e302e30"
#define BIT(p)     (1u << PROTOCOL_##p)

static struct peer_id id_a, id_b;

static struct peer_id id_of(const char *key_hex)
{
	struct peer_id id;
	size_t n;
	uint8_t *key = unhex(key_hex, &n);

	assert_int_equal(peer_id_from_key(&id, key, n), 0);
	free(key);
	return id;
}

static struct multiaddr addr_of(const char *text)
{
	struct multiaddr addr;

	assert_int_equal(multiaddr_from_text(&addr, text, strlen(text)), 0);
	return addr;
}

static void feed_framed(struct identify_reader *r, const uint8_t *p, size_t n)
{
	uint8_t head[VARINT_MAX];

	assert_int_equal(identify_reader_feed(r, head, varint_put(head, n)), 0);
	assert_int_equal(identify_reader_feed(r, p, n), 0);
}

/* Decodes messages in hex, the last followed by NULL, as said by `who`. */
static int decode(struct identify_info *info, const struct peer_id *who, const char *const *hexes)
{
	struct identify_reader r;
	int result;

	identify_reader_init(&r);
	for (; *hexes != NULL; hexes++) {
		size_t n;
		uint8_t *p = unhex(*hexes, &n);

		feed_framed(&r, p, n);
		free(p);
	}
	result = identify_decode(&r, who, info);
	identify_reader_clear(&r);
	return result;
}
#define DECODE(info, who, ...) decode(info, who, (const char *const[]){__VA_ARGS__, NULL})

static void what_we_write_begins_like_the_vector(void **state)
{
	size_t n, want_len;
	uint8_t *key = unhex(A_KEY, &n), *record = NULL;
	uint8_t *want =
	    unhex("0a24" A_KEY "1208" ADDR "1a0e 2f697066732f69642f312e302e30", &want_len);
	struct multiaddr addr = addr_of("/ip4/192.168.1.5/tcp/4001");
	struct multiaddr seen = addr_of("/ip4/192.168.1.7/tcp/50000");
	struct identify_self self = {.public_key = {key, n},
	    .addrs = &addr,
	    .addr_count = 1,
	    .protocols = BIT(IDENTIFY) | BIT(MESHSUB_11),
	    .observed = &seen};
	struct identify_reader r;
	struct identify_info info;
	struct buf out;

	(void)state;
	record = unhex(RECORD, &n);
	self.record = (struct bytes){record, n};
	buf_init(&out, 4096);
	assert_int_equal(identify_encode(&out, &self, LIMIT_IDENTIFY_ANSWER), 0);
	assert_memory_equal(buf_data(&out) + 2, want, want_len);
	identify_reader_init(&r);
	assert_int_equal(identify_reader_feed(&r, buf_data(&out), buf_len(&out)), 0);
	assert_int_equal(identify_reader_count(&r), 1);
	assert_int_equal(identify_decode(&r, &id_a, &info), 0);
	assert_int_equal(info.protocols, self.protocols);
	assert_int_equal(info.addr_count, 1);
	assert_true(multiaddr_equal(&info.addrs[0], &addr));
	assert_true(multiaddr_equal(&info.observed, &seen));
	assert_string_equal(info.agent, IDENTIFY_AGENT);
	identify_reader_clear(&r);
	buf_clear(&out);
	free(record);
	free(want);
	free(key);
}

static void too_much_is_left_out_in_order(void **state)
{
	static const uint8_t zeros[1500];
	size_t n;
	uint8_t *key = unhex(A_KEY, &n);
	struct multiaddr addrs[IDENTIFY_ADDRS_MAX];
	struct identify_self self = {.public_key = {key, n},
	    .addrs = addrs,
	    .addr_count = IDENTIFY_ADDRS_MAX,
	    .record = {zeros, sizeof zeros}};
	struct buf out;

	(void)state;
	for (size_t i = 0; i < IDENTIFY_ADDRS_MAX; i++)
		addrs[i] = addr_of("/ip6/2001:db8::1/tcp/4001");
	buf_init(&out, 8192);
	assert_int_equal(identify_encode(&out, &self, 1000), 0);
	assert_in_range(buf_len(&out), 600, 1000); /* all addresses, no record */
	buf_clear(&out);
	assert_int_equal(identify_encode(&out, &self, 300), 0);
	assert_in_range(buf_len(&out), 270, 300); /* as many addresses as fit */
	buf_clear(&out);
	assert_int_equal(identify_encode(&out, &self, 50), -1);
	assert_int_equal(buf_len(&out), 0);
	free(key);
}

static void the_signed_record_counts_more_than_the_list(void **state)
{
	struct identify_info info;
	struct multiaddr addr = addr_of("/ip4/192.168.1.5/tcp/4001");

	(void)state;
	/* The list says 10.0.0.9. */
	assert_int_equal(
	    DECODE(&info, &id_a, "0a24" A_KEY "1208 040a000009060fa1" PROTO_MESH "42ac01" RECORD),
	    0);
	assert_int_equal(info.addr_count, 1);
	assert_true(multiaddr_equal(&info.addrs[0], &addr));
	assert_true(info.has_addrs);
	assert_int_equal(info.protocols, BIT(MESHSUB_11));
}

static void a_wrong_record_leaves_the_list(void **state)
{
	struct identify_info info;
	struct multiaddr addr = addr_of("/ip4/10.0.0.9/tcp/4001");

	(void)state;
	/* A's record in the mouth of B. */
	assert_int_equal(DECODE(&info, &id_b,
			     "0a24" B_KEY "1208 040a000009060fa1"
			     "42ac01" RECORD),
	    0);
	assert_int_equal(info.addr_count, 1);
	assert_true(multiaddr_equal(&info.addrs[0], &addr));
	assert_int_equal(DECODE(&info, &id_b, "1208 040a000009060fa1 4203 000102"), 0);
	assert_true(multiaddr_equal(&info.addrs[0], &addr));
}

static void several_messages_are_merged(void **state)
{
	struct identify_info info;

	(void)state;
	assert_int_equal(DECODE(&info, &id_a, "0a24" A_KEY PROTO_MESH "3203 676f31",
			     PROTO_SITE "3203 676f32", "42ac01" RECORD),
	    0);
	assert_int_equal(info.protocols, BIT(MESHSUB_11) | BIT(GOOP_SITE));
	assert_string_equal(info.agent, "go2");
	assert_int_equal(info.addr_count, 1);
}

static void another_peers_key_is_refused(void **state)
{
	struct identify_info info;

	(void)state;
	assert_int_equal(DECODE(&info, &id_a, "0a24" B_KEY PROTO_MESH), -1);
	assert_int_equal(DECODE(&info, &id_a, "0a24" A_KEY PROTO_MESH), 0);
	assert_int_equal(DECODE(&info, &id_a, PROTO_MESH), 0); /* go leaves it out of pushes */
}

static void what_is_unknown_is_passed_over(void **state)
{
	struct identify_info info;

	(void)state;
	/* An address with an unknown protocol, an empty one, a foreign protocol id, field 7 and 99.
	 */
	assert_int_equal(
	    DECODE(&info, &id_a,
		"1203 ffff03 1200 1208" ADDR PROTO_ID PROTO_SITE "3a02 0000 9a0602 0000"),
	    0);
	assert_int_equal(info.addr_count, 1);
	assert_int_equal(info.protocols, BIT(GOOP_SITE));
	assert_true(info.has_protocols);
}

static void an_empty_message_says_nothing(void **state)
{
	struct identify_info info;

	(void)state;
	assert_int_equal(DECODE(&info, &id_a, ""), 0);
	assert_false(info.has_protocols);
	assert_false(info.has_addrs);
	assert_int_equal(info.observed.len, 0);
	assert_string_equal(info.agent, "");
}

static void an_agent_that_is_no_text_or_too_long_is_dropped(void **state)
{
	struct identify_info info;

	(void)state;
	assert_int_equal(DECODE(&info, &id_a, "3202 ff41"), 0);
	assert_string_equal(info.agent, "");
}

static void one_byte_at_a_time_is_the_same(void **state)
{
	struct identify_reader r;
	size_t n;
	uint8_t *p = unhex("2d"
			   "1208" ADDR "0a24" A_KEY "09"
			   "1207 047f0000010601",
	    &n);

	(void)state;
	p[0] = 48; /* 10 + 38 */
	identify_reader_init(&r);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(identify_reader_count(&r), i > 48 ? 1 : 0);
		assert_int_equal(identify_reader_feed(&r, p + i, 1), 0);
	}
	assert_int_equal(identify_reader_count(&r), 2);
	identify_reader_clear(&r);
	free(p);
}

static void what_is_too_long_or_too_often_is_refused(void **state)
{
	static const uint8_t zeros[LIMIT_IDENTIFY_MESSAGE];
	struct identify_reader r;
	uint8_t head[VARINT_MAX];

	(void)state;
	identify_reader_init(&r);
	feed_framed(&r, zeros, LIMIT_IDENTIFY_MESSAGE);
	assert_int_equal(
	    identify_reader_feed(&r, head, varint_put(head, LIMIT_IDENTIFY_MESSAGE + 1)), -1);
	identify_reader_clear(&r);
	identify_reader_init(&r);
	assert_int_equal(identify_reader_feed(&r, (const uint8_t *)"\xff\xff", 2), -1);
	identify_reader_clear(&r);
	identify_reader_init(&r);
	for (unsigned i = 0; i < LIMIT_IDENTIFY_COUNT; i++)
		assert_int_equal(identify_reader_feed(&r, zeros, 1), 0);
	assert_int_equal(identify_reader_feed(&r, zeros, 1), -1);
	identify_reader_clear(&r);
}

static void decode_any(const uint8_t *p, size_t n, void *arg)
{
	struct identify_reader r;
	struct identify_info info;

	(void)arg;
	identify_reader_init(&r);
	feed_framed(&r, p, n);
	if (identify_decode(&r, &id_a, &info) == 0) {
		assert_in_range(info.addr_count, 0, IDENTIFY_ADDRS_MAX);
		assert_true(memchr(info.agent, 0, sizeof info.agent) != NULL);
	}
	identify_reader_clear(&r);
}

static void no_cut_and_no_flip_breaks_it(void **state)
{
	size_t n;
	uint8_t *p =
	    unhex("0a24" A_KEY "1208" ADDR PROTO_MESH PROTO_SITE "2208" ADDR "3205 676f2f3130"
		  "42ac01" RECORD,
		&n);

	(void)state;
	cut_every_length(p, n, decode_any, NULL);
	flip_every_bit(p, n, decode_any, NULL);
	free(p);
}

static void addresses_are_filtered_by_where_the_peer_was_met(void **state)
{
	struct identify_info info, all = {.addr_count = 3};
	struct multiaddr met;
	char text[MULTIADDR_TEXT];

	(void)state;
	all.addrs[0] = addr_of("/ip4/127.0.0.1/tcp/1");
	all.addrs[1] = addr_of("/ip4/192.168.1.5/tcp/1");
	all.addrs[2] = addr_of("/ip4/198.51.100.7/tcp/1");
	info = all;
	met = addr_of("/ip4/127.0.0.1/tcp/9");
	identify_filter(&info, &met);
	assert_int_equal(info.addr_count, 3);
	met = addr_of("/ip4/10.1.1.1/tcp/9");
	identify_filter(&info, &met);
	assert_int_equal(info.addr_count, 2);
	info = all;
	met = addr_of("/ip4/198.51.100.9/tcp/9");
	identify_filter(&info, &met);
	assert_int_equal(info.addr_count, 1);
	multiaddr_to_text(&info.addrs[0], text);
	assert_string_equal(text, "/ip4/198.51.100.7/tcp/1");
}

static int setup(void **state)
{
	(void)state;
	id_a = id_of(A_KEY);
	id_b = id_of(B_KEY);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_we_write_begins_like_the_vector),
	    cmocka_unit_test(too_much_is_left_out_in_order),
	    cmocka_unit_test(the_signed_record_counts_more_than_the_list),
	    cmocka_unit_test(a_wrong_record_leaves_the_list),
	    cmocka_unit_test(several_messages_are_merged),
	    cmocka_unit_test(another_peers_key_is_refused),
	    cmocka_unit_test(what_is_unknown_is_passed_over),
	    cmocka_unit_test(an_empty_message_says_nothing),
	    cmocka_unit_test(an_agent_that_is_no_text_or_too_long_is_dropped),
	    cmocka_unit_test(one_byte_at_a_time_is_the_same),
	    cmocka_unit_test(what_is_too_long_or_too_often_is_refused),
	    cmocka_unit_test(no_cut_and_no_flip_breaks_it),
	    cmocka_unit_test(addresses_are_filtered_by_where_the_peer_was_met),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}

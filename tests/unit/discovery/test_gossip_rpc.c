#include "gossip_lab.h"

#include "../codec/keys.h"

/* A's message "hello" in topic "test", made and accepted by js-libp2p */
#define MESSAGE                                                                                    \
	"0a260024080112201ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e12056865" \
	"6c6c6f"                                                                                   \
	"1a0817c0ffee00000001220474657374"
#define SIGNATURE                                                                                  \
	"2c5221ed31420312f90238a59f18ee266d57ec84a464b4769886f614c0db05d690d658605efc83d2a33cf684" \
	"5b1cbb"                                                                                   \
	"b68c7fe1836721b119dedd8e625e564708"
#define FRAME "8401 12 8101" MESSAGE "2a40" SIGNATURE

static void is_hex(struct buf *b, const char *hex)
{
	size_t n;
	uint8_t *want = unhex(hex, &n);

	assert_int_equal(buf_len(b), n);
	assert_memory_equal(buf_data(b), want, n);
	buf_clear(b);
	free(want);
}

/* As go-libp2p-pubsub and js-libp2p frame them. */
static void rpcs_are_framed_as_others_do(void **state)
{
	struct bytes mid = text("MID");
	struct buf b;

	(void)state;
	buf_init(&b, 1024);
	assert_int_equal(gossip_rpc_put_subscription(&b, text("test"), true), 0);
	is_hex(&b, "0a0a080801120474657374");
	assert_int_equal(gossip_rpc_put_subscription(&b, text("test"), false), 0);
	is_hex(&b, "0a0a080800120474657374");
	assert_int_equal(gossip_rpc_put_graft(&b, text("test")), 0);
	is_hex(&b, "0a1a081a060a0474657374");
	assert_int_equal(gossip_rpc_put_prune(&b, text("test"), 60), 0);
	is_hex(&b, "0c1a0a22080a0474657374183c");
	assert_int_equal(gossip_rpc_put_prune(&b, text("test"), 10), 0);
	is_hex(&b, "0c1a0a22080a0474657374180a");
	assert_int_equal(gossip_rpc_put_prune(&b, text("test"), 0), 0);
	is_hex(&b, "0a1a0822060a0474657374");
	assert_int_equal(gossip_rpc_put_ihave(&b, text("test"), &mid, 1), 0);
	is_hex(&b, "0f1a0d0a0b0a047465737412034d4944");
	assert_int_equal(gossip_rpc_put_iwant(&b, &mid, 1), 0);
	is_hex(&b, "091a0712050a034d4944");
}

/* The RPC in the frame; *p is for free(3). */
static Gossip__Rpc *parse_hex(const char *hex, struct pb *pb, uint8_t **p)
{
	struct bytes rpc;
	size_t n;

	*p = unhex(hex, &n);
	assert_true(gossip_rpc_frame(*p, n, &rpc) > 0);
	return gossip_rpc_parse(pb, rpc);
}

static void rpcs_of_others_are_parsed(void **state)
{
	struct pb pb;
	uint8_t *p;
	Gossip__Rpc *m;

	(void)state;
	/* a subscription of go v0.16, with two fields of a later version */
	m = parse_hex("0e0a0c080112047465737418002000", &pb, &p);
	assert_int_equal(m->n_subscriptions, 1);
	assert_true(m->subscriptions[0]->subscribe);
	gossip_rpc_free(&pb, m);
	free(p);
	/* IDONTWANT, of v1.2 */
	m = parse_hex("091a072a050a034d4944", &pb, &p);
	assert_int_equal(m->control->n_idontwant, 1);
	gossip_rpc_free(&pb, m);
	free(p);
	/* the empty hello of old go */
	m = parse_hex("00", &pb, &p);
	assert_int_equal(m->n_subscriptions + m->n_publish, 0);
	assert_null(m->control);
	gossip_rpc_free(&pb, m);
	free(p);
}

static void a_message_that_would_not_pack_again_is_refused(void **state)
{
	struct pb pb;
	uint8_t *p;

	(void)state;
	/* an unknown field of number 0, its key in two bytes */
	assert_null(parse_hex("0712050a0080004944", &pb, &p));
	free(p);
}

static void frames_are_cut_from_the_stream(void **state)
{
	struct bytes rpc;
	uint8_t head[10] = {0x80, 0x80, 0x40};

	(void)state;
	assert_int_equal(gossip_rpc_frame((const uint8_t *)"\2ab\1", 4, &rpc), 3);
	assert_int_equal(rpc.len, 2);
	assert_int_equal(gossip_rpc_frame((const uint8_t *)"\2a", 2, &rpc), 0);
	assert_int_equal(gossip_rpc_frame((const uint8_t *)"\x80", 1, &rpc), 0);
	assert_int_equal(gossip_rpc_frame(NULL, 0, &rpc), 0);
	/* 1 MiB is legal, a byte more is not, nor is a length in a longer form than it needs */
	assert_int_equal(gossip_rpc_frame(head, 3, &rpc), 0);
	head[0] = 0x81;
	assert_int_equal(gossip_rpc_frame(head, 3, &rpc), -1);
	assert_int_equal(gossip_rpc_frame((const uint8_t *)"\x81\0", 2, &rpc), -1);
	memset(head, 0xff, sizeof(head));
	assert_int_equal(gossip_rpc_frame(head, 10, &rpc), -1);
}

static void the_vector_verifies_and_packs_again(void **state)
{
	struct pb pb;
	uint8_t *p;
	Gossip__Rpc *m = parse_hex(FRAME, &pb, &p);
	struct peer_id from;
	char id[PEER_ID_TEXT];
	struct buf b;

	(void)state;
	assert_int_equal(m->n_publish, 1);
	assert_int_equal(gossip_rpc_verify(m->publish[0], &from), 0);
	peer_id_to_text(&from, id);
	assert_string_equal(id, TEXT_A);
	buf_init(&b, 1024);
	assert_int_equal(gossip_rpc_preimage(&b, m->publish[0]), 0);
	is_hex(&b, "6c69627032702d7075627375623a" MESSAGE);
	assert_int_equal(gossip_rpc_put_message(&b, m->publish[0]), 0);
	is_hex(&b, FRAME);
	gossip_rpc_free(&pb, m);
	free(p);
}

static int verify(Gossip__Message *m)
{
	struct peer_id from;

	return gossip_rpc_verify(m, &from);
}

static void every_signed_field_counts_and_must_be_there(void **state)
{
	struct someone a = someone(1), b = someone(2);
	struct signed_message s;

	(void)state;
	sign(&s, &a, 5, text("hello"));
	assert_int_equal(verify(&s.m), 0);
	s.m.data.len--;
	assert_int_equal(verify(&s.m), -1);
	s.m.data.len++;
	s.m.has_data = false;
	assert_int_equal(verify(&s.m), -1);
	s.m.has_data = true;
	s.seqno[7] ^= 1;
	assert_int_equal(verify(&s.m), -1);
	s.seqno[7] ^= 1;
	s.m.topic.len--;
	assert_int_equal(verify(&s.m), -1);
	s.m.topic.len++;
	s.m.from = pb_data(b.id.bytes, b.id.len);
	assert_int_equal(verify(&s.m), -1);
	s.m.from = pb_data(a.id.bytes, a.id.len);
	s.m.has_signature = false;
	assert_int_equal(verify(&s.m), -1);
	s.m.has_signature = true;
	s.sig[0] ^= 1;
	assert_int_equal(verify(&s.m), -1);
	s.sig[0] ^= 1;
	assert_int_equal(verify(&s.m), 0);
}

static void an_absent_field_is_not_an_empty_one(void **state)
{
	struct someone a = someone(1);
	struct signed_message s;

	(void)state;
	sign(&s, &a, 5, text(""));
	assert_int_equal(verify(&s.m), 0);
	s.m.has_data = false;
	assert_int_equal(verify(&s.m), -1);
}

static void a_seqno_has_eight_bytes(void **state)
{
	struct someone a = someone(1);
	struct signed_message s;
	struct buf preimage;

	(void)state;
	sign(&s, &a, 5, text("x"));
	s.m.seqno.len = 7;
	buf_init(&preimage, 1024);
	gossip_rpc_preimage(&preimage, &s.m);
	crypto_sign_detached(s.sig, NULL, buf_data(&preimage), buf_len(&preimage), a.secret);
	buf_clear(&preimage);
	assert_int_equal(verify(&s.m), -1);
}

static void a_key_that_came_along_must_be_the_authors(void **state)
{
	struct someone a = someone(1), b = someone(2), b_as_a;
	struct bytes key_a = peer_id_key(&a.id), key_b = peer_id_key(&b.id);
	struct signed_message s;

	(void)state;
	sign(&s, &a, 5, text("x"));
	s.m.has_key = true;
	s.m.key = pb_data(key_a.data, key_a.len);
	assert_int_equal(verify(&s.m), 0);
	s.m.key = pb_data(key_b.data, key_b.len);
	assert_int_equal(verify(&s.m), -1);
	s.m.key = pb_data("", 0);
	assert_int_equal(verify(&s.m), -1);
	/* B signs in A's name and shows B's key. */
	memcpy(b_as_a.secret, b.secret, sizeof(b.secret));
	b_as_a.id = a.id;
	sign(&s, &b_as_a, 5, text("x"));
	s.m.has_key = true;
	s.m.key = pb_data(key_b.data, key_b.len);
	assert_int_equal(verify(&s.m), -1);
}

/* Field 9, of a later version, signed as it came. */
static void unknown_fields_are_part_of_what_is_signed(void **state)
{
	struct someone a = someone(1);
	struct signed_message s;
	struct buf raw, again;
	Gossip__Message *m;
	struct pb pb;
	uint8_t sig[64];

	(void)state;
	sign(&s, &a, 5, text("x"));
	s.m.has_signature = false;
	buf_init(&raw, 1024);
	buf_init(&again, 1024);
	buf_puts(&raw, "libp2p-pubsub:");
	pb_pack(&raw, &s.m.base);
	buf_put(&raw, "\x4a\x02hi", 4);
	crypto_sign_detached(sig, NULL, buf_data(&raw), buf_len(&raw), a.secret);
	buf_consume(&raw, 14);
	buf_put(&raw, "\x2a\x40", 2);
	buf_put(&raw, sig, sizeof(sig));
	m = gossip__message__unpack(pb_init(&pb, 4096), buf_len(&raw), buf_data(&raw));
	assert_int_equal(m->base.n_unknown_fields, 1);
	assert_int_equal(verify(m), 0);
	assert_int_equal(gossip_rpc_put_message(&again, m), 0);
	assert_non_null(memmem(buf_data(&again), buf_len(&again), "\x4a\x02hi", 4));
	gossip__message__free_unpacked(m, &pb.allocator);
	buf_clear(&raw);
	buf_clear(&again);
}

static void never_verifies(const uint8_t *p, size_t n, void *arg)
{
	struct bytes rpc;
	struct pb pb;
	Gossip__Rpc *m;

	(void)arg;
	if (gossip_rpc_frame(p, n, &rpc) <= 0)
		return;
	m = gossip_rpc_parse(&pb, rpc);
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n_publish; i++)
		assert_int_equal(verify(m->publish[i]), -1);
	gossip_rpc_free(&pb, m);
}

static void a_cut_or_flipped_frame_never_verifies(void **state)
{
	size_t n;
	uint8_t *p = unhex(FRAME, &n);

	(void)state;
	cut_every_length(p, n, never_verifies, NULL);
	flip_every_bit(p, n, never_verifies, NULL);
	free(p);
}

/* `count` times the same bytes, as one RPC. */
static Gossip__Rpc *repeated(struct pb *pb, const char *bytes, size_t len, size_t count)
{
	uint8_t *p = malloc(len * count);
	Gossip__Rpc *m;

	for (size_t i = 0; i < count; i++)
		memcpy(p + i * len, bytes, len);
	m = gossip_rpc_parse(pb, (struct bytes){p, len * count});
	free(p);
	return m;
}

static void too_many_entries_are_refused(void **state)
{
	struct pb pb;
	Gossip__Rpc *m;

	(void)state;
	m = repeated(&pb, "\x0a\x00", 2, GOSSIP_SUBSCRIPTIONS_MAX);
	assert_non_null(m);
	gossip_rpc_free(&pb, m);
	assert_null(repeated(&pb, "\x0a\x00", 2, GOSSIP_SUBSCRIPTIONS_MAX + 1));
	assert_null(repeated(&pb, "\x12\x00", 2, GOSSIP_MESSAGES_MAX + 1));
	/* a control message for each, merged into one: GRAFT, PRUNE, IHAVE, IWANT */
	assert_null(repeated(&pb, "\x1a\x02\x1a\x00", 4, GOSSIP_CONTROL_MAX + 1));
	assert_null(repeated(&pb, "\x1a\x02\x22\x00", 4, GOSSIP_CONTROL_MAX + 1));
	assert_null(repeated(&pb, "\x1a\x02\x0a\x00", 4, GOSSIP_CONTROL_MAX + 1));
	assert_null(repeated(&pb, "\x1a\x02\x12\x00", 4, GOSSIP_CONTROL_MAX + 1));
	/* more empty entries than there is memory for */
	assert_null(repeated(&pb, "\x12\x00", 2, GOSSIP_RPC_IN_MAX / 2));
}

/* One IWANT with that many ids of a byte. */
static Gossip__Rpc *with_ids(struct pb *pb, size_t count)
{
	Gossip__Rpc rpc = GOSSIP__RPC__INIT;
	Gossip__Control control = GOSSIP__CONTROL__INIT;
	Gossip__Iwant iwant = GOSSIP__IWANT__INIT, *list[] = {&iwant};
	Gossip__Rpc *m;
	struct buf b;

	iwant.n_ids = count;
	iwant.ids = calloc(count, sizeof(*iwant.ids));
	for (size_t i = 0; i < count; i++)
		iwant.ids[i] = pb_data("x", 1);
	control.n_iwant = 1;
	control.iwant = list;
	rpc.control = &control;
	buf_init(&b, GOSSIP_RPC_IN_MAX);
	assert_int_equal(pb_pack(&b, &rpc.base), 0);
	m = gossip_rpc_parse(pb, (struct bytes){buf_data(&b), buf_len(&b)});
	buf_clear(&b);
	free(iwant.ids);
	return m;
}

static void too_many_ids_are_refused(void **state)
{
	struct pb pb;
	Gossip__Rpc *m = with_ids(&pb, GOSSIP_IDS_MAX);

	(void)state;
	assert_non_null(m);
	gossip_rpc_free(&pb, m);
	assert_null(with_ids(&pb, GOSSIP_IDS_MAX + 1));
}

static void the_longest_rpc_we_send_fits_its_limit(void **state)
{
	static uint8_t id[GOSSIP_ID_MAX];
	struct bytes ids[2000];
	char topic[GOSSIP_TOPIC_MAX + 1];
	struct bytes rpc;
	struct buf b;
	size_t fit;

	(void)state;
	memset(topic, 't', GOSSIP_TOPIC_MAX);
	topic[GOSSIP_TOPIC_MAX] = '\0';
	for (size_t i = 0; i < 2000; i++)
		ids[i] = (struct bytes){id, 46};
	fit = gossip_rpc_ids_fit(ids, 2000);
	assert_in_range(fit, 1300, 1999);
	buf_init(&b, GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX);
	assert_int_equal(gossip_rpc_put_ihave(&b, text(topic), ids, fit), 0);
	assert_int_equal(gossip_rpc_frame(buf_data(&b), buf_len(&b), &rpc), buf_len(&b));
	assert_true(rpc.len <= GOSSIP_RPC_OUT_MAX);
	buf_clear(&b);
	assert_int_equal(gossip_rpc_put_ihave(&b, text(topic), ids, 2000), -1);
	assert_int_equal(buf_len(&b), 0);
	for (size_t i = 0; i < 2000; i++)
		ids[i].len = sizeof(id);
	fit = gossip_rpc_ids_fit(ids, 2000);
	assert_int_equal(gossip_rpc_put_iwant(&b, ids, fit), 0);
	buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(rpcs_are_framed_as_others_do),
	    cmocka_unit_test(rpcs_of_others_are_parsed),
	    cmocka_unit_test(a_message_that_would_not_pack_again_is_refused),
	    cmocka_unit_test(frames_are_cut_from_the_stream),
	    cmocka_unit_test(the_vector_verifies_and_packs_again),
	    cmocka_unit_test(every_signed_field_counts_and_must_be_there),
	    cmocka_unit_test(an_absent_field_is_not_an_empty_one),
	    cmocka_unit_test(a_seqno_has_eight_bytes),
	    cmocka_unit_test(a_key_that_came_along_must_be_the_authors),
	    cmocka_unit_test(unknown_fields_are_part_of_what_is_signed),
	    cmocka_unit_test(a_cut_or_flipped_frame_never_verifies),
	    cmocka_unit_test(too_many_entries_are_refused),
	    cmocka_unit_test(too_many_ids_are_refused),
	    cmocka_unit_test(the_longest_rpc_we_send_fits_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

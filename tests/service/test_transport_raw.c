/* svc-transport against a peer that is made of the protocol cores alone and sends what the test
 * wants: honest bytes in odd pieces, and garbage at every layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "codec/envelope.h"
#include "codec/identify.pb-c.h"
#include "codec/multiaddr.h"
#include "codec/pb.h"
#include "codec/varint.h"
#include "svc-transport/limits.h"
#include "tests/service/raw.h"

static struct puppet *p;
static struct puppet_end *viewer, *discovery;

/* The next text of the message; lent until the next call. */
static const char *text_of(struct msg *m)
{
	static char text[4096];

	msg_get_cstr(m, text, sizeof text);
	return text;
}

/* --- honest peers in odd pieces --------------------------------------------------------------- */

static void ping_echoes_any_number_of_bytes(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s = raw_open(r, RAW_PING, "x", 1);

	(void)state;
	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 1);
	yamux_write(s->y, "yz", 2);
	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 3);
	assert_memory_equal(raw_answered(s, RAW_PING).data, "xyz", 3);
	yamux_finish(s->y);
	RAW_UNTIL(r, s->closed);
	raw_free(r);
}

static void ping_echoes_more_than_a_window(void **state)
{
	static uint8_t bytes[4 * YAMUX_WINDOW];
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s = raw_open(r, RAW_PING, "", 0);

	(void)state;
	randombytes_buf(bytes, sizeof bytes);
	assert_int_equal(yamux_write(s->y, bytes, sizeof bytes), 0);
	RAW_UNTIL(r, buf_len(&s->in) == 20 + 18 + sizeof bytes);
	assert_memory_equal(raw_answered(s, RAW_PING).data, bytes, sizeof bytes);
	raw_free(r);
}

static void one_byte_at_a_time_is_understood(void **state)
{
	static const char *const ids[] = {"/noise"};
	struct raw *r = raw_new(p, raw_tcp(p), NULL);
	struct buf first;

	(void)state;
	r->noise = noise_new(&r->self, true, NULL);
	buf_init(&first, 1000);
	multistream_propose_lazy(&r->talk, ids[0], &first);
	noise_start(r->noise, &first);
	while (buf_len(&first) > 0) {
		raw_put(r, buf_data(&first), 1);
		buf_consume(&first, 1);
		raw_turn(r);
		puppet_turns(p, 0);
	}
	buf_clear(&first);
	RAW_UNTIL(r, r->noisy);
	raw_free(r);
}

static void tls_is_refused_and_noise_taken(void **state)
{
	struct raw *r = raw_new(p, raw_tcp(p), NULL);

	(void)state;
	raw_put(r, RAW_HEADER "\x0b/tls/1.0.0\n", 20 + 12);
	RAW_UNTIL(r, buf_len(&r->in) >= 24);
	raw_put(r, RAW_NOISE, 8);
	RAW_UNTIL(r, buf_len(&r->in) >= 32);
	assert_memory_equal(buf_data(&r->in), RAW_HEADER RAW_NA RAW_NOISE, 32);
	raw_free(r);
}

static void without_an_early_muxer_it_is_negotiated(void **state)
{
	struct raw *r = raw_dial_noise(p, NULL, false);
	uint8_t plain[256];
	size_t total = 0;

	(void)state;
	raw_put_plain(r,
	    RAW_HEADER "\x0e/mplex/6.7.0x\n"
		       "\x0d/yamux/1.0.0\n",
	    20 + 15 + 14);
	while (total < 20 + 4 + 14) {
		long size, n;

		RAW_UNTIL(r, (size = record_size(buf_data(&r->in), buf_len(&r->in))) > 0 &&
				 (size_t)size <= buf_len(&r->in));
		n = record_open(&r->open, buf_data(&r->in), (size_t)size, plain + total);
		assert_true(n > 0);
		buf_consume(&r->in, (size_t)size);
		total += (size_t)n;
	}
	assert_memory_equal(plain, RAW_HEADER RAW_NA "\x0d/yamux/1.0.0\n", 20 + 4 + 14);
	raw_free(r);
}

static Identify__Identify *read_identify(struct pb *pb, struct bytes b)
{
	uint64_t size;
	int head = varint_get(b.data, b.len, &size);

	assert_int_equal(head, 2);
	assert_int_equal(size + 2, b.len); /* just one message */
	assert_true(b.len <= 2048);
	return identify__identify__unpack(pb_init(pb, 65536), size, b.data + head);
}

static bool lists(const Identify__Identify *m, const char *id)
{
	for (size_t i = 0; i < m->n_protocols; i++)
		if (strcmp(m->protocols[i], id) == 0)
			return true;
	return false;
}

static void say_self_addrs(const char *addr)
{
	struct msg m;

	msg_begin(&m, MSG_SELF_ADDRS, 0);
	msg_put_u16(&m, 1);
	msg_put_str(&m, addr);
	puppet_say(discovery, &m);
}

static void identify_says_who_we_are_and_ends(void **state)
{
	static const char id[] = "/ipfs/id/1.0.0";
	struct raw *r;
	struct raw_stream *s;
	Identify__Identify *m;
	struct pb pb;
	struct multiaddr seen;
	struct peer_id signer;
	uint64_t seq;
	char text[MULTIADDR_TEXT], self[PEER_ID_TEXT];

	(void)state;
	say_self_addrs("/ip4/192.168.1.5/tcp/4001");
	/* The link keeps the order: once this is answered, that was heard. */
	puppet_wait_over(puppet_open(discovery, PROTOCOL_MESHSUB_11, PUPPET_NOBODY, 5000));
	r = raw_dial(p, NULL);
	s = raw_open(r, id, "", 0);
	RAW_UNTIL(r, s->finished);
	m = read_identify(&pb, raw_answered(s, id));
	assert_non_null(m);
	peer_id_to_text(&r->them, self);
	assert_string_equal(self, puppet_fact(p, "peer_id"));
	assert_int_equal(m->public_key.len, PUBKEY_ED25519_SIZE);
	assert_int_equal(m->n_listen_addrs, 1);
	assert_int_equal(envelope_open_peer_record(m->signed_peer_record.data,
			     m->signed_peer_record.len, &signer, &seq, &seen, 1),
	    1);
	assert_true(peer_id_equal(&signer, &r->them));
	assert_int_equal(seen.len, m->listen_addrs[0].len);
	assert_memory_equal(seen.bytes, m->listen_addrs[0].data, seen.len);
	assert_true(lists(m, "/ipfs/id/1.0.0"));
	assert_true(lists(m, "/ipfs/id/push/1.0.0"));
	assert_true(lists(m, "/goop/site/1.0.0"));
	assert_true(lists(m, "/meshsub/1.1.0"));
	assert_false(lists(m, "/goop/data/1.0.0")); /* no db is there */
	assert_int_equal(
	    multiaddr_from_bytes(&seen, m->observed_addr.data, m->observed_addr.len), 0);
	multiaddr_to_text(&seen, text);
	assert_memory_equal(text, "/ip4/127.0.0.1/tcp/", 19);
	identify__identify__free_unpacked(m, &pb.allocator);
	raw_free(r);
}

static void we_ask_once_and_push_on_a_change(void **state)
{
	static const char id[] = "/ipfs/id/1.0.0", push[] = "/ipfs/id/push/1.0.0";
	static const uint8_t info[] = "\x17\x1a\x13/ipfs/id/push/1.0.0\x2a\x00";
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s;
	struct msg m;

	(void)state;
	RAW_UNTIL(r, (s = raw_find(r, id)) != NULL);
	assert_false(s->finished); /* js-libp2p: no end before the answer */
	yamux_write(s->y, RAW_HEADER "\x0f/ipfs/id/1.0.0\n", 36);
	yamux_write(s->y, info, 24);
	yamux_finish(s->y);
	RAW_UNTIL(r, s->closed);
	puppet_next(discovery, MSG_PEER_UP, &m);
	/* The first may come along with the news of services that came up; the second not. */
	for (char last = 77; last <= 78; last++) {
		char want[6] = {4, (char)192, (char)168, 1, last, 6}, *addr;

		addr = xasprintf("/ip4/192.168.1.%d/tcp/4001", last);
		say_self_addrs(addr);
		free(addr);
		RAW_UNTIL(r, (s = raw_find(r, push)) != NULL);
		yamux_write(s->y, RAW_HEADER "\x14/ipfs/id/push/1.0.0\n", 41);
		yamux_finish(s->y);
		RAW_UNTIL(r, s->closed);
		assert_non_null(memmem(buf_data(&s->in), buf_len(&s->in), want, sizeof want));
		buf_clear(&s->in);
	}
	raw_free(r);
}

static void an_unknown_protocol_is_refused_with_na(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s = raw_open(r, "/goop/data/1.0.0", "", 0);

	(void)state;
	RAW_UNTIL(r, buf_len(&s->in) >= 24);
	assert_memory_equal(buf_data(&s->in), RAW_HEADER RAW_NA, 24);
	yamux_write(s->y, "\x0f/no/such/thing\n", 16);
	RAW_UNTIL(r, buf_len(&s->in) >= 28);
	yamux_write(s->y, "\x11/ipfs/ping/1.0.0\n!", 19);
	RAW_UNTIL(r, buf_len(&s->in) >= 28 + 19);
	assert_memory_equal(buf_data(&s->in) + 24, RAW_NA "\x11/ipfs/ping/1.0.0\n!", 4 + 19);
	raw_free(r);
}

static void a_lazy_request_with_its_end_is_answered(void **state)
{
	static const char id[] = "/goop/site/1.0.0";
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s = raw_open(r, id, "GET /\n", 6);
	struct puppet_stream *at;

	(void)state;
	yamux_finish(s->y);
	raw_turn(r);
	at = puppet_next_stream(viewer);
	assert_int_equal(at->protocol, PROTOCOL_GOOP_SITE);
	puppet_read_end(at);
	assert_int_equal(at->len, 6);
	puppet_write(at, "OK text/plain 0\n", 16, true);
	RAW_UNTIL(r, s->closed);
	assert_int_equal(raw_answered(s, id).len, 16);
	raw_free(r);
}

/* --- garbage ---------------------------------------------------------------------------------- */

static void assert_dropped(struct raw *r)
{
	RAW_UNTIL(r, r->dead);
	raw_free(r);
	raw_assert_honest(p);
}

static void garbage_to_multistream_ends_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} garbage[] = {
	    {"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser that got lost\r\n\r\n",
		73},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10},
	    {"\x00\x00\x00\x00", 4},
	    {"\x13/multistream/9.9.9\n", 20},
	    {"\x13/multistream/1.0.0\n\xff\xff\x7f", 23},
	};

	(void)state;
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		struct raw *r = raw_new(p, raw_tcp(p), NULL);

		raw_put(r, garbage[i].bytes, garbage[i].n);
		assert_dropped(r);
	}
}

static void garbage_to_noise_ends_the_connection(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct raw *r = raw_new(p, raw_tcp(p), NULL);

		raw_put(r, RAW_HEADER RAW_NOISE, 28);
		randombytes_buf(bytes, sizeof bytes);
		/* A length of nothing, an endless one, and one that fits. */
		bytes[0] = i == 1 ? 0xff : 0;
		bytes[1] = i == 2 ? 32 : 0;
		if (i == 2)
			bytes[34] = 0, bytes[35] = 200;
		raw_put(r, bytes, sizeof bytes);
		assert_dropped(r);
	}
}

static void a_forged_record_ends_the_connection(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	uint8_t bytes[66] = {0, 64};

	(void)state;
	randombytes_buf(bytes + 2, 64);
	raw_put(r, bytes, sizeof bytes);
	assert_dropped(r);
	r = raw_dial(p, NULL);
	raw_put(r, "\x00\x0f", 2);
	assert_dropped(r);
}

static void garbage_to_yamux_ends_the_connection(void **state)
{
	static const char *const garbage[] = {
	    "\x01\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", /* version */
	    "\x00\x07\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", /* type */
	    "\x00\x01\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00", /* our parity */
	    "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x04\x00\x01", /* one byte above the window */
	};

	(void)state;
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		struct raw *r = raw_dial(p, NULL);

		raw_put_plain(r, garbage[i], 12);
		if (i == 3) {
			static const uint8_t zeros[60000];

			for (int k = 0; k < 5; k++)
				raw_put_plain(r, zeros, sizeof zeros);
		}
		assert_dropped(r);
	}
}

static void garbage_to_a_stream_ends_only_the_stream(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	struct yamux_stream *y = yamux_open(r->yamux, NULL);
	struct raw_stream *bad = raw_add(r, y, false), *good;

	(void)state;
	yamux_write(y, "\xff\xff\xff\xff garbage", 12);
	RAW_UNTIL(r, bad->reset);
	good = raw_open(r, RAW_PING, "x", 1);
	RAW_UNTIL(r, buf_len(&good->in) >= 39);
	bad = raw_open(r, "/ipfs/id/push/1.0.0", "\xff\xff\xff\xff", 4);
	RAW_UNTIL(r, bad->reset);
	raw_free(r);
	raw_assert_honest(p);
}

static void a_connection_that_says_nothing_is_closed(void **state)
{
	struct raw *r = raw_new(p, raw_tcp(p), NULL);

	(void)state;
	raw_put(r, RAW_HEADER, 20);
	/* LIMIT_UPGRADE_MS, and a second for the clock of the connections. */
	for (int i = 0; i < 130 && !r->dead; i++) {
		raw_turn(r);
		puppet_turns(p, 100);
	}
	assert_true(r->dead);
	raw_free(r);
}

/* --- dialled by the service ------------------------------------------------------------------- */

static size_t inbound_count(const struct raw *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->stream_count; i++)
		n += r->streams[i].inbound;
	return n;
}

/* js-libp2p resets everything when more than ten streams come before its muxer is wired. */
static void few_streams_are_opened_before_the_peer_shows_itself(void **state)
{
	struct raw *r = raw_be_dialled(p, discovery, NULL);
	struct puppet_stream *all[30];

	(void)state;
	raw_answer(r);
	for (int i = 0; i < 30; i++) {
		all[i] = puppet_open(viewer, PROTOCOL_GOOP_SITE, r->text, 8000);
		puppet_write(all[i], "GET /\n", 6, true);
	}
	RAW_UNTIL(r, inbound_count(r) >= LIMIT_STREAMS_BEFORE_SETTLED);
	for (int i = 0; i < 20; i++) {
		raw_turn(r);
		puppet_turns(p, 5);
	}
	assert_int_equal(inbound_count(r), LIMIT_STREAMS_BEFORE_SETTLED);
	for (size_t i = 0; i < r->stream_count; i++)
		assert_false(r->streams[i].finished);
	/* Its first stream is the sign. */
	raw_open(r, RAW_PING, "x", 1);
	RAW_UNTIL(r, inbound_count(r) == 31); /* identify, too */
	raw_free(r);
	for (int i = 0; i < 30; i++)
		assert_int_equal(puppet_wait_over(all[i]), STREAM_BROKEN);
}

static void data_goes_with_the_proposal_and_the_end_after_the_answer(void **state)
{
	static const char want[] = RAW_HEADER "\x11/goop/site/1.0.0\nGET /\n";
	struct raw *r = raw_be_dialled(p, discovery, NULL);
	struct raw_stream *s;
	struct puppet_stream *visit;

	(void)state;
	raw_answer(r);
	visit = puppet_open(viewer, PROTOCOL_GOOP_SITE, r->text, 5000);
	puppet_write(visit, "GET /\n", 6, true);
	RAW_UNTIL(r, (s = raw_find(r, "GET /\n")) != NULL);
	assert_int_equal(buf_len(&s->in), sizeof want - 1);
	assert_memory_equal(buf_data(&s->in), want, sizeof want - 1);
	assert_false(s->finished);
	yamux_write(s->y, want, 38);
	RAW_UNTIL(r, s->finished);
	yamux_write(s->y, "OK", 2);
	yamux_finish(s->y);
	RAW_UNTIL(r, visit->s == NULL);
	assert_int_equal(puppet_wait_over(visit), STREAM_OK);
	assert_int_equal(visit->len, 2);
	raw_free(r);
}

static void na_from_the_peer_is_refused_to_the_service(void **state)
{
	struct raw *r = raw_be_dialled(p, discovery, NULL);
	struct raw_stream *s;
	struct puppet_stream *visit;

	(void)state;
	raw_answer(r);
	visit = puppet_open(viewer, PROTOCOL_GOOP_SITE, r->text, 5000);
	RAW_UNTIL(r, (s = raw_find(r, "/goop/site")) != NULL);
	yamux_write(s->y, RAW_HEADER RAW_NA, 24);
	RAW_UNTIL(r, s->reset);
	assert_int_equal(puppet_wait_over(visit), STREAM_REFUSED);
	assert_string_equal(visit->text, "the peer does not serve /goop/site/1.0.0");
	raw_free(r);
}

static void a_goodbye_sends_new_streams_elsewhere(void **state)
{
	struct raw *r = raw_be_dialled(p, discovery, NULL);
	struct raw_stream *s;
	struct msg m;

	(void)state;
	raw_answer(r);
	RAW_UNTIL(r, (s = raw_find(r, "/ipfs/id/1.0.0")) != NULL);
	yamux_write(s->y, RAW_HEADER RAW_NA, 24);
	puppet_next(discovery, MSG_PEER_UP, &m);
	RAW_UNTIL(r, s->reset);
	yamux_close(r->yamux, YAMUX_GOAWAY_NORMAL);
	RAW_UNTIL(r, r->dead);
	puppet_next(discovery, MSG_PEER_DOWN, &m);
	raw_free(r);
}

/* --- the end of a connection ------------------------------------------------------------------ */

/* Its streams may have reached a service that remembers it. */
static void one_that_never_said_who_it_is_is_told_of_when_it_goes(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	char peer[PEER_ID_TEXT];
	struct msg m;

	(void)state;
	raw_ping(r);
	memcpy(peer, r->text, sizeof peer);
	raw_free(r);
	puppet_next(discovery, MSG_PEER_DOWN, &m);
	assert_string_equal(text_of(&m), peer);
	assert_int_equal(puppet_count(discovery, MSG_PEER_UP), 0);
}

/* Takes no new streams any more, but the one there is goes on. */
static void say_goodbye(struct raw *r)
{
	struct raw_stream *s = raw_ping(r);

	raw_put_plain(r, "\x00\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 12);
	yamux_write(s->y, "?", 1);
	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 2);
}

/* All connections that the peer may have are there, and none takes streams: one is dialled. */
static void a_dial_that_is_one_too_many_fails_at_once(void **state)
{
	struct raw *r[LIMIT_CONNECTIONS_PEER], *far;
	struct msg m;

	(void)state;
	for (int i = 0; i < LIMIT_CONNECTIONS_PEER; i++)
		say_goodbye(r[i] = raw_dial(p, i == 0 ? NULL : r[0]));
	far = raw_be_dialled(p, discovery, r[0]);
	raw_answer(far);
	RAW_UNTIL(far, puppet_count(discovery, MSG_CONNECT_FAILED) > 0);
	puppet_next(discovery, MSG_CONNECT_FAILED, &m);
	assert_string_equal(text_of(&m), far->text);
	assert_non_null(strstr(text_of(&m), "too many connections to one peer"));
	for (int i = 0; i < LIMIT_CONNECTIONS_PEER; i++)
		raw_free(r[i]);
	raw_free(far);
}

static int setup(void **state)
{
	(void)state;
	p = raw_stage(&viewer, &discovery);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	puppet_free(p);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(ping_echoes_any_number_of_bytes),
	    TEST(ping_echoes_more_than_a_window),
	    TEST(one_byte_at_a_time_is_understood),
	    TEST(tls_is_refused_and_noise_taken),
	    TEST(without_an_early_muxer_it_is_negotiated),
	    TEST(identify_says_who_we_are_and_ends),
	    TEST(we_ask_once_and_push_on_a_change),
	    TEST(an_unknown_protocol_is_refused_with_na),
	    TEST(a_lazy_request_with_its_end_is_answered),
	    TEST(garbage_to_multistream_ends_the_connection),
	    TEST(garbage_to_noise_ends_the_connection),
	    TEST(a_forged_record_ends_the_connection),
	    TEST(garbage_to_yamux_ends_the_connection),
	    TEST(garbage_to_a_stream_ends_only_the_stream),
	    TEST(a_connection_that_says_nothing_is_closed),
	    TEST(few_streams_are_opened_before_the_peer_shows_itself),
	    TEST(data_goes_with_the_proposal_and_the_end_after_the_answer),
	    TEST(na_from_the_peer_is_refused_to_the_service),
	    TEST(a_goodbye_sends_new_streams_elsewhere),
	    TEST(one_that_never_said_who_it_is_is_told_of_when_it_goes),
	    TEST(a_dial_that_is_one_too_many_fails_at_once),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

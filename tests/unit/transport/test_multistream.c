#include "tests/unit/testing.h"

#include "base/buf.h"
#include "svc-transport/multistream.h"

#define HEADER "\x13/multistream/1.0.0\n"
#define NA     "\x03na\n"
#define NOISE  "\x07/noise\n"
#define TLS    "\x0b/tls/1.0.0\n"
#define ID     "\x0f/ipfs/id/1.0.0\n"

static const char *const BOTH[] = {"/tls/1.0.0", "/noise"};
static const char *const ONE[] = {"/noise"};

static bool accept_noise(void *arg, const char *id, size_t len)
{
	unsigned *asked = arg;

	if (asked != NULL)
		++*asked;
	return len == 6 && memcmp(id, "/noise", 6) == 0;
}

static void expect_out(struct buf *out, const char *bytes, size_t n)
{
	assert_int_equal(buf_len(out), n);
	if (n > 0)
		assert_memory_equal(buf_data(out), bytes, n);
	buf_consume(out, n);
}
#define EXPECT_OUT(out, literal) expect_out(out, literal, sizeof(literal) - 1)

static enum multistream_result feed(
    struct multistream *m, const char *p, size_t n, size_t *used, struct buf *out)
{
	return multistream_input(m, (const uint8_t *)p, n, used, out);
}
#define FEED(m, literal, used, out) feed(m, literal, sizeof(literal) - 1, used, out)

static void responder_accepts_all_in_one_segment_and_leaves_the_payload(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	assert_int_equal(FEED(&m, HEADER NOISE "payload", &used, &out), MULTISTREAM_DONE);
	assert_int_equal(used, sizeof(HEADER NOISE) - 1);
	EXPECT_OUT(&out, HEADER NOISE);
	struct bytes id = multistream_chosen(&m);
	assert_int_equal(id.len, 6);
	assert_memory_equal(id.data, "/noise", 6);
	assert_int_equal(FEED(&m, "more", &used, &out), MULTISTREAM_DONE);
	assert_int_equal(used, 0);
	buf_clear(&out);
}

static void responder_accepts_byte_by_byte(void **state)
{
	static const char in[] = HEADER NOISE;
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	for (size_t i = 0; i < sizeof(in) - 1; i++) {
		bool last = i == sizeof(in) - 2;
		assert_int_equal(
		    feed(&m, in + i, 1, &used, &out), last ? MULTISTREAM_DONE : MULTISTREAM_MORE);
		assert_int_equal(used, 1);
	}
	EXPECT_OUT(&out, HEADER NOISE);
	buf_clear(&out);
}

/* What a go-libp2p dialler says: TLS first. */
static void responder_answers_na_and_hears_on(void **state)
{
	struct multistream m;
	struct buf out;
	unsigned asked = 0;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, &asked);
	assert_int_equal(FEED(&m, HEADER TLS, &used, &out), MULTISTREAM_MORE);
	EXPECT_OUT(&out, HEADER NA);
	assert_int_equal(FEED(&m, "\x03ls\n", &used, &out), MULTISTREAM_MORE);
	EXPECT_OUT(&out, NA);
	assert_int_equal(FEED(&m, NOISE, &used, &out), MULTISTREAM_DONE);
	EXPECT_OUT(&out, NOISE);
	assert_int_equal(asked, 3);
	buf_clear(&out);
}

static void responder_gives_up_after_many_rounds(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	FEED(&m, HEADER, &used, &out);
	for (unsigned i = 1; i < MULTISTREAM_ROUNDS_MAX; i++)
		assert_int_equal(FEED(&m, TLS, &used, &out), MULTISTREAM_MORE);
	assert_int_equal(FEED(&m, TLS, &used, &out), MULTISTREAM_BAD);
	assert_int_equal(FEED(&m, NOISE, &used, &out), MULTISTREAM_BAD);
	assert_int_equal(used, 0);
	buf_clear(&out);
}

static void expect_bad(const char *in, size_t n)
{
	struct multistream m;
	struct buf out;
	size_t used;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	assert_int_equal(feed(&m, in, n, &used, &out), MULTISTREAM_BAD);
	assert_true(used <= n);
	buf_clear(&out);
}
#define EXPECT_BAD(literal) expect_bad(literal, sizeof(literal) - 1)

static void responder_refuses_what_is_malformed(void **state)
{
	(void)state;
	EXPECT_BAD(
	    "GET / HTTP/1.1\r\n\r\n0123456789012345678901234567890123456789012345678901234567");
	EXPECT_BAD("\x13/multistream/2.0.0\n");
	EXPECT_BAD("\x13/multistream/1.0.0\r");
	EXPECT_BAD(NOISE);
	EXPECT_BAD(HEADER "\x00");
	EXPECT_BAD(HEADER "\x03nax");
	EXPECT_BAD(HEADER "\x81\x08"); /* 1025 bytes */
	EXPECT_BAD(HEADER "\x80\x80"); /* no line is that long */
	EXPECT_BAD(HEADER "\xff\xff\xff\xff\x0f");
	EXPECT_BAD(HEADER "\x87\x00/noise\n"); /* not the shortest form */
}

static void responder_takes_the_longest_line(void **state)
{
	uint8_t line[2 + MULTISTREAM_LINE_MAX] = {0x80, 0x08};
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	FEED(&m, HEADER, &used, &out);
	memset(line + 2, 'x', MULTISTREAM_LINE_MAX - 1);
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(multistream_input(&m, line, sizeof(line), &used, &out), MULTISTREAM_MORE);
	assert_int_equal(used, sizeof(line));
	EXPECT_OUT(&out, HEADER NA);
	buf_clear(&out);
}

static void answers_that_do_not_fit_are_bad(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 10);
	assert_int_equal(multistream_propose(&m, ONE, 1, &out), -1);
	assert_int_equal(buf_len(&out), 0);
	out.max = 22; /* the header, but not the proposal */
	assert_int_equal(multistream_propose(&m, ONE, 1, &out), -1);
	assert_int_equal(buf_len(&out), 0);
	out.max = 10;
	multistream_respond(&m, accept_noise, NULL);
	assert_int_equal(FEED(&m, HEADER, &used, &out), MULTISTREAM_BAD);
	buf_clear(&out);
}

static void initiator_proposes_one_after_another(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	assert_int_equal(multistream_propose(&m, BOTH, 2, &out), 0);
	EXPECT_OUT(&out, HEADER TLS);
	assert_int_equal(FEED(&m, HEADER NA, &used, &out), MULTISTREAM_MORE);
	EXPECT_OUT(&out, NOISE);
	assert_int_equal(FEED(&m, NOISE "x", &used, &out), MULTISTREAM_DONE);
	assert_int_equal(used, sizeof(NOISE) - 1);
	EXPECT_OUT(&out, "");
	assert_memory_equal(multistream_chosen(&m).data, "/noise", 6);
	buf_clear(&out);
}

static void initiator_is_refused(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_propose(&m, BOTH, 2, &out);
	assert_int_equal(FEED(&m, HEADER NA NA, &used, &out), MULTISTREAM_REFUSED);
	assert_int_equal(used, sizeof(HEADER NA NA) - 1);
	buf_clear(&out);
}

static void initiator_hears_another_id_than_proposed(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	multistream_propose(&m, BOTH, 2, &out);
	assert_int_equal(FEED(&m, HEADER NOISE, &used, &out), MULTISTREAM_BAD);
	buf_clear(&out);
}

static void lazy_initiator_reads_the_answer_later(void **state)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)state;

	buf_init(&out, 4096);
	assert_int_equal(multistream_propose_lazy(&m, "/ipfs/id/1.0.0", &out), 0);
	EXPECT_OUT(&out, HEADER ID);
	assert_int_equal(multistream_chosen(&m).len, 14);
	assert_int_equal(FEED(&m, HEADER ID "answer", &used, &out), MULTISTREAM_DONE);
	assert_int_equal(used, sizeof(HEADER ID) - 1);
	multistream_propose_lazy(&m, "/ipfs/id/1.0.0", &out);
	assert_int_equal(FEED(&m, HEADER NA, &used, &out), MULTISTREAM_REFUSED);
	buf_clear(&out);
}

static void not_done(const uint8_t *p, size_t n, void *arg)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)arg;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	assert_int_equal(multistream_input(&m, p, n, &used, &out), MULTISTREAM_MORE);
	assert_int_equal(used, n);
	buf_clear(&out);
}

static void stays_in_bounds(const uint8_t *p, size_t n, void *arg)
{
	struct multistream m;
	struct buf out;
	size_t used;
	(void)arg;

	buf_init(&out, 4096);
	multistream_respond(&m, accept_noise, NULL);
	assert_int_not_equal(multistream_input(&m, p, n, &used, &out), MULTISTREAM_DONE);
	assert_true(used <= n);
	buf_clear(&out);
}

static void cut_and_flipped(void **state)
{
	static const uint8_t in[] = HEADER NOISE;
	(void)state;

	cut_every_length(in, sizeof(in) - 1, not_done, NULL);
	flip_every_bit(in, sizeof(in) - 1, stays_in_bounds, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(responder_accepts_all_in_one_segment_and_leaves_the_payload),
	    cmocka_unit_test(responder_accepts_byte_by_byte),
	    cmocka_unit_test(responder_answers_na_and_hears_on),
	    cmocka_unit_test(responder_gives_up_after_many_rounds),
	    cmocka_unit_test(responder_refuses_what_is_malformed),
	    cmocka_unit_test(responder_takes_the_longest_line),
	    cmocka_unit_test(answers_that_do_not_fit_are_bad),
	    cmocka_unit_test(initiator_proposes_one_after_another),
	    cmocka_unit_test(initiator_is_refused),
	    cmocka_unit_test(initiator_hears_another_id_than_proposed),
	    cmocka_unit_test(lazy_initiator_reads_the_answer_later),
	    cmocka_unit_test(cut_and_flipped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

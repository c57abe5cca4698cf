/* Two sessions joined in memory, through records: what goes in on one side comes out on the other,
 * whatever the sizes of frames, records and reads. */
#include "tests/unit/testing.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"

#define STREAMS 12
#define BYTES   700000 /* of each stream and direction: more than two windows */

struct flow {
	struct yamux_stream *s; /* NULL: gone */
	size_t written, read;
	unsigned seed; /* of what we write; the other side's is its complement */
	bool fin;
};

struct end {
	struct yamux *y;
	struct record seal, open;
	struct buf wire; /* records on their way to the other end */
	struct flow flows[STREAMS];
	unsigned opened, closed;
};

struct joined {
	struct end client, server;
	uint32_t random;
};

static uint8_t content(unsigned seed, size_t at)
{
	return (uint8_t)((at * 2654435761u >> 16) + seed);
}

static uint32_t draw(struct joined *j, uint32_t below)
{
	j->random = j->random * 1664525 + 1013904223;
	return (j->random >> 8) % below;
}

static bool on_opened(void *arg, struct yamux_stream *s)
{
	struct end *e = arg;
	struct flow *f = &e->flows[e->opened];

	*f = (struct flow){.s = s, .seed = ~e->opened};
	e->opened++;
	yamux_set_user(s, f);
	return true;
}

static void on_data(void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n)
{
	struct flow *f = user;
	(void)arg;

	for (size_t i = 0; i < n; i++)
		assert_int_equal(p[i], content(~f->seed, f->read + i));
	f->read += n;
	yamux_credit(s, n);
}

static void on_finished(void *arg, struct yamux_stream *s, void *user)
{
	struct flow *f = user;
	(void)arg;
	(void)s;

	assert_false(f->fin);
	assert_int_equal(f->read, BYTES);
	f->fin = true;
}

static void on_closed(void *arg, struct yamux_stream *s, void *user)
{
	struct end *e = arg;
	struct flow *f = user;

	assert_ptr_equal(f->s, s);
	assert_true(f->fin);
	f->s = NULL;
	e->closed++;
}

static const struct yamux_events EVENTS = {
    .opened = on_opened, .data = on_data, .finished = on_finished, .closed = on_closed};

static void end_init(struct end *e, bool client, const uint8_t *sending, const uint8_t *receiving)
{
	e->y = yamux_new(client, &EVENTS, e);
	record_init_seal(&e->seal, sending);
	record_init_open(&e->open, receiving);
	buf_init(&e->wire, 1 << 20);
}

static void end_clear(struct end *e)
{
	yamux_free(e->y);
	record_clear(&e->seal);
	record_clear(&e->open);
	buf_clear(&e->wire);
}

static int setup(void **state)
{
	static const uint8_t keys[2][RECORD_KEY] = {{1}, {2}};
	struct joined *j = xcalloc(1, sizeof(*j));

	end_init(&j->client, true, keys[0], keys[1]);
	end_init(&j->server, false, keys[1], keys[0]);
	j->random = 20240229;
	*state = j;
	return 0;
}

static int teardown(void **state)
{
	struct joined *j = *state;

	end_clear(&j->client);
	end_clear(&j->server);
	free(j);
	return 0;
}

/* Writes a random amount, copied or lent, as the socket's buffer would see it. */
static void flush(struct end *e, size_t max)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	while (buf_room(&e->wire) >= RECORD_MAX && (count = yamux_output(e->y, max, pieces)) > 0) {
		long n = record_seal(&e->seal, pieces, count, buf_reserve(&e->wire, RECORD_MAX));
		assert_true(n > 0);
		buf_commit(&e->wire, (size_t)n);
	}
}

static void write_some(struct joined *j, struct end *e, struct flow *f)
{
	size_t n = draw(j, draw(j, 2) ? 300 : 100000), left = BYTES - f->written;
	uint8_t *p;

	if (f->s == NULL || yamux_sent_fin(f->s) || yamux_queued(f->s) > 300000)
		return;
	n = n < left ? n : left;
	p = xmalloc(n);
	for (size_t i = 0; i < n; i++)
		p[i] = content(f->seed, f->written + i);
	f->written += n;
	if (draw(j, 2) == 0) {
		assert_int_equal(yamux_write(f->s, p, n), 0);
	} else {
		struct yamux_stream *s = f->s;
		assert_int_equal(yamux_lend(s, p, n), 0);
		if (f->written == BYTES)
			yamux_finish(s);
		flush(e, YAMUX_OUTPUT_MIN + draw(j, RECORD_PLAIN_MAX - YAMUX_OUTPUT_MIN + 1));
		yamux_settle(s);
	}
	free(p);
	if (f->s != NULL && f->written == BYTES)
		yamux_finish(f->s);
}

/* Opens the records that lie at `from` and feeds them in cuts of random size. */
static void receive(struct joined *j, struct end *from, struct end *to)
{
	long size;

	while ((size = record_size(buf_data(&from->wire), buf_len(&from->wire))) > 0) {
		uint8_t *p = (uint8_t *)buf_data(&from->wire);
		long n = record_open(&to->open, p, (size_t)size, p + RECORD_HEADER);
		assert_true(n > 0);
		for (long at = 0; at < n;) {
			long cut = 1 + (long)draw(j, 30000);
			cut = cut < n - at ? cut : n - at;
			assert_int_equal(
			    yamux_input(to->y, p + RECORD_HEADER + at, (size_t)cut), 0);
			at += cut;
		}
		buf_consume(&from->wire, (size_t)size);
	}
}

static void turn(struct joined *j, struct end *e, struct end *other)
{
	write_some(j, e, &e->flows[draw(j, STREAMS)]);
	flush(e, YAMUX_OUTPUT_MIN + draw(j, RECORD_PLAIN_MAX - YAMUX_OUTPUT_MIN + 1));
	if (draw(j, 3) == 0)
		receive(j, e, other);
}

static void every_byte_arrives_once_and_in_order(void **state)
{
	struct joined *j = *state;

	for (unsigned i = 0; i < STREAMS; i++) {
		struct flow *f = &j->client.flows[i];
		*f = (struct flow){.seed = i};
		f->s = yamux_open(j->client.y, f);
	}
	for (unsigned n = 0; j->client.closed < STREAMS || j->server.closed < STREAMS; n++) {
		assert_true(n < 1000000);
		turn(j, &j->client, &j->server);
		turn(j, &j->server, &j->client);
	}
	for (unsigned i = 0; i < STREAMS; i++) {
		assert_int_equal(j->client.flows[i].read, BYTES);
		assert_int_equal(j->server.flows[i].read, BYTES);
	}
	assert_int_equal(yamux_count(j->client.y) + yamux_count(j->server.y), 0);
	assert_int_equal(j->server.opened, STREAMS);
}

static void many_short_streams_pass_the_limits(void **state)
{
	struct joined *j = *state;

	j->client.flows[0].seed = 7;
	for (unsigned i = 0; i < 5 * YAMUX_STREAMS_MAX; i++) {
		struct yamux_stream *s = yamux_open(j->client.y, &j->client.flows[0]);
		assert_non_null(s);
		yamux_reset(s, YAMUX_CODE_NONE);
		flush(&j->client, RECORD_PLAIN_MAX);
		j->server.opened = 0;
		receive(j, &j->client, &j->server);
		flush(&j->server, RECORD_PLAIN_MAX);
		receive(j, &j->server, &j->client);
	}
	assert_int_equal(yamux_count(j->client.y) + yamux_count(j->server.y), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_byte_arrives_once_and_in_order, setup, teardown),
	    cmocka_unit_test_setup_teardown(many_short_streams_pass_the_limits, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

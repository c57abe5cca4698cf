/* A yamux session whose events are written down as text, fed with bytes in hex. */
#ifndef TESTS_UNIT_TRANSPORT_YAMUX_SIDE_H
#define TESTS_UNIT_TRANSPORT_YAMUX_SIDE_H

#include "tests/unit/testing.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"
#include "svc-transport/yamux_session.h"

struct side {
	struct yamux *y;
	struct buf log;         /* events as text */
	struct yamux_stream *s; /* the stream opened last */
	bool refuse;
	bool reset_on_data;
	bool close_on_data;
};

static inline void note(
    struct side *side, const char *what, struct yamux_stream *s, const char *rest)
{
	buf_putf(&side->log, "%s %u%s;", what, yamux_stream_id(s), rest);
}

static inline bool on_opened(void *arg, struct yamux_stream *s)
{
	struct side *side = arg;

	side->s = s;
	note(side, "open", s, "");
	yamux_set_user(s, side);
	return !side->refuse;
}

static inline void on_data(
    void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n)
{
	struct side *side = arg;
	char text[64];

	assert_ptr_equal(user, side);
	if (n < 40)
		snprintf(text, sizeof(text), " %.*s", (int)n, (const char *)p);
	else
		snprintf(text, sizeof(text), " %zu", n);
	note(side, "data", s, text);
	if (side->reset_on_data)
		yamux_reset(s, YAMUX_CODE_VIOLATION);
	if (side->close_on_data)
		yamux_close(side->y, YAMUX_GOAWAY_NORMAL);
}

static inline void on_finished(void *arg, struct yamux_stream *s, void *user)
{
	struct side *side = arg;

	assert_ptr_equal(user, side);
	note(side, "fin", s, "");
}

static inline void on_reset(void *arg, struct yamux_stream *s, void *user, uint32_t code)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %#x", code);
	note(arg, "reset", s, text);
}

static inline void on_closed(void *arg, struct yamux_stream *s, void *user)
{
	assert_ptr_equal(user, arg);
	note(arg, "closed", s, "");
}

static inline void on_window(void *arg, struct yamux_stream *s, void *user, uint32_t n)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %u", n);
	note(arg, "window", s, text);
}

static inline void on_sent(void *arg, struct yamux_stream *s, void *user, size_t n)
{
	char text[32];

	assert_ptr_equal(user, arg);
	snprintf(text, sizeof(text), " %zu", n);
	note(arg, "sent", s, text);
}

static inline void on_goaway(void *arg, uint32_t reason)
{
	buf_putf(&((struct side *)arg)->log, "goaway %u;", reason);
}

static const struct yamux_events EVENTS = {
    on_opened, on_data, on_finished, on_reset, on_closed, on_window, on_sent, on_goaway};

static inline int setup_side(void **state, bool client)
{
	struct side *side = xcalloc(1, sizeof(*side));

	side->y = yamux_new(client, &EVENTS, side);
	buf_init(&side->log, 1 << 20);
	*state = side;
	return 0;
}

static inline int setup_client(void **state)
{
	return setup_side(state, true);
}

static inline int setup_server(void **state)
{
	return setup_side(state, false);
}

static inline int teardown(void **state)
{
	struct side *side = *state;

	yamux_free(side->y);
	buf_clear(&side->log);
	free(side);
	return 0;
}

static inline int feed(struct side *side, const char *hex)
{
	size_t n;
	uint8_t *in = unhex(hex, &n);
	int r = yamux_input(side->y, in, n);

	free(in);
	return r;
}

static inline void expect_log(struct side *side, const char *want)
{
	buf_put_u8(&side->log, 0);
	assert_string_equal(buf_data(&side->log), want);
	buf_truncate(&side->log, 0);
}

/* Everything that is to be sent, as one run of bytes. */
static inline void collect(struct side *side, struct buf *all, size_t max)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	buf_init(all, 64 << 20);
	while ((count = yamux_output(side->y, max, pieces)) > 0) {
		size_t total = 0;
		for (size_t i = 0; i < count; i++) {
			assert_int_equal(buf_put(all, pieces[i].data, pieces[i].len), 0);
			total += pieces[i].len;
		}
		assert_true(total <= max);
	}
	assert_false(yamux_has_output(side->y));
}

static inline void expect_out(struct side *side, const char *hex)
{
	struct buf all;
	size_t n;
	uint8_t *want = unhex(hex, &n);

	collect(side, &all, RECORD_PLAIN_MAX);
	assert_int_equal(buf_len(&all), n);
	if (n > 0)
		assert_memory_equal(buf_data(&all), want, n);
	buf_clear(&all);
	free(want);
}

static inline void drop_out(struct side *side)
{
	struct buf all;

	collect(side, &all, RECORD_PLAIN_MAX);
	buf_clear(&all);
}

static inline struct yamux_stream *open_one(struct side *side)
{
	side->s = yamux_open(side->y, side);
	assert_non_null(side->s);
	return side->s;
}

static inline void feed_data(struct side *side, uint32_t id, size_t n)
{
	uint8_t head[YAMUX_HEADER];
	struct yamux_frame f = {.type = YAMUX_DATA, .stream = id, .length = (uint32_t)n};
	uint8_t *body = xcalloc(1, n);

	yamux_frame_put(head, &f);
	yamux_input(side->y, head, sizeof(head));
	yamux_input(side->y, body, n);
	free(body);
}

#define CLIENT(name) cmocka_unit_test_setup_teardown(name, setup_client, teardown)
#define SERVER(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown)

#endif

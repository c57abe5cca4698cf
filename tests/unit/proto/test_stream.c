/* Streams between a viewer and a transport: life, credit, ends, and ends that misbehave. */
#include "proto/stream.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "tests/unit/proto/pair.h"
#include "tests/unit/testing.h"

#define MIB (1024 * 1024)

/* One side of a stream, and all that happened to it. */
struct side {
	struct stream *s;
	struct buf got;
	size_t received;
	bool opened, last, closed, was_reset, hold, check;
	unsigned writables, messages;
	enum stream_code code;
	enum protocol protocol;
	char text[STREAM_TEXT_MAX + 1], address[128], peer[128];
	uint32_t passed; /* credit, in pass-through */
	bool reset_in_data;
};

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct side *d = user;

	assert_ptr_equal(s, d->s);
	assert_false(d->opened);
	d->opened = true;
	d->protocol = protocol;
	snprintf(d->address, sizeof(d->address), "%s", address);
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct side *d = user;

	assert_false(d->last);
	if (d->check)
		for (size_t i = 0; i<len; i += len> 64 ? len / 64 : 1)
			assert_int_equal(p[i], pattern(d->received + i));
	d->received += len;
	d->messages++;
	d->last = last;
	if (d->got.max > 0)
		assert_int_equal(buf_put(&d->got, p, len), 0);
	if (d->reset_in_data) {
		stream_reset(s, STREAM_CANCELLED, "enough");
		d->s = NULL;
		return;
	}
	if (!d->hold)
		stream_consumed(s, len);
}

static void on_writable(struct stream *s, void *user)
{
	struct side *d = user;

	assert_true(stream_credit(s) > 0);
	d->writables++;
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct side *d = user;

	d->was_reset = true;
	d->code = code;
	snprintf(d->text, sizeof(d->text), "%s", text);
	/* Of several incoming streams `in` knows the last. */
	if (s == d->s)
		d->s = NULL;
}

static void on_closed(struct stream *s, void *user)
{
	struct side *d = user;

	assert_true(stream_sent_last(s) && stream_got_last(s));
	d->closed = true;
	d->s = NULL;
}

static const struct stream_events events = {
    .opened = on_opened,
    .data = on_data,
    .writable = on_writable,
    .reset = on_reset,
    .closed = on_closed,
};

/* What the other end of the test does with streams that are opened to it. */
static struct side in;
static enum { SERVE, REFUSE, RESET_AT_ONCE, WRITE_AT_ONCE, PASS } manner;
static unsigned incoming_count;

static const struct stream_events *on_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	(void)arg;
	incoming_count++;
	if (manner == REFUSE)
		return NULL;
	if (manner == RESET_AT_ONCE) {
		stream_reset(s, STREAM_UNREACHABLE, "ipc\xc3\xa9");
		return NULL;
	}
	in.s = s;
	in.protocol = protocol;
	snprintf(in.peer, sizeof(in.peer), "%s", peer);
	snprintf(in.address, sizeof(in.address), "%s", address);
	if (manner == WRITE_AT_ONCE)
		assert_int_equal(stream_write(s, "hello", 5, true), 5);
	*user = &in;
	return &events;
}

static void on_credit(struct stream *s, void *user, uint32_t n)
{
	struct side *d = user;

	assert_ptr_equal(s, d->s);
	d->passed += n;
}

static struct stream_request asked;

static const struct stream_events *on_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user)
{
	(void)arg;
	incoming_count++;
	if (manner == REFUSE)
		return NULL;
	in.s = s;
	asked = *request;
	snprintf(in.peer, sizeof(in.peer), "%s", request->peer);
	if (manner == PASS)
		stream_on_credit(s, on_credit);
	*user = &in;
	return &events;
}

static bool with_slab;

static void begin(struct pair *p)
{
	buf_clear(&in.got);
	memset(&in, 0, sizeof(in));
	incoming_count = 0;
	manner = SERVE;
	memset(p, 0, sizeof(*p));
	p->with_slab = with_slab;
	p->viewer.incoming = on_incoming;
	p->transport.request = on_request;
	pair_begin(p);
}

static void end(struct pair *p)
{
	pair_end(p);
	buf_clear(&in.got);
}

/* The transport opens to the viewer, as for a remote peer. */
static void open_down(struct pair *p, struct side *out)
{
	const enum protocol site = PROTOCOL_GOOP_SITE;

	memset(out, 0, sizeof(*out));
	out->s = stream_open(p->transport.streams, &site, 1, "12D3KooWRemote",
	    "/ip4/10.0.0.2/tcp/4001", 5000, &events, out);
	assert_non_null(out->s);
}

/* The viewer asks the transport for a stream to a remote peer. */
static void open_up(struct pair *p, struct side *out, uint32_t deadline_ms)
{
	const enum protocol wanted[] = {PROTOCOL_GOOP_SITE, PROTOCOL_GOOP_AVATAR};

	memset(out, 0, sizeof(*out));
	out->s = stream_open(
	    p->viewer.streams, wanted, 2, "12D3KooWRemote", "", deadline_ms, &events, out);
	assert_non_null(out->s);
}

static void test_request_and_answer(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	buf_init(&in.got, 100);
	open_down(&p, &out);
	buf_init(&out.got, 100);
	assert_int_equal(stream_write(out.s, "GET /\n", 6, true), 6);
	assert_int_equal(streams_count(p.transport.streams), 1);
	PAIR_UNTIL(&p, in.last && out.opened);
	assert_int_equal(out.protocol, PROTOCOL_GOOP_SITE);
	assert_int_equal(in.protocol, PROTOCOL_GOOP_SITE);
	assert_string_equal(in.peer, "12D3KooWRemote");
	assert_string_equal(stream_peer(in.s), "12D3KooWRemote");
	assert_string_equal(in.address, "/ip4/10.0.0.2/tcp/4001");
	assert_memory_equal(buf_data(&in.got), "GET /\n", 6);
	assert_int_equal(in.messages, 1); /* one turn, one message */
	stream_write(in.s, "OK text/plain 2\n", 16, false);
	stream_write(in.s, "hi", 2, false);
	stream_finish(in.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	assert_int_equal(out.messages, 1);
	assert_memory_equal(buf_data(&out.got), "OK text/plain 2\nhi", 18);
	assert_int_equal(streams_count(p.transport.streams), 0);
	assert_int_equal(streams_count(p.viewer.streams), 0);
	buf_clear(&out.got);
	end(&p);
}

/* What a hook writes after the hook of streams has run. Not at once: loop_turn() runs the hooks
 * before it thinks of sleeping, too. */
struct late {
	struct stream *s;
	unsigned calls;
};

static bool write_late(void *arg)
{
	struct late *l = arg;

	if (++l->calls == 2)
		assert_int_equal(stream_write(l->s, "late", 4, false), 4);
	return false;
}

static void test_written_in_a_later_hook(void **state)
{
	struct pair p;
	struct side out;
	struct late late = {0};
	struct before_sleep *hook;
	uint64_t began;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	late.s = out.s;
	hook = loop_before_sleep(p.loop, write_late, &late);
	began = clock_mono_ms();
	while (in.received < 4)
		loop_turn(p.loop, 10000);
	assert_true(clock_mono_ms() - began < 5000);
	before_sleep_free(hook);
	end(&p);
}

static void test_request_with_choices(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_up(&p, &out, 5000);
	stream_write(out.s, "early", 5, false);
	PAIR_UNTIL(&p, in.received == 5);
	assert_false(out.opened);
	assert_int_equal(asked.protocol_count, 2);
	assert_int_equal(asked.protocols[1], PROTOCOL_GOOP_AVATAR);
	assert_int_equal(asked.deadline_ms, 5000);
	assert_string_equal(in.peer, "12D3KooWRemote");
	/* Before it is accepted, what is written waits. */
	assert_int_equal(stream_write(in.s, "NONE\n", 5, true), 5);
	for (int i = 0; i < 5; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(out.received, 0);
	stream_accept(in.s, PROTOCOL_GOOP_AVATAR, "/ip4/10.0.0.9/tcp/1");
	PAIR_UNTIL(&p, out.last);
	assert_true(out.opened);
	assert_int_equal(out.protocol, PROTOCOL_GOOP_AVATAR);
	assert_int_equal(stream_protocol(out.s), PROTOCOL_GOOP_AVATAR);
	assert_string_equal(out.address, "/ip4/10.0.0.9/tcp/1");
	stream_finish(out.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	end(&p);
}

static void test_refused(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = REFUSE;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	manner = RESET_AT_ONCE;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_UNREACHABLE);
	assert_string_equal(out.text, "ipc\xc3\xa9");
	end(&p);
}

static void test_write_while_being_offered(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = WRITE_AT_ONCE;
	open_down(&p, &out);
	stream_finish(out.s);
	PAIR_UNTIL(&p, out.closed && in.closed);
	assert_true(out.opened);
	assert_int_equal(out.received, 5);
	end(&p);
}

static void test_no_answer_is_a_timeout(void **state)
{
	struct pair p;
	struct side out, out2;

	(void)state;
	begin(&p);
	open_up(&p, &out2, 60000);
	open_up(&p, &out, 30);
	PAIR_UNTIL(&p, out.was_reset && in.was_reset);
	assert_int_equal(out.code, STREAM_TIMEOUT);
	assert_int_equal(in.code, STREAM_TIMEOUT);
	assert_false(out2.was_reset);
	stream_reset(out2.s, STREAM_CANCELLED, "");
	end(&p);
}

/* Both orders of the two ends. */
static void test_fin_in_either_order(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int order = 0; order < 2; order++) {
		begin(&p);
		open_down(&p, &out);
		PAIR_UNTIL(&p, out.opened);
		stream_finish(order == 0 ? out.s : in.s);
		PAIR_UNTIL(&p, order == 0 ? in.last : out.last);
		assert_false(in.closed || out.closed);
		/* A direction that has ended takes nothing, the other still does. */
		assert_int_equal(stream_credit(order == 0 ? out.s : in.s), 0);
		assert_int_equal(stream_write(order == 0 ? out.s : in.s, "x", 1, false), 0);
		assert_int_equal(stream_write(order == 0 ? in.s : out.s, "x", 1, true), 1);
		PAIR_UNTIL(&p, in.closed && out.closed);
		assert_int_equal((order == 0 ? out : in).received, 1);
		assert_false(in.was_reset || out.was_reset);
		end(&p);
	}
}

static void test_reset_by_either_side(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int who = 0; who < 2; who++) {
		struct side *other = who == 0 ? &in : &out;

		begin(&p);
		open_down(&p, &out);
		PAIR_UNTIL(&p, out.opened);
		stream_write(out.s, "thrown away", 11, false);
		stream_reset(who == 0 ? out.s : in.s, STREAM_BROKEN, "connection lost");
		PAIR_UNTIL(&p, other->was_reset);
		assert_int_equal(other->code, STREAM_BROKEN);
		assert_string_equal(other->text, "connection lost");
		assert_false((who == 0 ? &out : &in)->was_reset);
		assert_int_equal(streams_count(p.viewer.streams), 0);
		assert_int_equal(streams_count(p.transport.streams), 0);
		end(&p);
	}
}

static void test_both_reset_at_once(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	stream_reset(out.s, STREAM_CANCELLED, "");
	stream_reset(in.s, STREAM_CANCELLED, "");
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 5);
	assert_false(out.was_reset || in.was_reset);
	assert_true(link_is_up(p.viewer.link) && link_is_up(p.transport.link));
	end(&p);
}

static void test_reset_text_is_cut_whole(void **state)
{
	static char text[STREAM_TEXT_MAX + 10];
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	memset(text, 'a', STREAM_TEXT_MAX - 1);
	memcpy(text + STREAM_TEXT_MAX - 1, "\xc3\xa9\xc3\xa9", 5);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	stream_reset(out.s, STREAM_OK, text);
	PAIR_UNTIL(&p, in.was_reset);
	assert_int_equal(in.code, STREAM_CANCELLED);
	assert_int_equal(strlen(in.text), STREAM_TEXT_MAX - 1);
	assert_int_equal(p.viewer.alarms, 0);
	end(&p);
}

static void test_reset_inside_the_data_event(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	in.reset_in_data = true;
	open_down(&p, &out);
	stream_write(out.s, "x", 1, true);
	PAIR_UNTIL(&p, out.was_reset);
	assert_string_equal(out.text, "enough");
	end(&p);
}

/* --- credit -------------------------------------------------------------------------------------
 */

static size_t write_pattern(struct stream *s, size_t from, size_t to, size_t piece)
{
	uint8_t *chunk = xmalloc(piece);
	size_t at = from, n, took;

	while (at < to) {
		n = to - at < piece ? to - at : piece;
		for (size_t i = 0; i < n; i++)
			chunk[i] = pattern(at + i);
		took = stream_write(s, chunk, n, at + n == to);
		at += took;
		if (took < n)
			break;
	}
	free(chunk);
	return at;
}

static void test_a_reader_that_never_consumes(void **state)
{
	static uint8_t chunk[STREAM_WINDOW_MAX];
	struct pair p;
	struct side out;
	size_t sent;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	sent = write_pattern(out.s, 0, 4 * MIB, 1000);
	assert_int_equal(sent, STREAM_WINDOW);
	assert_int_equal(stream_credit(out.s), 0);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	for (int i = 0; i < 20; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(stream_write(out.s, "x", 1, false), 0);
	assert_int_equal(out.writables, 0);
	/* It takes heart: exactly what it has consumed may come (and at most as much again). */
	stream_consumed(in.s, STREAM_WINDOW);
	PAIR_UNTIL(&p, out.writables == 1);
	assert_in_range(stream_credit(out.s), STREAM_WINDOW, 2 * STREAM_WINDOW);
	/* Credit that grows from more than nothing is no event. */
	for (int i = 0; i < 20; i++) {
		size_t n = stream_credit(out.s) / 2;

		assert_int_equal(stream_write(out.s, chunk, n, false), n);
		in.received = 0;
		PAIR_UNTIL(&p, in.received == n);
		stream_consumed(in.s, n);
	}
	assert_int_equal(out.writables, 1);
	end(&p);
}

/* Credit goes back even if less than half a window is consumed, when the writer has run dry. */
static void test_no_deadlock_below_half_a_window(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	write_pattern(out.s, 0, STREAM_WINDOW + 1, 4096);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	stream_consumed(in.s, 1000);
	PAIR_UNTIL(&p, stream_credit(out.s) == 1000);
	end(&p);
}

static void test_small_returns_are_batched(void **state)
{
	struct pair p;
	struct side out;
	uint64_t before;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	assert_int_equal(write_pattern(out.s, 0, SIZE_MAX, 100000), STREAM_WINDOW);
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	/* The writer is not short of credit then. */
	stream_consumed(in.s, STREAM_WINDOW / 2);
	PAIR_UNTIL(&p, stream_credit(out.s) > 0);
	before = link_counted(p.viewer.link).messages_out;
	for (int i = 0; i < 1000; i++) {
		stream_consumed(in.s, 10);
		if (i % 100 == 0)
			loop_turn(p.loop, 1);
	}
	assert_int_equal(link_counted(p.viewer.link).messages_out, before);
	end(&p);
}

/* The whole way: the writer fills credit whenever there is some. */
static double transfer(struct pair *p, struct side *out, size_t total, size_t piece)
{
	uint64_t began = clock_mono_us();
	size_t at = 0;

	while (!in.last) {
		if (at < total && out->s != NULL && stream_credit(out->s) > 0)
			at = write_pattern(out->s, at, total, piece);
		loop_turn(p->loop, at < total && stream_credit(out->s) > 0 ? 0 : 100);
		assert_true(clock_mono_us() - began < 60000000);
	}
	assert_int_equal(in.received, total);
	return (double)total / (double)(clock_mono_us() - began);
}

static void test_every_byte_arrives(void **state)
{
	const size_t pieces[] = {1, 7, 999, 4096, 65536, 300000};
	struct pair p;
	struct side out;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		begin(&p);
		in.check = true;
		open_down(&p, &out);
		transfer(&p, &out, pieces[i] == 1 ? 300000 : 3 * MIB, pieces[i]);
		end(&p);
	}
}

/* The writer sees it as credit beyond the first window. */
static void grow_one(struct pair *p)
{
	struct side out;

	open_down(p, &out);
	for (size_t at = 0; stream_credit(out.s) <= 2 * STREAM_WINDOW;) {
		assert_true(at < 64 * MIB);
		at = write_pattern(out.s, at, SIZE_MAX, 256 * 1024);
		PAIR_UNTIL(p, in.received == at);
		for (int i = 0; i < 3; i++)
			loop_turn(p->loop, 0);
	}
	assert_true(stream_credit(out.s) <= STREAM_WINDOW_MAX);
	stream_reset(out.s, STREAM_CANCELLED, "");
	PAIR_UNTIL(p, in.was_reset);
	memset(&in, 0, sizeof(in));
}

/* Many times, since the budget of the process must come back with each stream's end. */
static void test_window_grows_for_a_fast_reader(void **state)
{
	struct pair p;

	(void)state;
	begin(&p);
	for (size_t n = 0; n < 2 * STREAM_BUDGET / STREAM_WINDOW; n++)
		grow_one(&p);
	end(&p);
}

/* The path that is slow lies behind the one who passes on; between two processes 2 MiB are enough.
 */
static void test_window_of_what_is_passed_on(void **state)
{
	struct side out;
	struct pair p;
	size_t at = 0;

	(void)state;
	begin(&p);
	manner = PASS;
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	PAIR_UNTIL(&p, out.opened);
	in.hold = true;
	while (at < 32 * MIB) {
		uint64_t began = loop_now(p.loop);
		size_t before = at;

		at = write_pattern(out.s, at, SIZE_MAX, 256 * 1024);
		assert_in_range(at - before, 1, 2 * MIB);
		PAIR_UNTIL(&p, in.received == at && loop_now(p.loop) > began + 10);
		stream_consumed(in.s, at - before);
		PAIR_UNTIL(&p, stream_credit(out.s) > 0);
	}
	stream_reset(out.s, STREAM_CANCELLED, "");
	PAIR_UNTIL(&p, in.was_reset);
	end(&p);
}

/* Not in place: what is written comes from stream_room(). */
static void test_room_in_place(void **state)
{
	struct pair p;
	struct side out;
	size_t at = 0, room;
	uint8_t *to;

	(void)state;
	begin(&p);
	in.check = true;
	open_down(&p, &out);
	while (at < 2 * MIB) {
		to = stream_room(out.s, 16384, &room);
		if (to == NULL) {
			assert_int_equal(room, 0);
			loop_turn(p.loop, 10);
			continue;
		}
		assert_in_range(room, 1, 16384);
		for (size_t i = 0; i < room; i++)
			to[i] = pattern(at + i);
		/* Often less is used than was asked for, as with a decrypted frame. */
		if (room > 16)
			room -= 16;
		at += room;
		stream_wrote(out.s, room, false);
	}
	to = stream_room(out.s, 100, &room);
	if (to != NULL)
		stream_wrote(out.s, 0, true);
	else
		stream_finish(out.s);
	PAIR_UNTIL(&p, in.last);
	assert_int_equal(in.received, at);
	end(&p);
}

/* Frames of 16 KiB in one turn leave as messages of up to 256 KiB. */
static void test_frames_are_gathered(void **state)
{
	struct pair p;
	struct side out;
	size_t room;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	for (int i = 0; i < 16; i++) {
		memset(stream_room(out.s, 16384, &room), 1, 16384);
		assert_int_equal(room, 16384);
		stream_wrote(out.s, room, false);
	}
	assert_int_equal(stream_credit(out.s), 0);
	assert_null(stream_room(out.s, 1, &room));
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW);
	assert_int_equal(in.messages, 1);
	/* Rooms are in one piece: what would be cut begins a message of its own. */
	PAIR_UNTIL(&p, stream_credit(out.s) >= STREAM_WINDOW + 60000);
	for (int i = 0; i < 5; i++) {
		memset(stream_room(out.s, 60000, &room), 1, 60000);
		assert_int_equal(room, 60000);
		stream_wrote(out.s, room, false);
	}
	PAIR_UNTIL(&p, in.received == STREAM_WINDOW + 5 * 60000);
	assert_int_equal(in.messages, 3);
	end(&p);
}

static void test_credit_is_passed_through(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	manner = PASS;
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	stream_accept(in.s, PROTOCOL_GOOP_SITE, "");
	assert_int_equal(write_pattern(in.s, 0, STREAM_WINDOW + 1, 65536), STREAM_WINDOW);
	PAIR_UNTIL(&p, in.passed >= STREAM_WINDOW);
	assert_int_equal(in.writables, 0);
	assert_int_equal(stream_credit(in.s), in.passed);
	end(&p);
}

/* Byte by byte to a reader that is stuck: the number of messages is bounded as well. */
static void test_tiny_writes_to_a_stuck_reader(void **state)
{
	struct pair p;
	struct side out;
	uint64_t before;

	(void)state;
	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	before = link_counted(p.transport.link).messages_out;
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(stream_write(out.s, "x", 1, false), 1);
		loop_turn(p.loop, 0);
	}
	assert_true(link_counted(p.transport.link).messages_out - before < 300);
	/* Held bytes come without being asked for, and without credit. */
	PAIR_UNTIL(&p, in.received == 3000);
	end(&p);
}

/* Both ends in one thread, so this is a floor, printed for comparison and asserted by nobody. */
static void test_throughput(void **state)
{
	const size_t pieces[] = {16384, 65536, 262144};
	static uint8_t chunk[262144];
	struct pair p;
	struct side out;
	uint64_t began;

	(void)state;
	for (int i = 0; i < 3; i++) {
		begin(&p);
		open_down(&p, &out);
		began = clock_mono_us();
		for (size_t at = 0; at < 64 * MIB;) {
			at += stream_write(out.s, chunk, pieces[i], false);
			loop_turn(p.loop, stream_credit(out.s) > 0 ? 0 : 100);
		}
		stream_finish(out.s);
		PAIR_UNTIL(&p, in.last);
		print_message("64 MiB in writes of %zu: %.0f MB/s\n", pieces[i],
		    64.0 * MIB / (double)(clock_mono_us() - began));
		end(&p);
	}
}

/* --- limits and misbehaviour --------------------------------------------------------------------
 */

static void test_opens_beyond_the_limit(void **state)
{
	static struct side out[STREAM_COUNT_MAX + 1];
	const enum protocol site = PROTOCOL_GOOP_SITE;
	struct pair p;
	struct msg m;

	(void)state;
	begin(&p);
	for (int i = 0; i < STREAM_COUNT_MAX; i++)
		open_down(&p, &out[i]);
	assert_null(stream_open(p.transport.streams, &site, 1, "", "", 1000, &events, &out[0]));
	PAIR_UNTIL(&p, incoming_count == STREAM_COUNT_MAX);
	/* One that ignores its own limit. */
	msg_begin(&m, MSG_STREAM_OPEN, 0);
	msg_put_u32(&m, 2 * STREAM_COUNT_MAX + 2);
	msg_put_u16(&m, 1);
	msg_put_u8(&m, PROTOCOL_GOOP_SITE);
	msg_put_str(&m, "");
	msg_put_str(&m, "");
	msg_put_u32(&m, 1000);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	for (int i = 0; i < 10; i++)
		loop_turn(p.loop, 5);
	assert_int_equal(incoming_count, STREAM_COUNT_MAX);
	assert_int_equal(streams_count(p.viewer.streams), STREAM_COUNT_MAX);
	assert_true(link_is_up(p.viewer.link));
	end(&p);
}

static void test_nobody_serves(void **state)
{
	struct pair p = {0};
	struct side out;

	(void)state;
	pair_begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.was_reset);
	assert_int_equal(out.code, STREAM_REFUSED);
	pair_end(&p);
}

/* The binding end's message, made by hand: the connecting end must take its link down. */
static void expect_violation(void (*build)(struct msg *m, const struct side *out))
{
	struct pair p;
	struct side out;
	struct msg m;

	begin(&p);
	in.hold = true;
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	build(&m, &out);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	assert_int_equal(p.viewer.alarms, 1);
	assert_true(in.was_reset);
	assert_int_equal(in.code, STREAM_RESTARTING);
	/* The other side hears of it, and the link comes up again. */
	PAIR_UNTIL(&p, p.transport.ups == 2 && p.viewer.ups == 2);
	assert_true(out.was_reset);
	assert_int_equal(out.code, STREAM_RESTARTING);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	end(&p);
}

#define FIRST 2 /* the transport binds, so its streams are even */

static void begin_data(struct msg *m, uint32_t id, unsigned flags, size_t n)
{
	msg_begin(m, MSG_STREAM_DATA, 0);
	msg_put_u32(m, id);
	msg_put_u8(m, (uint8_t)flags);
	memset(msg_put_room(m, n), 0, n);
}

static void more_than_credit(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 0, STREAM_WINDOW + 1);
}

static void empty_data(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 0, 0);
}

static void unknown_flag(struct msg *m, const struct side *out)
{
	(void)out;
	begin_data(m, FIRST, 2, 1);
}

static void put_open(struct msg *m, uint32_t id, size_t protocols, unsigned first)
{
	msg_begin(m, MSG_STREAM_OPEN, 0);
	msg_put_u32(m, id);
	msg_put_u16(m, (uint16_t)protocols);
	for (size_t i = 0; i < protocols; i++)
		msg_put_u8(m, (uint8_t)first);
	msg_put_str(m, "peer");
	msg_put_str(m, "address");
	msg_put_u32(m, 1000);
}

static void open_twice(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, FIRST, 1, PROTOCOL_GOOP_SITE);
}

static void open_with_our_parity(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 7, 1, PROTOCOL_GOOP_SITE);
}

static void open_zero(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 0, 1, PROTOCOL_GOOP_SITE);
}

static void open_without_protocol(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, 0, 0);
}

static void open_with_too_many_protocols(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, STREAM_PROTOCOLS_MAX + 1, PROTOCOL_GOOP_SITE);
}

static void open_unknown_protocol(struct msg *m, const struct side *out)
{
	(void)out;
	put_open(m, 4, 1, PROTOCOL_COUNT);
}

static void opened_by_the_opener(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_OPENED, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, PROTOCOL_GOOP_SITE);
	msg_put_str(m, "");
}

static void no_credit_at_all(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(m, FIRST);
	msg_put_u32(m, 0);
}

static void boundless_credit(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u32(m, FIRST);
	msg_put_u32(m, UINT32_MAX);
}

static void reset_without_code(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_RESET, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, 0);
	msg_put_str(m, "");
}

static void reset_with_unknown_code(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_RESET, 0);
	msg_put_u32(m, FIRST);
	msg_put_u8(m, 200);
	msg_put_str(m, "");
}

static void cut_short(struct msg *m, const struct side *out)
{
	(void)out;
	msg_begin(m, MSG_STREAM_CREDIT, 0);
	msg_put_u16(m, 0);
}

static void bytes_left_over(struct msg *m, const struct side *out)
{
	no_credit_at_all(m, out);
	m->base[m->size - 1] = 1;
	msg_put_u8(m, 0);
}

static void test_violations_take_the_link_down(void **state)
{
	(void)state;
	expect_violation(more_than_credit);
	expect_violation(empty_data);
	expect_violation(unknown_flag);
	expect_violation(open_twice);
	expect_violation(open_with_our_parity);
	expect_violation(open_zero);
	expect_violation(open_without_protocol);
	expect_violation(open_with_too_many_protocols);
	expect_violation(open_unknown_protocol);
	expect_violation(opened_by_the_opener);
	expect_violation(no_credit_at_all);
	expect_violation(boundless_credit);
	expect_violation(reset_without_code);
	expect_violation(reset_with_unknown_code);
	expect_violation(cut_short);
	expect_violation(bytes_left_over);
}

static void test_data_after_the_last_is_a_violation(void **state)
{
	struct pair p;
	struct side out;
	struct msg m;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	stream_finish(out.s);
	PAIR_UNTIL(&p, in.last);
	begin_data(&m, FIRST, 0, 1);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	end(&p);
}

static void test_answers_nobody_asked_for(void **state)
{
	struct pair p;
	struct side out;
	struct msg m;

	(void)state;
	begin(&p);
	open_up(&p, &out, 5000);
	PAIR_UNTIL(&p, in.s != NULL);
	/* Not one of the protocols that were offered. */
	msg_begin(&m, MSG_STREAM_OPENED, 0);
	msg_put_u32(&m, 1);
	msg_put_u8(&m, PROTOCOL_GOOP_DATA);
	msg_put_str(&m, "");
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
	PAIR_UNTIL(&p, p.viewer.ups == 2 && p.transport.ups == 2);
	open_up(&p, &out, 5000);
	in.s = NULL;
	PAIR_UNTIL(&p, in.s != NULL);
	/* Data before the answer. */
	begin_data(&m, 3, 0, 1);
	assert_int_equal(link_send(p.transport.link, &m), 0);
	PAIR_UNTIL(&p, p.viewer.downs == 2);
	end(&p);
}

/* --- restarts -----------------------------------------------------------------------------------
 */

static void test_streams_end_when_an_end_restarts(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	for (int who = 0; who < 2; who++) {
		struct pair_end *dies, *stays;
		struct side *of_stays;

		begin(&p);
		dies = who == 0 ? &p.viewer : &p.transport;
		stays = who == 0 ? &p.transport : &p.viewer;
		of_stays = who == 0 ? &out : &in;
		open_down(&p, &out);
		in.hold = true;
		write_pattern(out.s, 0, 200000, 5000);
		PAIR_UNTIL(&p, in.received > 0);
		/* A process that dies says nothing. */
		streams_down(dies->streams, "killed");
		pair_free_end(dies);
		link_lost(stays->link, dies->generation, "killed by signal 9");
		pair_new_end(dies);
		pair_link_set(&p);
		PAIR_UNTIL(&p, link_is_up(dies->link) && link_is_up(stays->link));
		assert_true(of_stays->was_reset);
		assert_int_equal(of_stays->code, STREAM_RESTARTING);
		assert_string_equal(of_stays->text, "killed by signal 9");
		assert_int_equal(p.viewer.alarms + p.transport.alarms, 0);
		/* The same numbers may be used again: nothing of the old life arrives. */
		memset(&in, 0, sizeof(in));
		in.check = true;
		open_down(&p, &out);
		write_pattern(out.s, 0, 1000, 1000);
		PAIR_UNTIL(&p, in.last);
		assert_int_equal(in.received, 1000);
		end(&p);
	}
}

static void test_open_without_a_link(void **state)
{
	const enum protocol site = PROTOCOL_GOOP_SITE;
	struct side out = {0};
	struct pair p;

	(void)state;
	begin(&p);
	link_lost(p.transport.link, p.viewer.generation, "died");
	assert_null(stream_open(p.transport.streams, &site, 1, "", "", 1000, &events, &out));
	end(&p);
}

/* Events wait for the loop, even when the link breaks in the middle of a write. */
static void test_no_event_from_inside_a_write(void **state)
{
	struct pair p;
	struct side out;

	(void)state;
	begin(&p);
	open_down(&p, &out);
	PAIR_UNTIL(&p, out.opened);
	link_lost(p.transport.link, p.viewer.generation, "died");
	write_pattern(out.s, 0, STREAM_WINDOW + 1, 65536);
	stream_finish(out.s);
	assert_false(out.was_reset);
	PAIR_UNTIL(&p, out.was_reset);
	end(&p);
}

static void test_freeing_the_table_ends_all(void **state)
{
	struct side out[3];
	struct pair p;

	(void)state;
	begin(&p);
	for (int i = 0; i < 3; i++)
		open_down(&p, &out[i]);
	PAIR_UNTIL(&p, out[2].opened);
	streams_free(p.transport.streams);
	for (int i = 0; i < 3; i++) {
		assert_true(out[i].was_reset);
		assert_int_equal(out[i].code, STREAM_RESTARTING);
	}
	p.transport.streams = NULL;
	PAIR_UNTIL(&p, in.was_reset);
	end(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_request_and_answer),
	    cmocka_unit_test(test_written_in_a_later_hook),
	    cmocka_unit_test(test_request_with_choices),
	    cmocka_unit_test(test_refused),
	    cmocka_unit_test(test_write_while_being_offered),
	    cmocka_unit_test(test_no_answer_is_a_timeout),
	    cmocka_unit_test(test_fin_in_either_order),
	    cmocka_unit_test(test_reset_by_either_side),
	    cmocka_unit_test(test_both_reset_at_once),
	    cmocka_unit_test(test_reset_text_is_cut_whole),
	    cmocka_unit_test(test_reset_inside_the_data_event),
	    cmocka_unit_test(test_a_reader_that_never_consumes),
	    cmocka_unit_test(test_no_deadlock_below_half_a_window),
	    cmocka_unit_test(test_small_returns_are_batched),
	    cmocka_unit_test(test_every_byte_arrives),
	    cmocka_unit_test(test_window_grows_for_a_fast_reader),
	    cmocka_unit_test(test_window_of_what_is_passed_on),
	    cmocka_unit_test(test_room_in_place),
	    cmocka_unit_test(test_frames_are_gathered),
	    cmocka_unit_test(test_credit_is_passed_through),
	    cmocka_unit_test(test_tiny_writes_to_a_stuck_reader),
	    cmocka_unit_test(test_throughput),
	    cmocka_unit_test(test_opens_beyond_the_limit),
	    cmocka_unit_test(test_nobody_serves),
	    cmocka_unit_test(test_violations_take_the_link_down),
	    cmocka_unit_test(test_data_after_the_last_is_a_violation),
	    cmocka_unit_test(test_answers_nobody_asked_for),
	    cmocka_unit_test(test_streams_end_when_an_end_restarts),
	    cmocka_unit_test(test_open_without_a_link),
	    cmocka_unit_test(test_no_event_from_inside_a_write),
	    cmocka_unit_test(test_freeing_the_table_ends_all),
	};

	int failed = cmocka_run_group_tests_name("messages alone", tests, NULL, NULL);

	with_slab = true;
	return failed + cmocka_run_group_tests_name("with a slab", tests, NULL, NULL);
}

#include "tests/unit/testing.h"

#include "base/alloc.h"
#include "svc-discovery/sse_reader.h"

/* What was told, as text: "type(data)" for events, "retry(ms)". */
struct told {
	struct sse_reader r;
	struct buf text;
};

static void on_event(void *arg, const char *type, const char *data, size_t len)
{
	struct told *t = arg;

	assert_int_equal(data[len], '\0');
	buf_putf(&t->text, "%s(", type);
	buf_put(&t->text, data, len);
	buf_puts(&t->text, ") ");
}

static void on_retry(void *arg, uint32_t ms)
{
	struct told *t = arg;

	buf_putf(&t->text, "retry(%u) ", (unsigned)ms);
}

static const struct sse_reader_events events = {on_event, on_retry};

static void begin(struct told *t)
{
	buf_init(&t->text, 1 << 20);
	sse_reader_init(&t->r, &events, t);
}

static void end(struct told *t)
{
	sse_reader_clear(&t->r);
	buf_clear(&t->text);
}

static void feed(struct told *t, const char *text)
{
	sse_reader_feed(&t->r, text, strlen(text));
}

static void assert_told(struct told *t, const char *want)
{
	buf_put_u8(&t->text, 0);
	assert_string_equal((const char *)buf_data(&t->text), want);
	buf_truncate(&t->text, 0);
}

static void assert_reads(const char *stream, const char *want, const char *last_id)
{
	struct told t;

	begin(&t);
	feed(&t, stream);
	assert_told(&t, want);
	assert_string_equal(sse_reader_last_id(&t.r), last_id);
	end(&t);
	/* The same, byte by byte. */
	begin(&t);
	for (size_t i = 0; i < strlen(stream); i++)
		sse_reader_feed(&t.r, stream + i, 1);
	assert_told(&t, want);
	assert_string_equal(sse_reader_last_id(&t.r), last_id);
	end(&t);
}

/* The examples of the standard, and what its parsing rules say. */
static void test_events_of_the_standard(void **state)
{
	(void)state;
	assert_reads("data: YHOO\ndata: +2\ndata: 10\n\n", "message(YHOO\n+2\n10) ", "");
	assert_reads(": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
		     "data:  third event\n",
	    "message(first event) message(second event) ", "");
	assert_reads("data\n\ndata\ndata\n\ndata:", "message() message(\n) ", "");
	assert_reads("data:test\n\ndata: test\n\n", "message(test) message(test) ", "");
	assert_reads("event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n",
	    "add(73857293) remove(2153) ", "");
	assert_reads("event: lonely\n\ndata: x\n\n", "message(x) ", "");
	assert_reads("nonsense: 1\ndata2\n:\ndata: x\n\n", "message(x) ", "");
}

static void test_all_three_line_breaks(void **state)
{
	(void)state;
	assert_reads("data: a\r\rdata: b\r\n\r\ndata: c\n\n\rdata: d\r\n\n",
	    "message(a) message(b) message(c) message(d) ", "");
	assert_reads("\xef\xbb\xbf"
		     "data: marked\n\n",
	    "message(marked) ", "");
	assert_reads("data: x\n\xef\xbb\xbf"
		     "data: only once\n\n",
	    "message(x) ", "");
}

static void test_ids(void **state)
{
	struct told t;

	(void)state;
	assert_reads("id: e:1\ndata: a\n\nid: e:2\n\nid: e:3\ndata: b\n", "message(a) ", "e:2");
	assert_reads("id: e:1\ndata: a\n\ndata: b\n\n", "message(a) message(b) ", "e:1");
	assert_reads("id: e:1\n\nid: e\x01:2\n\n", "", "e:1");
	begin(&t);
	sse_reader_feed(&t.r, "id: 7\n\nid: 8\0\n\n", 15);
	assert_string_equal(sse_reader_last_id(&t.r), "7");
	sse_reader_forget(&t.r);
	feed(&t, "data: x\n\n");
	assert_string_equal(sse_reader_last_id(&t.r), "");
	end(&t);
}

static void test_retry(void **state)
{
	(void)state;
	assert_reads("retry: 250\nretry: x\nretry: -1\nretry:\nretry: 99999999999\n",
	    "retry(250) retry(3600000) ", "");
}

static void test_a_new_connection_begins_anew(void **state)
{
	struct told t;

	(void)state;
	begin(&t);
	feed(&t, "id: 1\ndata: whole\n\nid: 2\nevent: half\ndata: cut o");
	sse_reader_restart(&t.r);
	assert_string_equal(sse_reader_last_id(&t.r), "1");
	feed(&t, "data: next\n\n");
	assert_told(&t, "message(whole) message(next) ");
	assert_string_equal(sse_reader_last_id(&t.r), "1");
	end(&t);
}

static void feed_many(struct told *t, char c, size_t n)
{
	char *text = xmalloc(n);

	memset(text, c, n);
	sse_reader_feed(&t->r, text, n);
	free(text);
}

static void test_what_is_too_long_is_left_out(void **state)
{
	struct told t;

	(void)state;
	begin(&t);
	/* A line. */
	feed(&t, "id: 1\ndata: ");
	feed_many(&t, 'x', SSE_EVENT_MAX);
	feed_many(&t, 'y', 3 * SSE_EVENT_MAX);
	assert_true(t.r.line.cap <= SSE_EVENT_MAX);
	feed(&t, "\ndata: more\n\ndata: after\n\n");
	assert_told(&t, "message(after) ");
	assert_string_equal(sse_reader_last_id(&t.r), "1");
	assert_int_equal(sse_reader_left_out(&t.r), 1);
	/* Many short lines. */
	for (int i = 0; i < SSE_EVENT_MAX / 2 + 1; i++)
		feed(&t, "data: z\n");
	feed(&t, "\ndata: after\n\n");
	assert_told(&t, "message(after) ");
	assert_int_equal(sse_reader_left_out(&t.r), 2);
	end(&t);
}

static void test_the_largest_event_fits(void **state)
{
	struct told t;

	(void)state;
	begin(&t);
	feed(&t, "data:");
	feed_many(&t, 'x', SSE_EVENT_MAX - 5);
	feed(&t, "\ndata:xxx\n\n");
	assert_int_equal(buf_len(&t.text), SSE_EVENT_MAX - 5 + 4 + strlen("message() "));
	assert_int_equal(sse_reader_left_out(&t.r), 0);
	end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_events_of_the_standard),
	    cmocka_unit_test(test_all_three_line_breaks),
	    cmocka_unit_test(test_ids),
	    cmocka_unit_test(test_retry),
	    cmocka_unit_test(test_a_new_connection_begins_anew),
	    cmocka_unit_test(test_what_is_too_long_is_left_out),
	    cmocka_unit_test(test_the_largest_event_fits),
	};

	return cmocka_run_group_tests_name("sse_reader", tests, NULL, NULL);
}

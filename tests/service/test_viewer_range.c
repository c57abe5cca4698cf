/* svc-viewer among puppets: parts of files, as video elements ask for them. */
#include "tests/service/viewer_stage.h"

static void range_is(struct web *w, int status, const char *range, const char *body)
{
	char value[128] = "";

	web_finish(w);
	assert_int_equal(w->status, status);
	web_header(w, "Content-Range", value, sizeof(value));
	assert_string_equal(value, range);
	has_header(w, "Accept-Ranges", "bytes");
	if (body != NULL)
		assert_string_equal(w->body, body);
	web_close(w);
}

static struct web *ask_part(struct stage *t, const char *method, const char *headers)
{
	return web_begin(t->p, t->port, method, t->my_host, "/p/" ME "/film.mp4", headers, NULL);
}

static void test_parts_of_ones_own_files(void **state)
{
	struct stage *t = *state;

	puppet_put_file(t->p, "site/film.mp4", "0123456789", 10);
	range_is(ask_part(t, "GET", ""), 200, "", "0123456789");
	range_is(ask_part(t, "GET", "Range: bytes=0-1\r\n"), 206, "bytes 0-1/10", "01");
	range_is(ask_part(t, "GET", "Range: bytes=3-\r\n"), 206, "bytes 3-9/10", "3456789");
	range_is(ask_part(t, "GET", "Range: bytes=-4\r\n"), 206, "bytes 6-9/10", "6789");
	range_is(ask_part(t, "GET", "Range: bytes=10-\r\n"), 416, "bytes */10", NULL);
	range_is(ask_part(t, "GET", "Range: bytes=0-1,4-5\r\n"), 200, "", "0123456789");
	range_is(
	    ask_part(t, "GET", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n"), 200, "", "0123456789");
}

static void test_head_tells_of_the_whole(void **state)
{
	struct stage *t = *state;
	struct web *w;

	puppet_put_file(t->p, "site/film.mp4", "0123456789", 10);
	w = ask_part(t, "HEAD", "Range: bytes=0-1\r\n");
	web_finish(w);
	has_header(w, "Content-Length", "10");
	range_is(w, 200, "", "");
}

static struct web *visit_part(struct stage *t, const char *range)
{
	char header[64];

	snprintf(header, sizeof(header), "Range: bytes=%s\r\n", range);
	return web_begin(t->p, t->port, "GET", t->your_host, "/p/" YOU "/film.mp4", header, NULL);
}

static void visited_part(struct stage *t, const char *range, int status, const char *is,
    const char *body, enum stream_code end)
{
	struct web *w = visit_part(t, range);
	struct puppet_stream *s = asked_for(t, "GET /film.mp4\n");

	/* In two pieces where the service still takes the second. */
	puppet_write(s, "OK video/mp4 10\n0123456789", end == STREAM_OK ? 19 : 26, false);
	if (end == STREAM_OK)
		puppet_write(s, "3456789", 7, true);
	range_is(w, status, is, body);
	assert_int_equal(puppet_wait_over(s), end);
}

static void test_parts_of_a_visited_file(void **state)
{
	struct stage *t = *state;

	visited_part(t, "0-0", 206, "bytes 0-0/10", "0", STREAM_CANCELLED);
	visited_part(t, "1-4", 206, "bytes 1-4/10", "1234", STREAM_CANCELLED);
	visited_part(t, "4-5", 206, "bytes 4-5/10", "45", STREAM_CANCELLED);
	visited_part(t, "4-", 206, "bytes 4-9/10", "456789", STREAM_OK);
	visited_part(t, "-2", 206, "bytes 8-9/10", "89", STREAM_OK);
	visited_part(t, "0-", 206, "bytes 0-9/10", "0123456789", STREAM_OK);
	visited_part(t, "10-", 416, "bytes */10", NULL, STREAM_CANCELLED);
}

/* Far more than credit and memory have room for goes by before the part. */
static void test_what_comes_before_a_part_goes_by(void **state)
{
	struct stage *t = *state;
	struct web *w = visit_part(t, "67108864-67108867");
	struct puppet_stream *s = asked_for(t, "GET /film.mp4\n");
	uint8_t *front = xcalloc(1, 64 * MIB);
	long before = (long)(puppet_memory(t->p, "VmRSS") / 1024);

	puppet_write(s, "OK video/mp4 134217728\n", 23, false);
	puppet_write(s, front, 64 * MIB, false);
	puppet_write(s, "part and more", 13, false);
	range_is(w, 206, "bytes 67108864-67108867/134217728", "part");
	assert_int_equal(puppet_wait_over(s), STREAM_CANCELLED);
#ifndef __SANITIZE_ADDRESS__
	assert_true((long)(puppet_memory(t->p, "VmRSS") / 1024) - before < 24 * 1024);
#else
	(void)before;
#endif
	free(front);
}

/* A peer that ends before the part does is no end of the part. */
static void test_part_that_breaks_off(void **state)
{
	struct stage *t = *state;
	struct web *w = visit_part(t, "4-7");
	struct puppet_stream *s = asked_for(t, "GET /film.mp4\n");

	puppet_write(s, "OK video/mp4 10\n01234", 21, true);
	web_finish(w);
	assert_int_equal(w->status, 206);
	has_header(w, "Content-Length", "4");
	assert_int_equal(w->body_len, 1);
	web_close(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_parts_of_ones_own_files),
	    TEST(test_head_tells_of_the_whole),
	    TEST(test_parts_of_a_visited_file),
	    TEST(test_what_comes_before_a_part_goes_by),
	    TEST(test_part_that_breaks_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

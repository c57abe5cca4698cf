/* Visitors who take nothing, next to nothing, or all places: what they may, and who is left room.
 */
#include "svc-viewer/site_stream.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "tests/unit/fake_stream.h"

#define STALL_MS  60000
#define FILE_SIZE (16 * 1024 * 1024)
#define MANY      1600

struct stage {
	char folder[64], file[80];
	struct site *site;
	struct site_stream_table *table;
	struct stream streams[MANY];
	char names[MANY][16];
	size_t count;
};

static int setup(void **state)
{
	struct stage *s = xcalloc(1, sizeof *s);
	struct site_stream_config config = {
	    .label = "me", .request_ms = 10000, .stall_ms = STALL_MS};
	FILE *f;

	snprintf(s->folder, sizeof s->folder, "/tmp/goop-site.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	snprintf(s->file, sizeof s->file, "%s/film.mp4", s->folder);
	f = fopen(s->file, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(truncate(s->file, FILE_SIZE), 0);
	s->site = site_new(s->folder);
	config.site = s->site;
	s->table = site_stream_table_new(NULL, &config);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	for (size_t i = 0; i < s->count; i++)
		fake_goes(&s->streams[i]);
	assert_int_equal(site_stream_open(s->table), 0);
	site_stream_table_free(s->table);
	site_free(s->site);
	unlink(s->file);
	rmdir(s->folder);
	free(s);
	return 0;
}

static struct stream *open_by(struct stage *s, unsigned peer)
{
	struct stream *stream = &s->streams[s->count];
	char *name = s->names[s->count];

	assert_in_range(++s->count, 1, MANY);
	snprintf(name, sizeof s->names[0], "peer %u", peer);
	stream->peer = name;
	stream->credit = 100;
	stream->events =
	    site_stream_take(s->table, stream, PROTOCOL_GOOP_SITE, name, &stream->user);
	return stream;
}

static void open_many(struct stage *s, unsigned peer, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_non_null(open_by(s, peer)->events);
}

/* --- how slow ----------------------------------------------------------------------------------
 */

static struct stream *visit(struct stage *s)
{
	struct stream *stream = open_by(s, 1);

	fake_says(stream, "GET /film.mp4\n", true);
	assert_non_null(strstr((char *)stream->head, "OK video/mp4"));
	return stream;
}

static void test_trickle_is_no_visit(void **state)
{
	struct stream *stream = visit(*state);
	unsigned seconds;

	for (seconds = 0; seconds < 300 && !stream->over; seconds++) {
		fake_time_pass(1000);
		if (!stream->over)
			fake_takes(stream, 100);
	}
	assert_true(stream->over);
	assert_int_equal(stream->code, STREAM_TIMEOUT);
}

static void test_slow_link_is_a_visit(void **state)
{
	struct stream *stream = visit(*state);

	for (unsigned seconds = 0; seconds < 3000; seconds++) {
		fake_time_pass(1000);
		assert_false(stream->over);
		fake_takes(stream, SITE_STREAM_PACE * 1000 / STALL_MS + 100);
	}
	/* The end is less than a part. */
	fake_takes(stream, FILE_SIZE);
	assert_true(stream->last);
	fake_time_pass(STALL_MS - 1000);
	assert_false(stream->over);
}

static void test_nothing_taken_or_asked(void **state)
{
	struct stage *s = *state;
	struct stream *silent = open_by(s, 2), *stream = visit(s);

	fake_time_pass(STALL_MS + 1000);
	assert_true(stream->over);
	assert_true(silent->over);
	assert_string_equal(silent->text, "no request line in time");
}

/* --- how many ----------------------------------------------------------------------------------
 */

static void test_one_visitor_leaves_room_for_others(void **state)
{
	struct stage *s = *state;

	open_many(s, 1, SITE_STREAM_BY_PEER);
	assert_null(open_by(s, 1)->events);
	open_many(s, 2, SITE_STREAM_OPEN - SITE_STREAM_BY_PEER);
	assert_int_equal(site_stream_open(s->table), SITE_STREAM_OPEN);
	/* One goes, one comes. */
	fake_goes(&s->streams[0]);
	assert_non_null(open_by(s, 1)->events);
	assert_null(open_by(s, 1)->events);
}

static void test_owner_has_streams_of_the_link(void **state)
{
	(void)state;
	assert_true(SITE_STREAM_OPEN + 256 <= STREAM_COUNT_MAX);
	assert_true(SITE_STREAM_BY_PEER <= SITE_STREAM_OPEN - 256);
}

static void test_who_has_most_makes_room(void **state)
{
	struct stage *s = *state;
	struct stream *slow, *came;

	open_many(s, 1, SITE_STREAM_BY_PEER);
	open_many(s, 2, SITE_STREAM_OPEN - SITE_STREAM_BY_PEER);
	/* The first asks, so that the second is who moved least recently. */
	fake_says(&s->streams[0], "GET /film.mp4\n", true);
	slow = &s->streams[1];
	came = open_by(s, 3);
	assert_non_null(came->events);
	assert_true(slow->over);
	assert_int_equal(slow->code, STREAM_NO_MEMORY);
	assert_false(s->streams[0].over);
	assert_int_equal(site_stream_open(s->table), SITE_STREAM_OPEN);
	/* Until all have as many. */
	for (unsigned i = 0; i < 600; i++)
		open_by(s, 3);
	assert_null(open_by(s, 3)->events);
	assert_int_equal(site_stream_open(s->table), SITE_STREAM_OPEN);
	assert_false(came->over);
}

static void test_everybody_with_one_keeps_it(void **state)
{
	struct stage *s = *state;

	for (unsigned i = 0; i < SITE_STREAM_OPEN; i++)
		open_many(s, i, 1);
	assert_null(open_by(s, 5000)->events);
	for (unsigned i = 0; i < SITE_STREAM_OPEN; i++)
		assert_false(s->streams[i].over);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_trickle_is_no_visit),
	    T(test_slow_link_is_a_visit),
	    T(test_nothing_taken_or_asked),
	    T(test_one_visitor_leaves_room_for_others),
	    T(test_owner_has_streams_of_the_link),
	    T(test_who_has_most_makes_room),
	    T(test_everybody_with_one_keeps_it),
	};

	log_set_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Streams of data requests whose readers take nothing: what waits for them is bounded, whoever has
 * waited longest goes first, and all of it may happen in the middle of a walk over the streams. */
#include "svc-db/data_stream.h"

#include "base/log.h"
#include "tests/unit/db/call_testing.h"
#include "tests/unit/fake_stream.h"

#define ANSWER 60000 /* bytes of text in a long one, which is made at one go */
#define AROUND (sizeof "{\"ok\":true,\"data\":[{\"t\":\"\"}]}\n" - 1)
#define MANY   1200
#define EACH   100 /* streams of one peer */

struct stage {
	struct place *place;
	struct work *work;
	struct data_streams *all;
	struct stream streams[MANY];
	char names[MANY][16];
	size_t count;
	size_t unread; /* as the test counts */
};

static int setup(void **state)
{
	struct stage *s = xcalloc(1, sizeof *s);

	place_setup((void **)&s->place);
	make_notes(s->place->st);
	outside(s->place, "UPDATE _tables SET insert_policy = 'public';"
			  "INSERT INTO notes (_owner, title) SELECT 'a', printf('%060000d', 0);"
			  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE"
			  " i < 2000) INSERT INTO notes (_owner, title) SELECT 'a',"
			  " printf('%0100d', i) FROM n");
	s->work = work_new(s->place->st);
	s->all = data_streams_new(NULL, s->work);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct stage *s = *state;

	for (size_t i = 0; i < s->count; i++)
		fake_goes(&s->streams[i]);
	assert_int_equal(data_streams_count(s->all), 0);
	data_streams_free(s->all);
	work_free(s->work);
	place_teardown((void **)&s->place);
	free(s);
	return 0;
}

/* A stream of peer number `peer`, that can take as much. */
static struct stream *open_as(struct stage *s, bool owner, unsigned peer, size_t credit)
{
	struct stream *stream = &s->streams[s->count];
	char *name = s->names[s->count++];
	const struct caller caller = {owner, name, ""};

	snprintf(name, sizeof s->names[0], "peer %u", peer);
	stream->peer = name;
	stream->credit = credit;
	stream->events = data_streams_take(s->all, stream, &caller, &stream->user);
	return stream;
}

static struct stream *open_by(struct stage *s, unsigned peer, size_t credit)
{
	return open_as(s, false, peer, credit);
}

static void work_to_end(struct stage *s)
{
	while (work_turn(s->work, fake_time.now) == WORK_AGAIN)
		;
}

/* An answer of so many bytes of text, that nobody reads. */
static struct stream *leave_unread(struct stage *s, unsigned peer, size_t bytes)
{
	struct stream *stream = open_by(s, peer, 0);
	char line[200];

	snprintf(line, sizeof line,
	    "{\"op\":\"query\",\"table\":\"notes\",\"columns\":[\"substr(title, 1, %zu) AS t\"],"
	    "\"limit\":1}\n",
	    bytes);
	fake_says(stream, line, true);
	work_to_end(s);
	assert_false(stream->over);
	s->unread += bytes + AROUND;
	return stream;
}

/* Answers of many peers, until there is room for `left` bytes more. Returns the first. */
static struct stream *fill(struct stage *s, size_t left)
{
	size_t wanted = DATA_STREAM_UNREAD - left;
	struct stream *first = NULL, *stream;

	for (unsigned i = 0; s->unread < wanted; i++) {
		size_t n = wanted - s->unread - AROUND;
		/* Never leave less than an answer needs. */
		if (n > ANSWER)
			n = n > ANSWER + 1000 ? ANSWER : ANSWER / 2;
		fake_time_pass(1);
		stream = leave_unread(s, 100 + i / EACH, n);
		first = first != NULL ? first : stream;
	}
	assert_int_equal(s->unread, wanted);
	return first;
}

static void test_unread_answers_are_bounded(void **state)
{
	struct stage *s = *state;
	struct stream *first = fill(s, 100);

	leave_unread(s, 1, 1000);
	assert_true(first->over);
	assert_int_equal(first->code, STREAM_NO_MEMORY);
	assert_false((first + 1)->over);
}

/* Whose request has timed out gets an answer, which costs the next in line his. */
static void test_sweep_survives_what_it_causes(void **state)
{
	struct stage *s = *state;
	struct stream *late = open_by(s, 1, 0), *first = fill(s, 10);

	fake_time_pass(DATA_STREAM_REQUEST_MS + 1000);
	assert_true(first->over);
	assert_int_equal(first->code, STREAM_NO_MEMORY);
	assert_false((first + 1)->over);
	fake_takes(late, 1000);
	assert_non_null(strstr((char *)late->head, "request timed out"));
	/* The walk has come to its end: those behind are looked at as well. */
	fake_time_pass(DATA_STREAM_STALL_MS);
	for (struct stream *other = first + 1; other < s->streams + s->count; other++)
		assert_true(other->over);
}

/* Also when a part is so small that the query goes on at once. Each row takes longer than a turn,
 * so that it can be seen in between
 * (on a machine where it does not, the test passes whatever happens there). */
static void test_small_parts_count_as_well(void **state)
{
	struct stage *s = *state;
	struct stream *first, *flowing;
	char line[400];

	outside(s->place, "INSERT INTO notes (_owner, title) SELECT 'slow', printf('%060000d', 0)"
			  " FROM notes LIMIT 4");
	first = fill(s, 1000);
	/* The owner's, whose rows may take seconds on a machine that is busy. */
	flowing = open_as(s, true, 1, 70000);
	snprintf(line, sizeof line,
	    "{\"op\":\"query\",\"table\":\"notes\",\"where\":\"_owner = 'slow' AND NOT title LIKE"
	    " '%%%040d1'\"}\n",
	    0);
	fake_says(flowing, line, true);
	while (flowing->wrote == 0)
		work_turn(s->work, fake_time.now);
	assert_int_equal(flowing->wrote, 70000);
	assert_false(flowing->over);
	assert_true(first->over);
}

/* Who takes a byte now and then has no stream for ever; who takes a little more has. */
static void test_trickle_is_no_reading(void **state)
{
	struct stage *s = *state;
	struct stream *trickles = leave_unread(s, 1, ANSWER), *reads = open_by(s, 2, 0);

	fake_says(reads, "{\"op\":\"query\",\"table\":\"notes\",\"offset\":1}\n", true);
	for (unsigned seconds = 0; seconds < 90; seconds++) {
		work_to_end(s);
		fake_time_pass(1000);
		if (!trickles->over)
			fake_takes(trickles, 10);
		assert_false(reads->over);
		fake_takes(reads, 4000);
	}
	assert_true(trickles->over);
	assert_int_equal(trickles->code, STREAM_TIMEOUT);
	assert_true(reads->wrote > 90 * 3000);
}

/* Whichever of its connections they come by. */
static void test_streams_of_one_peer_are_bounded(void **state)
{
	struct stage *s = *state;
	struct stream *more = xcalloc(DATA_STREAM_PEER + 1, sizeof *more);
	const struct caller caller = {false, "many", ""}, owner = {true, "many", ""};
	size_t n;

	for (n = 0; n < DATA_STREAM_PEER; n++) {
		more[n].events = data_streams_take(s->all, &more[n], &caller, &more[n].user);
		assert_non_null(more[n].events);
	}
	assert_null(data_streams_take(s->all, &more[n], &caller, &more[n].user));
	assert_non_null(open_by(s, 1, 0)->events);
	/* The owner is somebody else, even by that name. */
	more[n].events = data_streams_take(s->all, &more[n], &owner, &more[n].user);
	assert_non_null(more[n].events);
	fake_goes(&more[n]);
	/* One goes, another may come. */
	fake_goes(&more[0]);
	memset(&more[0], 0, sizeof more[0]);
	more[0].events = data_streams_take(s->all, &more[0], &caller, &more[0].user);
	assert_non_null(more[0].events);
	for (n = 0; n < DATA_STREAM_PEER; n++)
		fake_goes(&more[n]);
	free(more);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(test_unread_answers_are_bounded),
	    T(test_sweep_survives_what_it_causes),
	    T(test_small_parts_count_as_well),
	    T(test_trickle_is_no_reading),
	    T(test_streams_of_one_peer_are_bounded),
	};

	log_set_level(LOG_LEVEL_WARN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

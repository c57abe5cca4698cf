#include "svc-viewer/site_range.h"

#include "tests/unit/testing.h"

static void is(
    const char *header, uint64_t size, enum site_range_asked asked, uint64_t from, uint64_t end)
{
	struct site_range r;
	enum site_range_asked found = site_range_find(header, size, &r);

	if (found != asked || r.from != from || r.end != end)
		fail_msg("%s of %llu: %d, %llu to %llu", header, (unsigned long long)size, found,
		    (unsigned long long)r.from, (unsigned long long)r.end);
}

/* The examples of RFC 9110, section 14.1.2. */
static void test_parts(void **state)
{
	(void)state;
	is("bytes=0-499", 10000, SITE_RANGE_PART, 0, 500);
	is("bytes=500-999", 10000, SITE_RANGE_PART, 500, 1000);
	is("bytes=-500", 10000, SITE_RANGE_PART, 9500, 10000);
	is("bytes=9500-", 10000, SITE_RANGE_PART, 9500, 10000);
	is("bytes=0-0", 10000, SITE_RANGE_PART, 0, 1);
	is("bytes=-1", 10000, SITE_RANGE_PART, 9999, 10000);
	is("bytes=0-", 10000, SITE_RANGE_PART, 0, 10000);
	is("bytes=9999-9999", 10000, SITE_RANGE_PART, 9999, 10000);
	is("Bytes = 1-2 ", 10000, SITE_RANGE_PART, 1, 3);
}

static void test_more_than_there_is(void **state)
{
	(void)state;
	is("bytes=0-10000", 10000, SITE_RANGE_PART, 0, 10000);
	is("bytes=-10001", 10000, SITE_RANGE_PART, 0, 10000);
	is("bytes=1-99999999999999999999999999", 10000, SITE_RANGE_PART, 1, 10000);
	is("bytes=-99999999999999999999999999", 10000, SITE_RANGE_PART, 0, 10000);
	is("bytes=18446744073709551614-", UINT64_MAX, SITE_RANGE_PART, UINT64_MAX - 1, UINT64_MAX);
	is("bytes=-1", 0, SITE_RANGE_WHOLE, 0, 0);
}

static void test_nothing_of_the_file(void **state)
{
	(void)state;
	is("bytes=10000-", 10000, SITE_RANGE_OUTSIDE, 0, 0);
	is("bytes=10000-10001", 10000, SITE_RANGE_OUTSIDE, 0, 0);
	is("bytes=18446744073709551616-", 10000, SITE_RANGE_OUTSIDE, 0, 0);
	is("bytes=-0", 10000, SITE_RANGE_OUTSIDE, 0, 0);
	is("bytes=0-", 0, SITE_RANGE_OUTSIDE, 0, 0);
}

static void test_what_is_not_one_range_is_the_whole(void **state)
{
	static const char *const headers[] = {NULL, "", "bytes", "bytes=", "bytes=-", "bytes=1",
	    "bytes=2-1", "bytes=a-b", "bytes=0x1-2", "bytes=+1-2", "bytes=1--2", "bytes=0-1,4-5",
	    "bytes=0-1,", "bytes=,0-1", "bytes 0-1", "bytes=0 - 1", "byte=0-1", "items=0-1",
	    "bytes=1-2-3", "bytes=\xd9\xa1-"};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		is(headers[i], 10000, SITE_RANGE_WHOLE, 0, 10000);
}

static void holds(const uint8_t *p, size_t n, void *arg)
{
	char text[64];
	struct site_range r;
	enum site_range_asked asked;

	(void)arg;
	memcpy(text, p, n);
	text[n] = '\0';
	asked = site_range_find(text, 1000, &r);
	assert_true(r.end <= 1000);
	assert_true(asked == SITE_RANGE_OUTSIDE ? r.from == r.end : r.from < r.end);
	if (asked == SITE_RANGE_WHOLE)
		assert_true(r.from == 0 && r.end == 1000);
}

static void test_cut_and_flipped(void **state)
{
	static const char *const headers[] = {"bytes=123-456", "bytes=-77", "bytes = 900- "};

	(void)state;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		cut_every_length((const uint8_t *)headers[i], strlen(headers[i]), holds, NULL);
		flip_every_bit((const uint8_t *)headers[i], strlen(headers[i]), holds, NULL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts),
	    cmocka_unit_test(test_more_than_there_is),
	    cmocka_unit_test(test_nothing_of_the_file),
	    cmocka_unit_test(test_what_is_not_one_range_is_the_whole),
	    cmocka_unit_test(test_cut_and_flipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

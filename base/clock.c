#include "base/clock.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

static uint64_t read_us(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t clock_mono_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t clock_wall_ms(void)
{
	return (int64_t)(read_us(CLOCK_REALTIME) / 1000);
}

static void put_digits(char *out, unsigned v, size_t n)
{
	while (n > 0) {
		out[--n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* By hand instead of gmtime_r(3), which takes locks: a signal handler calls this too. The date
 * comes from days in eras of 400 years that begin on the first of March of year 0. */
void clock_format(int64_t wall_ms, char out[25])
{
	const int64_t day_ms = 86400000;
	int64_t days, era, ms;
	unsigned doe, yoe, doy, mp, month;

	memcpy(out, "0000-00-00T00:00:00.000Z", 25);
	if (wall_ms < -62167219200000 || wall_ms > 253402300799999)
		return; /* before year 0, after 9999 */
	days = (wall_ms - (wall_ms < 0 ? day_ms - 1 : 0)) / day_ms;
	ms = wall_ms - days * day_ms;
	days += 719468;
	era = days / 146097 - (days < 0);
	doe = (unsigned)(days - era * 146097);
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	month = mp < 10 ? mp + 3 : mp - 9;
	put_digits(out, (unsigned)(era * 400) + yoe + (month <= 2), 4);
	put_digits(out + 5, month, 2);
	put_digits(out + 8, doy - (153 * mp + 2) / 5 + 1, 2);
	put_digits(out + 11, (unsigned)(ms / 3600000), 2);
	put_digits(out + 14, (unsigned)(ms / 60000 % 60), 2);
	put_digits(out + 17, (unsigned)(ms / 1000 % 60), 2);
	put_digits(out + 20, (unsigned)(ms % 1000), 3);
}

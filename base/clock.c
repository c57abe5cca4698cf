#include "base/clock.h"

#include <stdio.h>
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

void clock_format(int64_t wall_ms, char out[25])
{
	int64_t ms = wall_ms % 1000;
	time_t s = (time_t)(wall_ms / 1000);
	struct tm t;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	if (gmtime_r(&s, &t) == NULL || t.tm_year < -1900 || t.tm_year > 9999 - 1900) {
		snprintf(out, 25, "0000-00-00T00:00:00.000Z");
		return;
	}
	/* The remainders say to the compiler what gmtime_r(3) has promised: two digits suffice. */
	snprintf(out, 25, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
	    (unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100,
	    (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
	    (unsigned)t.tm_sec % 100, (unsigned)ms % 1000);
}

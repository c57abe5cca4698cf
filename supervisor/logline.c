#include "supervisor/logline.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/str.h"

static const char *const words[] = {"error", "warn", "info", "debug"};

/* Digits where the pattern has 0, the same character elsewhere. */
static bool looks_like(const char *s, const char *pattern)
{
	for (; *pattern != '\0'; s++, pattern++)
		if (*pattern == '0' ? *s < '0' || *s > '9' : *s != *pattern)
			return false;
	return true;
}

static bool parse_level(const char *s, size_t n, enum log_level *out)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	return false;
}

bool logline_parse(const char *line, struct logline *out)
{
	const char *p = line + LOGLINE_STAMP + 1;
	size_t n;

	if (!looks_like(line, "0000-00-00T00:00:00.000Z "))
		return false;
	memcpy(out->stamp, line, LOGLINE_STAMP);
	out->stamp[LOGLINE_STAMP] = '\0';
	n = strcspn(p, " ");
	if (!parse_level(p, n, &out->level))
		return false;
	p += n + strspn(p + n, " ");
	n = strcspn(p, " ");
	if (n == 0 || n >= sizeof(out->service) || p[n] != ' ')
		return false;
	memcpy(out->service, p, n);
	out->service[n] = '\0';
	out->text = p + n + 1;
	return true;
}

void logline_write(
    char *out, size_t size, enum log_level level, const char *service, const char *text)
{
	char stamp[25];

	clock_format(clock_wall_ms(), stamp);
	snprintf(out, size, "%s %-5s %s %s", stamp, words[level], service, text);
}

const char *logline_level(enum log_level level)
{
	return words[level];
}

static void local_time(const char *stamp, char out[9])
{
	struct tm tm = {0};
	time_t t;

	str_copy(out, 9, stamp + 11);
	if (strptime(stamp, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return;
	t = timegm(&tm);
	if (localtime_r(&t, &tm) != NULL)
		strftime(out, 9, "%H:%M:%S", &tm);
}

void logline_show(const struct logline *l, bool colour, char *out, size_t size)
{
	static const char *const colours[] = {"\033[31m", "\033[33m", "", "\033[2m"};
	const char *name = str_starts(l->service, "svc-")    ? l->service + 4
	                   : str_starts(l->service, "goop-") ? l->service + 5
	                                                     : l->service;
	const char *word = l->level == LOG_LEVEL_ERROR  ? "error: "
	                   : l->level == LOG_LEVEL_WARN ? "warning: "
	                                                : "";
	char when[9];
	int n;

	local_time(l->stamp, when);
	if (!colour) {
		snprintf(out, size, "%s %-10s %s%s", when, name, word, l->text);
		return;
	}
	/* The reset must survive a line that is cut. */
	n = snprintf(out, size - 4, "\033[2m%s\033[0m \033[36m%-10s\033[0m %s%s%s", when, name,
	    colours[l->level], word, l->text);
	if (n >= (int)size - 4)
		n = (int)size - 5;
	memcpy(out + n, "\033[0m", 5);
}

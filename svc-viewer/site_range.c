#include "svc-viewer/site_range.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

/* Digits at *p, and moves behind them. What is larger than any file is the largest number. */
static bool take_number(const char **p, uint64_t *n)
{
	bool found = is_digit(**p);

	for (*n = 0; is_digit(**p); (*p)++) {
		unsigned digit = (unsigned)(**p - '0');
		*n = *n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : *n * 10 + digit;
	}
	return found;
}

/* "500-999", "500-", "-500". */
struct spec {
	bool has_first, has_last;
	uint64_t first, last;
};

/* One range and nothing else. */
static bool parse(const char *p, struct spec *s)
{
	if (strncasecmp(p, "bytes", 5) != 0)
		return false;
	p = skip_blanks(p + 5);
	if (*p++ != '=')
		return false;
	p = skip_blanks(p);
	s->has_first = take_number(&p, &s->first);
	if (*p++ != '-')
		return false;
	s->has_last = take_number(&p, &s->last);
	if (*skip_blanks(p) != '\0')
		return false;
	return s->has_first ? !s->has_last || s->first <= s->last : s->has_last;
}

enum site_range_asked site_range_find(const char *header, uint64_t size, struct site_range *range)
{
	struct spec s;

	*range = (struct site_range){0, size};
	if (header == NULL || !parse(header, &s))
		return SITE_RANGE_WHOLE;
	if (s.has_first ? s.first >= size : s.last == 0) {
		*range = (struct site_range){0, 0};
		return SITE_RANGE_OUTSIDE;
	}
	/* The last bytes of nothing are all of it. */
	if (size == 0)
		return SITE_RANGE_WHOLE;
	if (!s.has_first)
		range->from = s.last < size ? size - s.last : 0;
	else
		range->from = s.first;
	if (s.has_first && s.has_last && s.last < size - 1)
		range->end = s.last + 1;
	return SITE_RANGE_PART;
}

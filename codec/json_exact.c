/* Which whole numbers survive being a double. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A whole number as text, and as the double that JSON makes of it: the same? */
static bool keeps(const char *digits, size_t n)
{
	char text[32], back[400];

	if (n <= 15)
		return true;
	if (n >= sizeof text)
		return false;
	memcpy(text, digits, n);
	text[n] = '\0';
	snprintf(back, sizeof back, "%.0f", strtod(text, NULL));
	return strcmp(text, back) == 0;
}

/* The end of the string that begins at `p`; the text is known to be JSON. */
static const char *string_end(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p;
}

bool json_is_exact(const char *text, size_t n)
{
	const char *p = text, *end = text + n;

	while (p < end) {
		const char *from = p;
		if (*p == '"')
			p = string_end(p, end);
		if (p >= end || !is_digit(*p)) {
			p++;
			continue;
		}
		while (p < end && is_digit(*p))
			p++;
		if (p < end && (*p == '.' || *p == 'e' || *p == 'E')) {
			while (p < end && strchr("0123456789.eE+-", *p) != NULL)
				p++;
		} else if (!keeps(from, (size_t)(p - from))) {
			return false;
		}
	}
	return true;
}

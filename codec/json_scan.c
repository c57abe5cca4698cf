#include "codec/json_scan.h"

#include <string.h>

#include "base/str.h"
#include "codec/json.h"

#define NUMBER_MAX 60 /* cJSON looks at 63 characters of a number */

static bool scan_value(struct json_scan *s, const char *name);

static bool fail(struct json_scan *s, const char *at, const char *what)
{
	s->at = at;
	s->what = what;
	return false;
}

/* The next character, 0 at the end. */
static char peek(const struct json_scan *s)
{
	return s->p < s->end ? *s->p : '\0';
}

static void skip_space(struct json_scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The four digits of \uXXXX at s->p, or -1. */
static long hex4(struct json_scan *s)
{
	unsigned char raw[2];
	char text[5] = "";

	if (s->end - s->p < 4)
		return -1;
	memcpy(text, s->p, 4);
	if (str_from_hex(text, raw, sizeof(raw)) != 2)
		return -1;
	s->p += 4;
	return (long)raw[0] << 8 | raw[1];
}

static bool scan_unicode_escape(struct json_scan *s, const char *at)
{
	long unit = hex4(s);

	if (unit < 0)
		return fail(s, at, "expected four hex digits after \\u");
	if (unit == 0)
		return fail(s, at, "a string may not hold the zero character");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return fail(s, at, "second half of a surrogate pair without the first");
	if (unit < 0xd800 || unit > 0xdbff)
		return true;
	if (s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == 'u') {
		s->p += 2;
		unit = hex4(s);
		if (unit >= 0xdc00 && unit <= 0xdfff)
			return true;
	}
	return fail(s, at, "first half of a surrogate pair without the second");
}

static bool scan_escape(struct json_scan *s)
{
	const char *at = s->p++;
	char c = peek(s);

	if (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)
		return fail(s, at, "expected one of \" \\ / b f n r t u after the backslash");
	s->p++;
	return c == 'u' ? scan_unicode_escape(s, at) : true;
}

static bool scan_wide_char(struct json_scan *s)
{
	unsigned char lead = (unsigned char)*s->p;
	size_t len = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	if ((size_t)(s->end - s->p) < len || !str_is_utf8(s->p, len))
		return fail(s, s->p, "expected UTF-8");
	s->p += len;
	return true;
}

static bool scan_string(struct json_scan *s)
{
	const char *start = s->p++;

	while (s->p < s->end) {
		unsigned char c = (unsigned char)*s->p;
		if (c == '"') {
			s->p++;
			return true;
		}
		if (c < 0x20)
			return fail(s, s->p, "control characters must be escaped in a string");
		if (c == '\\' ? !scan_escape(s) : c >= 0x80 && !scan_wide_char(s))
			return false;
		if (c != '\\' && c < 0x80)
			s->p++;
	}
	return fail(s, start, "expected '\"' at the end of the string that begins here");
}

static bool scan_digits(struct json_scan *s)
{
	if (!is_digit(peek(s)))
		return fail(s, s->p, "expected a digit");
	while (is_digit(peek(s)))
		s->p++;
	return true;
}

static bool scan_number(struct json_scan *s)
{
	const char *start = s->p;

	if (peek(s) == '-')
		s->p++;
	if (peek(s) == '0') {
		s->p++;
		if (is_digit(peek(s)))
			return fail(s, start, "a number may not begin with a zero");
	} else if (!scan_digits(s)) {
		return false;
	}
	if (peek(s) == '.') {
		s->p++;
		if (!scan_digits(s))
			return false;
	}
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->p++;
		if (peek(s) == '+' || peek(s) == '-')
			s->p++;
		if (!scan_digits(s))
			return false;
	}
	if (s->p - start > NUMBER_MAX)
		return fail(s, start, "expected a number of at most 60 characters");
	return true;
}

static bool fail_value(struct json_scan *s)
{
	return fail(s, s->p, "expected a value: object, array, string, number, true, false, null");
}

static bool scan_word(struct json_scan *s, const char *word)
{
	size_t n = strlen(word);

	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return fail_value(s);
	s->p += n;
	return true;
}

/* After an entry: true when another one follows, false with *closed at the end. */
static bool scan_comma(struct json_scan *s, char close, bool *closed)
{
	skip_space(s);
	*closed = peek(s) == close;
	if (*closed) {
		s->p++;
		return false;
	}
	if (peek(s) != ',')
		return fail(s, s->p, close == '}' ? "expected ',' or '}'" : "expected ',' or ']'");
	s->p++;
	skip_space(s);
	return true;
}

static bool scan_array(struct json_scan *s)
{
	bool closed;

	s->p++;
	skip_space(s);
	if (peek(s) == ']') {
		s->p++;
		return true;
	}
	do {
		if (!scan_value(s, NULL))
			return false;
	} while (scan_comma(s, ']', &closed));
	return closed;
}

static bool scan_member(struct json_scan *s)
{
	const char *name = s->p;

	if (peek(s) != '"')
		return fail(s, s->p, "expected a member name in double quotes");
	if (!scan_string(s))
		return false;
	skip_space(s);
	if (peek(s) != ':')
		return fail(s, s->p, "expected ':'");
	s->p++;
	skip_space(s);
	return scan_value(s, name);
}

static bool scan_object(struct json_scan *s)
{
	bool closed;

	s->p++;
	skip_space(s);
	if (peek(s) == '}') {
		s->p++;
		return true;
	}
	do {
		if (!scan_member(s))
			return false;
	} while (scan_comma(s, '}', &closed));
	return closed;
}

static bool scan_nested(struct json_scan *s)
{
	bool good;

	if (s->depth == JSON_DEPTH_MAX)
		return fail(s, s->p, "nested too deep: at most 32 levels");
	s->depth++;
	good = *s->p == '{' ? scan_object(s) : scan_array(s);
	s->depth--;
	return good;
}

/* `name` is where the member's name begins, NULL for a value without one. */
static bool scan_value(struct json_scan *s, const char *name)
{
	if (++s->nodes == s->stop)
		return fail(s, name != NULL ? name : s->p, NULL);
	if (s->nodes > s->max_nodes)
		return fail(s, s->p, "too many values");
	switch (peek(s)) {
	case '{':
	case '[': return scan_nested(s);
	case '"': return scan_string(s);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	case '-': return scan_number(s);
	default: return is_digit(peek(s)) ? scan_number(s) : fail_value(s);
	}
}

bool json_scan_text(struct json_scan *s, const char *text, size_t n)
{
	s->p = text;
	s->end = text + n;
	s->nodes = 0;
	s->depth = 0;
	s->at = NULL;
	s->what = NULL;
	skip_space(s);
	if (!scan_value(s, NULL))
		return false;
	skip_space(s);
	if (s->p != s->end)
		return fail(s, s->p, "expected the end: nothing may follow the value");
	return true;
}

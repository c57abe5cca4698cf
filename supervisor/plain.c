#include "supervisor/plain.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

/* What a terminal shows in no column (Unicode: combining marks, selectors, joiners) and in two (the
 * greater part of East Asian Width W and F, and pictures). */
static const struct span {
	uint32_t from, to;
} no_column[] = {{0x300, 0x36f}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x2060, 0x2064}, {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xfeff, 0xfeff},
    {0xe0100, 0xe01ef}},
  two_columns[] = {{0x1100, 0x115f}, {0x2e80, 0x303e}, {0x3041, 0xa4cf}, {0xa960, 0xa97c},
      {0xac00, 0xd7a3}, {0xf900, 0xfaff}, {0xfe30, 0xfe6f}, {0xff00, 0xff60}, {0xffe0, 0xffe6},
      {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};

/* U+2028 to U+202E and U+2066 to U+2069: they turn what follows round, or begin a line. */
static bool is_turn(const unsigned char *p, size_t left)
{
	return left >= 3 && p[0] == 0xe2 &&
	       ((p[1] == 0x80 && p[2] >= 0xa8 && p[2] <= 0xae) ||
		   (p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9));
}

static bool is_c1(const unsigned char *p, size_t left)
{
	return left >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
}

/* The next character as it may be shown, up to 4 bytes. Returns how many bytes it was. */
static size_t next_plain(const unsigned char *p, size_t left, char shown[4], size_t *len)
{
	size_t n = str_utf8_len(p, left);

	*len = 1;
	shown[0] = '?';
	if (n == 0)
		return 1;
	if (p[0] == '\t') {
		shown[0] = ' ';
	} else if (p[0] >= 0x20 && p[0] != 0x7f && !is_c1(p, left) && !is_turn(p, left)) {
		memcpy(shown, p, n);
		*len = n;
	}
	return n;
}

size_t plain_copy(char *out, size_t size, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	char shown[4];
	size_t at = 0, len;

	for (size_t i = 0; i < n;) {
		i += next_plain(p + i, n - i, shown, &len);
		if (at + len >= size) {
			if (at > size - 4)
				at = size - 4;
			/* Not in the middle of a character. */
			while (at > 0 && ((unsigned char)out[at] & 0xc0) == 0x80)
				at--;
			memcpy(out + at, "...", 3);
			at += 3;
			break;
		}
		memcpy(out + at, shown, len);
		at += len;
	}
	out[at] = '\0';
	return at;
}

/* Well-formed or not, it takes at least a byte. */
static uint32_t next_character(const char **text)
{
	const unsigned char *p = (const unsigned char *)*text;
	unsigned more = p[0] >= 0xf0 ? 3 : p[0] >= 0xe0 ? 2 : p[0] >= 0xc0 ? 1 : 0;
	uint32_t c = more > 0 ? p[0] & (0x3fu >> more) : p[0];

	for (p++; more > 0 && (*p & 0xc0) == 0x80; more--)
		c = c << 6 | (*p++ & 0x3f);
	*text = (const char *)p;
	return c;
}

static bool is_within(const struct span *spans, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++)
		if (c >= spans[i].from && c <= spans[i].to)
			return true;
	return false;
}

static size_t width(uint32_t c)
{
	if (c < 0x300)
		return 1;
	if (is_within(no_column, sizeof(no_column) / sizeof(no_column[0]), c))
		return 0;
	return is_within(two_columns, sizeof(two_columns) / sizeof(two_columns[0]), c) ? 2 : 1;
}

size_t plain_columns(const char *text)
{
	size_t n = 0;

	while (*text != '\0')
		n += width(next_character(&text));
	return n;
}

void plain_cut(char *text, size_t columns)
{
	const char *p = text;

	while (*p != '\0') {
		const char *here = p;
		size_t more = width(next_character(&p));

		if (more > columns) {
			text[here - text] = '\0';
			return;
		}
		columns -= more;
	}
}

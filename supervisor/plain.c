#include "supervisor/plain.h"

#include <stdbool.h>
#include <string.h>

static bool is_c1(const unsigned char *p, size_t left)
{
	return left >= 2 && p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
}

size_t plain_copy(char *out, size_t size, const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		if (at + 1 == size) {
			at -= 3;
			/* Not in the middle of a character. */
			while (at > 0 && ((unsigned char)out[at] & 0xc0) == 0x80)
				at--;
			memcpy(out + at, "...", 3);
			at += 3;
			break;
		}
		if (is_c1(p + i, n - i)) {
			out[at++] = '?';
			i++;
		} else if (p[i] == '\t') {
			out[at++] = ' ';
		} else {
			out[at++] = p[i] < 0x20 || p[i] == 0x7f ? '?' : (char)p[i];
		}
	}
	out[at] = '\0';
	return at;
}

size_t plain_columns(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

#include "svc-db/answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at `p`, 0 when it is broken (overlong, surrogate, cut). */
static size_t sequence(const uint8_t *p, size_t n)
{
	uint32_t c = *p;
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (len < 2)
		return len;
	if (len > n)
		return 0;
	c &= 0x7fu >> len;
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (len == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000)))
		return 0;
	return len == 4 && (c < 0x10000 || c > 0x10ffff) ? 0 : len;
}

/* What stands for a byte that cannot stand for itself; "" when it can. */
static const char *escape(uint8_t c, char room[8])
{
	switch (c) {
	case '"': return "\\\"";
	case '\\': return "\\\\";
	case '\n': return "\\n";
	case '\r': return "\\r";
	case '\t': return "\\t";
	default: break;
	}
	if (c >= 0x20)
		return "";
	snprintf(room, 8, "\\u%04x", c);
	return room;
}

int answer_string(struct buf *out, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t from = 0, at = 0;
	char room[8];
	int bad = buf_put(out, "\"", 1);

	while (bad == 0 && at < n) {
		size_t len = sequence(p + at, n - at);
		const char *instead = len == 0 ? "\xef\xbf\xbd" : escape(p[at], room);
		if (*instead == '\0') {
			at += len;
			continue;
		}
		bad |= buf_put(out, p + from, at - from) | buf_puts(out, instead);
		from = ++at;
	}
	return bad | buf_put(out, p + from, at - from) | buf_put(out, "\"", 1);
}

int answer_text(struct buf *out, const char *s)
{
	return s != NULL ? answer_string(out, s, strlen(s)) : buf_puts(out, "null");
}

static int real(struct buf *out, double v)
{
	char text[32];

	if (!isfinite(v))
		return buf_puts(out, "null");
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	return buf_puts(out, text);
}

static int base64(struct buf *out, const struct bytes *b)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	int bad = buf_put(out, "\"", 1);

	for (size_t i = 0; bad == 0 && i < b->len; i += 3) {
		size_t left = b->len - i;
		uint32_t v = (uint32_t)b->data[i] << 16;
		if (left > 1)
			v |= (uint32_t)b->data[i + 1] << 8;
		if (left > 2)
			v |= b->data[i + 2];
		const char quad[4] = {digits[v >> 18], digits[v >> 12 & 63],
		    left > 1 ? digits[v >> 6 & 63] : '=', left > 2 ? digits[v & 63] : '='};
		bad = buf_put(out, quad, 4);
	}
	return bad | buf_put(out, "\"", 1);
}

int answer_value(struct buf *out, const struct value *v)
{
	switch (v->type) {
	case VALUE_NULL: return buf_puts(out, "null");
	case VALUE_INTEGER: return buf_putf(out, "%lld", (long long)v->integer);
	case VALUE_REAL: return real(out, v->real);
	case VALUE_TEXT: return answer_string(out, v->bytes.data, v->bytes.len);
	case VALUE_BLOB: return base64(out, &v->bytes);
	}
	return -1;
}

int answer_error(struct buf *out, const char *text)
{
	return buf_puts(out, "{\"ok\":false,\"error\":") | answer_text(out, text) |
	       buf_puts(out, ANSWER_END);
}

#include "http/http_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

/* Reads one character; returns how many bytes it took, 0 when malformed. */
static size_t decode_one(const char *p, const char *end, unsigned char *c)
{
	int high, low;

	if (*p != '%') {
		*c = (unsigned char)*p;
		return 1;
	}
	if (end - p < 3)
		return 0;
	high = str_hex_digit(p[1]);
	low = str_hex_digit(p[2]);
	if (high < 0 || low < 0)
		return 0;
	*c = (unsigned char)(high * 16 + low);
	return 3;
}

char *http_text_path(const char *target)
{
	const char *end = target + strcspn(target, "?#");
	char *path, *to;
	unsigned char c;

	if (*target != '/')
		return NULL;
	to = path = xmalloc((size_t)(end - target) + 1);
	for (const char *p = target; p < end;) {
		size_t took = decode_one(p, end, &c);
		if (took == 0 || c < 0x20 || c == 0x7f) {
			free(path);
			return NULL;
		}
		*to++ = (char)c;
		p += took;
	}
	*to = '\0';
	return path;
}

static const char *entity(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&#39;";
	default: return NULL;
	}
}

int http_text_put_html(struct buf *out, const char *text)
{
	while (*text != '\0') {
		size_t plain = strcspn(text, "&<>\"'");
		if (buf_put(out, text, plain) != 0)
			return -1;
		text += plain;
		if (*text != '\0' && buf_puts(out, entity(*text++)) != 0)
			return -1;
	}
	return 0;
}

static int put_value(
    struct buf *out, const char *name, size_t n, const struct http_text_value *values)
{
	for (; values->name != NULL; values++)
		if (strlen(values->name) == n && memcmp(values->name, name, n) == 0)
			return http_text_put_html(out, values->value);
	panic("http_text", "a page asks for the unknown value %.*s", (int)n, name);
}

int http_text_put_page(
    struct buf *out, const void *page, size_t n, const struct http_text_value *values)
{
	const char *p = page, *end = p + n;

	while (p < end) {
		const char *open = memmem(p, (size_t)(end - p), "{{", 2);
		const char *close =
		    open == NULL ? NULL : memmem(open, (size_t)(end - open), "}}", 2);
		if (close == NULL)
			return buf_put(out, p, (size_t)(end - p));
		if (buf_put(out, p, (size_t)(open - p)) != 0 ||
		    put_value(out, open + 2, (size_t)(close - open - 2), values) != 0)
			return -1;
		p = close + 2;
	}
	return 0;
}

#include "supervisor/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "supervisor/plain.h"

#define TEXT_MAX (256 * 1024)

void page_init(struct page *p, bool colour)
{
	p->colour = colour;
	buf_init(&p->out, TEXT_MAX);
}

const char *page_plain(const cJSON *o, const char *name, char *out, size_t size)
{
	const char *s = json_str(o, name);

	out[0] = '\0';
	if (s != NULL)
		plain_copy(out, size, s, strlen(s));
	return out;
}

int64_t page_number(const cJSON *o, const char *name, int64_t absent)
{
	int64_t v = absent;

	json_int(o, name, 0, INT64_MAX, &v);
	return v;
}

void page_cell(struct page *p, const char *colour, const char *text, size_t width)
{
	size_t columns = plain_columns(text);

	buf_putf(&p->out, "%s%s%s", p->colour ? colour : "", text,
	    p->colour && colour[0] != '\0' ? PAGE_RESET : "");
	if (width > 0 && columns >= width)
		buf_puts(&p->out, " ");
	while (columns++ < width)
		buf_puts(&p->out, " ");
}

void page_right(struct page *p, const char *text, size_t width)
{
	size_t columns = plain_columns(text);

	buf_putf(&p->out, "%*s%s", width > columns ? (int)(width - columns) : 0, "", text);
}

void page_line(struct page *p, const char *colour, const char *text)
{
	page_cell(p, colour, text, 0);
	buf_puts(&p->out, "\n");
}

void page_wrap_on(struct page *p, const char *colour, const char *text, size_t indent)
{
	size_t at = indent;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		char *word = xstrndup(text, n);
		size_t columns = plain_columns(word);

		if (at > indent && at + 1 + columns > PAGE_WIDTH) {
			buf_putf(&p->out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			buf_puts(&p->out, " ");
			at++;
		}
		at += columns;
		page_cell(p, colour, word, 0);
		free(word);
		text += n;
		text += strspn(text, " ");
	}
	buf_puts(&p->out, "\n");
}

void page_wrap(struct page *p, const char *colour, const char *text, size_t indent)
{
	buf_putf(&p->out, "%*s", (int)indent, "");
	page_wrap_on(p, colour, text, indent);
}

void page_duration(int64_t ms, char out[PAGE_NUMBER])
{
	long long s = ms / 1000;

	if (s < 60)
		snprintf(out, PAGE_NUMBER, "%lld s", s);
	else if (s < 3600)
		snprintf(out, PAGE_NUMBER, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, PAGE_NUMBER, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(out, PAGE_NUMBER, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

void page_bytes(int64_t bytes, char out[PAGE_NUMBER])
{
	static const char *const units[] = {"kB", "MB", "GB", "TB"};
	double n = (double)bytes / 1000;
	size_t u = 0;

	if (bytes < 1000) {
		snprintf(out, PAGE_NUMBER, "%lld B", (long long)bytes);
		return;
	}
	while (n >= 999.95 && u + 1 < sizeof(units) / sizeof(units[0])) {
		n /= 1000;
		u++;
	}
	snprintf(out, PAGE_NUMBER, "%.1f %s", n, units[u]);
}

char *page_take(struct page *p)
{
	size_t n;
	char *text;

	/* What would not fit was left out; the zero always fits. */
	buf_truncate(&p->out, buf_len(&p->out) < TEXT_MAX - 1 ? buf_len(&p->out) : TEXT_MAX - 1);
	buf_put(&p->out, "", 1);
	text = (char *)buf_take(&p->out, &n);
	return text;
}

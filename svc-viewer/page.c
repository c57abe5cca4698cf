#include "svc-viewer/page.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/site.h"

#define PAGE_MAX (256 * 1024)
#define HTML     "text/html; charset=utf-8"

const struct page_file *page_find(const char *name)
{
	for (const struct page_file *f = page_files; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int put(struct buf *out, const char *name, const struct http_text_value *values)
{
	const struct page_file *f = page_find(name);

	if (f == NULL)
		panic("page", "%s is not among the embedded files", name);
	return http_text_put_page(out, f->data, f->size, values);
}

void page_answer(
    struct http_request *r, bool peer, const char *name, const struct http_text_value *values)
{
	struct buf out;

	buf_init(&out, PAGE_MAX);
	if (put(&out, "head.html", values) != 0 ||
	    (peer && put(&out, "menu_peer.html", values) != 0) ||
	    put(&out, "menu.html", values) != 0 || put(&out, name, values) != 0 ||
	    put(&out, "foot.html", values) != 0)
		http_answer_text(r, 500, "the page is too large");
	else
		http_answer(r, 200, HTML, buf_data(&out), buf_len(&out));
	buf_clear(&out);
}

void page_answer_asset(struct http_request *r, const char *name)
{
	const struct page_file *f = page_find(name);

	if (f == NULL)
		http_answer_text(r, 404, "there is nothing at this address");
	else
		http_answer_static(r, 200, site_mime(name), f->data, f->size);
}

/* --- trouble ---------------------------------------------------------------------------------- */

static int put_list(struct buf *out, const char *lines)
{
	char line[512];
	int r = buf_puts(out, "<ul>\n");

	while (*lines != '\0' && r == 0) {
		size_t n = strcspn(lines, "\n"), shown = n < sizeof(line) ? n : sizeof(line) - 1;
		memcpy(line, lines, shown);
		line[shown] = '\0';
		if (n > 0)
			r = buf_puts(out, "<li>") | http_text_put_html(out, line) |
			    buf_puts(out, "</li>\n");
		lines += n + (lines[n] == '\n');
	}
	return r | buf_puts(out, "</ul>\n");
}

static int put_trouble(struct buf *out, const struct page_trouble *t)
{
	const struct http_text_value values[] = {
	    {"title", t->title}, {"text", t->text}, {"home", t->home}, {NULL, NULL}};
	int r = put(out, "trouble.html", values);

	if (t->details[0] != '\0')
		r |= put_list(out, t->details);
	if (t->home[0] != '\0')
		r |= put(out, "trouble_home.html", values);
	return r;
}

static bool wants_html(const struct http_request *r)
{
	const char *accept = http_request_header(r, "Accept");

	return accept != NULL && strstr(accept, "text/html") != NULL;
}

void page_answer_trouble(struct http_request *r, const struct page_trouble *t)
{
	struct buf out;
	bool html = wants_html(r);

	buf_init(&out, PAGE_MAX);
	if (html && put_trouble(&out, t) != 0)
		buf_clear(&out);
	if (buf_len(&out) == 0) {
		html = false;
		buf_putf(&out, "%s\n%s%s%s%s", t->title, t->text, t->text[0] ? "\n" : "",
		    t->details, t->details[0] ? "\n" : "");
	}
	http_answer(
	    r, t->status, html ? HTML : "text/plain; charset=utf-8", buf_data(&out), buf_len(&out));
	buf_clear(&out);
}

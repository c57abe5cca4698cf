#include "svc-rendezvous/pages.h"

#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/str.h"
#include "http/http_answer.h"
#include "http/http_sse_text.h"
#include "http/http_text.h"
#include "svc-rendezvous/qr.h"
#include "svc-rendezvous/rows.h"

#define PAGE_MAX    (32 * 1024 * 1024)
#define SHOWN_PEERS 500
#define SHOWN_ROWS  2000
#define LOG_ROOM    (1024 * 1024) /* for the journal and the page's end */
#define LABEL_SHOWN 200           /* bytes of a name on the public page */
#define FRESH_MS    1000

static const struct pages_file *find(const char *name)
{
	for (const struct pages_file *f = pages_files; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

static int put_file(struct buf *out, const char *name, const struct http_text_value *values)
{
	const struct pages_file *f = find(name);

	if (f == NULL)
		panic("pages", "%s is not among the embedded files", name);
	return http_text_put_page(out, f->data, f->size, values);
}

static int put_head(struct buf *out, const char *title, const char *script, const char *class)
{
	const struct http_text_value values[] = {
	    {"title", title}, {"script", script}, {"class", class}, {NULL, NULL}};

	return put_file(out, "head.html", values);
}

static int put_foot(struct buf *out)
{
	const struct http_text_value values[] = {{"version", GOOP_VERSION}, {NULL, NULL}};

	return put_file(out, "foot.html", values);
}

static void harden(struct http_request *r)
{
	http_answer_header(r, "Content-Security-Policy",
	    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
	    "img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'");
	http_answer_header(r, "X-Content-Type-Options", "nosniff");
	http_answer_header(r, "Referrer-Policy", "no-referrer");
	http_answer_header(r, "Cache-Control", "no-cache");
}

static void answer(struct http_request *r, struct buf *out, int failed)
{
	harden(r);
	if (failed != 0)
		http_answer_text(r, 500, "the page is too large");
	else
		http_answer(r, 200, "text/html; charset=utf-8", buf_data(out), buf_len(out));
	buf_clear(out);
}

/* --- the public page -------------------------------------------------------------------------- */

static int put_url(struct buf *out, const char *url)
{
	struct buf code;
	int r;

	buf_init(&code, 1024 * 1024);
	if (qr_put_svg(&code, url) == 0) {
		r = buf_puts(out, "<li>") | buf_put(out, buf_data(&code), buf_len(&code));
	} else {
		r = buf_puts(out, "<li class=\"plain\">");
	}
	buf_clear(&code);
	r |= buf_puts(out, "<div><code>") | http_text_put_html(out, url);
	r |= buf_puts(out, "</code><br><button type=\"button\" hidden data-copy=\"");
	r |= http_text_put_html(out, url);
	return r | buf_puts(out, "\">Copy</button></div></li>\n");
}

/* Cut between characters. */
static void shorten(const char *label, char out[LABEL_SHOWN])
{
	if (str_copy(out, LABEL_SHOWN, label[0] == '\0' ? "(no name)" : label))
		return;
	for (size_t n = strlen(out); n > 0 && !str_is_utf8(out, n);)
		out[--n] = '\0';
}

static int put_peers(struct buf *out, const struct hub *hub)
{
	const struct hub_peer *p = hub_next(hub, NULL);
	char label[LABEL_SHOWN];
	int r = buf_puts(out, "<ul class=\"peers\" id=\"peers\">\n");

	for (size_t n = 0; p != NULL && n < SHOWN_PEERS && r == 0; n++, p = hub_next(hub, p)) {
		shorten(p->label, label);
		r |= buf_puts(out, "<li><b>") | http_text_put_html(out, label) |
		     buf_putf(out, "</b><code title=\"%s\">%s</code></li>\n", p->id, p->id);
	}
	r |= buf_puts(out, "</ul>\n");
	if (p != NULL)
		r |= buf_puts(out, "<noscript><p>Only the latest are shown.</p></noscript>\n");
	return r;
}

static int put_index(struct buf *out, const struct urls *urls, const struct hub *hub)
{
	static const struct http_text_value none[] = {{NULL, NULL}};
	size_t online = hub_online(hub);
	int r =
	    put_head(out, "Goop2 rendezvous", "index.js", "") | put_file(out, "intro.html", none);

	r |= buf_puts(out, "<ul class=\"urls\">\n");
	for (size_t i = 0; i < urls->count; i++)
		r |= put_url(out, urls->text[i]);
	r |= buf_putf(out,
	    "</ul>\n<h2>Online <span class=\"count\" id=\"count\">(%zu)</span></h2>\n"
	    "<p class=\"empty\" id=\"empty\"%s>Nobody is online right now.</p>\n",
	    online, online > 0 ? " hidden" : "");
	r |= put_peers(out, hub);
	r |= buf_puts(
	    out, "<p class=\"state\" id=\"state\" role=\"status\">Reload to see who came.</p>\n");
	return r | put_foot(out);
}

void pages_clear(struct pages *p)
{
	http_sse_text_drop(p->index);
	p->index = NULL;
}

void pages_answer_index(struct pages *p, struct http_request *r, const struct hub *hub, int64_t now)
{
	struct buf out;

	if (p->index == NULL ||
	    (p->index_version != hub_version(hub) && now - p->index_at >= FRESH_MS)) {
		buf_init(&out, PAGE_MAX);
		if (put_index(&out, &p->urls, hub) != 0) {
			answer(r, &out, -1);
			return;
		}
		http_sse_text_drop(p->index);
		p->index = http_sse_text_new(buf_data(&out), buf_len(&out));
		buf_clear(&out);
		p->index_version = hub_version(hub);
		p->index_at = now;
	}
	harden(r);
	http_answer_shared(r, 200, "text/html; charset=utf-8", p->index);
}

/* --- the administrator's ---------------------------------------------------------------------- */

static int put_journal(struct buf *out, const struct journal *journal)
{
	const char *line;
	int r = buf_puts(out, "<h2>Log</h2>\n<pre id=\"log\" tabindex=\"0\">");

	for (size_t i = 0; (line = journal_line(journal, i)) != NULL; i++)
		r |= http_text_put_html(out, line) | buf_puts(out, "\n");
	return r | buf_puts(out, "</pre>\n");
}

void pages_answer_admin(
    struct http_request *r, const struct hub *hub, const struct journal *journal)
{
	struct buf out;
	int failed;

	buf_init(&out, PAGE_MAX);
	failed = put_head(&out, "Goop2 rendezvous: admin", "admin.js", "wide");
	failed |= buf_putf(&out,
	    "<h1>Peers <span class=\"count\" id=\"count\">(%zu)</span></h1>\n"
	    "<p class=\"state\" id=\"state\" role=\"status\">Reload for news.</p>\n"
	    "<div class=\"table\"><table><thead><tr><th>peer_id</th><th>type</th><th>content</th>"
	    "<th>email</th><th>avatar_hash</th><th>addrs</th><th>ts</th><th>last_seen</th>"
	    "<th>bytes_sent</th><th>bytes_received</th></tr></thead><tbody id=\"rows\">\n",
	    hub_online(hub));
	rows_put_html(hub, SHOWN_ROWS, LOG_ROOM, &out);
	failed |= buf_puts(&out, "</tbody></table></div>\n");
	failed |= put_journal(&out, journal);
	failed |= put_foot(&out);
	answer(r, &out, failed);
}

static const char *mime(const char *name)
{
	return str_ends(name, ".css")  ? "text/css; charset=utf-8"
	       : str_ends(name, ".js") ? "text/javascript; charset=utf-8"
	                               : "image/svg+xml";
}

void pages_answer_asset(struct http_request *r, const char *name)
{
	const struct pages_file *f = find(name);

	if (f == NULL) {
		http_answer_text(r, 404, "there is nothing at this address");
		return;
	}
	harden(r);
	http_answer_static(r, 200, mime(name), f->data, f->size);
}

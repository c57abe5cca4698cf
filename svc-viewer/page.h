/* Pages: the embedded files of ui/, filled in, and answers that say in words what went wrong. */
#ifndef SVC_VIEWER_PAGE_H
#define SVC_VIEWER_PAGE_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http_text.h"

struct http_request;

/* One file of ui/, built into the program. */
struct page_file {
	const char *name;
	const unsigned char *data;
	size_t size;
};

/* Made at build time from ui/ by ui_embed.sh; the last has a NULL name. */
extern const struct page_file page_files[];

/* The file of that name, or NULL. */
const struct page_file *page_find(const char *name);

/* Answers with the page of that name between head.html, the menu and foot.html, all filled in with
 * `values`. The menu of a `peer` leads to its people and its database, too. */
void page_answer(
    struct http_request *r, bool peer, const char *name, const struct http_text_value *values);

/* Answers with the file itself, 404 when there is none. */
void page_answer_asset(struct http_request *r, const char *name);

/* What went wrong, for a person or a program. */
struct page_trouble {
	unsigned status;
	const char *title;   /* "This peer cannot be reached" */
	const char *text;    /* a sentence or two; may be "" */
	const char *details; /* lines, each shown as an item of a list; may be "" */
	const char *home;    /* URL of the viewer's own pages; "" for none */
};

/* Answers with a page where a browser shows it, with plain text elsewhere. */
void page_answer_trouble(struct http_request *r, const struct page_trouble *t);

#endif

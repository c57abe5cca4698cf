#include "svc-viewer/site_http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/page.h"

struct own {
	struct site_file file;
	struct site_range range;
};

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	const struct own *o = arg;
	uint64_t at = o->range.from + pos;
	ssize_t n = site_read(&o->file, at, to, max < o->range.end - at ? max : o->range.end - at);

	/* The size is promised: a file that has shrunk is broken off, never filled up. */
	return n > 0 ? n : HTTP_FAIL;
}

static void done(void *arg, struct http_request *r)
{
	struct own *o = arg;

	(void)r;
	site_close(&o->file);
	free(o);
}

/* A part has no meaning but for GET (RFC 9110, section 14.2). */
static const char *range_of(const struct http_request *r)
{
	if (strcmp(http_request_method(r), "GET") != 0 ||
	    http_request_header(r, "If-Range") != NULL)
		return NULL;
	return http_request_header(r, "Range");
}

bool site_http_file(struct http_request *r, const char *type, uint64_t size,
    struct site_range *range, http_fill_fn *filler, void *arg)
{
	enum site_range_asked asked = site_range_find(range_of(r), size, range);
	char text[80];

	http_answer_header(r, "Accept-Ranges", "bytes");
	if (asked == SITE_RANGE_OUTSIDE) {
		snprintf(text, sizeof(text), "bytes */%" PRIu64, size);
		http_answer_header(r, "Content-Range", text);
		http_answer_text(r, 416, "the file is shorter than that");
		return false;
	}
	if (asked == SITE_RANGE_PART) {
		snprintf(text, sizeof(text), "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, range->from,
		    range->end - 1, size);
		http_answer_header(r, "Content-Range", text);
	}
	http_answer_stream(
	    r, asked == SITE_RANGE_PART ? 206 : 200, type, range->end - range->from, filler, arg);
	return true;
}

void site_http_refuse(struct http_request *r, const char *error, const char *home)
{
	static const struct {
		const char *error;
		struct page_trouble trouble;
	} known[] = {
	    {"not found", {404, "Not found", "This site has no page at this address.", "", ""}},
	    {"forbidden", {403, "Forbidden", "This site does not give out this address.", "", ""}},
	    {"bad request",
		{400, "Bad request", "The peer did not understand the request.", "", ""}},
	    {"site disabled", {503, "No site", "This peer serves no site at the moment.", "", ""}},
	    {"busy", {503, "Busy", "Too many files are open. Try again in a moment.", "", ""}},
	};
	struct page_trouble t = {502, "The peer answered with an error", error, "", ""};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].error, error) == 0)
			t = known[i].trouble;
	t.home = home;
	page_answer_trouble(r, &t);
}

void site_http_answer(
    const struct site *s, struct http_request *r, const char *path, const char *home)
{
	struct own *o = xcalloc(1, sizeof(*o));
	enum site_result result = site_open(s, path, &o->file);

	http_request_on_done(r, done, o);
	if (result == SITE_OK)
		site_http_file(r, o->file.mime, o->file.size, &o->range, fill, o);
	else
		site_http_refuse(r, site_result_text(result), home);
}

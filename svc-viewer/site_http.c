#include "svc-viewer/site_http.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "http/http_answer.h"
#include "http/http_request.h"
#include "svc-viewer/page.h"

static ssize_t fill(void *arg, uint64_t pos, uint8_t *to, size_t max)
{
	const struct site_file *file = arg;
	ssize_t n = site_read(file, pos, to, max);

	/* The size is promised: a file that has shrunk is broken off, never filled up. */
	return n > 0 ? n : HTTP_FAIL;
}

static void done(void *arg, struct http_request *r)
{
	struct site_file *file = arg;

	(void)r;
	site_close(file);
	free(file);
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
	struct site_file *file = xcalloc(1, sizeof(*file));
	enum site_result result = site_open(s, path, file);

	http_request_on_done(r, done, file);
	if (result == SITE_OK)
		http_answer_stream(r, 200, file->mime, file->size, fill, file);
	else
		site_http_refuse(r, site_result_text(result), home);
}

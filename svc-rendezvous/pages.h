/* The pages for people: `/` for everybody, `/admin` for who knows the password. They can be read
 * without script; with it they are live. */
#ifndef SVC_RENDEZVOUS_PAGES_H
#define SVC_RENDEZVOUS_PAGES_H

#include <stddef.h>

#include "svc-rendezvous/hub.h"
#include "svc-rendezvous/journal.h"
#include "svc-rendezvous/urls.h"

struct http_request;
struct http_sse_text;

/* One file of ui/, built into the program. */
struct pages_file {
	const char *name;
	const unsigned char *data;
	size_t size;
};

/* Made at build time from ui/ by ui_embed.sh; the last has a NULL name. */
extern const struct pages_file pages_files[];

/* The public page is made anew when somebody came or left, and at most once a second: strangers may
 * ask for it as often as they like. */
struct pages {
	struct urls urls;
	struct http_sse_text *index; /* shared with whoever is still reading it */
	uint64_t index_version;
	int64_t index_at;
};

/* Releases what was made. */
void pages_clear(struct pages *p);
/* Answers with the public page, `now` by the clock of hub.h; with the administrator's, whose
 * password somebody else has asked for. */
void pages_answer_index(
    struct pages *p, struct http_request *r, const struct hub *hub, int64_t now);
void pages_answer_admin(
    struct http_request *r, const struct hub *hub, const struct journal *journal);

/* Style, scripts, icon: the path without its slash. 404 when there is none. */
void pages_answer_asset(struct http_request *r, const char *name);

#endif

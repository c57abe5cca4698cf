/* `links` and `streams` as people read them. */
#include <stdio.h>
#include <string.h>

#include "proto/links.h"
#include "supervisor/page.h"
#include "supervisor/show.h"

#define LINKS_HEAD "LINK                   STATE  STREAMS         QUEUED                CREDIT"
#define STREAMS_HEAD                                                                               \
	"SERVICE    PEER        PROTOCOL             DIR  STATE             IN        OUT"
#define PEER_END 8 /* of a peer id: its beginning is the same for all */

/* What this service reports of its end of the link with that one; NULL when it does not. */
static const cJSON *end_of(const cJSON *reports, enum service_id at, enum service_id with)
{
	const cJSON *row;

	cJSON_ArrayForEach (row, cJSON_GetObjectItemCaseSensitive(reports, service_name(at))) {
		const char *peer = json_str(row, "peer");

		if (peer != NULL && strcmp(peer, service_name(with)) == 0)
			return row;
	}
	return NULL;
}

static const char *short_name(enum service_id id)
{
	return service_name(id) + strlen("svc-");
}

/* Sent by one end, not yet heard by the other; the two were asked one after the other. */
static int64_t queued(const cJSON *from, const cJSON *to)
{
	int64_t n = page_number(from, "sent", 0) - page_number(to, "heard", 0);

	return from != NULL && to != NULL && n > 0 ? n : 0;
}

/* A cell of a member that is a number, or a number of bytes. */
static void number_cell(struct page *p, const cJSON *o, const char *name, size_t width)
{
	char text[PAGE_NUMBER];

	snprintf(text, sizeof(text), "%lld", (long long)page_number(o, name, 0));
	page_right(p, text, width);
}

static void bytes_cell(struct page *p, const cJSON *o, const char *name, size_t width)
{
	char text[PAGE_NUMBER];

	page_bytes(page_number(o, name, 0), text);
	page_right(p, text, width);
}

static void link_line(
    struct page *p, const struct link_place *place, const cJSON *a, const cJSON *b)
{
	bool up = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(a, "up")) &&
	          cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(b, "up"));
	char text[80], to[PAGE_NUMBER], back[PAGE_NUMBER];

	snprintf(
	    text, sizeof(text), "%s > %s", short_name(place->connects), short_name(place->binds));
	page_cell(p, PAGE_BOLD, text, 23);
	page_cell(p, up ? PAGE_GREEN : PAGE_RED, up ? "up" : "down", 6);
	number_cell(p, a, "streams", 8);
	snprintf(
	    text, sizeof(text), "%lld > %lld <", (long long)queued(a, b), (long long)queued(b, a));
	page_right(p, text, 15);
	page_bytes(page_number(a, "credit_out", 0), to);
	page_bytes(page_number(b, "credit_out", 0), back);
	snprintf(text, sizeof(text), "%s > %s <", to, back);
	page_right(p, text, 22);
	buf_puts(&p->out, "\n");
}

static void type_line(struct page *p, const cJSON *type)
{
	char name[40];

	buf_puts(&p->out, "  ");
	page_cell(p, "", page_plain(type, "message", name, sizeof(name)), 18);
	number_cell(p, type, "messages_out", 12);
	bytes_cell(p, type, "bytes_out", 11);
	buf_puts(&p->out, " >");
	number_cell(p, type, "messages_in", 14);
	bytes_cell(p, type, "bytes_in", 11);
	buf_puts(&p->out, " <\n");
}

char *show_links_text(const cJSON *reports, bool colour)
{
	struct page p;
	const cJSON *type;

	page_init(&p, colour);
	page_line(&p, PAGE_DIM, LINKS_HEAD);
	for (size_t i = 0; i < link_places(); i++) {
		const struct link_place *place = link_place(i);
		const cJSON *a = end_of(reports, place->connects, place->binds);
		const cJSON *b = end_of(reports, place->binds, place->connects);

		if (a == NULL && b == NULL)
			continue;
		link_line(&p, place, a, b);
		cJSON_ArrayForEach (type, cJSON_GetObjectItemCaseSensitive(a, "types"))
			type_line(&p, type);
	}
	return page_take(&p);
}

static void stream_line(struct page *p, const char *service, const cJSON *stream)
{
	char text[256];
	size_t n;

	page_cell(p, "", service, 11);
	page_plain(stream, "peer", text, sizeof(text));
	n = strlen(text);
	if (n > PEER_END + 2)
		memcpy(text + n - PEER_END - 2, "..", 2);
	page_cell(p, "", text + (n > PEER_END + 2 ? n - PEER_END - 2 : 0), 12);
	page_cell(p, "", page_plain(stream, "protocol", text, 21), 21);
	page_cell(p, "", page_plain(stream, "direction", text, 5), 5);
	page_cell(p, "", page_plain(stream, "state", text, 12), 12);
	bytes_cell(p, stream, "bytes_in", 8);
	bytes_cell(p, stream, "bytes_out", 11);
	buf_puts(&p->out, "\n");
}

char *show_streams_text(const cJSON *reports, bool colour)
{
	struct page p;
	const cJSON *report, *stream;
	bool any = false;

	page_init(&p, colour);
	cJSON_ArrayForEach (report, reports) {
		const char *service = report->string;

		if (service == NULL || strncmp(service, "svc-", 4) != 0)
			continue;
		cJSON_ArrayForEach (stream, report) {
			if (!any)
				page_line(&p, PAGE_DIM, STREAMS_HEAD);
			any = true;
			stream_line(&p, service + 4, stream);
		}
	}
	if (!any)
		page_line(&p, "", "No stream is open at the moment.");
	return page_take(&p);
}

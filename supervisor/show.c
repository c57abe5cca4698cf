#include "supervisor/show.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "supervisor/page.h"
#include "supervisor/plain.h"

#define INDENT 11 /* of what belongs to a service's line */
#define LABEL  14 /* columns of a peer's label */

/* "~" in front where shared pages are counted in full. */
static void size_text(const cJSON *o, char out[24])
{
	int64_t bytes = page_number(o, "memory_bytes", 0);
	const char *kind = json_str(o, "memory_kind");

	if (bytes == 0)
		str_copy(out, 24, "-");
	else
		snprintf(out, 24, "%s%.1f MB", kind != NULL && strcmp(kind, "rss") == 0 ? "~" : "",
		    (double)bytes / 1e6);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* A tab never stands inside of a string: there it is written \t. */
char *show_json_text(const cJSON *value)
{
	char *tabbed = cJSON_Print(value), *text, *to;

	if (tabbed == NULL)
		fatal("show", "out of memory");
	text = to = xmalloc(2 * strlen(tabbed) + 2);
	for (const char *p = tabbed; *p != '\0'; p++) {
		if (*p != '\t') {
			*to++ = *p;
			continue;
		}
		*to++ = ' ';
		if (p[-1] != ':')
			*to++ = ' ';
	}
	*to++ = '\n';
	*to = '\0';
	free(tabbed);
	return text;
}

/* --- status ----------------------------------------------------------------------------------- */

static void headline(struct page *p, const char *name, const char *text)
{
	if (text[0] == '\0')
		return;
	buf_putf(&p->out, "  %-9s", name);
	page_wrap_on(p, "", text, INDENT);
}

/* The parts of a text, each in a line of its own; only the first bears the name. */
static void headlines(struct page *p, const char *name, char *text, const char *between)
{
	char *end;

	for (; text != NULL; text = end, name = "") {
		end = strstr(text, between);
		if (end != NULL) {
			*end = '\0';
			end += strlen(between);
		}
		headline(p, name, text);
	}
}

static void rendezvous(struct page *p, const cJSON *status)
{
	char text[4096];

	page_plain(status, "rendezvous_urls", text, sizeof(text));
	headlines(p, "serves", text, " ");
	page_plain(status, "rendezvous", text, sizeof(text));
	headlines(p, "joins", text, "; ");
}

static void heading(struct page *p, const cJSON *status)
{
	char text[512], up[24], mem[24];
	int64_t memory = page_number(status, "memory_bytes", 0);
	const cJSON *service;
	cJSON *all = cJSON_CreateObject();

	page_plain(status, "label", text, sizeof(text));
	plain_cut(text, PAGE_WIDTH - 12);
	page_cell(p, PAGE_BOLD, text, 0);
	buf_putf(&p->out, " is %s\n", page_plain(status, "state", text, sizeof(text)));
	headline(p, "peer", page_plain(status, "peer_id", text, sizeof(text)));
	headline(p, "viewer", page_plain(status, "viewer_url", text, sizeof(text)));
	headline(p, "listens", page_plain(status, "listen", text, sizeof(text)));
	rendezvous(p, status);
	headline(p, "database", page_plain(status, "database", text, sizeof(text)));
	headline(p, "folder", page_plain(status, "folder", text, sizeof(text)));
	cJSON_ArrayForEach (service, cJSON_GetObjectItemCaseSensitive(status, "services"))
		memory += page_number(service, "memory_bytes", 0);
	cJSON_AddNumberToObject(all, "memory_bytes", (double)memory);
	size_text(all, mem);
	cJSON_Delete(all);
	page_duration(page_number(status, "uptime_ms", 0), up);
	buf_putf(&p->out, "  %-9s%s, supervisor pid %lld, %s in all\n\n", "runs", up,
	    (long long)page_number(status, "pid", 0), mem);
}

static const char *state_colour(const char *state)
{
	if (strcmp(state, "up") == 0)
		return PAGE_GREEN;
	return strcmp(state, "failed") == 0 ? PAGE_RED : PAGE_YELLOW;
}

/* Why it failed, when it is started again, and why it last died. */
static void remarks(struct page *p, const cJSON *service, const char *state)
{
	const cJSON *death =
	    cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(service, "deaths"), 0);
	char text[1024], ago[24], line[1100];

	if (page_plain(service, "reason", text, sizeof(text))[0] != '\0') {
		page_wrap(p, PAGE_RED, text, INDENT);
		snprintf(line, sizeof(line), "when it is mended: goop-supervisor restart %s",
		    page_plain(service, "name", text, sizeof(text)));
		page_wrap(p, PAGE_DIM, line, INDENT);
		return;
	}
	if (death == NULL)
		return;
	page_duration(page_number(death, "ago_ms", 0), ago);
	snprintf(line, sizeof(line), "died %s ago: %s", ago,
	    page_plain(death, "why", text, sizeof(text)));
	page_wrap(p, PAGE_DIM, line, INDENT);
	if (strcmp(state, "backoff") == 0) {
		page_duration(page_number(service, "next_start_ms", 0), ago);
		snprintf(line, sizeof(line), "starts again in %s", ago);
		page_wrap(p, PAGE_DIM, line, INDENT);
	}
}

/* The same process in an earlier status. */
static const cJSON *earlier(const cJSON *before, const cJSON *service)
{
	int64_t generation = page_number(service, "generation", 0);
	const cJSON *other;

	cJSON_ArrayForEach (other, cJSON_GetObjectItemCaseSensitive(before, "services"))
		if (generation > 0 && page_number(other, "generation", 0) == generation)
			return other;
	return NULL;
}

/* "1.25 s" since it began, or "12.5 %" since the earlier one, `ms` ago. */
static void cpu_text(const cJSON *now, const cJSON *before, int64_t ms, char out[PAGE_NUMBER])
{
	int64_t used = page_number(now, "cpu_ms", -1);

	if (used < 0)
		str_copy(out, PAGE_NUMBER, "-");
	else if (before == NULL || ms <= 0)
		snprintf(out, PAGE_NUMBER, "%.2f s", (double)used / 1000);
	else
		snprintf(out, PAGE_NUMBER, "%.1f %%",
		    100.0 * (double)(used - page_number(before, "cpu_ms", used)) / (double)ms);
}

static int64_t between(const cJSON *status, const cJSON *before)
{
	return page_number(status, "uptime_ms", 0) - page_number(before, "uptime_ms", 0);
}

/* Which walls it stands behind, which it lacks, what they have kept it from, and what it has
 * reported of a neighbour. */
static void walls(struct page *p, const cJSON *service)
{
	char text[512], line[600];

	if (page_plain(service, "walls", text, sizeof(text))[0] != '\0') {
		snprintf(line, sizeof(line), "walls: %s", text);
		page_wrap(p, PAGE_DIM, line, INDENT);
	}
	if (page_plain(service, "walls_lacking", text, sizeof(text))[0] != '\0') {
		snprintf(line, sizeof(line), "lacking: %s", text);
		page_wrap(p, PAGE_YELLOW, line, INDENT);
	}
	if (page_plain(service, "refused", text, sizeof(text))[0] != '\0') {
		snprintf(line, sizeof(line), "refused: %s", text);
		page_wrap(p, PAGE_RED, line, INDENT);
	}
	if (page_plain(service, "alarm", text, sizeof(text))[0] != '\0') {
		snprintf(line, sizeof(line), "alarm: %s", text);
		page_wrap(p, PAGE_RED, line, INDENT);
	}
}

static void service_line(struct page *p, const cJSON *service, const cJSON *before, int64_t ms)
{
	char name[40], state[16], pid[24] = "-", up[24] = "-", restarts[24], memory[24];
	char cpu[PAGE_NUMBER];
	const char *shown = page_plain(service, "name", name, sizeof(name));

	page_plain(service, "state", state, sizeof(state));
	if (page_number(service, "pid", 0) > 0)
		snprintf(pid, sizeof(pid), "%lld", (long long)page_number(service, "pid", 0));
	if (strcmp(state, "up") == 0)
		page_duration(page_number(service, "since_ms", 0), up);
	snprintf(
	    restarts, sizeof(restarts), "%lld", (long long)page_number(service, "restarts", 0));
	size_text(service, memory);
	cpu_text(service, before, ms, cpu);
	page_cell(p, "", str_starts(shown, "svc-") ? shown + 4 : shown, INDENT);
	page_cell(p, state_colour(state), state, 10);
	page_cell(p, "", pid, 9);
	page_cell(p, "", up, 15);
	page_cell(p, "", restarts, 10);
	page_cell(p, "", cpu, 10);
	buf_putf(&p->out, "%s\n", memory);
	walls(p, service);
	remarks(p, service, state);
}

char *show_status_text(const cJSON *status, const cJSON *before, bool colour)
{
	struct page p;
	const cJSON *service;

	page_init(&p, colour);
	heading(&p, status);
	page_cell(&p, PAGE_DIM,
	    "SERVICE    STATE     PID      UP             RESTARTS  CPU       MEMORY", 0);
	buf_puts(&p.out, "\n");
	cJSON_ArrayForEach (service, cJSON_GetObjectItemCaseSensitive(status, "services"))
		service_line(&p, service, earlier(before, service), between(status, before));
	return page_take(&p);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void peer_line(struct page *p, const cJSON *peer, int64_t now)
{
	char label[LABEL * 4 + 8], id[128], ago[24];
	int64_t seen = page_number(peer, "last_seen", now);

	page_plain(peer, "label", label, sizeof(label));
	plain_cut(label, LABEL);
	page_duration(now > seen ? now - seen : 0, ago);
	page_cell(p, PAGE_BOLD, label, LABEL + 2);
	page_cell(p, "", ago, 10);
	buf_putf(&p->out, "%s\n", page_plain(peer, "id", id, sizeof(id)));
}

char *show_peers_text(const cJSON *peers, bool colour)
{
	struct page p;
	int64_t now = clock_wall_ms();
	const cJSON *peer;

	page_init(&p, colour);
	if (cJSON_GetArraySize(peers) == 0) {
		buf_puts(&p.out, "Nobody is there at the moment.\n");
		return page_take(&p);
	}
	page_cell(&p, PAGE_DIM, "LABEL           SEEN      ID", 0);
	buf_puts(&p.out, "\n");
	cJSON_ArrayForEach (peer, peers)
		peer_line(&p, peer, now);
	return page_take(&p);
}

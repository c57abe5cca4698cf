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
#include "supervisor/plain.h"

#define WIDTH    80
#define INDENT   11 /* of what belongs to a service's line */
#define TEXT_MAX (256 * 1024)
#define LABEL    14 /* columns of a peer's label */

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RESET  "\033[0m"

struct page {
	struct buf out;
	bool colour;
};

/* A member that is a string, made plain; "" when there is none. */
static const char *plain(const cJSON *o, const char *name, char *out, size_t size)
{
	const char *s = json_str(o, name);

	out[0] = '\0';
	if (s != NULL)
		plain_copy(out, size, s, strlen(s));
	return out;
}

static int64_t number(const cJSON *o, const char *name, int64_t absent)
{
	int64_t v = absent;

	json_int(o, name, 0, INT64_MAX, &v);
	return v;
}

/* Text padded to `width` columns, in a colour. */
static void cell(struct page *p, const char *colour, const char *text, size_t width)
{
	size_t columns = plain_columns(text);

	buf_putf(&p->out, "%s%s%s", p->colour ? colour : "", text,
	    p->colour && colour[0] != '\0' ? RESET : "");
	if (width > 0 && columns >= width)
		buf_puts(&p->out, " ");
	while (columns++ < width)
		buf_puts(&p->out, " ");
}

/* "45 s", "3 min 12 s", "3 h 12 min", "5 d 3 h" */
static void duration(int64_t ms, char out[24])
{
	long long s = ms / 1000;

	if (s < 60)
		snprintf(out, 24, "%lld s", s);
	else if (s < 3600)
		snprintf(out, 24, "%lld min %lld s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, 24, "%lld h %lld min", s / 3600, s / 60 % 60);
	else
		snprintf(out, 24, "%lld d %lld h", s / 86400, s / 3600 % 24);
}

/* "~" in front where shared pages are counted in full. */
static void size_text(const cJSON *o, char out[24])
{
	int64_t bytes = number(o, "memory_bytes", 0);
	const char *kind = json_str(o, "memory_kind");

	if (bytes == 0)
		str_copy(out, 24, "-");
	else
		snprintf(out, 24, "%s%.1f MB", kind != NULL && strcmp(kind, "rss") == 0 ? "~" : "",
		    (double)bytes / 1e6);
}

/* Words of `text` in lines of WIDTH columns, each indented. A word that is longer stands alone. */
static void wrap(struct page *p, const char *colour, const char *text)
{
	size_t at = 0;

	while (*text != '\0') {
		size_t n = strcspn(text, " ");
		char *word = xstrndup(text, n);
		size_t columns = plain_columns(word);

		if (at > 0 && at + 1 + columns > WIDTH) {
			buf_puts(&p->out, "\n");
			at = 0;
		}
		if (at == 0)
			buf_putf(&p->out, "%*s", INDENT, "");
		else
			buf_puts(&p->out, " ");
		at = (at == 0 ? INDENT : at + 1) + columns;
		cell(p, colour, word, 0);
		free(word);
		text += n;
		text += strspn(text, " ");
	}
	buf_puts(&p->out, "\n");
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
	if (text[0] != '\0')
		buf_putf(&p->out, "  %-9s%s\n", name, text);
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

	plain(status, "rendezvous_urls", text, sizeof(text));
	headlines(p, "serves", text, " ");
	plain(status, "rendezvous", text, sizeof(text));
	headlines(p, "joins", text, "; ");
}

static void heading(struct page *p, const cJSON *status)
{
	char text[512], up[24], mem[24];
	int64_t memory = number(status, "memory_bytes", 0);
	const cJSON *service;
	cJSON *all = cJSON_CreateObject();

	cell(p, BOLD, plain(status, "label", text, sizeof(text)), 0);
	buf_putf(&p->out, " is %s\n", plain(status, "state", text, sizeof(text)));
	headline(p, "peer", plain(status, "peer_id", text, sizeof(text)));
	headline(p, "viewer", plain(status, "viewer_url", text, sizeof(text)));
	headline(p, "listens", plain(status, "listen", text, sizeof(text)));
	rendezvous(p, status);
	headline(p, "folder", plain(status, "folder", text, sizeof(text)));
	cJSON_ArrayForEach (service, cJSON_GetObjectItemCaseSensitive(status, "services"))
		memory += number(service, "memory_bytes", 0);
	cJSON_AddNumberToObject(all, "memory_bytes", (double)memory);
	size_text(all, mem);
	cJSON_Delete(all);
	duration(number(status, "uptime_ms", 0), up);
	buf_putf(&p->out, "  %-9s%s, supervisor pid %lld, %s in all\n\n", "runs", up,
	    (long long)number(status, "pid", 0), mem);
}

static const char *state_colour(const char *state)
{
	if (strcmp(state, "up") == 0)
		return GREEN;
	return strcmp(state, "failed") == 0 ? RED : YELLOW;
}

/* Why it failed, when it is started again, and why it last died. */
static void remarks(struct page *p, const cJSON *service, const char *state)
{
	const cJSON *death =
	    cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(service, "deaths"), 0);
	char text[1024], ago[24], line[1100];

	if (plain(service, "reason", text, sizeof(text))[0] != '\0') {
		wrap(p, RED, text);
		return;
	}
	if (death == NULL)
		return;
	duration(number(death, "ago_ms", 0), ago);
	snprintf(
	    line, sizeof(line), "died %s ago: %s", ago, plain(death, "why", text, sizeof(text)));
	wrap(p, DIM, line);
	if (strcmp(state, "backoff") == 0) {
		duration(number(service, "next_start_ms", 0), ago);
		snprintf(line, sizeof(line), "starts again in %s", ago);
		wrap(p, DIM, line);
	}
}

static void service_line(struct page *p, const cJSON *service)
{
	char name[40], state[16], pid[24] = "-", up[24] = "-", restarts[24], memory[24];
	const char *shown = plain(service, "name", name, sizeof(name));

	plain(service, "state", state, sizeof(state));
	if (number(service, "pid", 0) > 0)
		snprintf(pid, sizeof(pid), "%lld", (long long)number(service, "pid", 0));
	if (strcmp(state, "up") == 0)
		duration(number(service, "since_ms", 0), up);
	snprintf(restarts, sizeof(restarts), "%lld", (long long)number(service, "restarts", 0));
	size_text(service, memory);
	cell(p, "", str_starts(shown, "svc-") ? shown + 4 : shown, INDENT);
	cell(p, state_colour(state), state, 10);
	cell(p, "", pid, 9);
	cell(p, "", up, 15);
	cell(p, "", restarts, 10);
	buf_putf(&p->out, "%s\n", memory);
	remarks(p, service, state);
}

static char *take_text(struct page *p)
{
	size_t n;
	char *text;

	/* What would not fit was left out; the zero always fits. */
	buf_truncate(&p->out, buf_len(&p->out) < TEXT_MAX - 1 ? buf_len(&p->out) : TEXT_MAX - 1);
	buf_put(&p->out, "", 1);
	text = (char *)buf_take(&p->out, &n);
	return text;
}

char *show_status_text(const cJSON *status, bool colour)
{
	struct page p = {.colour = colour};
	const cJSON *service;

	buf_init(&p.out, TEXT_MAX);
	heading(&p, status);
	cell(&p, DIM, "SERVICE    STATE     PID      UP             RESTARTS  MEMORY", 0);
	buf_puts(&p.out, "\n");
	cJSON_ArrayForEach (service, cJSON_GetObjectItemCaseSensitive(status, "services"))
		service_line(&p, service);
	return take_text(&p);
}

/* --- peers ------------------------------------------------------------------------------------ */

static void peer_line(struct page *p, const cJSON *peer, int64_t now)
{
	char label[LABEL * 4 + 8], id[128], ago[24];
	int64_t seen = number(peer, "last_seen", now);

	plain(peer, "label", label, sizeof(label));
	/* Wide letters count as one column each; cut to whole characters. */
	for (size_t n = strlen(label); plain_columns(label) > LABEL && n > 0; n--)
		label[n - 1] = '\0';
	duration(now > seen ? now - seen : 0, ago);
	cell(p, BOLD, label, LABEL + 2);
	cell(p, "", ago, 10);
	buf_putf(&p->out, "%s\n", plain(peer, "id", id, sizeof(id)));
}

char *show_peers_text(const cJSON *peers, bool colour)
{
	struct page p = {.colour = colour};
	int64_t now = clock_wall_ms();
	const cJSON *peer;

	buf_init(&p.out, TEXT_MAX);
	if (cJSON_GetArraySize(peers) == 0) {
		buf_puts(&p.out, "Nobody is there at the moment.\n");
		return take_text(&p);
	}
	cell(&p, DIM, "LABEL           SEEN      ID", 0);
	buf_puts(&p.out, "\n");
	cJSON_ArrayForEach (peer, peers)
		peer_line(&p, peer, now);
	return take_text(&p);
}

#include "svc-viewer/site_line.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "base/str.h"

struct line {
	const char *p;
	size_t n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct line *l)
{
	while (l->n > 0 && is_blank(l->p[l->n - 1]))
		l->n--;
	while (l->n > 0 && is_blank(l->p[0])) {
		l->p++;
		l->n--;
	}
}

/* The first line, without its break, trimmed. */
static enum site_line cut(const uint8_t *p, size_t n, size_t max, struct line *l, size_t *used)
{
	const uint8_t *end = n == 0 ? NULL : memchr(p, '\n', n < max ? n : max);

	if (end == NULL)
		return n < max ? SITE_LINE_MORE : SITE_LINE_BAD;
	*l = (struct line){(const char *)p, (size_t)(end - p)};
	*used = l->n + 1;
	trim(l);
	return SITE_LINE_DONE;
}

static bool has_control(const struct line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if ((unsigned char)l->p[i] < 0x20 || l->p[i] == 0x7f)
			return true;
	return false;
}

static bool is_printable(const struct line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->p[i] < 0x20 || l->p[i] > 0x7e)
			return false;
	return l->n > 0;
}

static bool take_word(struct line *l, const char *word)
{
	size_t n = strlen(word);

	if (l->n < n || memcmp(l->p, word, n) != 0 || (l->n > n && l->p[n] != ' '))
		return false;
	l->p += n;
	l->n -= n;
	trim(l);
	return true;
}

static void copy(char *to, const struct line *l)
{
	memcpy(to, l->p, l->n);
	to[l->n] = '\0';
}

enum site_line site_line_request(const uint8_t *p, size_t n, char *path)
{
	struct line l;
	size_t used;
	enum site_line found = cut(p, n, SITE_LINE_REQUEST_MAX, &l, &used);

	if (found != SITE_LINE_DONE)
		return found;
	if (!take_word(&l, "GET") || has_control(&l))
		return SITE_LINE_BAD;
	copy(path, &l);
	return SITE_LINE_DONE;
}

char *site_line_ask(const char *path)
{
	if (strlen(path) + strlen("GET \n") > SITE_LINE_REQUEST_MAX || strchr(path, '\n') != NULL)
		return NULL;
	return xasprintf("GET %s\n", path);
}

/* The end of a token (RFC 9110, section 5.6.2) at `p`. */
static const char *token_end(const char *p, const char *end)
{
	while (p < end && (isalnum((unsigned char)*p) || strchr("!#$%&'*+-.^_`|~", *p) != NULL))
		p++;
	return p;
}

/* Is it one media type whose content is what was asked for and nothing else? What a peer says of
 * its files counts like the word of any web server: a page of its own origin is held by that origin
 * and the policy in our headers. The parts of multipart/... and message/... bring headers of their
 * own, though, which browsers have put in the place of ours; and of a list, which a comma begins,
 * browsers take the last (https://mimesniff.spec.whatwg.org). */
static bool is_plain_type(const struct line *l)
{
	const char *end = l->p + l->n, *slash = token_end(l->p, end), *type_end;

	if (slash == l->p || slash == end || *slash != '/')
		return false;
	type_end = token_end(slash + 1, end);
	if (type_end == slash + 1 || (type_end < end && strchr("; ", *type_end) == NULL))
		return false;
	return memchr(l->p, ',', l->n) == NULL && strncasecmp(l->p, "multipart/", 10) != 0 &&
	       strncasecmp(l->p, "message/", 8) != 0;
}

/* "<mime> <size>": the size is the last word. */
static enum site_line parse_ok(struct line l, struct site_line_answer *out)
{
	const char *space = memrchr(l.p, ' ', l.n);
	char digits[24];
	struct line size, mime;

	if (space == NULL)
		return SITE_LINE_BAD;
	size = (struct line){space + 1, l.n - (size_t)(space + 1 - l.p)};
	mime = (struct line){l.p, (size_t)(space - l.p)};
	trim(&mime);
	if (size.n >= sizeof(digits))
		return SITE_LINE_BAD;
	copy(digits, &size);
	if (!str_to_u64(digits, 0, INT64_MAX, &out->size))
		return SITE_LINE_BAD;
	if (is_printable(&mime) && is_plain_type(&mime))
		copy(out->text, &mime);
	else
		strcpy(out->text, "application/octet-stream");
	return SITE_LINE_DONE;
}

enum site_line site_line_answer(
    const uint8_t *p, size_t n, struct site_line_answer *out, size_t *used)
{
	struct line l;
	enum site_line found = cut(p, n, SITE_LINE_ANSWER_MAX, &l, used);

	*out = (struct site_line_answer){0};
	if (found != SITE_LINE_DONE)
		return found;
	out->ok = take_word(&l, "OK");
	if (out->ok)
		return parse_ok(l, out);
	if (!take_word(&l, "ERR") || has_control(&l))
		return SITE_LINE_BAD;
	copy(out->text, &l);
	return SITE_LINE_DONE;
}

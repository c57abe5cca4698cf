#include "svc-db/expression.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

enum token_type { TOKEN_END, TOKEN_WORD, TOKEN_QUOTED, TOKEN_SIGN };

struct token {
	enum token_type type;
	const char *text;
	size_t len;
};

struct scan {
	const char *at;
	const char *why;
	unsigned depth; /* open parentheses */
	/* The last "AS" outside parentheses, and how many tokens followed it. */
	const char *as;
	unsigned after_as;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}

/* SQLite takes a byte order mark at the beginning of a token for white space, so that what looks
 * like the name "\ufeffselect" is a keyword to it. Within a name it is a part of the name. */
static bool is_mark(const char *p)
{
	return strncmp(p, "\xef\xbb\xbf", 3) == 0;
}

/* As SQLite sees it: every byte of a multi-byte character may be part of a name. */
static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || (unsigned char)c >= 0x80;
}

/* The end of what the quote at `p` opens; NULL when nothing closes it. */
static const char *quoted_end(const char *p)
{
	char close = *p == '[' ? ']' : *p;

	for (p++; *p != '\0'; p++) {
		if (*p != close)
			continue;
		if (close == ']' || p[1] != close)
			return p + 1;
		p++;
	}
	return NULL;
}

static struct token quoted(struct scan *s)
{
	struct token t = {TOKEN_QUOTED, s->at, 0};
	const char *end = quoted_end(s->at);

	if (end == NULL) {
		s->why = "unfinished quote";
		return (struct token){TOKEN_END, s->at, 0};
	}
	t.len = (size_t)(end - s->at);
	s->at = end;
	return t;
}

static const char *sign_refusal(const char *p)
{
	if (is_mark(p))
		return "byte order marks are not allowed";
	if ((p[0] == '-' && p[1] == '-') || (p[0] == '/' && p[1] == '*'))
		return "comments are not allowed";
	switch (*p) {
	case ';': return "one expression only";
	case '$':
	case '@':
	case '#':
	case ':': return "named parameters are not allowed: use ?";
	case '?':
		return p[1] >= '0' && p[1] <= '9' ? "numbered parameters are not allowed: use ?"
		                                  : NULL;
	default: return NULL;
	}
}

static struct token next(struct scan *s)
{
	struct token t = {TOKEN_END, s->at, 0};

	while (is_space(*s->at))
		s->at++;
	t.text = s->at;
	if (*s->at == '\0')
		return t;
	if (strchr("'\"`[", *s->at) != NULL)
		return quoted(s);
	if (is_word(*s->at) && !is_mark(s->at)) {
		while (is_word(*s->at))
			s->at++;
		t.type = TOKEN_WORD;
	} else {
		s->why = sign_refusal(s->at);
		if (s->why != NULL)
			return t;
		s->at++;
		t.type = TOKEN_SIGN;
	}
	t.len = (size_t)(s->at - t.text);
	return t;
}

static bool is(const struct token *t, const char *word)
{
	return t->type == TOKEN_WORD && t->len == strlen(word) &&
	       strncasecmp(t->text, word, t->len) == 0;
}

static bool is_sign(const struct token *t, char c)
{
	return t->type == TOKEN_SIGN && *t->text == c;
}

static void parentheses(struct scan *s, const struct token *t)
{
	if (is_sign(t, '('))
		s->depth++;
	else if (is_sign(t, ')') && s->depth-- == 0)
		s->why = "unbalanced parentheses";
	else if (is_sign(t, ',') && s->depth == 0)
		s->why = "one expression only";
}

/* "x IN y" reads the table y as surely as a sub-select does. */
static void plain(struct scan *s, const struct token *before, const struct token *t)
{
	if (is(t, "SELECT") || is(t, "VALUES"))
		s->why = "sub-selects are not allowed";
	else if (is(before, "IN") && !is_sign(t, '('))
		s->why = "IN takes a list in parentheses";
}

static void note_alias(struct scan *s, const struct token *t)
{
	if (s->as != NULL)
		s->after_as++;
	if (s->depth == 0 && is(t, "AS")) {
		s->as = t->text;
		s->after_as = 0;
	}
}

/* Cuts "AS name" off; `last` is the last token. */
static const char *take_alias(struct expression *e, const struct scan *s, const struct token *last)
{
	if (s->as == NULL)
		return NULL;
	if (s->after_as != 1 || last->type == TOKEN_SIGN || *last->text == '\'')
		return "AS takes one name";
	e->alias = last->text;
	e->alias_len = last->len;
	if (last->type == TOKEN_QUOTED) {
		e->alias++;
		e->alias_len -= 2;
	}
	e->len = (size_t)(s->as - e->text);
	while (e->len > 0 && is_space(e->text[e->len - 1]))
		e->len--;
	return NULL;
}

const char *expression_check(const char *text, unsigned flags, struct expression *e)
{
	struct scan s = {.at = text};
	struct token t, before = {TOKEN_END, text, 0};

	memset(e, 0, sizeof *e);
	if (strlen(text) > EXPRESSION_MAX)
		return "expression too long";
	while (is_space(*s.at))
		s.at++;
	e->text = s.at;
	before.text = s.at;
	while (s.why == NULL && (t = next(&s)).type != TOKEN_END) {
		parentheses(&s, &t);
		if (flags & EXPRESSION_PLAIN)
			plain(&s, &before, &t);
		note_alias(&s, &t);
		before = t;
	}
	if (s.why != NULL)
		return s.why;
	if (s.depth != 0)
		return "unbalanced parentheses";
	e->len = (size_t)(before.text + before.len - e->text);
	if (flags & EXPRESSION_ALIAS) {
		const char *why = take_alias(e, &s, &before);
		if (why != NULL)
			return why;
	}
	return e->len == 0 ? "empty expression" : NULL;
}

/* LIKE, instr(), replace() and trim() of SQLite take time in proportion to the product of their
 * arguments' sizes, in one instruction, where no time limit reaches them. These do the same in
 * linear time, look at the clock as they go, or (trim) take no more characters than fit.
 * Source for what they answer: https://sqlite.org/lang_corefunc.html */
#include <string.h>

#include "svc-db/store_int.h"

/* Comparisons between two looks at the clock. */
#define LOOK_EVERY 65536

/* Bytes that may be given to be trimmed. */
#define TRIM_MAX 64

struct text {
	const uint8_t *p;
	size_t n;
};

/* False when an argument is NULL: then so is the result. */
static bool texts(sqlite3_value **args, int count, struct text *out)
{
	for (int i = 0; i < count; i++) {
		out[i].p = sqlite3_value_text(args[i]);
		if (out[i].p == NULL)
			return false;
		out[i].n = (size_t)sqlite3_value_bytes(args[i]);
	}
	return true;
}

/* --- LIKE --- */

struct match {
	struct text pattern, subject;
	uint32_t escape; /* 0: none */
	struct guard *guard;
	unsigned looks;
};

/* Code point at *at, and moves behind it. Broken sequences count byte by byte. */
static uint32_t character(const struct text *t, size_t *at)
{
	uint32_t c = t->p[(*at)++];
	unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (more == 0)
		return c;
	c &= 0x3fu >> more;
	while (more-- > 0 && *at < t->n && (t->p[*at] & 0xc0) == 0x80)
		c = c << 6 | (t->p[(*at)++] & 0x3f);
	return c;
}

static uint32_t fold(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* One step of the pattern against one character. */
static bool matches_one(const struct match *m, size_t *pattern_at, uint32_t c)
{
	uint32_t p = character(&m->pattern, pattern_at);

	if (m->escape != 0 && p == m->escape) {
		if (*pattern_at >= m->pattern.n)
			return false;
		p = character(&m->pattern, pattern_at);
	} else if (p == '_') {
		return true;
	}
	return fold(p) == fold(c);
}

static bool at_percent(const struct match *m, size_t at)
{
	return at < m->pattern.n && m->pattern.p[at] == '%' && m->escape != '%';
}

/* Greedy: only the last % is ever tried again. 1, 0, or -1 when the time is over. */
static int like(struct match *m)
{
	size_t p = 0, s = 0, back_p = SIZE_MAX, back_s = 0;

	while (s < m->subject.n) {
		size_t next_p = p, next_s = s;
		if (++m->looks % LOOK_EVERY == 0 && guard_late(m->guard))
			return -1;
		if (at_percent(m, p)) {
			back_p = ++p;
			back_s = s;
			continue;
		}
		if (p < m->pattern.n && matches_one(m, &next_p, character(&m->subject, &next_s))) {
			p = next_p;
			s = next_s;
			continue;
		}
		if (back_p == SIZE_MAX)
			return 0;
		character(&m->subject, &back_s);
		p = back_p;
		s = back_s;
	}
	while (at_percent(m, p))
		p++;
	return p == m->pattern.n;
}

static void too_late(sqlite3_context *ctx)
{
	sqlite3_result_error_code(ctx, SQLITE_INTERRUPT);
}

/* "x LIKE y ESCAPE z" is like(y, x, z). */
static void fn_like(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct match m = {.guard = sqlite3_user_data(ctx)};
	struct text t[3];
	size_t at = 0;
	int result;

	/* As Debian's SQLite is built: a blob is like nothing. */
	if (sqlite3_value_type(argv[0]) == SQLITE_BLOB ||
	    sqlite3_value_type(argv[1]) == SQLITE_BLOB) {
		sqlite3_result_int(ctx, 0);
		return;
	}
	if (argc == 3) {
		if (!texts(argv + 2, 1, t + 2))
			return;
		if (t[2].n > 0)
			m.escape = character(&t[2], &at);
		if (at == 0 || at != t[2].n) {
			sqlite3_result_error(
			    ctx, "ESCAPE expression must be a single character", -1);
			return;
		}
	}
	if (!texts(argv, 2, t))
		return;
	m.pattern = t[0];
	m.subject = t[1];
	result = like(&m);
	if (result < 0)
		too_late(ctx);
	else
		sqlite3_result_int(ctx, result);
}

/* --- instr and replace --- */

static const uint8_t *find(const struct text *in, size_t from, const struct text *what)
{
	return memmem(in->p + from, in->n - from, what->p, what->n);
}

/* Position from 1, in characters of a text, in bytes of a blob. */
static void fn_instr(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	bool blobs = sqlite3_value_type(argv[0]) == SQLITE_BLOB &&
	             sqlite3_value_type(argv[1]) == SQLITE_BLOB;
	struct text t[2];
	const uint8_t *at;
	int64_t position = 1;

	if (!texts(argv, argc, t)) {
		/* An empty blob has no text either. */
		if (blobs)
			sqlite3_result_int(ctx, sqlite3_value_bytes(argv[1]) == 0);
		return;
	}
	at = find(&t[0], 0, &t[1]);
	if (at == NULL) {
		sqlite3_result_int(ctx, 0);
		return;
	}
	for (const uint8_t *p = t[0].p; p < at; p++)
		position += blobs || (*p & 0xc0) != 0x80;
	sqlite3_result_int64(ctx, position);
}

static size_t count_of(const struct text *in, const struct text *what)
{
	const uint8_t *p;
	size_t n = 0;

	for (size_t at = 0; (p = find(in, at, what)) != NULL; n++)
		at = (size_t)(p - in->p) + what->n;
	return n;
}

static void fn_replace(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	struct text t[3] = {{NULL, 0}};
	const uint8_t *p;
	uint8_t *out;
	size_t at = 0, n = 0, size, found;

	if (!texts(argv, 2, t))
		return;
	if (t[1].n == 0) {
		sqlite3_result_value(ctx, argv[0]);
		return;
	}
	if (!texts(argv + 2, argc - 2, t + 2))
		return;
	found = count_of(&t[0], &t[1]);
	size = t[0].n - found * t[1].n;
	if (t[2].n > 0 &&
	    found > (size_t)sqlite3_limit(sqlite3_context_db_handle(ctx), SQLITE_LIMIT_LENGTH, -1) /
			t[2].n) {
		sqlite3_result_error_toobig(ctx);
		return;
	}
	size += found * t[2].n;
	/* SQLite's memory, so that it counts for the query. */
	out = sqlite3_malloc64(size + 1);
	if (out == NULL) {
		sqlite3_result_error_nomem(ctx);
		return;
	}
	while ((p = find(&t[0], at, &t[1])) != NULL) {
		size_t before = (size_t)(p - t[0].p) - at;
		memcpy(out + n, t[0].p + at, before);
		memcpy(out + n + before, t[2].p, t[2].n);
		n += before + t[2].n;
		at += before + t[1].n;
	}
	memcpy(out + n, t[0].p + at, t[0].n - at);
	sqlite3_result_text64(ctx, (char *)out, size, sqlite3_free, SQLITE_UTF8);
}

/* --- trim of more than blanks --- */

enum { TRIM_LEFT = 1, TRIM_RIGHT = 2 };

/* The length of what the characters of the set `what` have at one end of `in`; 0 for nothing. */
static size_t at_end(const struct text *in, const struct text *what, bool right)
{
	size_t at = 0, from, n;

	while (at < what->n) {
		from = at;
		character(what, &at);
		n = at - from;
		if (n <= in->n && memcmp(right ? in->p + in->n - n : in->p, what->p + from, n) == 0)
			return n;
	}
	return 0;
}

/* Cuts off what is at one end; false when the time is over. */
static bool cut(struct guard *g, struct text *in, const struct text *what, bool right)
{
	size_t n;

	for (unsigned i = 1; (n = at_end(in, what, right)) > 0; i++) {
		if (i % (LOOK_EVERY / TRIM_MAX) == 0 && guard_late(g))
			return false;
		in->n -= n;
		if (!right)
			in->p += n;
	}
	return true;
}

static void trim(sqlite3_context *ctx, sqlite3_value **argv, unsigned ends)
{
	struct guard *g = sqlite3_user_data(ctx);
	struct text t[2] = {{NULL, 0}};

	if (!texts(argv, 2, t))
		return;
	if (t[1].n > TRIM_MAX)
		sqlite3_result_error(ctx, "trim: too many characters", -1);
	else if (((ends & TRIM_LEFT) && !cut(g, &t[0], &t[1], false)) ||
		 ((ends & TRIM_RIGHT) && !cut(g, &t[0], &t[1], true)))
		too_late(ctx);
	else
		sqlite3_result_text64(
		    ctx, (const char *)t[0].p, t[0].n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void fn_trim(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	trim(ctx, argv, TRIM_LEFT | TRIM_RIGHT);
}

static void fn_ltrim(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	trim(ctx, argv, TRIM_LEFT);
}

static void fn_rtrim(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	(void)argc;
	trim(ctx, argv, TRIM_RIGHT);
}

int functions_attach(struct guard *g, sqlite3 *db)
{
	static const struct {
		const char *name;
		int args;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} list[] = {{"like", 2, fn_like}, {"like", 3, fn_like}, {"instr", 2, fn_instr},
	    {"replace", 3, fn_replace}, {"trim", 2, fn_trim}, {"ltrim", 2, fn_ltrim},
	    {"rtrim", 2, fn_rtrim}};
	const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;

	for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
		int rc = sqlite3_create_function_v2(
		    db, list[i].name, list[i].args, flags, g, list[i].fn, NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}

/* What a query may touch. The engine itself asks here while it compiles a statement, so it does not
 * matter by which trick of the language something is reached.
 *
 * An untrusted query reads its table through one name that is made up anew for each query and that
 * nobody can guess (see store_query.c): columns of the table are open when they are read under
 * that name, closed when the table is named in any other way. So the filter on the rows' owner,
 * which stands behind that name, cannot be gone round.
 * Source: https://sqlite.org/c3ref/set_authorizer.html, https://sqlite.org/security.html */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "svc-db/store_int.h"

/* Ours: the rows with their filter, and what is made of them. */
#define SELECTS_MAX   2
#define FUNCTIONS_MAX 64

/* Virtual machine instructions between two looks at the clock. */
#define PROGRESS_STEPS 50

/* Memory of one query of a stranger. All that may be under way together (STORE_READERS less
 * STORE_READERS_OWNER) leave the rest of the heap to the owner's, and these leave a part to writes,
 * which need little: dirty pages go to the disk when the cache is full. */
#define MEMORY_UNTRUSTED (8 * 1024 * 1024)
#define MEMORY_WRITES    (24 * 1024 * 1024)
_Static_assert(
    (STORE_READERS - STORE_READERS_OWNER) * MEMORY_UNTRUSTED + MEMORY_WRITES < STORE_HEAP * 3 / 4,
    "strangers' queries leave nothing to the owner");

#define LENGTH_TRUSTED   (16 * 1024 * 1024)
#define LENGTH_UNTRUSTED (4 * 1024 * 1024)

/* No side effects, no randomness, no way to more memory than the length limit, and work that grows
 * no faster than the size of what goes in (or watched: store_functions.c). */
static const char *const harmless[] = {"abs", "avg", "ceil", "ceiling", "char", "coalesce", "count",
    "date", "datetime", "floor", "group_concat", "hex", "ifnull", "iif", "instr", "julianday",
    "length", "like", "lower", "ltrim", "max", "min", "mod", "nullif", "pow", "power", "replace",
    "round", "rtrim", "sign", "sqrt", "strftime", "substr", "substring", "sum", "time", "total",
    "trim", "trunc", "typeof", "unicode", "unixepoch", "upper"};

static int verdict(bool ok)
{
	return ok ? SQLITE_OK : SQLITE_DENY;
}

static bool same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

static bool is_harmless(const char *name)
{
	for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
		if (same(name, harmless[i]))
			return true;
	return false;
}

static int trusted_may(int action, const char *name)
{
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE: return SQLITE_OK;
	case SQLITE_FUNCTION: return verdict(!same(name, "load_extension"));
	default: return SQLITE_DENY;
	}
}

static int may(
    void *arg, int action, const char *a, const char *b, const char *database, const char *through)
{
	struct guard *g = arg;

	if (g->trusted)
		return trusted_may(action, b);
	switch (action) {
	case SQLITE_SELECT: return verdict(++g->selects <= SELECTS_MAX);
	case SQLITE_FUNCTION: return verdict(++g->functions <= FUNCTIONS_MAX && is_harmless(b));
	case SQLITE_READ:
		/* A source of which no column is used, as in count(*), is asked for by name; the
		 * row's number is no column. Behind a filter on the owner there is always one. */
		if (*b == '\0' && (same(a, g->token) || (g->all_rows && same(a, g->table))))
			return SQLITE_OK;
		return verdict(
		    same(a, g->table) && same(database, "main") && same(through, g->token));
	default: return SQLITE_DENY;
	}
}

bool guard_late(struct guard *g)
{
	if (clock_mono_us() > g->deadline)
		g->late = true;
	return g->late;
}

static int progress(void *arg)
{
	return guard_late(arg);
}

/* Raising the hard limit leaves the soft one, which went down with it, where it is. */
static void limit_heap(int64_t bytes)
{
	sqlite3_hard_heap_limit64(bytes);
	sqlite3_soft_heap_limit64(bytes);
}

void guard_start(struct guard *g, uint64_t us)
{
	int64_t most = STORE_HEAP - MEMORY_WRITES, own;

	g->before = sqlite3_memory_used();
	own = g->before + MEMORY_UNTRUSTED - g->held;
	limit_heap(!g->trusted && own < most ? own : most);
	g->deadline = clock_mono_us() + us;
	g->late = false;
	/* A change of the schema makes SQLite compile the statement again. */
	g->selects = 0;
	g->functions = 0;
}

void guard_stop(struct guard *g)
{
	g->held += sqlite3_memory_used() - g->before;
	limit_heap(STORE_HEAP);
}

void guard_begin(struct guard *g, sqlite3 *db, bool trusted, const char *table, bool all_rows)
{
	uint8_t random[16];

	if (getrandom(random, sizeof random, 0) != sizeof random)
		fatal("store", "no random bytes");
	g->token[0] = 'r';
	str_to_hex(random, sizeof random, g->token + 1);
	g->trusted = trusted;
	g->table = table;
	g->all_rows = all_rows;
	g->held = 0;
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, trusted ? LENGTH_TRUSTED : LENGTH_UNTRUSTED);
	sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, trusted ? 1000 : 300);
	sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, trusted ? 500 : 2);
	sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, trusted ? 250000 : 50000);
	sqlite3_limit(db, SQLITE_LIMIT_FUNCTION_ARG, trusted ? 127 : 32);
	sqlite3_limit(db, SQLITE_LIMIT_VARIABLE_NUMBER, trusted ? 32766 : 4096);
}

int guard_attach(struct guard *g, sqlite3 *db)
{
	int rc = sqlite3_set_authorizer(db, may, g);

	if (rc != SQLITE_OK)
		return rc;
	sqlite3_progress_handler(db, PROGRESS_STEPS, progress, g);
	sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 512 * 1024);
	sqlite3_limit(db, SQLITE_LIMIT_TRIGGER_DEPTH, 1);
	return functions_attach(g, db);
}

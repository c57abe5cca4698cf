#include "svc-db/work.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/map.h"
#include "svc-db/answer.h"

TAILQ_HEAD(job_list, job);

struct job {
	TAILQ_ENTRY(job) entry;
	struct job_list *list; /* the one it is in */
	struct lane *lane;     /* NULL for writes */
	struct data_call *call;
	struct buf *out;
	const struct job_events *events;
	void *arg;
	bool open;              /* counts as under way in its lane */
	size_t produced;        /* bytes of answer since then: */
	uint64_t stalled_since; /* when it came into `stalled` with a chunk of answer read before */
};

/* The queries of one caller. */
struct lane {
	TAILQ_ENTRY(lane) entry;
	struct work *work;
	char *name;
	struct job_list waiting, running, stalled;
	size_t open;
	uint64_t blocked_until; /* the database was taken */
};

struct work {
	struct store *st;
	struct job_list writes;
	struct job_list batch;  /* in the transaction under way, or about to hear how it ended */
	size_t alone;           /* writes to run in transactions of their own */
	uint64_t blocked_until; /* for writes */
	TAILQ_HEAD(, lane) lanes;
	struct map *lanes_by_name;
	uint64_t now;
	struct work_count count;
};

/* --- jobs and lanes --- */

static void move(struct job *j, struct job_list *to)
{
	if (j->list != NULL)
		TAILQ_REMOVE(j->list, j, entry);
	j->list = to;
	if (to != NULL)
		TAILQ_INSERT_TAIL(to, j, entry);
}

static struct lane *lane_get(struct work *w, const char *name)
{
	struct lane *lane = map_gets(w->lanes_by_name, name);

	if (lane != NULL)
		return lane;
	lane = xcalloc(1, sizeof *lane);
	lane->work = w;
	lane->name = xstrdup(name);
	TAILQ_INIT(&lane->waiting);
	TAILQ_INIT(&lane->running);
	TAILQ_INIT(&lane->stalled);
	TAILQ_INSERT_TAIL(&w->lanes, lane, entry);
	map_sets(w->lanes_by_name, name, lane);
	return lane;
}

static void lane_drop_if_empty(struct lane *lane)
{
	if (!TAILQ_EMPTY(&lane->waiting) || !TAILQ_EMPTY(&lane->running) ||
	    !TAILQ_EMPTY(&lane->stalled))
		return;
	TAILQ_REMOVE(&lane->work->lanes, lane, entry);
	map_removes(lane->work->lanes_by_name, lane->name);
	free(lane->name);
	free(lane);
}

static void job_free(struct job *j)
{
	struct lane *lane = j->lane;

	move(j, NULL);
	data_call_free(j->call);
	if (lane != NULL) {
		lane->open -= j->open;
		lane_drop_if_empty(lane);
	}
	free(j);
}

struct work *work_new(struct store *st)
{
	struct work *w = xcalloc(1, sizeof *w);

	w->st = st;
	w->lanes_by_name = map_new();
	TAILQ_INIT(&w->writes);
	TAILQ_INIT(&w->batch);
	TAILQ_INIT(&w->lanes);
	return w;
}

void work_free(struct work *w)
{
	if (w == NULL)
		return;
	map_free(w->lanes_by_name);
	free(w);
}

struct job *work_add(struct work *w, struct data_call *call, const char *lane, struct buf *out,
    const struct job_events *events, void *arg)
{
	struct job *j = xcalloc(1, sizeof *j);

	j->call = call;
	j->out = out;
	j->events = events;
	j->arg = arg;
	if (data_call_kind(call) != DATA_READ) {
		move(j, &w->writes);
		return j;
	}
	j->lane = lane_get(w, lane);
	move(j, &j->lane->waiting);
	return j;
}

void job_cancel(struct job *j)
{
	if (j != NULL)
		job_free(j);
}

void job_resume(struct job *j)
{
	if (j->lane != NULL && j->list == &j->lane->stalled)
		move(j, &j->lane->running);
}

struct work_count work_counted(const struct work *w)
{
	return w->count;
}

/* The job goes first: whoever hears of its end may free what it was lent. */
static void finish(struct job *j)
{
	void (*done)(void *) = j->events->done;
	void *arg = j->arg;

	job_free(j);
	done(arg);
}

static void break_off(struct job *j, const char *why)
{
	void (*broken)(void *, const char *) = j->events->broken;
	void *arg = j->arg;
	char *text = xstrdup(why);

	job_free(j);
	broken(arg, text);
	free(text);
}

/* --- writes --- */

static void answer_lost(struct work *w, struct job *j, const char *why)
{
	buf_truncate(j->out, 0);
	answer_error(j->out, why);
	w->count.lost++;
}

/* Tells all in the batch; `why` when their transaction failed. */
static void finish_batch(struct work *w, const char *why)
{
	char *text = why != NULL ? xstrdup(why) : NULL;
	struct job *j;

	while ((j = TAILQ_FIRST(&w->batch)) != NULL) {
		if (text != NULL)
			answer_lost(w, j, text);
		else if (data_call_kind(j->call) == DATA_ALTER)
			w->count.alters++;
		finish(j);
	}
	free(text);
}

/* One request took the transaction with it (a trigger may do that, or a constraint with ON CONFLICT
 * ROLLBACK). It is told; the others are done over, each by itself. */
static void retry_others(struct work *w, struct job *culprit)
{
	struct job *j;

	store_rollback(w->st);
	answer_lost(w, culprit, data_call_why(culprit->call));
	while ((j = TAILQ_LAST(&w->batch, job_list)) != NULL) {
		if (j == culprit) {
			move(j, NULL);
			continue;
		}
		buf_truncate(j->out, 0);
		TAILQ_REMOVE(&w->batch, j, entry);
		TAILQ_INSERT_HEAD(&w->writes, j, entry);
		j->list = &w->writes;
		w->alone++;
	}
	finish(culprit);
}

static void commit(struct work *w, size_t n)
{
	if (store_commit(w->st) != STORE_OK) {
		finish_batch(w, store_why(w->st));
		return;
	}
	w->count.commits++;
	w->count.writes += n;
	if (n > w->count.largest)
		w->count.largest = n;
	finish_batch(w, NULL);
}

/* May this write come into a transaction that holds `n`? */
static bool joins(const struct job *j, size_t n, uint64_t until)
{
	return data_call_kind(j->call) == DATA_WRITE && n < WORK_BATCH && clock_mono_us() < until;
}

static void run_batch(struct work *w)
{
	uint64_t until = clock_mono_us() + WORK_BATCH_US;
	bool alone = w->alone > 0;
	struct job *j;
	size_t n = 0;

	w->alone -= alone;
	while (
	    (j = TAILQ_FIRST(&w->writes)) != NULL && (n == 0 || (!alone && joins(j, n, until)))) {
		alone = alone || data_call_kind(j->call) == DATA_ALTER;
		move(j, &w->batch);
		n++;
		if (data_call_run(j->call, w->st, j->out) == DATA_LOST) {
			retry_others(w, j);
			return;
		}
	}
	commit(w, n);
}

static void fail_writes(struct work *w)
{
	struct job *j;

	while ((j = TAILQ_FIRST(&w->writes)) != NULL)
		move(j, &w->batch);
	finish_batch(w, store_why(w->st));
}

static void run_writes(struct work *w)
{
	if (TAILQ_EMPTY(&w->writes) || w->now < w->blocked_until)
		return;
	switch (store_begin(w->st)) {
	case STORE_OK: run_batch(w); break;
	case STORE_BUSY: w->blocked_until = w->now + WORK_RETRY_MS; break;
	default: fail_writes(w); break;
	}
}

/* --- queries --- */

static bool may_start(const struct lane *lane, uint64_t now)
{
	return !TAILQ_EMPTY(&lane->waiting) && lane->open < WORK_OPEN && now >= lane->blocked_until;
}

static struct lane *next_lane(struct work *w)
{
	struct lane *lane;

	TAILQ_FOREACH (lane, &w->lanes, entry)
		if (!TAILQ_EMPTY(&lane->running) || may_start(lane, w->now))
			break;
	if (lane != NULL) {
		TAILQ_REMOVE(&w->lanes, lane, entry);
		TAILQ_INSERT_TAIL(&w->lanes, lane, entry);
	}
	return lane;
}

/* The query that has been stalled the longest; the owner's are left alone. */
static struct job *longest_stalled(struct work *w)
{
	struct job *oldest = NULL;
	struct lane *lane;

	TAILQ_FOREACH (lane, &w->lanes, entry) {
		struct job *j;
		if (*lane->name == '\0')
			continue;
		TAILQ_FOREACH (j, &lane->stalled, entry)
			if (oldest == NULL || j->stalled_since < oldest->stalled_since)
				oldest = j;
	}
	return oldest;
}

static void wait_for_reader(struct work *w, struct job *j)
{
	struct lane *lane = j->lane;
	struct job *stalled = longest_stalled(w);

	lane->open--;
	j->open = false;
	TAILQ_REMOVE(j->list, j, entry);
	TAILQ_INSERT_HEAD(&lane->waiting, j, entry);
	j->list = &lane->waiting;
	lane->blocked_until = w->now + WORK_RETRY_MS;
	if (stalled != NULL && w->now - stalled->stalled_since >= WORK_STALL_MS)
		break_off(stalled, "given up: others wait and nobody read this answer");
}

/* A part may go. The job rests first, since whoever takes the part may resume or cancel it. */
static void let_flow(struct work *w, struct job *j)
{
	struct lane *lane = j->lane;

	/* Whoever reads a few bytes at a time has still read next to nothing. */
	if (j->stalled_since == 0 || j->produced >= DATA_CALL_CHUNK) {
		j->stalled_since = w->now;
		j->produced = 0;
	}
	move(j, &lane->stalled);
	j->events->output(j->arg);
}

/* A new one if it may start, else one that runs; put behind the others for the next time. */
static struct job *next_query(struct lane *lane, uint64_t now)
{
	bool start = may_start(lane, now);
	struct job *j = TAILQ_FIRST(start ? &lane->waiting : &lane->running);

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a freed job is in no list, see job_free() */
	j->open = true;
	lane->open += start;
	move(j, &lane->running);
	return j;
}

static void run_query(struct work *w, struct lane *lane)
{
	struct job *j = next_query(lane, w->now);
	size_t before = buf_len(j->out);
	enum data_state state = data_call_run(j->call, w->st, j->out);

	j->produced += buf_len(j->out) > before ? buf_len(j->out) - before : 0;
	switch (state) {
	case DATA_MORE: break;
	case DATA_FLOW: let_flow(w, j); break;
	case DATA_LATER: wait_for_reader(w, j); break;
	case DATA_BROKEN: break_off(j, data_call_why(j->call)); break;
	case DATA_DONE:
	case DATA_LOST:
		w->count.reads++;
		finish(j);
		break;
	}
}

static void run_queries(struct work *w)
{
	uint64_t until = clock_mono_us() + WORK_SLICE_US;
	struct lane *lane;

	while ((lane = next_lane(w)) != NULL) {
		run_query(w, lane);
		if (clock_mono_us() >= until)
			break;
	}
}

/* --- the turn --- */

static enum work_state look(const struct work *w)
{
	const struct lane *lane;
	bool waiting = !TAILQ_EMPTY(&w->writes);

	if (waiting && w->now >= w->blocked_until)
		return WORK_AGAIN;
	TAILQ_FOREACH (lane, &w->lanes, entry) {
		if (!TAILQ_EMPTY(&lane->running) || may_start(lane, w->now))
			return WORK_AGAIN;
		/* Those beyond WORK_OPEN wait for their own lane, not for the time. */
		waiting = waiting || (!TAILQ_EMPTY(&lane->waiting) && lane->open < WORK_OPEN);
	}
	return waiting ? WORK_LATER : WORK_IDLE;
}

enum work_state work_turn(struct work *w, uint64_t now)
{
	w->now = now;
	if (look(w) != WORK_AGAIN)
		return look(w);
	store_refresh(w->st);
	run_writes(w);
	run_queries(w);
	return WORK_AGAIN;
}

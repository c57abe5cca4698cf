#include "svc-db/data_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-db/answer.h"
#include "svc-db/request.h"

#define SWEEP_MS 500

enum phase {
	READING, /* the line is coming */
	WORKING, /* the answer is being made; a long one goes meanwhile */
	ANSWERED /* the answer is complete */
};

struct data_stream {
	TAILQ_ENTRY(data_stream) entry;
	struct data_streams *all;
	struct stream *stream;
	bool owner; /* of the site */
	char *peer;
	char *email;
	enum phase phase;
	bool flowing; /* a part of the answer has gone, or may go */
	struct buf in;
	size_t charged; /* of the budget for requests */
	size_t unread;  /* of that for answers */
	size_t wasted;
	size_t taken; /* bytes of the answer since `since` */
	struct buf out;
	struct job *job;
	uint64_t since; /* when what is awaited began */
};

struct data_streams {
	struct loop *loop;
	struct work *work;
	struct timer *sweep;
	TAILQ_HEAD(, data_stream) list;
	struct data_stream *next; /* of a walk in which any of them may end */
	size_t count;
	size_t charged, unread;
	bool stopping;
	struct log_limit complaints;
};

/* --- life --- */

static void release_request(struct data_stream *d)
{
	buf_clear(&d->in);
	d->all->charged -= d->charged;
	d->charged = 0;
}

/* What is awaited begins now. */
static void await(struct data_stream *d)
{
	d->since = loop_now(d->all->loop);
	d->taken = 0;
}

/* To be called when the answer's buffer has changed. */
static void count_unread(struct data_stream *d)
{
	d->all->unread += buf_len(&d->out) - d->unread;
	d->unread = buf_len(&d->out);
}

static void forget(struct data_stream *d)
{
	release_request(d);
	job_cancel(d->job);
	buf_clear(&d->out);
	count_unread(d);
	if (d->all->next == d)
		d->all->next = TAILQ_NEXT(d, entry);
	TAILQ_REMOVE(&d->all->list, d, entry);
	d->all->count--;
	free(d->peer);
	free(d->email);
	free(d);
}

static void reset(struct data_stream *d, enum stream_code code, const char *why)
{
	if (log_allowed(&d->all->complaints, 20, "data"))
		log_info("data", "%s: %s", d->owner ? "owner" : d->peer, why);
	stream_reset(d->stream, code, why);
	forget(d);
}

/* --- the answer --- */

/* Writes as far as the credit goes. The answer's last byte ends our direction. */
static void pump(struct data_stream *d)
{
	bool whole = d->phase == ANSWERED;
	size_t n;

	while (buf_len(&d->out) > 0) {
		n = stream_write(d->stream, buf_data(&d->out), buf_len(&d->out), whole);
		if (n == 0)
			break;
		buf_consume(&d->out, n);
		d->taken += n;
	}
	if (d->taken >= DATA_STREAM_PACE || (d->taken > 0 && buf_len(&d->out) == 0))
		await(d);
	if (buf_len(&d->out) == 0)
		buf_clear(&d->out); /* a large row leaves a large buffer */
	count_unread(d);
}

static bool same_caller(const struct data_stream *a, const struct data_stream *b)
{
	return a->owner == b->owner && strcmp(a->peer, b->peer) == 0;
}

static size_t unread_by(const struct data_stream *d)
{
	const struct data_stream *other;
	size_t sum = 0;

	TAILQ_FOREACH (other, &d->all->list, entry)
		if (other->unread > 0 && same_caller(other, d))
			sum += other->unread;
	return sum;
}

static struct data_stream *longest_unread(struct data_streams *all)
{
	struct data_stream *d, *oldest = NULL;

	/* NOLINTBEGIN(clang-analyzer-unix.Malloc): freed ones are in no list, see forget() */
	TAILQ_FOREACH (d, &all->list, entry)
		if (d->unread > 0 && !d->owner && (oldest == NULL || d->since < oldest->since))
			oldest = d;
	/* NOLINTEND(clang-analyzer-unix.Malloc) */
	return oldest;
}

/* What is not read may not pile up. The stream may be gone afterwards. */
static void bound_unread(struct data_stream *d)
{
	static const char why[] = "given up: too many answers wait to be read";
	struct data_streams *all = d->all;
	struct data_stream *victim = NULL;

	if (!d->owner && d->unread > DATA_CALL_CHUNK && unread_by(d) > DATA_STREAM_UNREAD_CALLER)
		victim = d;
	else if (all->unread > DATA_STREAM_UNREAD)
		victim = longest_unread(all);
	while (victim != NULL) {
		reset(victim, STREAM_NO_MEMORY, why);
		victim = all->unread > DATA_STREAM_UNREAD ? longest_unread(all) : NULL;
	}
}

static void answered(struct data_stream *d)
{
	release_request(d);
	d->phase = ANSWERED;
	if (!d->flowing || d->unread == 0)
		await(d);
	pump(d);
	bound_unread(d);
}

/* An error instead of an answer, as long as nothing of one has gone. */
static void refuse(struct data_stream *d, const char *why)
{
	job_cancel(d->job);
	d->job = NULL;
	buf_truncate(&d->out, 0);
	answer_error(&d->out, why);
	answered(d);
}

static void on_output(void *arg)
{
	struct data_stream *d = arg;

	release_request(d);
	/* Until now there was nothing to be read. */
	if (d->unread == 0)
		await(d);
	d->flowing = true;
	pump(d);
	if (buf_len(&d->out) < DATA_CALL_CHUNK)
		job_resume(d->job);
	bound_unread(d);
}

static void on_done(void *arg)
{
	struct data_stream *d = arg;

	d->job = NULL;
	answered(d);
}

static void on_broken(void *arg, const char *why)
{
	struct data_stream *d = arg;

	d->job = NULL;
	reset(d, STREAM_REFUSED, why);
}

static const struct job_events job_events = {on_output, on_done, on_broken};

/* --- the line --- */

/* What the caller's requests hold beyond what is free. */
static size_t charged_to(const struct data_stream *d)
{
	const struct data_stream *other;
	size_t sum = 0;

	TAILQ_FOREACH (other, &d->all->list, entry)
		if (other->charged > 0 && same_caller(other, d))
			sum += other->charged;
	return sum;
}

/* Makes this stream's request hold `n` bytes. False, and it is refused, when there is no room. */
static bool charge(struct data_stream *d, size_t n)
{
	size_t wanted = n > DATA_STREAM_FREE ? n - DATA_STREAM_FREE : 0;
	size_t more = wanted > d->charged ? wanted - d->charged : 0;

	if (more == 0)
		return true;
	if (d->all->charged + more > DATA_STREAM_BUDGET ||
	    charged_to(d) + more > DATA_STREAM_CALLER) {
		refuse(d, "too many large requests under way: try again");
		return false;
	}
	d->charged += more;
	d->all->charged += more;
	return true;
}

static void submit(struct data_stream *d, const uint8_t *bytes, size_t n)
{
	const struct caller caller = {d->owner, d->peer, d->email};
	const char *line = n > 0 ? (const char *)bytes : "";
	struct data_call *call;

	if (!charge(d, request_cost(line, n)))
		return;
	call = data_call_new(line, n, &caller, &d->out);
	buf_clear(&d->in);
	if (call == NULL) {
		answered(d);
		return;
	}
	d->phase = WORKING;
	await(d);
	d->job = work_add(d->all->work, call, d->owner ? "" : d->peer, &d->out, &job_events, d);
}

static void take_line(struct data_stream *d, const uint8_t *p, size_t n, bool end)
{
	if (buf_len(&d->in) + n > REQUEST_MAX) {
		refuse(d, "request too large: at most 1 MiB");
	} else if (buf_len(&d->in) == 0 && end) {
		submit(d, p, n);
	} else if (charge(d, buf_len(&d->in) + n)) {
		buf_put(&d->in, p, n);
		if (end)
			submit(d, buf_data(&d->in), buf_len(&d->in));
	}
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct data_stream *d = user;
	const uint8_t *end = len > 0 ? memchr(p, '\n', len) : NULL;

	stream_consumed(s, len);
	if (d->phase == READING) {
		take_line(d, p, end != NULL ? (size_t)(end - p) : len, end != NULL || last);
		return;
	}
	/* What follows the line is nobody's. */
	d->wasted += len;
	if (d->wasted > DATA_STREAM_WASTE)
		reset(d, STREAM_REFUSED, "request too large");
}

static void on_writable(struct stream *s, void *user)
{
	struct data_stream *d = user;

	(void)s;
	if (!d->flowing && d->phase != ANSWERED)
		return;
	pump(d);
	if (d->job != NULL && buf_len(&d->out) < DATA_CALL_CHUNK)
		job_resume(d->job);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s;
	(void)code;
	(void)text;
	forget(user);
}

static void on_closed(struct stream *s, void *user)
{
	(void)s;
	forget(user);
}

static const struct stream_events stream_events = {
    .data = on_data, .writable = on_writable, .reset = on_reset, .closed = on_closed};

/* --- all of them --- */

static void sweep_one(struct data_stream *d, uint64_t waited)
{
	if (d->phase == READING && waited > DATA_STREAM_REQUEST_MS)
		refuse(d, "request timed out");
	else if (d->phase == WORKING && !d->flowing && waited > DATA_STREAM_WORK_MS)
		refuse(d, "database is busy: try again");
	else if (stream_sent_last(d->stream) && waited > DATA_STREAM_CLOSE_MS)
		reset(d, STREAM_TIMEOUT, "the stream was not closed");
	else if (d->phase != READING && (d->flowing || d->phase == ANSWERED) &&
		 buf_len(&d->out) > 0 && waited > DATA_STREAM_STALL_MS)
		reset(d, STREAM_TIMEOUT, "the answer was not read");
}

static void sweep(void *arg)
{
	struct data_streams *all = arg;
	uint64_t now = loop_now(all->loop);
	struct data_stream *d;

	/* Refusing one may give up the answer of another. */
	for (d = TAILQ_FIRST(&all->list); d != NULL; d = all->next) {
		all->next = TAILQ_NEXT(d, entry);
		sweep_one(d, now - d->since);
	}
	if (all->count == 0)
		timer_stop(all->sweep);
}

struct data_streams *data_streams_new(struct loop *loop, struct work *work)
{
	struct data_streams *all = xcalloc(1, sizeof *all);

	all->loop = loop;
	all->work = work;
	all->sweep = timer_new(loop, sweep, all);
	TAILQ_INIT(&all->list);
	return all;
}

void data_streams_free(struct data_streams *all)
{
	if (all == NULL)
		return;
	timer_free(all->sweep);
	free(all);
}

static size_t streams_of(const struct data_streams *all, const struct caller *caller)
{
	const struct data_stream *d;
	size_t n = 0;

	TAILQ_FOREACH (d, &all->list, entry)
		n += d->owner == caller->owner && strcmp(d->peer, caller->peer) == 0;
	return n;
}

const struct stream_events *data_streams_take(
    struct data_streams *all, struct stream *s, const struct caller *caller, void **user)
{
	struct data_stream *d;

	if (all->stopping || (!caller->owner && streams_of(all, caller) >= DATA_STREAM_PEER))
		return NULL;
	d = xcalloc(1, sizeof *d);
	d->all = all;
	d->stream = s;
	d->owner = caller->owner;
	d->peer = xstrdup(caller->peer);
	d->email = xstrdup(caller->email);
	await(d);
	buf_init(&d->in, REQUEST_MAX);
	buf_init(&d->out, DATA_CALL_OUT);
	TAILQ_INSERT_TAIL(&all->list, d, entry);
	if (all->count++ == 0)
		timer_repeat(all->sweep, SWEEP_MS);
	*user = d;
	return &stream_events;
}

void data_streams_stop(struct data_streams *all)
{
	struct data_stream *d, *next;

	all->stopping = true;
	for (d = TAILQ_FIRST(&all->list); d != NULL; d = next) {
		next = TAILQ_NEXT(d, entry);
		if (d->phase == READING)
			reset(d, STREAM_RESTARTING, "svc-db is stopping");
	}
}

size_t data_streams_count(const struct data_streams *all)
{
	return all->count;
}

#include "svc-transport/identify_stream.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "svc-transport/limits.h"

/* --- telling: our answer, and our push -------------------------------------------------------- */

static void tell(struct pipe *p, void *user)
{
	const struct identify_stream_owner *owner = user;
	struct identify_self self = {0};
	struct buf out;

	owner->self(owner->arg, pipe_conn(p), &self);
	buf_init(&out, LIMIT_IDENTIFY_ANSWER);
	pipe_expect(p, LIMIT_IDENTIFY_MS);
	if (identify_encode(&out, &self, LIMIT_IDENTIFY_ANSWER) == 0)
		pipe_write(p, buf_data(&out), buf_len(&out));
	/* Without the end go-libp2p waits five seconds, then counts it as failed. */
	pipe_finish(p);
	buf_clear(&out);
}

static void ignore(struct pipe *p, void *user, const uint8_t *bytes, size_t n)
{
	(void)user;
	(void)bytes;
	pipe_credit(p, n);
}

static const struct pipe_local telling = {.begin = tell, .data = ignore};

/* `user` is the owner itself, which is only read. */
const struct pipe_local *identify_stream_answer(
    const struct identify_stream_owner *owner, void **user)
{
	*user = (void *)owner;
	return &telling;
}

void identify_stream_push(struct lane *l, const struct identify_stream_owner *owner)
{
	lane_open(l, PROTOCOL_IDENTIFY_PUSH, &telling, (void *)owner, LIMIT_IDENTIFY_MS);
}

/* --- hearing: the answer to us, and a peer's push --------------------------------------------- */

struct hearing {
	const struct identify_stream_owner *owner;
	struct identify_reader reader;
	bool push;
	bool over; /* the owner knows */
};

static struct hearing *hearing_new(const struct identify_stream_owner *owner, bool push)
{
	struct hearing *h = xcalloc(1, sizeof *h);

	h->owner = owner;
	h->push = push;
	identify_reader_init(&h->reader);
	return h;
}

static void conclude(struct hearing *h, struct conn *c, const char *why)
{
	struct identify_info *info;

	if (h->over)
		return;
	h->over = true;
	info = xcalloc(1, sizeof *info);
	if (identify_reader_count(&h->reader) == 0)
		why = why != NULL ? why : "it said nothing";
	else if (identify_decode(&h->reader, conn_peer(c), info) == 0)
		why = NULL;
	else
		why = "what it said cannot be read";
	if (why == NULL)
		h->owner->told(h->owner->arg, c, info, h->push);
	else if (!h->push)
		h->owner->silent(h->owner->arg, c, why);
	free(info);
}

static void hear_begin(struct pipe *p, void *user)
{
	(void)user;
	pipe_expect(p, LIMIT_IDENTIFY_MS);
}

static void hear(struct pipe *p, void *user, const uint8_t *bytes, size_t n)
{
	struct hearing *h = user;

	if (identify_reader_feed(&h->reader, bytes, n) != 0)
		pipe_reset(p, YAMUX_CODE_VIOLATION, "it said too much");
	else
		pipe_credit(p, n);
}

static void heard(struct pipe *p, void *user)
{
	conclude(user, pipe_conn(p), NULL);
	pipe_finish(p);
}

/* A peer that forgets to end the stream has said what it had to say nevertheless. */
static void gone(struct pipe *p, void *user, const char *why)
{
	struct hearing *h = user;

	conclude(h, pipe_conn(p), why);
	identify_reader_clear(&h->reader);
	free(h);
}

static const struct pipe_local hearing = {
    .begin = hear_begin, .data = hear, .finished = heard, .gone = gone};

const struct pipe_local *identify_stream_hear(
    const struct identify_stream_owner *owner, void **user)
{
	*user = hearing_new(owner, true);
	return &hearing;
}

void identify_stream_ask(struct lane *l, const struct identify_stream_owner *owner)
{
	lane_open(l, PROTOCOL_IDENTIFY, &hearing, hearing_new(owner, false), LIMIT_IDENTIFY_MS);
}

#include "svc-transport/ping.h"

#include "svc-transport/limits.h"

static void begin(struct pipe *p, void *user)
{
	(void)user;
	pipe_expect(p, LIMIT_PING_IDLE_MS);
}

static void data(struct pipe *p, void *user, const uint8_t *bytes, size_t n)
{
	(void)user;
	pipe_expect(p, LIMIT_PING_IDLE_MS);
	pipe_write(p, bytes, n);
}

static void finished(struct pipe *p, void *user)
{
	(void)user;
	pipe_finish(p);
}

static void sent(struct pipe *p, void *user, size_t n)
{
	(void)user;
	pipe_credit(p, n);
}

const struct pipe_local ping_answer = {
    .begin = begin, .data = data, .finished = finished, .sent = sent};

#include "tests/unit/proto/pair.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "proto/slab.h"
#include "tests/unit/testing.h"

static void on_up(void *arg, struct link *l, uint32_t generation)
{
	struct pair_end *end = arg;
	const struct pair_end *other =
	    end == &end->pair->viewer ? &end->pair->transport : &end->pair->viewer;

	assert_ptr_equal(l, end->link);
	assert_int_equal(generation, other->generation);
	assert_int_equal(end->ups, end->downs);
	end->ups++;
}

static void on_down(void *arg, struct link *l, const char *why)
{
	struct pair_end *end = arg;

	assert_ptr_equal(l, end->link);
	end->downs++;
	assert_int_equal(end->ups, end->downs);
	str_copy(end->why, sizeof(end->why), why);
	streams_down(end->streams, why);
}

static int on_message(void *arg, struct link *l, struct msg *m)
{
	struct pair_end *end = arg;

	(void)l;
	if (msg_is_stream(m->type))
		return streams_message(end->streams, m);
	end->messages++;
	return end->message != NULL ? end->message(end, m) : 0;
}

static void on_alarm(void *arg, struct link *l, const char *text)
{
	struct pair_end *end = arg;

	(void)l;
	end->alarms++;
	str_copy(end->alarm, sizeof(end->alarm), text);
}

static const struct link_events events = {
    .up = on_up, .down = on_down, .message = on_message, .alarm = on_alarm};

void pair_new_end(struct pair_end *end)
{
	end->generation++;
	end->ups = end->downs = 0;
	end->link = link_new(end->pair->loop, end->self, end->generation, end->peer, &events, end);
	end->streams = streams_new(end->pair->loop, end->link, end->incoming, end->request, end);
}

void pair_free_end(struct pair_end *end)
{
	streams_free(end->streams);
	link_free(end->link);
	end->streams = NULL;
	end->link = NULL;
}

void pair_init(struct pair *p)
{
	strcpy(p->dir, "/tmp/goop-pair-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chdir(p->dir), 0);
	assert_int_equal(mkdir("run", 0700), 0);
	p->loop = loop_new();
	p->viewer.pair = p->transport.pair = p;
	p->viewer.self = p->transport.peer = SERVICE_VIEWER;
	p->viewer.peer = p->transport.self = SERVICE_TRANSPORT;
}

static void set_end(struct pair_end *end, const struct pair_end *other, int slab)
{
	if (end->link == NULL)
		return;
	link_set(end->link, other->generation, end->pair->token);
	streams_set_slab(end->streams, slab);
}

void pair_link_set(struct pair *p)
{
	int slab = p->with_slab ? slab_create() : -1;

	memset(p->token, 0, sizeof(p->token));
	p->token[0] = (uint8_t)++p->tokens;
	set_end(&p->viewer, &p->transport, slab);
	set_end(&p->transport, &p->viewer, slab);
	if (slab >= 0)
		close(slab);
}

void pair_begin(struct pair *p)
{
	pair_init(p);
	pair_new_end(&p->viewer);
	pair_new_end(&p->transport);
	pair_link_set(p);
	PAIR_UNTIL(p, link_is_up(p->viewer.link) && link_is_up(p->transport.link));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void pair_end(struct pair *p)
{
	if (p->viewer.link != NULL)
		pair_free_end(&p->viewer);
	if (p->transport.link != NULL)
		pair_free_end(&p->transport);
	loop_free(p->loop);
	assert_int_equal(chdir("/"), 0);
	nftw(p->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint64_t pair_deadline(void)
{
	return clock_mono_ms() + 10000;
}

void pair_turn(struct pair *p, uint64_t until, const char *what, const char *file, int line)
{
	/* What is waited for may come true in a hook, before the loop sleeps: look again soon. */
	loop_turn(p->loop, 5);
	if (clock_mono_ms() > until) {
		print_error("%s:%d: waited in vain for: %s\n", file, line, what);
		fail();
	}
}

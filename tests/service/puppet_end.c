#include "tests/service/puppet_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "proto/slab.h"

/* The same token to both, and the same slab. */
void puppet_end_pair_up(struct puppet_end *end)
{
	struct puppet *p = end->p;
	uint8_t token[LINK_TOKEN];
	int slab = -1;
	struct msg m;

	if (p->pid == 0 || end->link == NULL)
		return;
	if (link_between(p->service, end->peer)->slab)
		slab = slab_create();
	assert_int_equal(getrandom(token, sizeof(token), 0), sizeof(token));
	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, (uint8_t)end->peer);
	msg_put_u32(&m, end->generation);
	msg_put_bytes(&m, token, sizeof(token));
	if (parent_send_fd(p->parent, &m, slab) != 0)
		puppet_give_up(p, "does not take its LINK_SET");
	link_set(end->link, p->generation, token);
	streams_set_slab(end->streams, slab);
	if (slab >= 0)
		close(slab);
}

void puppet_end_free(struct puppet_end *end)
{
	if (end->link != NULL) {
		streams_down(end->streams, "the test is over");
		streams_free(end->streams);
		link_free(end->link);
	}
	puppet_inbox_empty(&end->inbox);
	free(end->lent);
	free(end);
}

static void on_link_down(void *arg, struct link *l, const char *why)
{
	struct puppet_end *end = arg;

	(void)l;
	streams_down(end->streams, why);
}

static int on_message(void *arg, struct link *l, struct msg *m)
{
	struct puppet_end *end = arg;
	struct msg copy = *m;
	int r = 0;

	(void)l;
	if (msg_is_stream(m->type))
		return streams_message(end->streams, m);
	if (end->desk != NULL)
		r = end->desk(end->desk_arg, end, m);
	if (r == 0)
		puppet_inbox_keep(&end->inbox, &copy);
	return r < 0 ? -1 : 0;
}

static const struct link_events link_events = {.down = on_link_down, .message = on_message};

static void live(struct puppet_end *end)
{
	bool transport = end->peer == SERVICE_TRANSPORT;

	end->generation++;
	end->link =
	    link_new(end->p->loop, end->peer, end->generation, end->p->service, &link_events, end);
	end->streams =
	    streams_new(end->p->loop, end->link, transport ? NULL : puppet_stream_incoming,
		transport ? puppet_stream_request : NULL, end);
	puppet_end_pair_up(end);
}

struct puppet_end *puppet_neighbour(struct puppet *p, enum service_id peer)
{
	struct puppet_end *end = xcalloc(1, sizeof(*end));

	assert_null(p->ends[peer]);
	p->ends[peer] = end;
	end->p = p;
	end->peer = peer;
	STAILQ_INIT(&end->inbox);
	live(end);
	return end;
}

void puppet_set_desk(struct puppet_end *end, puppet_desk *desk, void *arg)
{
	end->desk = desk;
	end->desk_arg = arg;
}

struct link *puppet_link(const struct puppet_end *end)
{
	return end->link;
}

struct streams *puppet_streams(const struct puppet_end *end)
{
	return end->streams;
}

void puppet_wait_up(struct puppet_end *end)
{
	PUPPET_UNTIL(end->p, link_is_up(end->link));
}

void puppet_say(struct puppet_end *end, struct msg *m)
{
	const char *name = msg_name(m->type);

	if (link_send(end->link, m) != 0)
		puppet_give_up(end->p, "cannot be told %s by %s", name, service_name(end->peer));
}

bool puppet_poll(struct puppet_end *end, enum msg_type type, struct msg *m)
{
	return puppet_inbox_lend(&end->inbox, &end->lent, type, m);
}

void puppet_next(struct puppet_end *end, enum msg_type type, struct msg *m)
{
	char what[64];

	snprintf(what, sizeof(what), "%s to %s", msg_name(type), service_name(end->peer));
	for (uint64_t until = puppet_until_begin(end->p); !puppet_poll(end, type, m);)
		puppet_until(end->p, until, what, __FILE__, __LINE__);
}

size_t puppet_count(const struct puppet_end *end, enum msg_type type)
{
	const struct puppet_kept *k;
	size_t n = 0;

	STAILQ_FOREACH (k, &end->inbox, entry)
		n += k->type == type;
	return n;
}

void puppet_die(struct puppet_end *end, const char *why)
{
	struct msg m;

	/* Who is killed says nothing more. */
	streams_down(end->streams, why);
	streams_free(end->streams);
	link_free(end->link);
	end->streams = NULL;
	end->link = NULL;
	puppet_inbox_empty(&end->inbox);
	if (end->p->pid == 0)
		return;
	msg_begin(&m, MSG_LINK_DOWN, 0);
	msg_put_u8(&m, (uint8_t)end->peer);
	msg_put_u32(&m, end->generation);
	msg_put_str(&m, why);
	puppet_tell(end->p, &m);
}

void puppet_revive(struct puppet_end *end)
{
	live(end);
}

char *puppet_text(struct msg *m)
{
	struct bytes b = msg_get_str(m);

	return xstrndup((const char *)b.data, b.len);
}

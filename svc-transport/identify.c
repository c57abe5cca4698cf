#include "svc-transport/identify.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "codec/envelope.h"
#include "codec/identify.pb-c.h"
#include "codec/pb.h"
#include "codec/varint.h"
#include "svc-transport/limits.h"

#define BODY_MAX   (LIMIT_IDENTIFY_MESSAGE * LIMIT_IDENTIFY_COUNT)
#define UNPACK_MAX (BODY_MAX * 4)
#define LENGTH_MAX 2 /* bytes of a length below 2^14 */

/* ------------------------------------------------------------------------------------- writing */

struct draft {
	Identify__Identify message;
	ProtobufCBinaryData addrs[IDENTIFY_ADDRS_MAX];
	char *protocols[PROTOCOL_COUNT];
};

static void draft_protocols(struct draft *d, uint32_t mask)
{
	size_t n = 0;

	for (unsigned p = 1; p < PROTOCOL_COUNT; p++)
		if ((mask & 1u << p) != 0)
			d->protocols[n++] = (char *)protocol_id(p); /* only read */
	d->message.protocols = d->protocols;
	d->message.n_protocols = n;
}

static void draft_addrs(struct draft *d, const struct identify_self *self)
{
	size_t n = 0;

	for (size_t i = 0; i < self->addr_count && n < IDENTIFY_ADDRS_MAX; i++)
		if (self->addrs[i].len > 0)
			d->addrs[n++] = pb_data(self->addrs[i].bytes, self->addrs[i].len);
	d->message.listen_addrs = d->addrs;
	d->message.n_listen_addrs = n;
}

static void draft_init(struct draft *d, const struct identify_self *self)
{
	*d = (struct draft){.message = IDENTIFY__IDENTIFY__INIT};
	d->message.has_public_key = true;
	d->message.public_key = pb_data(self->public_key.data, self->public_key.len);
	d->message.protocol_version = (char *)IDENTIFY_VERSION; /* only read, both */
	d->message.agent_version = (char *)IDENTIFY_AGENT;
	draft_protocols(d, self->protocols);
	draft_addrs(d, self);
	if (self->observed != NULL && self->observed->len > 0) {
		d->message.has_observed_addr = true;
		d->message.observed_addr = pb_data(self->observed->bytes, self->observed->len);
	}
	if (self->record.len > 0) {
		d->message.has_signed_peer_record = true;
		d->message.signed_peer_record = pb_data(self->record.data, self->record.len);
	}
}

/* The record goes first: without it the plain list counts, while a record that says more or less
 * than the list would be believed instead of it. */
static size_t draft_shrink(struct draft *d, size_t max)
{
	size_t size;

	while ((size = identify__identify__get_packed_size(&d->message)) + LENGTH_MAX > max) {
		if (d->message.has_signed_peer_record)
			d->message.has_signed_peer_record = false;
		else if (d->message.n_listen_addrs > 0)
			d->message.n_listen_addrs--;
		else
			return 0;
	}
	return size;
}

int identify_encode(struct buf *out, const struct identify_self *self, size_t max)
{
	uint8_t length[VARINT_MAX];
	struct draft d;
	size_t size;

	draft_init(&d, self);
	size = draft_shrink(&d, max);
	if (size == 0 || buf_put(out, length, varint_put(length, size)) != 0)
		return -1;
	return pb_pack(out, &d.message.base);
}

/* ------------------------------------------------------------------------------------- reading */

void identify_reader_init(struct identify_reader *r)
{
	*r = (struct identify_reader){0};
	buf_init(&r->in, LENGTH_MAX + LIMIT_IDENTIFY_MESSAGE);
	buf_init(&r->body, BODY_MAX);
}

void identify_reader_clear(struct identify_reader *r)
{
	buf_clear(&r->in);
	buf_clear(&r->body);
}

/* Moves one whole message from `in` to `body`. 1: done; 0: more bytes are needed; -1: malformed. */
static int reader_step(struct identify_reader *r)
{
	uint64_t size = 0;
	int head = varint_get(buf_data(&r->in), buf_len(&r->in), &size);

	if (head < 0 || head > LENGTH_MAX || (head > 0 && size > LIMIT_IDENTIFY_MESSAGE))
		return -1;
	if (head == 0)
		return buf_len(&r->in) >= LENGTH_MAX ? -1 : 0;
	if (size > buf_len(&r->in) - (size_t)head)
		return 0;
	if (r->count == LIMIT_IDENTIFY_COUNT)
		return -1;
	buf_put(&r->body, buf_data(&r->in) + head, size);
	buf_consume(&r->in, (size_t)head + size);
	r->count++;
	return 1;
}

int identify_reader_feed(struct identify_reader *r, const uint8_t *p, size_t n)
{
	while (n > 0) {
		size_t take = n < buf_room(&r->in) ? n : buf_room(&r->in);
		int step;

		buf_put(&r->in, p, take);
		p += take;
		n -= take;
		while ((step = reader_step(r)) > 0)
			;
		if (step < 0)
			return -1;
	}
	return 0;
}

unsigned identify_reader_count(const struct identify_reader *r)
{
	return r->count;
}

static void info_protocols(struct identify_info *info, const Identify__Identify *m)
{
	info->has_protocols = m->n_protocols > 0;
	for (size_t i = 0; i < m->n_protocols; i++) {
		enum protocol p = protocol_by_id(m->protocols[i], strlen(m->protocols[i]));

		if (p != PROTOCOL_NONE)
			info->protocols |= 1u << p;
	}
}

static void info_agent(struct identify_info *info, const Identify__Identify *m)
{
	const char *agent = m->agent_version;

	if (agent != NULL && str_is_utf8(agent, strlen(agent)) &&
	    !str_copy(info->agent, sizeof info->agent, agent))
		info->agent[0] = 0;
}

/* Each address for itself: one that we cannot read must not cost us the others. */
static void info_listed(struct identify_info *info, const Identify__Identify *m)
{
	for (size_t i = 0; i < m->n_listen_addrs && info->addr_count < IDENTIFY_ADDRS_MAX; i++)
		if (multiaddr_from_bytes(&info->addrs[info->addr_count], m->listen_addrs[i].data,
			m->listen_addrs[i].len) == 0)
			info->addr_count++;
}

static void info_addrs(
    struct identify_info *info, const Identify__Identify *m, const struct peer_id *peer)
{
	struct peer_id signer;
	uint64_t seq;
	int n = -1;

	if (m->has_signed_peer_record)
		n = envelope_open_peer_record(m->signed_peer_record.data, m->signed_peer_record.len,
		    &signer, &seq, info->addrs, IDENTIFY_ADDRS_MAX);
	info->has_addrs = n >= 0 || m->n_listen_addrs > 0;
	if (n >= 0 && peer_id_equal(&signer, peer))
		info->addr_count = (size_t)n;
	else
		info_listed(info, m);
}

static bool key_is_of(const Identify__Identify *m, const struct peer_id *peer)
{
	struct peer_id id;

	return !m->has_public_key ||
	       (peer_id_from_key(&id, m->public_key.data, m->public_key.len) == 0 &&
		   peer_id_equal(&id, peer));
}

int identify_decode(
    const struct identify_reader *r, const struct peer_id *peer, struct identify_info *info)
{
	Identify__Identify *m;
	struct pb pb;
	int result = -1;

	*info = (struct identify_info){0};
	m = identify__identify__unpack(
	    pb_init(&pb, UNPACK_MAX), buf_len(&r->body), buf_data(&r->body));
	if (m == NULL)
		return -1;
	if (key_is_of(m, peer)) {
		info_protocols(info, m);
		info_agent(info, m);
		info_addrs(info, m, peer);
		if (m->has_observed_addr && multiaddr_from_bytes(&info->observed,
						m->observed_addr.data, m->observed_addr.len) != 0)
			info->observed.len = 0;
		result = 0;
	}
	identify__identify__free_unpacked(m, &pb.allocator);
	return result;
}

void identify_filter(struct identify_info *info, const struct multiaddr *remote)
{
	size_t kept = 0;

	if (multiaddr_is_loopback(remote))
		return;
	for (size_t i = 0; i < info->addr_count; i++) {
		const struct multiaddr *a = &info->addrs[i];

		if (multiaddr_is_private(remote) ? multiaddr_is_loopback(a)
						 : multiaddr_is_private(a))
			continue;
		info->addrs[kept++] = *a;
	}
	info->addr_count = kept;
}

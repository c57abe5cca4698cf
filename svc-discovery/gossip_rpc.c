#include "svc-discovery/gossip_rpc.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "codec/pubkey.h"
#include "codec/varint.h"

/* A legal RPC of the largest size, all of it ids of 40 bytes, takes three times its size. */
#define PARSE_MEMORY (4 * GOSSIP_RPC_IN_MAX)
#define SIGN_PREFIX  "libp2p-pubsub:"

long gossip_rpc_frame(const uint8_t *p, size_t n, struct bytes *rpc)
{
	uint64_t len;
	int head = varint_get(p, n, &len);

	if (head < 0)
		return -1;
	if (head == 0)
		return n >= VARINT_MAX ? -1 : 0;
	if (len > GOSSIP_RPC_IN_MAX)
		return -1;
	if (len > n - (size_t)head)
		return 0;
	*rpc = (struct bytes){p + head, len};
	return head + (long)len;
}

static bool control_within_limits(const Gossip__Control *c)
{
	size_t ids = 0;

	if (c->n_ihave > GOSSIP_CONTROL_MAX || c->n_iwant > GOSSIP_CONTROL_MAX ||
	    c->n_graft > GOSSIP_CONTROL_MAX || c->n_prune > GOSSIP_CONTROL_MAX)
		return false;
	for (size_t i = 0; i < c->n_ihave; i++)
		ids += c->ihave[i]->n_ids;
	for (size_t i = 0; i < c->n_iwant; i++)
		ids += c->iwant[i]->n_ids;
	return ids <= GOSSIP_IDS_MAX;
}

/* protobuf-c reads the field number 0 in one form and refuses what it writes for it: such a message
 * would be passed on as garbage, and we would be blamed. */
static bool packs_again(const Gossip__Message *m)
{
	for (unsigned i = 0; i < m->base.n_unknown_fields; i++)
		if (m->base.unknown_fields[i].tag == 0)
			return false;
	return true;
}

static bool messages_within_limits(const Gossip__Rpc *m)
{
	if (m->n_publish > GOSSIP_MESSAGES_MAX)
		return false;
	for (size_t i = 0; i < m->n_publish; i++)
		if (!packs_again(m->publish[i]))
			return false;
	return true;
}

Gossip__Rpc *gossip_rpc_parse(struct pb *pb, struct bytes rpc)
{
	Gossip__Rpc *m = gossip__rpc__unpack(pb_init(pb, PARSE_MEMORY), rpc.len, rpc.data);

	if (m == NULL)
		return NULL;
	if (m->n_subscriptions > GOSSIP_SUBSCRIPTIONS_MAX || !messages_within_limits(m) ||
	    (m->control != NULL && !control_within_limits(m->control))) {
		gossip_rpc_free(pb, m);
		return NULL;
	}
	return m;
}

void gossip_rpc_free(struct pb *pb, Gossip__Rpc *rpc)
{
	gossip__rpc__free_unpacked(rpc, &pb->allocator);
}

int gossip_rpc_put(struct buf *out, const Gossip__Rpc *rpc)
{
	uint8_t head[VARINT_MAX];
	size_t n = gossip__rpc__get_packed_size(rpc);
	size_t head_len = varint_put(head, n);

	if (n > GOSSIP_RPC_OUT_MAX || buf_room(out) < head_len + n)
		return -1;
	buf_put(out, head, head_len);
	return pb_pack(out, &rpc->base);
}

static int put_subscription(
    struct buf *out, struct bytes topic, bool subscribe, Gossip__Control *control)
{
	Gossip__Subscription s = GOSSIP__SUBSCRIPTION__INIT;
	Gossip__Rpc rpc = GOSSIP__RPC__INIT;

	s.has_subscribe = true;
	s.subscribe = subscribe;
	s.has_topic = true;
	s.topic = pb_data(topic.data, topic.len);
	rpc.n_subscriptions = 1;
	rpc.subscriptions = (Gossip__Subscription *[]){&s};
	rpc.control = control;
	return gossip_rpc_put(out, &rpc);
}

int gossip_rpc_put_subscription(struct buf *out, struct bytes topic, bool subscribe)
{
	return put_subscription(out, topic, subscribe, NULL);
}

int gossip_rpc_put_message(struct buf *out, const Gossip__Message *m)
{
	/* Packing only reads. */
	Gossip__Message *list[] = {(Gossip__Message *)(uintptr_t)m};
	Gossip__Rpc rpc = GOSSIP__RPC__INIT;

	rpc.n_publish = 1;
	rpc.publish = list;
	return gossip_rpc_put(out, &rpc);
}

static int put_control(struct buf *out, Gossip__Control *control)
{
	Gossip__Rpc rpc = GOSSIP__RPC__INIT;

	rpc.control = control;
	return gossip_rpc_put(out, &rpc);
}

static int put_graft(struct buf *out, struct bytes topic, bool subscribe)
{
	Gossip__Graft graft = GOSSIP__GRAFT__INIT;
	Gossip__Control control = GOSSIP__CONTROL__INIT;

	graft.has_topic = true;
	graft.topic = pb_data(topic.data, topic.len);
	control.n_graft = 1;
	control.graft = (Gossip__Graft *[]){&graft};
	return subscribe ? put_subscription(out, topic, true, &control)
	                 : put_control(out, &control);
}

int gossip_rpc_put_invitation(struct buf *out, struct bytes topic)
{
	return put_graft(out, topic, true);
}

int gossip_rpc_put_graft(struct buf *out, struct bytes topic)
{
	return put_graft(out, topic, false);
}

int gossip_rpc_put_prune(struct buf *out, struct bytes topic, uint64_t backoff_s)
{
	Gossip__Prune prune = GOSSIP__PRUNE__INIT;
	Gossip__Control control = GOSSIP__CONTROL__INIT;

	prune.has_topic = true;
	prune.topic = pb_data(topic.data, topic.len);
	prune.has_backoff = backoff_s != 0;
	prune.backoff = backoff_s;
	control.n_prune = 1;
	control.prune = (Gossip__Prune *[]){&prune};
	return put_control(out, &control);
}

static ProtobufCBinaryData *ids_data(const struct bytes *ids, size_t count)
{
	ProtobufCBinaryData *list = xcalloc(count, sizeof(*list));

	for (size_t i = 0; i < count; i++)
		list[i] = pb_data(ids[i].data, ids[i].len);
	return list;
}

int gossip_rpc_put_ihave(struct buf *out, struct bytes topic, const struct bytes *ids, size_t count)
{
	Gossip__Ihave ihave = GOSSIP__IHAVE__INIT;
	Gossip__Control control = GOSSIP__CONTROL__INIT;
	int result;

	ihave.has_topic = true;
	ihave.topic = pb_data(topic.data, topic.len);
	ihave.n_ids = count;
	ihave.ids = ids_data(ids, count);
	control.n_ihave = 1;
	control.ihave = (Gossip__Ihave *[]){&ihave};
	result = put_control(out, &control);
	free(ihave.ids);
	return result;
}

int gossip_rpc_put_iwant(struct buf *out, const struct bytes *ids, size_t count)
{
	Gossip__Iwant iwant = GOSSIP__IWANT__INIT;
	Gossip__Control control = GOSSIP__CONTROL__INIT;
	int result;

	iwant.n_ids = count;
	iwant.ids = ids_data(ids, count);
	control.n_iwant = 1;
	control.iwant = (Gossip__Iwant *[]){&iwant};
	result = put_control(out, &control);
	free(iwant.ids);
	return result;
}

size_t gossip_rpc_ids_fit(const struct bytes *ids, size_t count)
{
	/* Three nested messages and the topic, each with key and length. */
	size_t size = 4 * 4 + GOSSIP_TOPIC_MAX;

	for (size_t i = 0; i < count; i++) {
		size += 3 + ids[i].len;
		if (size > GOSSIP_RPC_OUT_MAX)
			return i;
	}
	return count;
}

int gossip_rpc_preimage(struct buf *out, const Gossip__Message *m)
{
	Gossip__Message bare = *m;
	size_t before = buf_len(out);

	/* The spec's text names the signature only; all implementations leave the key out too. */
	bare.has_signature = false;
	bare.has_key = false;
	if (buf_puts(out, SIGN_PREFIX) == 0 && pb_pack(out, &bare.base) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

/* The author's PublicKey message; a key that came along must be the one that `from` stands for. */
static struct bytes author_key(const Gossip__Message *m, const struct peer_id *from)
{
	struct peer_id of_key;

	if (!m->has_key)
		return peer_id_key(from);
	if (peer_id_from_key(&of_key, m->key.data, m->key.len) != 0 ||
	    !peer_id_equal(&of_key, from))
		return (struct bytes){NULL, 0};
	return pb_bytes(&m->key);
}

int gossip_rpc_verify(const Gossip__Message *m, struct peer_id *from)
{
	struct bytes raw;
	struct pubkey key;
	struct buf preimage;
	int result = -1;

	if (!m->has_signature || !m->has_seqno || m->seqno.len != GOSSIP_SEQNO || !m->has_topic ||
	    peer_id_from_bytes(from, m->from.data, m->from.len) != 0)
		return -1;
	raw = author_key(m, from);
	if (pubkey_parse(&key, raw.data, raw.len) != 0)
		return -1;
	buf_init(&preimage, GOSSIP_RPC_IN_MAX + sizeof(SIGN_PREFIX));
	if (gossip_rpc_preimage(&preimage, m) == 0)
		result = pubkey_verify(&key, buf_data(&preimage), buf_len(&preimage),
		    m->signature.data, m->signature.len);
	buf_clear(&preimage);
	return result;
}

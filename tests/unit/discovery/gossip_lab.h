/* One core among peers that the test plays by hand: what it sends is kept per peer, what it is sent
 * is made here. */
#ifndef TESTS_UNIT_DISCOVERY_GOSSIP_LAB_H
#define TESTS_UNIT_DISCOVERY_GOSSIP_LAB_H

#include "../testing.h"

#include <sodium.h>

#include "codec/pubkey.h"
#include "svc-discovery/gossip.h"
#include "svc-discovery/gossip_rpc.h"

#define TOPIC "test"
#define PEERS 40

/* An identity made from a number. */
struct someone {
	struct peer_id id;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
};

static inline struct someone someone(unsigned number)
{
	struct someone who;
	uint8_t seed[crypto_sign_SEEDBYTES] = {(uint8_t)number, (uint8_t)(number >> 8), 7};
	uint8_t raw[crypto_sign_PUBLICKEYBYTES], key[PUBKEY_ED25519_SIZE];

	crypto_sign_seed_keypair(raw, who.secret, seed);
	pubkey_from_ed25519(raw, key);
	peer_id_from_key(&who.id, key, sizeof(key));
	return who;
}

static inline struct bytes text(const char *s)
{
	return (struct bytes){(const uint8_t *)s, strlen(s)};
}

/* A message of `who`, signed; lends from `room`. */
struct signed_message {
	Gossip__Message m;
	struct peer_id from;
	uint8_t seqno[GOSSIP_SEQNO];
	uint8_t sig[crypto_sign_BYTES];
};

static inline void sign(
    struct signed_message *s, const struct someone *who, uint64_t seqno, struct bytes data)
{
	struct buf preimage;

	gossip__message__init(&s->m);
	s->from = who->id;
	for (int i = 0; i < GOSSIP_SEQNO; i++)
		s->seqno[i] = (uint8_t)(seqno >> (56 - 8 * i));
	s->m.has_from = s->m.has_data = s->m.has_seqno = s->m.has_topic = s->m.has_signature = 1;
	s->m.from = pb_data(s->from.bytes, s->from.len);
	s->m.data = pb_data(data.data, data.len);
	s->m.seqno = pb_data(s->seqno, sizeof(s->seqno));
	s->m.topic = pb_data(TOPIC, strlen(TOPIC));
	buf_init(&preimage, GOSSIP_RPC_IN_MAX);
	assert_int_equal(gossip_rpc_preimage(&preimage, &s->m), 0);
	crypto_sign_detached(s->sig, NULL, buf_data(&preimage), buf_len(&preimage), who->secret);
	buf_clear(&preimage);
	s->m.signature = pb_data(s->sig, sizeof(s->sig));
}

struct lab {
	struct gossip *g;
	struct someone self, peer[PEERS];
	struct buf sent[PEERS]; /* what the core wrote to each */
	size_t credit[PEERS];   /* bytes it may still write */
	unsigned opens[PEERS], resets[PEERS], refusals[PEERS], joins[PEERS];
	bool open_fails;
	enum gossip_verdict verdict;
	unsigned messages;
	struct peer_id from; /* of the last message */
	size_t sender;       /* of the last message */
	char data[64];       /* of the last message */
	uint64_t now;
};

static inline size_t lab_index(struct lab *l, const struct peer_id *id)
{
	for (size_t i = 0; i < PEERS; i++)
		if (peer_id_equal(&l->peer[i].id, id))
			return i;
	fail_msg("unknown peer");
	return 0;
}

static inline int lab_open(void *arg, const struct peer_id *peer)
{
	struct lab *l = arg;

	l->opens[lab_index(l, peer)]++;
	return l->open_fails ? -1 : 0;
}

static inline size_t lab_send(void *arg, const struct peer_id *peer, const uint8_t *p, size_t n)
{
	struct lab *l = arg;
	size_t i = lab_index(l, peer);

	if (n > l->credit[i])
		n = l->credit[i];
	l->credit[i] -= n;
	assert_int_equal(buf_put(&l->sent[i], p, n), 0);
	return n;
}

static inline void lab_reset(void *arg, const struct peer_id *peer)
{
	struct lab *l = arg;

	l->resets[lab_index(l, peer)]++;
}

static inline void lab_refuse(void *arg, const struct peer_id *peer)
{
	struct lab *l = arg;

	l->refusals[lab_index(l, peer)]++;
}

static inline enum gossip_verdict lab_message(void *arg, const struct peer_id *sender,
    const struct peer_id *from, const char *topic, struct bytes data)
{
	struct lab *l = arg;

	l->sender = lab_index(l, sender);
	assert_string_equal(topic, TOPIC);
	l->messages++;
	l->from = *from;
	snprintf(l->data, sizeof(l->data), "%.*s", (int)data.len, (const char *)data.data);
	return l->verdict;
}

static inline void lab_joined(void *arg, const struct peer_id *peer, const char *topic)
{
	struct lab *l = arg;

	assert_string_equal(topic, TOPIC);
	l->joins[lab_index(l, peer)]++;
}

static inline struct lab *lab_new(void)
{
	static const struct gossip_events events = {
	    lab_open, lab_send, lab_reset, lab_refuse, lab_message, lab_joined};
	struct lab *l = calloc(1, sizeof(*l));
	struct gossip_config config = {.seqno = 1000, .random = 1, .events = &events, .arg = l};

	l->now = 1000000;
	l->self = someone(0);
	for (unsigned i = 0; i < PEERS; i++) {
		l->peer[i] = someone(i + 1);
		l->credit[i] = SIZE_MAX;
		buf_init(&l->sent[i], 64 * 1024 * 1024);
	}
	config.self = l->self.id;
	l->g = gossip_new(&config);
	assert_int_equal(gossip_join(l->g, TOPIC, l->now), 0);
	return l;
}

static inline void lab_free(struct lab *l)
{
	gossip_free(l->g);
	for (size_t i = 0; i < PEERS; i++)
		buf_clear(&l->sent[i]);
	free(l);
}

static inline void lab_tick(struct lab *l)
{
	l->now += GOSSIP_HEARTBEAT_MS;
	gossip_tick(l->g, l->now);
}

/* Lets the time pass without doing what a core does meanwhile, apart from one heartbeat. */
static inline void lab_wait(struct lab *l, uint64_t ms)
{
	l->now += ms;
	gossip_tick(l->g, l->now);
}

/* The peer sends what is in `b`, which is cleared. */
static inline int lab_feed(struct lab *l, size_t i, struct buf *b)
{
	int result = gossip_in_data(l->g, &l->peer[i].id, buf_data(b), buf_len(b), l->now);

	buf_clear(b);
	return result;
}

static inline void lab_subscribe(struct lab *l, size_t i, bool subscribe)
{
	struct buf b;

	buf_init(&b, 1024);
	gossip_rpc_put_subscription(&b, text(TOPIC), subscribe);
	assert_int_equal(lab_feed(l, i, &b), 0);
}

static inline void lab_graft(struct lab *l, size_t i)
{
	struct buf b;

	buf_init(&b, 1024);
	gossip_rpc_put_graft(&b, text(TOPIC));
	assert_int_equal(lab_feed(l, i, &b), 0);
}

static inline void lab_prune(struct lab *l, size_t i, uint64_t backoff_s)
{
	struct buf b;

	buf_init(&b, 1024);
	gossip_rpc_put_prune(&b, text(TOPIC), backoff_s);
	assert_int_equal(lab_feed(l, i, &b), 0);
}

static inline void lab_message_raw(struct lab *l, size_t i, const Gossip__Message *m)
{
	struct buf b;

	buf_init(&b, GOSSIP_RPC_IN_MAX);
	assert_int_equal(gossip_rpc_put_message(&b, m), 0);
	assert_int_equal(lab_feed(l, i, &b), 0);
}

/* Peer i passes on a message of `author` with this seqno. */
static inline void lab_say(struct lab *l, size_t i, const struct someone *author, uint64_t seqno)
{
	struct signed_message s;

	sign(&s, author, seqno, text("hello"));
	lab_message_raw(l, i, &s.m);
}

/* Both streams are open and the peer is in the topic. */
static inline void lab_connect(struct lab *l, size_t i, enum gossip_protocol protocol)
{
	assert_int_equal(gossip_peer_up(l->g, &l->peer[i].id, l->now), 0);
	assert_int_equal(gossip_in_opened(l->g, &l->peer[i].id, l->now), 0);
	gossip_out_opened(l->g, &l->peer[i].id, protocol, l->now);
	lab_subscribe(l, i, true);
}

/* What the core has written to a peer since the last look. */
struct heard {
	unsigned subscribe, unsubscribe, publish, graft, prune, ihave, iwant;
	uint64_t backoff; /* of the last PRUNE, 0 when it had none */
	size_t ids;       /* in IHAVE and IWANT */
	size_t longest;   /* RPC */
};

static inline void heard_rpc(struct heard *h, const Gossip__Rpc *m)
{
	const Gossip__Control *c = m->control;

	for (size_t i = 0; i < m->n_subscriptions; i++) {
		assert_memory_equal(m->subscriptions[i]->topic.data, TOPIC, strlen(TOPIC));
		h->subscribe += m->subscriptions[i]->subscribe;
		h->unsubscribe += !m->subscriptions[i]->subscribe;
	}
	h->publish += (unsigned)m->n_publish;
	if (c == NULL)
		return;
	h->graft += (unsigned)c->n_graft;
	h->prune += (unsigned)c->n_prune;
	h->ihave += (unsigned)c->n_ihave;
	h->iwant += (unsigned)c->n_iwant;
	for (size_t i = 0; i < c->n_prune; i++)
		h->backoff = c->prune[i]->backoff;
	for (size_t i = 0; i < c->n_ihave; i++)
		h->ids += c->ihave[i]->n_ids;
	for (size_t i = 0; i < c->n_iwant; i++)
		h->ids += c->iwant[i]->n_ids;
}

static inline struct heard lab_heard(struct lab *l, size_t i)
{
	struct heard h = {0};
	struct bytes rpc;
	long used;

	while ((used = gossip_rpc_frame(buf_data(&l->sent[i]), buf_len(&l->sent[i]), &rpc)) > 0) {
		struct pb pb;
		Gossip__Rpc *m = gossip_rpc_parse(&pb, rpc);
		assert_non_null(m);
		heard_rpc(&h, m);
		gossip_rpc_free(&pb, m);
		h.longest = rpc.len > h.longest ? rpc.len : h.longest;
		buf_consume(&l->sent[i], (size_t)used);
	}
	assert_int_equal(buf_len(&l->sent[i]), 0);
	return h;
}

/* Drops what was heard so far. */
static inline void lab_hush(struct lab *l)
{
	for (size_t i = 0; i < PEERS; i++)
		lab_heard(l, i);
}

struct lab_find {
	const struct peer_id *peer;
	struct gossip_peer_info info;
};

static inline void lab_find(void *arg, const struct gossip_peer_info *info)
{
	struct lab_find *f = arg;

	if (peer_id_equal(info->peer, f->peer))
		f->info = *info;
}

static inline struct gossip_peer_info lab_info(struct lab *l, size_t i)
{
	struct lab_find f = {.peer = &l->peer[i].id};

	gossip_each_peer(l->g, lab_find, &f, l->now);
	return f.info;
}

static inline size_t lab_mesh(struct lab *l)
{
	size_t count = 0;

	for (size_t i = 0; i < PEERS; i++)
		count += lab_info(l, i).meshes;
	return count;
}

#endif

/* A life of one core, told by the input: peers come and go, streams open, break and stall, bytes
 * arrive, time passes. The core writes only to streams that are open, only whole RPCs, and holds no
 * more than it may. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "codec/pubkey.h"
#include "svc-discovery/gossip.h"
#include "svc-discovery/gossip_queue.h"
#include "svc-discovery/gossip_rpc.h"

#define PEERS 8
#define TOPIC "test"

struct peer {
	struct peer_id id;
	uint8_t secret[crypto_sign_SECRETKEYBYTES];
	bool known, opening, open;
	size_t credit;
	struct buf wire; /* an RPC that has not been written whole */
};

struct world {
	struct gossip *g;
	struct peer peer[PEERS];
	uint64_t now, seqno;
	unsigned messages;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct peer *find(struct world *w, const struct peer_id *id)
{
	for (size_t i = 0; i < PEERS; i++)
		if (peer_id_equal(&w->peer[i].id, id))
			return &w->peer[i];
	abort();
}

static int on_open(void *arg, const struct peer_id *id)
{
	struct peer *p = find(arg, id);

	if (!p->known || p->opening || p->open)
		abort();
	p->opening = true;
	return 0;
}

static size_t on_send(void *arg, const struct peer_id *id, const uint8_t *bytes, size_t n)
{
	struct peer *p = find(arg, id);
	struct bytes rpc;
	long used;

	if (!p->open || n == 0)
		abort();
	n = n < p->credit ? n : p->credit;
	p->credit -= n;
	if (buf_put(&p->wire, bytes, n) != 0)
		abort();
	while ((used = gossip_rpc_frame(buf_data(&p->wire), buf_len(&p->wire), &rpc)) > 0) {
		struct pb pb;
		Gossip__Rpc *m = gossip_rpc_parse(&pb, rpc);
		if (m == NULL || rpc.len > GOSSIP_RPC_OUT_MAX)
			abort();
		gossip_rpc_free(&pb, m);
		buf_consume(&p->wire, (size_t)used);
	}
	if (used < 0)
		abort();
	return n;
}

static void closed(struct peer *p)
{
	p->open = p->opening = false;
	buf_clear(&p->wire);
}

static void on_reset(void *arg, const struct peer_id *id)
{
	struct peer *p = find(arg, id);

	if (!p->open)
		abort();
	closed(p);
}

static void on_refuse(void *arg, const struct peer_id *id)
{
	if (!find(arg, id)->known)
		abort();
}

static enum gossip_verdict on_message(void *arg, const struct peer_id *sender,
    const struct peer_id *from, const char *topic, struct bytes data)
{
	struct world *w = arg;

	if (strcmp(topic, TOPIC) != 0)
		abort();
	find(w, sender);
	find(w, from);
	w->messages++;
	return data.len > 0 && data.data[0] < 3 ? (enum gossip_verdict)data.data[0] : GOSSIP_ACCEPT;
}

static void on_joined(void *arg, const struct peer_id *id, const char *topic)
{
	if (!find(arg, id)->open || strcmp(topic, TOPIC) != 0)
		abort();
}

static void make(struct world *w)
{
	static const struct gossip_events events = {
	    on_open, on_send, on_reset, on_refuse, on_message, on_joined};
	struct gossip_config config = {.random = 7, .events = &events, .arg = w};

	for (unsigned i = 0; i < PEERS; i++) {
		uint8_t seed[crypto_sign_SEEDBYTES] = {(uint8_t)(i + 1), 0, 7};
		uint8_t raw[crypto_sign_PUBLICKEYBYTES], key[PUBKEY_ED25519_SIZE];
		crypto_sign_seed_keypair(raw, w->peer[i].secret, seed);
		pubkey_from_ed25519(raw, key);
		peer_id_from_key(&w->peer[i].id, key, sizeof(key));
		w->peer[i].credit = 1000;
		buf_init(&w->peer[i].wire, GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX);
	}
	config.self.len = 3;
	memcpy(config.self.bytes, "\0\1x", 3);
	w->g = gossip_new(&config);
	gossip_join(w->g, TOPIC, w->now);
}

/* A rightly signed message, sent by p. */
static void say(struct world *w, struct peer *p, const struct peer *author, uint8_t first)
{
	Gossip__Message m = GOSSIP__MESSAGE__INIT;
	uint8_t sig[crypto_sign_BYTES], seqno[8] = {0};
	struct buf b;

	seqno[7] = (uint8_t)w->seqno++;
	m.has_from = m.has_data = m.has_seqno = m.has_topic = m.has_signature = true;
	m.from = pb_data(author->id.bytes, author->id.len);
	m.data = pb_data(&first, 1);
	m.seqno = pb_data(seqno, sizeof(seqno));
	m.topic = pb_data(TOPIC, strlen(TOPIC));
	buf_init(&b, 4096);
	gossip_rpc_preimage(&b, &m);
	crypto_sign_detached(sig, NULL, buf_data(&b), buf_len(&b), author->secret);
	buf_clear(&b);
	m.signature = pb_data(sig, sizeof(sig));
	gossip_rpc_put_message(&b, &m);
	gossip_in_data(w->g, &p->id, buf_data(&b), buf_len(&b), w->now);
	buf_clear(&b);
}

static void check_peer(void *arg, const struct gossip_peer_info *info)
{
	const struct peer *p = find(arg, info->peer);

	if (!p->known || info->outbound != p->open || (!info->outbound && info->queued > 0) ||
	    info->queued > GOSSIP_QUEUE_BYTES + GOSSIP_QUEUE_CONTROL + 1000 || info->topics > 1)
		abort();
}

/* One event. Returns how many bytes of the argument were used. */
static size_t act(struct world *w, uint8_t op, const uint8_t *p, size_t n)
{
	struct peer *peer = &w->peer[op % PEERS];
	uint8_t first = n > 0 ? p[0] : 0;

	switch (op / PEERS % 14) {
	case 0:
		peer->known = true;
		gossip_peer_up(w->g, &peer->id, w->now);
		return 0;
	case 1:
		gossip_peer_down(w->g, &peer->id, w->now);
		peer->known = false;
		closed(peer);
		return 0;
	case 2:
		if (peer->opening) {
			peer->opening = false;
			peer->open = true;
			gossip_out_opened(
			    w->g, &peer->id, (enum gossip_protocol)(first % 3), w->now);
		}
		return 1;
	case 3:
		if (peer->opening || peer->open) {
			closed(peer);
			gossip_out_closed(w->g, &peer->id, w->now);
		}
		return 0;
	case 4:
		peer->credit += first * 100u;
		if (peer->open)
			gossip_out_writable(w->g, &peer->id, w->now);
		return 1;
	case 5:
		peer->known = true;
		gossip_in_opened(w->g, &peer->id, w->now);
		return 0;
	case 6: gossip_in_closed(w->g, &peer->id, w->now); return 0;
	case 7:
	case 8:
		if (n == 0)
			return 0;
		n = first < n - 1 ? first : n - 1;
		gossip_in_data(w->g, &peer->id, p + 1, n, w->now);
		return 1 + n;
	case 9:
		w->now += 10u * first;
		gossip_tick(w->g, w->now);
		return 1;
	case 10: gossip_join(w->g, TOPIC, w->now); return 0;
	case 11: gossip_leave(w->g, TOPIC, w->now); return 0;
	case 12: say(w, peer, &w->peer[first % PEERS], first / PEERS); return 1;
	default:
		gossip_publish(w->g, TOPIC, gossip_next_seqno(w->g), (struct bytes){p, n},
		    (struct bytes){p, n}, w->now);
		return 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = {.now = 1000};

	make(&w);
	for (size_t at = 0, ops = 0; at < size && ops < 500; ops++) {
		uint8_t op = data[at++];
		size_t used = act(&w, op, data + at, size - at);
		at += used < size - at ? used : size - at;
		gossip_each_peer(w.g, check_peer, &w, w.now);
	}
	gossip_free(w.g);
	for (size_t i = 0; i < PEERS; i++)
		buf_clear(&w.peer[i].wire);
	return 0;
}

#include "svc-discovery/post.h"

#include "base/str.h"

static void put_list(struct msg *m, char *const *text, size_t count)
{
	msg_put_u16(m, (uint16_t)count);
	for (size_t i = 0; i < count; i++)
		msg_put_str(m, text[i]);
}

void post_self_addrs(struct link *l, const struct addresses *a)
{
	struct msg m;

	msg_begin(&m, MSG_SELF_ADDRS, 0);
	put_list(&m, a->text, a->count);
	link_send(l, &m);
}

void post_addrs(struct link *l, const char *peer, enum post_source source, uint32_t ttl_ms,
    char *const *addrs, size_t count)
{
	struct msg m;

	msg_begin(&m, MSG_ADDRS, 0);
	msg_put_str(&m, peer);
	msg_put_u8(&m, (uint8_t)source);
	msg_put_u32(&m, ttl_ms);
	put_list(&m, addrs, count);
	link_send(l, &m);
}

void post_heard(struct link *l, const struct mdns_heard_peer *peer)
{
	char text[MDNS_ADDRS_MAX][MULTIADDR_TEXT], *list[MDNS_ADDRS_MAX], id[PEER_ID_TEXT];

	peer_id_to_text(&peer->peer, id);
	for (size_t i = 0; i < peer->count; i++) {
		multiaddr_to_text(&peer->addrs[i], text[i]);
		list[i] = text[i];
	}
	post_addrs(l, id, POST_MDNS, peer->ttl_ms, list, peer->count);
}

void post_connect(struct link *l, const struct peer_id *peer)
{
	char id[PEER_ID_TEXT];
	struct msg m;

	peer_id_to_text(peer, id);
	msg_begin(&m, MSG_CONNECT, 0);
	msg_put_str(&m, id);
	link_send(l, &m);
}

int post_sign_presence(struct link *l, uint32_t request, const struct presence *p)
{
	struct msg m;

	msg_begin(&m, MSG_SIGN_PRESENCE, 0);
	msg_put_u32(&m, request << 1);
	msg_put_str(&m, presence_type_name(p->type));
	msg_put_str(&m, p->content);
	msg_put_str(&m, p->email);
	msg_put_str(&m, p->avatar_hash);
	msg_put_i64(&m, p->ts);
	put_list(&m, p->addrs, p->addr_count);
	return link_send(l, &m);
}

int post_sign_publish(
    struct link *l, uint32_t request, const char *topic, uint64_t seqno, struct bytes data)
{
	struct msg m;

	msg_begin(&m, MSG_SIGN_PUBLISH, data.len + 64);
	msg_put_u32(&m, request << 1 | 1);
	msg_put_str(&m, topic);
	msg_put_u64(&m, seqno);
	msg_put_bytes(&m, data.data, data.len);
	return link_send(l, &m);
}

void post_person(struct link *l, const struct person *p)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON, 0);
	msg_put_str(&m, p->id);
	msg_put_str(&m, p->label);
	msg_put_str(&m, p->email);
	msg_put_str(&m, p->avatar_hash);
	msg_put_i64(&m, p->last_seen);
	msg_put_u8(&m, (uint8_t)p->via);
	link_send(l, &m);
}

void post_person_gone(struct link *l, const struct person *p)
{
	struct msg m;

	msg_begin(&m, MSG_PERSON_GONE, 0);
	msg_put_str(&m, p->id);
	link_send(l, &m);
}

void post_everybody(struct link *l, const struct people *people)
{
	const struct person *p = NULL;
	struct msg m;

	while ((p = people_next(people, p)) != NULL)
		post_person(l, p);
	msg_begin(&m, MSG_PEOPLE_ALL, 0);
	link_send(l, &m);
}

/* --- from the transport ----------------------------------------------------------------------- */

static int get_peer(struct msg *m, struct peer_id *peer)
{
	struct bytes text = msg_get_str(m);

	return peer_id_from_text(peer, (const char *)text.data, text.len);
}

int post_read_self(struct msg *m, struct peer_id *self, uint16_t *port)
{
	int r = get_peer(m, self);

	msg_get_bytes(m); /* the key */
	*port = msg_get_u16(m);
	return msg_end(m) ? r : -1;
}

bool post_is_pubsub(enum protocol protocol)
{
	return protocol == PROTOCOL_MESHSUB_11 || protocol == PROTOCOL_MESHSUB_10 ||
	       protocol == PROTOCOL_FLOODSUB;
}

int post_read_peer_up(struct msg *m, struct peer_id *peer, bool *speaks)
{
	int r = get_peer(m, peer);
	size_t count;

	msg_get_str(m); /* address */
	msg_get_str(m); /* agent */
	count = msg_get_u16(m);
	*speaks = false;
	for (size_t i = 0; i < count && !m->bad; i++)
		*speaks |= post_is_pubsub((enum protocol)msg_get_u8(m));
	msg_get_u8(m); /* identified */
	return msg_end(m) ? r : -1;
}

int post_read_failure(struct msg *m, struct peer_id *peer, char *why, size_t size)
{
	int r = get_peer(m, peer);
	struct bytes text = msg_get_str(m);

	str_escape(text.data, text.len, why, size);
	return msg_end(m) ? r : -1;
}

int post_read_signature(struct msg *m, uint32_t *number, struct bytes *signature)
{
	*number = msg_get_u32(m);
	*signature = msg_get_bytes(m);
	return msg_end(m) ? 0 : -1;
}

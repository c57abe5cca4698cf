#include "svc-transport/transport.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "codec/presence.h"
#include "codec/pubkey.h"
#include "proto/protocols.h"
#include "svc-transport/addrbook.h"
#include "svc-transport/identity.h"
#include "svc-transport/limits.h"
#include "svc-transport/node.h"
#include "svc-transport/tcp.h"

#define REPORT_ROWS 200
#define ADDRS_MAX   64 /* in one message */
#define DESCRIPTORS (LIMIT_CONNECTIONS + 512)

struct transport {
	struct service *svc;
	struct identity *identity;
	struct node *node;
	struct tcp_listener *listener;
};

static struct transport *self_of(const struct service *svc)
{
	return service_state(svc);
}

/* --- what we say ------------------------------------------------------------------------------ */

static void say_self(struct service *svc, enum service_id to)
{
	const struct transport *t = self_of(svc);
	struct bytes key = identity_public_key(t->identity);
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, identity_peer_text(t->identity));
	msg_put_bytes(&m, key.data, key.len);
	msg_put_u16(&m, tcp_listener_port(t->listener));
	link_send(service_link(svc, to), &m);
}

static void say_peer_up(void *arg, const struct peer *p, const char *address)
{
	struct transport *t = arg;
	uint16_t count = 0;
	struct msg m;

	for (unsigned i = 1; i < PROTOCOL_COUNT; i++)
		count += (p->protocols & 1u << i) != 0;
	msg_begin(&m, MSG_PEER_UP, 0);
	msg_put_str(&m, p->text);
	msg_put_str(&m, address);
	msg_put_str(&m, p->agent);
	msg_put_u16(&m, p->known ? count : 0);
	for (unsigned i = 1; p->known && i < PROTOCOL_COUNT; i++)
		if ((p->protocols & 1u << i) != 0)
			msg_put_u8(&m, (uint8_t)i);
	msg_put_u8(&m, p->known);
	link_send(service_link(t->svc, SERVICE_DISCOVERY), &m);
}

static void say_of_peer(
    struct transport *t, enum msg_type type, const struct peer *p, const char *text)
{
	struct msg m;

	msg_begin(&m, type, 0);
	msg_put_str(&m, p->text);
	msg_put_str(&m, text);
	link_send(service_link(t->svc, SERVICE_DISCOVERY), &m);
}

static void say_peer_down(void *arg, const struct peer *p, const char *why)
{
	say_of_peer(arg, MSG_PEER_DOWN, p, why);
}

static void say_connect_failed(void *arg, const struct peer *p, const char *text)
{
	say_of_peer(arg, MSG_CONNECT_FAILED, p, text);
}

static struct streams *streams_to(void *arg, enum service_id service)
{
	struct transport *t = arg;

	return link_is_up(service_link(t->svc, service)) ? service_streams(t->svc, service) : NULL;
}

static void left(void *arg)
{
	struct transport *t = arg;

	service_exit(t->svc, EXIT_SUCCESS);
}

static const struct node_events node_events = {
    .peer_up = say_peer_up,
    .peer_down = say_peer_down,
    .connect_failed = say_connect_failed,
    .streams = streams_to,
    .left = left,
};

static int say_signature(
    struct service *svc, uint32_t request, const uint8_t signature[IDENTITY_SIGNATURE])
{
	struct msg m;

	msg_begin(&m, MSG_SIGNATURE, 0);
	msg_put_u32(&m, request);
	msg_put_bytes(&m, signature, IDENTITY_SIGNATURE);
	link_send(service_link(svc, SERVICE_DISCOVERY), &m);
	return 0;
}

/* --- what discovery asks ---------------------------------------------------------------------- */

static int get_peer(struct msg *m, struct peer_id *id)
{
	struct bytes text = msg_get_str(m);

	return peer_id_from_text(id, (const char *)text.data, text.len);
}

/* Addresses that cannot be read are left out: they come from strangers. */
static size_t get_addrs(struct msg *m, struct multiaddr addrs[ADDRS_MAX])
{
	size_t n = msg_get_u16(m), filled = 0;

	for (size_t i = 0; i < n && !m->bad; i++) {
		struct bytes text = msg_get_str(m);

		if (filled < ADDRS_MAX &&
		    multiaddr_from_text(&addrs[filled], (const char *)text.data, text.len) == 0)
			filled++;
	}
	return filled;
}

static int hear_self_addrs(struct transport *t, struct msg *m)
{
	struct multiaddr addrs[ADDRS_MAX];
	size_t n = get_addrs(m, addrs);

	if (!msg_end(m))
		return -1;
	for (size_t i = 0; i < n; i++)
		multiaddr_strip_peer(&addrs[i]);
	node_set_addrs(t->node, addrs, n);
	return 0;
}

static int hear_addrs(struct transport *t, struct msg *m)
{
	struct multiaddr addrs[ADDRS_MAX];
	struct peer_id id;
	int known = get_peer(m, &id);
	uint8_t source = msg_get_u8(m);
	uint32_t ttl_ms = msg_get_u32(m);
	size_t n = get_addrs(m, addrs);

	if (!msg_end(m) || known != 0 || source == ADDRBOOK_IDENTIFY)
		return -1;
	node_learn(t->node, &id, source, ttl_ms, addrs, n);
	return 0;
}

static int hear_connect(struct transport *t, struct msg *m)
{
	struct peer_id id;
	int known = get_peer(m, &id);

	if (!msg_end(m) || known != 0)
		return -1;
	node_connect(t->node, &id);
	return 0;
}

static int hear_sign_publish(struct transport *t, struct msg *m)
{
	uint32_t request = msg_get_u32(m);
	struct bytes topic = msg_get_str(m);
	uint64_t seqno = msg_get_u64(m);
	struct bytes data = msg_get_bytes(m);
	uint8_t signature[IDENTITY_SIGNATURE];

	if (!msg_end(m))
		return -1;
	identity_sign_publish(t->identity, topic, seqno, data, signature);
	return say_signature(t->svc, request, signature);
}

static char *get_string(struct msg *m)
{
	struct bytes b = msg_get_str(m);

	return xstrndup((const char *)b.data, b.len);
}

static int get_presence_type(struct msg *m, enum presence_type *type)
{
	struct bytes b = msg_get_str(m);

	for (int i = PRESENCE_ONLINE; i <= PRESENCE_PUNCH; i++) {
		const char *name = presence_type_name((enum presence_type)i);

		if (b.len == strlen(name) && memcmp(b.data, name, b.len) == 0) {
			*type = (enum presence_type)i;
			return 0;
		}
	}
	return -1;
}

/* Returns -1 when it is not a presence message that could be signed. */
static int get_presence(struct transport *t, struct msg *m, struct presence *p)
{
	int r = get_presence_type(m, &p->type);
	size_t n;

	p->peer = *identity_peer(t->identity);
	p->peer_text = xstrdup(identity_peer_text(t->identity));
	p->target = xstrdup("");
	p->content = get_string(m);
	p->email = get_string(m);
	p->avatar_hash = get_string(m);
	p->ts = msg_get_i64(m);
	n = msg_get_u16(m);
	if (n > PRESENCE_ADDRS_MAX)
		return -1;
	while (p->addr_count < n)
		p->addrs[p->addr_count++] = get_string(m);
	return msg_end(m) ? r : -1;
}

static int hear_sign_presence(struct transport *t, struct msg *m)
{
	uint32_t request = msg_get_u32(m);
	struct presence p = {0};
	uint8_t signature[IDENTITY_SIGNATURE];
	int r = -1;

	if (get_presence(t, m, &p) == 0 && identity_sign_presence(t->identity, &p, signature) == 0)
		r = say_signature(t->svc, request, signature);
	presence_clear(&p);
	return r;
}

/* --- desks ------------------------------------------------------------------------------------ */

int transport_from_viewer(struct service *svc, struct msg *m)
{
	(void)svc;
	(void)m;
	return -1; /* streams are all that it asks for */
}

int transport_from_discovery(struct service *svc, struct msg *m)
{
	struct transport *t = self_of(svc);

	switch (m->type) {
	case MSG_SELF_ADDRS: return hear_self_addrs(t, m);
	case MSG_ADDRS: return hear_addrs(t, m);
	case MSG_CONNECT: return hear_connect(t, m);
	case MSG_SIGN_PUBLISH: return hear_sign_publish(t, m);
	case MSG_SIGN_PRESENCE: return hear_sign_presence(t, m);
	default: return -1;
	}
}

int transport_from_db(struct service *svc, struct msg *m)
{
	(void)svc;
	(void)m;
	return -1; /* peers open streams to it; it opens none and asks nothing */
}

const struct stream_events *transport_viewer_opens(
    void *arg, struct stream *s, const struct stream_request *r, void **user)
{
	static const uint32_t allowed = 1u << PROTOCOL_GOOP_CONTENT | 1u << PROTOCOL_GOOP_SITE |
	                                1u << PROTOCOL_GOOP_AVATAR | 1u << PROTOCOL_GOOP_DATA;

	return node_open(self_of(arg)->node, s, r, allowed, user);
}

const struct stream_events *transport_discovery_opens(
    void *arg, struct stream *s, const struct stream_request *r, void **user)
{
	static const uint32_t allowed =
	    1u << PROTOCOL_MESHSUB_11 | 1u << PROTOCOL_MESHSUB_10 | 1u << PROTOCOL_FLOODSUB;

	return node_open(self_of(arg)->node, s, r, allowed, user);
}

void transport_viewer_up(struct service *svc)
{
	say_self(svc, SERVICE_VIEWER);
	node_services_changed(self_of(svc)->node);
}

void transport_discovery_up(struct service *svc)
{
	say_self(svc, SERVICE_DISCOVERY);
	node_tell_all(self_of(svc)->node);
	node_services_changed(self_of(svc)->node);
}

void transport_db_up(struct service *svc)
{
	say_self(svc, SERVICE_DB);
	node_services_changed(self_of(svc)->node);
}

void transport_neighbour_down(struct service *svc, const char *why)
{
	(void)why;
	node_services_changed(self_of(svc)->node);
}

/* --- life ------------------------------------------------------------------------------------- */

int transport_init(struct service *svc)
{
	struct transport *t = xcalloc(1, sizeof *t);
	uint16_t port = (uint16_t)service_config_u64(svc, "p2p.listen_port", 0);
	char why[IDENTITY_WHY];

	t->svc = svc;
	service_set_state(svc, t);
	descriptor_raise(DESCRIPTORS);
	pubkey_init();
	t->identity = identity_load(service_config(svc, "identity.key_file"), why, sizeof why);
	if (t->identity == NULL) {
		log_error("transport", "%s", why);
		return -1;
	}
	t->node = node_new(service_loop(svc), t->identity, &node_events, t);
	t->listener = tcp_listen(service_loop(svc), port, node_accept, t->node, why);
	if (t->listener == NULL) {
		log_error("transport", "%s", why);
		return -1;
	}
	return 0;
}

int transport_start(struct service *svc)
{
	struct transport *t = self_of(svc);
	char text[64];

	tcp_listener_start(t->listener);
	tcp_listener_text(t->listener, text, sizeof text);
	log_info("transport", "%s listens on %s", identity_peer_text(t->identity), text);
	service_fact(svc, "peer_id", identity_peer_text(t->identity));
	service_fact(svc, "listen", text);
	return 0;
}

/* Transport is the last to stop: whoever used its streams has gone, and what they wrote last is on
 * its way. When it alone is restarted the others are at work, and open again what they need. */
void transport_stop(struct service *svc, uint32_t grace_ms)
{
	struct transport *t = self_of(svc);

	(void)grace_ms;
	tcp_listener_free(t->listener);
	t->listener = NULL;
	node_leave(t->node, service_comes_back(svc));
}

void transport_fini(struct service *svc)
{
	struct transport *t = self_of(svc);

	if (t == NULL)
		return;
	tcp_listener_free(t->listener);
	node_free(t->node);
	identity_free(t->identity);
	service_set_state(svc, NULL);
	free(t);
}

void transport_report(struct service *svc, uint32_t request, const char *what)
{
	struct transport *t = self_of(svc);
	cJSON *rows = NULL;
	char *text;

	if (strcmp(what, "connections") == 0)
		rows = node_report_connections(t->node, REPORT_ROWS);
	else if (strcmp(what, "streams") == 0)
		rows = node_report_streams(t->node, REPORT_ROWS);
	if (rows == NULL) {
		service_report(svc, request, "{\"error\":\"connections or streams\"}");
		return;
	}
	text = json_print(rows);
	service_report(svc, request, text);
	free(text);
	cJSON_Delete(rows);
}

#include "http/http_conn.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/map.h"
#include "http/http_mhd.h"

#define PAGE 4096 /* in which bodies are counted for their rank */
#define KEY  16

struct http_conn_client {
	uint8_t key[KEY];
	struct http_rank_entry places, bodies;
	struct http_conn_list waiting[HTTP_CONN_STATES];
	size_t waiting_count, body_bytes;
	unsigned count;
};

void http_conns_init(struct http_conns *t, unsigned connections, size_t body_max)
{
	*t = (struct http_conns){.clients = map_new(), .body_max = body_max};
	TAILQ_INIT(&t->awaiting);
	http_rank_init(&t->places, connections);
	http_rank_init(&t->bodies, body_max / PAGE + 1);
}

void http_conns_clear(struct http_conns *t)
{
	map_free(t->clients);
	http_rank_clear(&t->places);
	http_rank_clear(&t->bodies);
}

/* --- addresses -------------------------------------------------------------------------------- */

static void key_of(const struct sockaddr *sa, uint8_t key[KEY])
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)sa)->sin6_addr;

	memset(key, 0, KEY);
	if (sa->sa_family == AF_INET)
		memcpy(key + 12, &((const struct sockaddr_in *)sa)->sin_addr, 4);
	else if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(v6))
		memcpy(key + 12, v6->s6_addr + 12, 4);
	else if (sa->sa_family == AF_INET6)
		memcpy(key, v6->s6_addr, 8);
}

static struct http_conn_client *client_of(struct http_conns *t, const struct sockaddr *sa)
{
	struct http_conn_client *client;
	uint8_t key[KEY];

	key_of(sa, key);
	client = map_get(t->clients, key, KEY);
	if (client != NULL)
		return client;
	client = xcalloc(1, sizeof(*client));
	memcpy(client->key, key, KEY);
	for (int i = 0; i < HTTP_CONN_STATES; i++)
		TAILQ_INIT(&client->waiting[i]);
	map_set(t->clients, key, KEY, client);
	return client;
}

struct http_conn *http_conn_new(struct http_conns *t, int fd, const struct sockaddr *client)
{
	struct http_conn *c = xcalloc(1, sizeof(*c));

	c->fd = fd;
	c->state = HTTP_CONN_NOTHING;
	c->client = client_of(t, client);
	c->client->count++;
	t->count++;
	return c;
}

void http_conn_free(struct http_conns *t, struct http_conn *c)
{
	struct http_conn_client *client = c->client;

	http_conn_await(t, c, HTTP_CONN_NOTHING, 0);
	http_conn_hold(t, c, 0);
	t->count--;
	free(c);
	if (--client->count > 0)
		return;
	map_remove(t->clients, client->key, KEY);
	free(client);
}

/* --- waiting ---------------------------------------------------------------------------------- */

void http_conn_await(
    struct http_conns *t, struct http_conn *c, enum http_conn_state state, uint64_t deadline)
{
	struct http_conn_client *client = c->client;

	if (c->state != HTTP_CONN_NOTHING) {
		TAILQ_REMOVE(&t->awaiting, c, entry);
		TAILQ_REMOVE(&client->waiting[c->state], c, of_client);
		client->waiting_count--;
	}
	c->deadline = deadline;
	c->state = deadline == 0 ? HTTP_CONN_NOTHING : state;
	if (c->state != HTTP_CONN_NOTHING) {
		TAILQ_INSERT_TAIL(&t->awaiting, c, entry);
		TAILQ_INSERT_TAIL(&client->waiting[c->state], c, of_client);
		client->waiting_count++;
	}
	http_rank_set(&t->places, &client->places, client->waiting_count);
}

static void set_body(struct http_conns *t, struct http_conn *c, size_t bytes)
{
	struct http_conn_client *client = c->client;

	if (t->body_max == 0 || bytes == c->body)
		return;
	t->body_bytes += bytes - c->body;
	client->body_bytes += bytes - c->body;
	c->body = bytes;
	http_rank_set(&t->bodies, &client->bodies, (client->body_bytes + PAGE - 1) / PAGE);
}

/* libmicrohttpd closes it once it has seen the end; until then it holds nothing any more. */
static void shut(struct http_conns *t, struct http_conn *c)
{
	http_conn_await(t, c, HTTP_CONN_NOTHING, 0);
	set_body(t, c, 0);
	if (c->request != NULL)
		http_mhd_request_give_up(c->request);
	shutdown(c->fd, SHUT_RDWR);
}

bool http_conns_cut_slow(struct http_conns *t, uint64_t now)
{
	struct http_conn *c, *next;
	uint64_t before = t->cut;

	for (c = TAILQ_FIRST(&t->awaiting); c != NULL; c = next) {
		next = TAILQ_NEXT(c, entry);
		if (now < c->deadline)
			continue;
		t->cut += c->state != HTTP_CONN_IDLE;
		shut(t, c);
	}
	return t->cut != before;
}

/* --- making room ------------------------------------------------------------------------------ */

#define CLIENT_OF(e, member)                                                                       \
	((struct http_conn_client *)(void *)((char *)(e)-offsetof(struct http_conn_client, member)))

bool http_conns_make_room(struct http_conns *t)
{
	struct http_rank_entry *most = http_rank_first(&t->places);
	struct http_conn *c = NULL;

	if (most == NULL)
		return false;
	for (int i = 0; i < HTTP_CONN_STATES && c == NULL; i++)
		c = TAILQ_FIRST(&CLIENT_OF(most, places)->waiting[i]);
	t->displaced++;
	shut(t, c);
	return true;
}

static struct http_conn *greediest(const struct http_conns *t)
{
	struct http_rank_entry *most = http_rank_first(&t->bodies);

	return most == NULL ? NULL : TAILQ_FIRST(&CLIENT_OF(most, bodies)->waiting[HTTP_CONN_BODY]);
}

bool http_conn_hold(struct http_conns *t, struct http_conn *c, size_t bytes)
{
	struct http_conn *victim;

	set_body(t, c, bytes);
	while (t->body_bytes > t->body_max && (victim = greediest(t)) != NULL) {
		t->displaced++;
		shut(t, victim);
		if (victim == c)
			return false;
	}
	return true;
}

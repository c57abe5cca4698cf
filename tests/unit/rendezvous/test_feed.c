/* The streams of a hub on a real server. */
#include "svc-rendezvous/feed.h"

#include "http/http_listen.h"
#include "http/http_server.h"
#include "tests/unit/http/client.h"
#include "tests/unit/rendezvous/hub_testing.h"

#define PEERS   2000
#define CONTENT 4000
#define READERS 4
#define BETWEEN 270 /* changes between two of them: more than a quarter of the ring */

struct service {
	struct loop *loop;
	struct hub *hub;
	struct feed *feed;
	struct http_server *server;
	uint16_t port;
};

static void send_events(void *arg, enum hub_channel c, const char *p, size_t n)
{
	feed_send(((struct service *)arg)->feed, c, p, n);
}

static void subscribe(void *arg, struct http_request *r)
{
	feed_subscribe(((struct service *)arg)->feed, r, HUB_CHANGES, ADDR);
}

static const struct http_route routes[] = {{"GET", "/events", 0, subscribe}};

static int set_up(void **state)
{
	struct service *s = xcalloc(1, sizeof(*s));
	struct hub_config config = {.limits = stage_limits(),
	    .events = {.send = send_events, .note = stage_note, .arg = s},
	    .epoch = "00112233aabbccdd",
	    .ring = FEED_RING};
	const struct http_server_config http = {.routes = routes,
	    .route_count = 1,
	    .arg = s,
	    .pool = 4096,
	    .connections = 100,
	    .header_ms = 60000,
	    .body_ms = 60000,
	    .idle_ms = 60000,
	    .stall_ms = 60000};
	char error[HTTP_LISTEN_ERROR];
	struct http_address a;
	int fd;

	assert_true(sodium_init() >= 0);
	config.limits.unsigned_per_minute = config.limits.bytes_per_minute = 0;
	config.limits.new_ids_per_hour = 0;
	assert_int_equal(http_listen_parse("test", "127.0.0.1:0", &a, error), 0);
	fd = http_listen_open("test", &a, error);
	assert_true(fd >= 0);
	s->loop = loop_new();
	s->feed = feed_new(s->loop, READERS);
	s->hub = hub_new(&config);
	feed_set_hub(s->feed, s->hub);
	s->server = http_server_new(s->loop, fd, &http);
	s->port = a.port;
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct service *s = *state;

	http_server_free(s->server);
	feed_free(s->feed);
	hub_free(s->hub);
	loop_free(s->loop);
	free(s);
	return 0;
}

static void says(struct service *s, uint32_t peer, int64_t ts)
{
	static char label[CONTENT + 1];
	struct hub_answer answer;
	struct key k;
	char *json;

	memset(label, 'l', CONTENT);
	label[0] = (char)('a' + ts % 26);
	key_make(&k, peer);
	json = key_says(&k, PRESENCE_UPDATE, label, ts, false);
	hub_publish(s->hub, ADDR, json, strlen(json), NOW, &answer);
	assert_int_equal(answer.status, 204);
	free(json);
}

static void join(struct service *s, struct client *c)
{
	unsigned before = feed_subscribers(s->feed);

	client_open(c, s->port);
	client_send(c, "GET /events HTTP/1.1\r\nHost: x\r\n\r\n");
	while (feed_subscribers(s->feed) == before)
		loop_turn(s->loop, 10);
	for (int i = 0; i < 20; i++)
		loop_turn(s->loop, 0);
}

/* Each is to be told of everybody, as it was at another time, and none of them reads. */
static void test_subscribers_that_do_not_read_cost_no_memory(void **state)
{
	struct service *s = *state;
	struct client c[READERS];
	size_t before;

	for (uint32_t i = 0; i < PEERS; i++)
		says(s, i, 1);
	before = allocated();
	for (int r = 0; r < READERS; r++) {
		for (uint32_t i = 0; r > 0 && i < BETWEEN; i++)
			says(s, i, 2 + r);
		join(s, &c[r]);
	}
	assert_int_equal(feed_subscribers(s->feed), READERS);
	assert_true(allocated() < before + PEERS * CONTENT);
	for (int r = 0; r < READERS; r++)
		client_close(&c[r]);
}

/* ... and who reads is told of all of them. */
static void test_newcomer_is_told_of_everybody(void **state)
{
	struct service *s = *state;
	struct client c;
	struct key k;

	for (uint32_t i = 0; i < PEERS; i++)
		says(s, i, 1);
	key_make(&k, PEERS);
	join(s, &c);
	for (uint32_t i = 0; i < BETWEEN; i++)
		says(s, i, 2);
	says(s, PEERS, 1);
	client_until(s->loop, &c, "id: 00112233aabbccdd:2272\n");
	client_until(s->loop, &c, k.text);
	/* Who has changed before being told of is heard from the stream alone. */
	assert_in_range(occurrences(c.got, "\ndata: "), PEERS + 1, PEERS + BETWEEN + 1);
	assert_int_equal(occurrences(c.got, "id: 00112233aabbccdd:2001\n"), 1);
	for (uint32_t i = 0; i <= PEERS; i += PEERS / 10) {
		key_make(&k, i);
		assert_non_null(strstr(c.got, k.text));
	}
	client_close(&c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_subscribers_that_do_not_read_cost_no_memory),
	    T(test_newcomer_is_told_of_everybody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

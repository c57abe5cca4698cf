/* svc-transport among puppets: two real programs that dial each other on loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/json.h"
#include "codec/presence.h"
#include "codec/pubkey.h"
#include "tests/service/other.h"
#include "tests/service/puppet.h"

#define MIB (1024 * 1024)
#ifdef __SANITIZE_ADDRESS__
#define LARGE (16 * MIB)
#else
#define LARGE (64 * MIB)
#endif

/* --- this peer -------------------------------------------------------------------------------- */

static struct other other;
static struct puppet *p;
static struct puppet_end *viewer, *discovery, *db;

static void stage(void)
{
	if (other_in_child)
		_exit(1);
	p = puppet_new(SERVICE_TRANSPORT);
	viewer = puppet_neighbour(p, SERVICE_VIEWER);
	discovery = puppet_neighbour(p, SERVICE_DISCOVERY);
	db = puppet_neighbour(p, SERVICE_DB);
	puppet_config(p, "identity.key_file", "data/identity.key");
}

static int setup_alone(void **state)
{
	(void)state;
	stage();
	puppet_start(p);
	puppet_wait_up(viewer);
	puppet_wait_up(discovery);
	puppet_wait_up(db);
	return 0;
}

static int teardown_alone(void **state)
{
	(void)state;
	puppet_free(p);
	return 0;
}

static void wait_signature(uint32_t request, uint8_t out[64])
{
	struct bytes signature;
	struct msg m;

	puppet_next(discovery, MSG_SIGNATURE, &m);
	assert_int_equal(msg_get_u32(&m), request);
	signature = msg_get_bytes(&m);
	assert_true(msg_end(&m));
	assert_int_equal(signature.len, 64);
	memcpy(out, signature.data, 64);
}

static void ask_publish_signature(uint32_t request)
{
	struct msg m;

	msg_begin(&m, MSG_SIGN_PUBLISH, 0);
	msg_put_u32(&m, request);
	msg_put_str(&m, "test");
	msg_put_u64(&m, 0x17c0ffee00000001);
	msg_put_bytes(&m, "hello", 5);
	puppet_say(discovery, &m);
}

/* A link keeps the order, two links do not: what discovery said has been heard once a question
 * behind it is answered. */
static void discovery_was_heard(void)
{
	uint8_t signature[64];

	ask_publish_signature(1);
	wait_signature(1, signature);
}

static void introduce(void)
{
	char *addr = xasprintf("/ip4/127.0.0.1/tcp/%u", other.port);

	other_say_addrs(discovery, other.peer, (const char *const[]){addr, NULL});
	discovery_was_heard();
	free(addr);
}

static int setup_pair(void **state)
{
	if (other_in_child)
		_exit(1);
	other_start(&other);
	setup_alone(state);
	introduce();
	return 0;
}

static int teardown_pair(void **state)
{
	if (other_in_child)
		_exit(1);
	teardown_alone(state);
	other_end(&other);
	return 0;
}

static void say_connect(const char *peer)
{
	struct msg m;

	msg_begin(&m, MSG_CONNECT, 0);
	msg_put_str(&m, peer);
	puppet_say(discovery, &m);
}

static void assert_str(struct bytes got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.data, want, got.len);
}

/* Waits for PEER_UP of the other; returns which protocols it serves. */
static uint32_t wait_peer_up(void)
{
	uint32_t protocols = 0;
	struct msg m;
	size_t n;

	puppet_next(discovery, MSG_PEER_UP, &m);
	assert_str(msg_get_str(&m), other.peer);
	assert_memory_equal(msg_get_str(&m).data, "/ip4/127.0.0.1/tcp/", 19);
	assert_memory_equal(msg_get_str(&m).data, "goop-c/", 7);
	n = msg_get_u16(&m);
	while (n-- > 0)
		protocols |= 1u << msg_get_u8(&m);
	assert_int_equal(msg_get_u8(&m), 1);
	assert_true(msg_end(&m));
	return protocols;
}

static struct puppet_stream *visit(void)
{
	return puppet_open(viewer, PROTOCOL_GOOP_SITE, other.peer, 5000);
}

/* --- beginnings ------------------------------------------------------------------------------- */

static void every_neighbour_hears_who_we_are(void **state)
{
	struct puppet_end *ends[] = {viewer, discovery, db};
	const char *self = puppet_fact(p, "peer_id");
	unsigned port = 0;
	struct peer_id id;
	char text[PEER_ID_TEXT];

	(void)state;
	assert_int_equal(sscanf(puppet_fact(p, "listen"), "0.0.0.0:%u, [::]", &port), 1);
	for (size_t i = 0; i < 3; i++) {
		struct bytes key;
		struct msg m;

		puppet_next(ends[i], MSG_SELF, &m);
		assert_str(msg_get_str(&m), self);
		key = msg_get_bytes(&m);
		assert_int_equal(msg_get_u16(&m), port);
		assert_true(msg_end(&m));
		assert_int_equal(peer_id_from_key(&id, key.data, key.len), 0);
		peer_id_to_text(&id, text);
		assert_string_equal(text, self);
	}
}

static void the_identity_outlives_a_restart(void **state)
{
	char *self = xstrdup(puppet_fact(p, "peer_id"));

	(void)state;
	puppet_kill(p, SIGKILL);
	puppet_wait_end(p);
	puppet_restart(p);
	assert_string_equal(puppet_fact(p, "peer_id"), self);
	free(self);
}

static void assert_refused_to_start(const char *says)
{
	int status;

	puppet_spawn(p);
	status = puppet_wait_end(p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 78);
	if (strstr(puppet_log(p), says) == NULL)
		fail_msg("the log does not say \"%s\":\n%s", says, puppet_log(p));
	puppet_free(p);
}

static void a_damaged_key_is_refused(void **state)
{
	(void)state;
	stage();
	puppet_put_file(p, "data/identity.key", "rubbish", 7);
	assert_refused_to_start("identity key data/identity.key is damaged");
}

static void a_port_in_use_is_told(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;
	char text[16];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	stage();
	snprintf(text, sizeof text, "%u", ntohs(sa.sin_port));
	puppet_config(p, "p2p.listen_port", text);
	assert_refused_to_start("p2p.listen_port: TCP port");
	close(fd);
}

/* --- connections ------------------------------------------------------------------------------ */

static void a_peer_comes_up_and_goes_down(void **state)
{
	uint32_t protocols;
	struct msg m;

	(void)state;
	say_connect(other.peer);
	protocols = wait_peer_up();
	assert_true(protocols & 1u << PROTOCOL_GOOP_SITE);
	assert_true(protocols & 1u << PROTOCOL_MESHSUB_11);
	assert_true(protocols & 1u << PROTOCOL_PING);
	assert_false(protocols & 1u << PROTOCOL_GOOP_DATA); /* the other has no db */
	other_order(&other, 'k', 0);
	other_done(&other);
	puppet_next(discovery, MSG_PEER_DOWN, &m);
	assert_str(msg_get_str(&m), other.peer);
}

static void a_new_discovery_hears_of_those_who_are_up(void **state)
{
	(void)state;
	say_connect(other.peer);
	wait_peer_up();
	puppet_die(discovery, "test");
	puppet_revive(discovery);
	wait_peer_up();
}

static void what_a_peer_serves_is_told_when_it_changes(void **state)
{
	(void)state;
	say_connect(other.peer);
	assert_true(wait_peer_up() & 1u << PROTOCOL_GOOP_SITE);
	other_order(&other, 'd', 0);
	other_done(&other);
	assert_false(wait_peer_up() & 1u << PROTOCOL_GOOP_SITE);
	other_order(&other, 'r', 0);
	other_done(&other);
	assert_true(wait_peer_up() & 1u << PROTOCOL_GOOP_SITE);
}

static void a_failed_connect_lists_every_address(void **state)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;
	struct bytes text;
	char *addr, *want;
	struct msg m;

	(void)state;
	/* Bound and not listening: refused. */
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	getsockname(fd, (struct sockaddr *)&sa, &len);
	addr = xasprintf("/ip4/127.0.0.1/tcp/%u", ntohs(sa.sin_port));
	other_say_addrs(discovery, PUPPET_NOBODY, (const char *const[]){addr, NULL});
	say_connect(PUPPET_NOBODY);
	puppet_next(discovery, MSG_CONNECT_FAILED, &m);
	assert_str(msg_get_str(&m), PUPPET_NOBODY);
	text = msg_get_str(&m);
	want = xasprintf("%s: connection refused", addr);
	assert_str(text, want);
	free(want);
	free(addr);
	close(fd);
}

static void a_stream_to_nowhere_says_why(void **state)
{
	struct puppet_stream *s;

	(void)state;
	s = puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_UNREACHABLE);
	assert_string_equal(s->text, "no address is known for this peer");
}

static void an_address_of_somebody_else_is_no_way(void **state)
{
	struct puppet_stream *s;
	char *addr = xasprintf("/ip4/127.0.0.1/tcp/%u", other.port);

	(void)state;
	other_say_addrs(discovery, PUPPET_NOBODY, (const char *const[]){addr, NULL});
	discovery_was_heard();
	s = puppet_open(viewer, PROTOCOL_GOOP_SITE, PUPPET_NOBODY, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_UNREACHABLE);
	if (strstr(s->text, "handshake failed") == NULL)
		fail_msg("\"%s\" should tell of a failed handshake", s->text);
	free(addr);
}

static void services_get_no_streams_but_their_own(void **state)
{
	struct puppet_stream *s;

	(void)state;
	s = puppet_open(viewer, PROTOCOL_MESHSUB_11, other.peer, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
	s = puppet_open(viewer, PROTOCOL_IDENTIFY, other.peer, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
	s = puppet_open(discovery, PROTOCOL_GOOP_SITE, other.peer, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
	s = puppet_open(db, PROTOCOL_GOOP_DATA, other.peer, 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
	s = puppet_open(viewer, PROTOCOL_GOOP_SITE, puppet_fact(p, "peer_id"), 5000);
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void a_visit_brings_what_was_asked_for(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'b', 1000);
	s = visit();
	puppet_write(s, "GET /\n", 6, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_int_equal(s->len, 1000);
	other_assert_pattern(s->data, s->len);
	assert_int_equal(s->protocol, PROTOCOL_GOOP_SITE);
	assert_memory_equal(s->address, "/ip4/127.0.0.1/tcp/", 19);
	other_done(&other);
}

static void a_large_file_comes_whole(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'b', LARGE);
	s = visit();
	puppet_write(s, "GET /\n", 6, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_int_equal(s->len, LARGE);
	other_assert_pattern(s->data, s->len);
	other_done(&other);
}

static void a_large_body_goes_whole(void **state)
{
	struct puppet_stream *s;
	uint8_t *bytes = other_make_pattern(LARGE);

	(void)state;
	other_order(&other, 't', LARGE);
	s = visit();
	puppet_write(s, bytes, LARGE, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_int_equal(s->len, 4);
	assert_memory_equal(s->data, "good", 4);
	other_done(&other);
	free(bytes);
}

static void an_empty_exchange_ends_in_order(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'b', 0);
	s = visit();
	puppet_write(s, "", 0, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_int_equal(s->len, 0);
	other_done(&other);
}

static void a_reader_that_stops_stops_the_writer(void **state)
{
	struct puppet_stream *s;
	char line[64];
	size_t written;

	(void)state;
	other_order(&other, 'u', 0);
	s = visit();
	s->hold = true;
	puppet_write(s, "GET /\n", 6, true);
	/* The lines of multistream are part of the wire's first window. */
	PUPPET_UNTIL(p, s->len >= STREAM_WINDOW - 100);
	/* Turn while the other writes, and count. */
	puppet_turns(p, 700);
	other_read_line(other.from, line, sizeof line);
	written = strtoul(line, NULL, 10);
	assert_in_range(s->len, STREAM_WINDOW - 100, STREAM_WINDOW);
	/* One window in each of: our bus, the wire, the other's bus. */
	assert_in_range(written, STREAM_WINDOW, 4 * STREAM_WINDOW);
	stream_consumed(s->s, s->len);
	s->hold = false;
	puppet_wait_over(s);
	assert_int_equal(s->len, written);
}

static void many_streams_at_once(void **state)
{
	enum { COUNT = 100 };
	struct puppet_stream *all[COUNT];
	bool seen[COUNT] = {false};

	(void)state;
	other_order(&other, 'm', COUNT);
	for (size_t i = 0; i < COUNT; i++) {
		all[i] = visit();
		puppet_write(all[i], "GET /\n", 6, true);
	}
	for (size_t i = 0; i < COUNT; i++) {
		assert_int_equal(puppet_wait_over(all[i]), STREAM_OK);
		assert_in_range(all[i]->len, 1000, 1000 + COUNT - 1);
		other_assert_pattern(all[i]->data, all[i]->len);
		assert_false(seen[all[i]->len - 1000]);
		seen[all[i]->len - 1000] = true;
	}
	other_done(&other);
}

static void a_service_that_is_down_is_not_served(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'd', 0);
	other_done(&other);
	s = visit();
	assert_int_equal(puppet_wait_over(s), STREAM_REFUSED);
	assert_non_null(strstr(s->text, "/goop/site/1.0.0"));
	other_order(&other, 'r', 0);
	other_done(&other);
	other_order(&other, 'b', 10);
	s = visit();
	puppet_write(s, "GET /\n", 6, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_int_equal(s->len, 10);
	other_done(&other);
}

static void when_a_service_dies_its_streams_are_reset(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'o', 0);
	s = visit();
	puppet_write(s, "GET /\n", 6, false);
	other_done(&other);
	PUPPET_UNTIL(p, s->opened);
	other_order(&other, 'd', 0);
	other_done(&other);
	assert_int_equal(puppet_wait_over(s), STREAM_BROKEN);
}

static void when_our_service_dies_the_peer_hears_of_it(void **state)
{
	(void)state;
	other_order(&other, 'o', 0);
	puppet_write(visit(), "GET /\n", 6, false);
	other_done(&other);
	puppet_die(viewer, "test");
	puppet_revive(viewer);
	puppet_wait_up(viewer);
	/* The stage is as good as new. */
	a_visit_brings_what_was_asked_for(state);
}

static void when_a_peer_dies_its_streams_break(void **state)
{
	struct puppet_stream *s;

	(void)state;
	other_order(&other, 'o', 0);
	s = visit();
	puppet_write(s, "GET /\n", 6, false);
	other_done(&other);
	other_order(&other, 'k', 0);
	other_done(&other);
	assert_int_equal(puppet_wait_over(s), STREAM_BROKEN);
	assert_string_equal(s->text, "the connection to the peer was lost");
}

/* --- signatures and status -------------------------------------------------------------------- */

static void a_presence_is_signed_for_ourselves(void **state)
{
	struct presence *pr = calloc(1, sizeof *pr);
	const char *self = puppet_fact(p, "peer_id");
	struct msg m;

	(void)state;
	msg_begin(&m, MSG_SIGN_PRESENCE, 0);
	msg_put_u32(&m, 7);
	msg_put_str(&m, "update");
	msg_put_str(&m, "hello");
	msg_put_str(&m, "a@example.com");
	msg_put_str(&m, "");
	msg_put_i64(&m, 1700000000000);
	msg_put_u16(&m, 1);
	msg_put_str(&m, "/ip4/192.168.1.5/tcp/4001");
	puppet_say(discovery, &m);
	pr->type = PRESENCE_UPDATE;
	assert_int_equal(peer_id_from_text(&pr->peer, self, strlen(self)), 0);
	pr->peer_text = xstrdup(self);
	pr->content = xstrdup("hello");
	pr->email = xstrdup("a@example.com");
	pr->avatar_hash = xstrdup("");
	pr->target = xstrdup("");
	pr->ts = 1700000000000;
	pr->addrs[pr->addr_count++] = xstrdup("/ip4/192.168.1.5/tcp/4001");
	pr->signed_ = true;
	wait_signature(7, pr->sig);
	assert_int_equal(presence_verify(pr), 0);
	presence_clear(pr);
	free(pr);
}

static void a_publish_is_signed_with_its_prefix(void **state)
{
	const char *self = puppet_fact(p, "peer_id");
	uint8_t preimage[256], signature[64], *at = preimage;
	struct peer_id id;
	struct pubkey key;

	(void)state;
	ask_publish_signature(9);
	assert_int_equal(peer_id_from_text(&id, self, strlen(self)), 0);
	at = mempcpy(at, "libp2p-pubsub:\x0a\x26", 16);
	at = mempcpy(at, id.bytes, id.len);
	at = mempcpy(at, "\x12\x05hello\x1a\x08\x17\xc0\xff\xee\x00\x00\x00\x01\x22\x04test", 23);
	wait_signature(9, signature);
	assert_int_equal(pubkey_parse(&key, peer_id_key(&id).data, peer_id_key(&id).len), 0);
	assert_int_equal(pubkey_verify(&key, preimage, (size_t)(at - preimage), signature, 64), 0);
}

/* The row of a report whose member has that value, or NULL. */
static const cJSON *row_with(const cJSON *rows, const char *name, const char *value)
{
	const cJSON *row;

	cJSON_ArrayForEach (row, rows)
		if (json_str(row, name) != NULL && strcmp(json_str(row, name), value) == 0)
			return row;
	return NULL;
}

static cJSON *report(const char *what)
{
	const char *text = puppet_report(p, what);
	cJSON *rows = json_parse(text, strlen(text), 10000, NULL);

	assert_non_null(rows);
	return rows;
}

static void status_lists_connections_and_streams(void **state)
{
	const cJSON *row;
	cJSON *rows;

	(void)state;
	other_order(&other, 'o', 0);
	puppet_write(visit(), "GET /\n", 6, false);
	other_done(&other);
	rows = report("connections");
	row = row_with(rows, "peer", other.peer);
	assert_non_null(row);
	assert_string_equal(json_str(row, "direction"), "out");
	assert_string_equal(json_str(row, "state"), "open");
	cJSON_Delete(rows);
	rows = report("streams");
	row = row_with(rows, "protocol", "/goop/site/1.0.0");
	assert_non_null(row);
	assert_string_equal(json_str(row, "peer"), other.peer);
	assert_string_equal(json_str(row, "direction"), "out");
	cJSON_Delete(rows);
	rows = report("nonsense");
	assert_non_null(json_str(rows, "error"));
	cJSON_Delete(rows);
}

int main(int argc, char **argv)
{
#define ALONE(t) cmocka_unit_test_setup_teardown(t, setup_alone, teardown_alone)
#define PAIR(t)  cmocka_unit_test_setup_teardown(t, setup_pair, teardown_pair)
	const struct CMUnitTest tests[] = {
	    ALONE(every_neighbour_hears_who_we_are),
	    ALONE(the_identity_outlives_a_restart),
	    cmocka_unit_test(a_damaged_key_is_refused),
	    cmocka_unit_test(a_port_in_use_is_told),
	    PAIR(a_peer_comes_up_and_goes_down),
	    PAIR(a_new_discovery_hears_of_those_who_are_up),
	    PAIR(what_a_peer_serves_is_told_when_it_changes),
	    ALONE(a_failed_connect_lists_every_address),
	    ALONE(a_stream_to_nowhere_says_why),
	    PAIR(an_address_of_somebody_else_is_no_way),
	    PAIR(services_get_no_streams_but_their_own),
	    PAIR(a_visit_brings_what_was_asked_for),
	    PAIR(a_large_file_comes_whole),
	    PAIR(a_large_body_goes_whole),
	    PAIR(an_empty_exchange_ends_in_order),
	    PAIR(a_reader_that_stops_stops_the_writer),
	    PAIR(many_streams_at_once),
	    PAIR(a_service_that_is_down_is_not_served),
	    PAIR(when_a_service_dies_its_streams_are_reset),
	    PAIR(when_our_service_dies_the_peer_hears_of_it),
	    PAIR(when_a_peer_dies_its_streams_break),
	    ALONE(a_presence_is_signed_for_ourselves),
	    ALONE(a_publish_is_signed_with_its_prefix),
	    PAIR(status_lists_connections_and_streams),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

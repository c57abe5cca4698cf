/* svc-transport against a peer that is made of the protocol cores alone and sends what the test
 * wants: honest bytes in odd pieces, and garbage at every layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "codec/envelope.h"
#include "codec/identify.pb-c.h"
#include "codec/json.h"
#include "codec/multiaddr.h"
#include "codec/pb.h"
#include "codec/pubkey.h"
#include "codec/varint.h"
#include "svc-transport/limits.h"
#include "svc-transport/multistream.h"
#include "svc-transport/noise.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"
#include "tests/service/puppet.h"

#define HEADER      "\x13/multistream/1.0.0\n"
#define NOISE       "\x07/noise\n"
#define NA          "\x03na\n"
#define STREAMS_MAX 600

#define NOBODY "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"

static struct puppet *p;
static struct puppet_end *viewer, *discovery;

/* --- the raw peer ----------------------------------------------------------------------------- */

struct raw_stream {
	struct yamux_stream *y; /* NULL once it is over */
	struct buf in;          /* all that came, multistream lines too */
	bool inbound, finished, reset, closed;
	uint32_t code;
};

struct raw {
	int fd;
	bool noisy; /* the handshake is done */
	bool dead;  /* the other side has closed */
	struct noise_self self;
	struct noise *noise;
	struct multistream talk;
	bool talked;
	struct record seal, open;
	struct yamux *yamux;
	struct peer_id id, them;
	struct buf in, out;
	struct raw_stream streams[STREAMS_MAX];
	size_t stream_count;
	size_t refused;
};

static void sign_raw(void *arg, const uint8_t key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE])
{
	uint8_t message[24 + NOISE_KEY];

	memcpy(message, "noise-libp2p-static-key:", 24);
	memcpy(message + 24, key, NOISE_KEY);
	crypto_sign_detached(signature, NULL, message, sizeof message, arg);
}

static struct raw_stream *raw_add(struct raw *r, struct yamux_stream *y, bool inbound)
{
	struct raw_stream *s = &r->streams[r->stream_count++];

	assert_true(r->stream_count <= STREAMS_MAX);
	*s = (struct raw_stream){.y = y, .inbound = inbound};
	buf_init(&s->in, 128 * 1024 * 1024);
	yamux_set_user(y, s);
	return s;
}

static bool raw_opened(void *arg, struct yamux_stream *y)
{
	raw_add(arg, y, true);
	return true;
}

static void raw_data(void *arg, struct yamux_stream *y, void *user, const uint8_t *bytes, size_t n)
{
	struct raw_stream *s = user;

	(void)arg;
	buf_put(&s->in, bytes, n);
	yamux_credit(y, n);
}

static void raw_finished(void *arg, struct yamux_stream *y, void *user)
{
	(void)arg;
	(void)y;
	((struct raw_stream *)user)->finished = true;
}

static void raw_reset(void *arg, struct yamux_stream *y, void *user, uint32_t code)
{
	struct raw_stream *s = user;

	(void)arg;
	(void)y;
	s->y = NULL;
	s->reset = true;
	s->code = code;
}

static void raw_closed(void *arg, struct yamux_stream *y, void *user)
{
	struct raw_stream *s = user;

	(void)arg;
	(void)y;
	s->y = NULL;
	s->closed = true;
}

static const struct yamux_events raw_events = {
    .opened = raw_opened,
    .data = raw_data,
    .finished = raw_finished,
    .reset = raw_reset,
    .closed = raw_closed,
};

static unsigned service_port(void)
{
	unsigned port = 0;

	assert_int_equal(sscanf(puppet_fact(p, "listen"), "0.0.0.0:%u", &port), 1);
	return port;
}

static int tcp_to_service(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in sa = {
	    .sin_family = AF_INET, .sin_port = htons((uint16_t)service_port())};
	int on = 1;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		fail_msg("connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

static struct raw *raw_new(int fd)
{
	struct raw *r = xcalloc(1, sizeof *r);
	uint8_t public[32], secret[64], key[PUBKEY_ED25519_SIZE];

	r->fd = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	crypto_sign_keypair(public, secret);
	pubkey_from_ed25519(public, key);
	peer_id_from_key(&r->id, key, sizeof key);
	noise_self_init(&r->self, key, sizeof key, sign_raw, secret, NULL);
	buf_init(&r->in, 4 * 1024 * 1024);
	buf_init(&r->out, 64 * 1024 * 1024);
	return r;
}

static void raw_free(struct raw *r)
{
	for (size_t i = 0; i < r->stream_count; i++)
		buf_clear(&r->streams[i].in);
	yamux_free(r->yamux);
	noise_free(r->noise);
	record_clear(&r->seal);
	record_clear(&r->open);
	noise_self_clear(&r->self);
	buf_clear(&r->in);
	buf_clear(&r->out);
	close(r->fd);
	free(r);
}

/* Sends the bytes as they are. */
static void raw_put(struct raw *r, const void *bytes, size_t n)
{
	assert_int_equal(buf_put(&r->out, bytes, n), 0);
}

/* Seals the bytes into a record. */
static void raw_put_plain(struct raw *r, const void *bytes, size_t n)
{
	struct bytes piece = {bytes, n};
	uint8_t *room = buf_reserve(&r->out, n + RECORD_OVERHEAD);

	buf_commit(&r->out, (size_t)record_seal(&r->seal, &piece, 1, room));
}

static void raw_take_output(struct raw *r)
{
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	while (r->yamux != NULL && (count = yamux_output(r->yamux, 16384, pieces)) > 0) {
		uint8_t *room = buf_reserve(&r->out, 16384 + RECORD_OVERHEAD);

		buf_commit(&r->out, (size_t)record_seal(&r->seal, pieces, count, room));
	}
}

static void raw_handshake(struct raw *r)
{
	uint8_t sending[NOISE_KEY], receiving[NOISE_KEY];
	size_t used = 0;

	if (!r->talked) {
		r->talked = multistream_input(&r->talk, buf_data(&r->in), buf_len(&r->in), &used,
				&r->out) == MULTISTREAM_DONE;
		buf_consume(&r->in, used);
	}
	if (!r->talked || buf_len(&r->in) == 0)
		return;
	r->noisy =
	    noise_input(r->noise, buf_data(&r->in), buf_len(&r->in), &used, &r->out) == NOISE_DONE;
	buf_consume(&r->in, used);
	if (!r->noisy)
		return;
	r->them = *noise_peer(r->noise);
	noise_keys(r->noise, sending, receiving);
	record_init_seal(&r->seal, sending);
	record_init_open(&r->open, receiving);
}

static void raw_records(struct raw *r)
{
	long size;

	while ((size = record_size(buf_data(&r->in), buf_len(&r->in))) > 0 &&
	       (size_t)size <= buf_len(&r->in)) {
		uint8_t *plain = xmalloc((size_t)size);
		long n = record_open(&r->open, buf_data(&r->in), (size_t)size, plain);

		assert_true(n >= 0);
		if (r->yamux != NULL)
			yamux_input(r->yamux, plain, (size_t)n);
		else
			raw_add(r, NULL, true); /* not reached in these tests */
		free(plain);
		buf_consume(&r->in, (size_t)size);
	}
}

/* Sends and receives what can be; true, so that it fits into PUPPET_UNTIL. */
static bool raw_turn(struct raw *r)
{
	ssize_t n;

	raw_take_output(r);
	while (buf_len(&r->out) > 0 &&
	       (n = send(r->fd, buf_data(&r->out), buf_len(&r->out), MSG_NOSIGNAL)) > 0)
		buf_consume(&r->out, (size_t)n);
	for (;;) {
		uint8_t *room = buf_reserve(&r->in, 65536);

		n = recv(r->fd, room, 65536, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			r->dead = true;
		if (n <= 0)
			break;
		buf_commit(&r->in, (size_t)n);
		if (!r->noisy && r->noise != NULL)
			raw_handshake(r);
		if (r->noisy && r->yamux != NULL)
			raw_records(r);
	}
	raw_take_output(r);
	return true;
}

#define RAW_UNTIL(r, expression) PUPPET_UNTIL(p, raw_turn(r) && (expression))

/* Dials the service as far as a finished handshake. `muxers` says whether ours lists yamux. */
static struct raw *raw_dial_noise(bool muxers)
{
	static const char *const ids[] = {"/noise"};
	struct raw *r = raw_new(tcp_to_service());

	if (!muxers) /* the extension is the last field: 22 0e 12 0c "/yamux/1.0.0" */
		r->self.payload_len -= 16;
	r->noise = noise_new(&r->self, true, NULL);
	assert_int_equal(multistream_propose_lazy(&r->talk, ids[0], &r->out), 0);
	assert_int_equal(noise_start(r->noise, &r->out), 0);
	RAW_UNTIL(r, r->noisy);
	return r;
}

static struct raw *raw_dial(void)
{
	struct raw *r = raw_dial_noise(true);

	assert_true(noise_agreed_yamux(r->noise));
	r->yamux = yamux_new(true, &raw_events, r);
	if (buf_len(&r->in) > 0)
		raw_records(r);
	return r;
}

/* Opens a stream and sends header, proposal and what follows in one go. */
static struct raw_stream *raw_open_with(struct raw *r, const char *id, const void *then, size_t n)
{
	struct yamux_stream *y = yamux_open(r->yamux, NULL);
	struct raw_stream *s = raw_add(r, y, false);
	char line[80];
	int len = snprintf(line, sizeof line, "%s%c%s\n", HEADER, (int)strlen(id) + 1, id);

	yamux_write(y, line, (size_t)len);
	yamux_write(y, then, n);
	return s;
}

/* The answer to that, without its two lines; asserts them. */
static struct bytes after_answer(const struct raw_stream *s, const char *id)
{
	char line[80];
	size_t len =
	    (size_t)snprintf(line, sizeof line, "%s%c%s\n", HEADER, (int)strlen(id) + 1, id);

	assert_true(buf_len(&s->in) >= len);
	assert_memory_equal(buf_data(&s->in), line, len);
	return (struct bytes){buf_data(&s->in) + len, buf_len(&s->in) - len};
}

static const char PING[] = "/ipfs/ping/1.0.0";

/* An honest peer connects and is echoed a ping. */
static void assert_still_honest(void)
{
	struct raw *r = raw_dial();
	struct raw_stream *s = raw_open_with(r, PING, "0123456789abcdef0123456789abcdef", 32);

	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 32);
	assert_memory_equal(after_answer(s, PING).data, "0123456789abcdef0123456789abcdef", 32);
	raw_free(r);
}

/* --- honest peers in odd pieces --------------------------------------------------------------- */

static void ping_echoes_any_number_of_bytes(void **state)
{
	struct raw *r = raw_dial();
	struct raw_stream *s = raw_open_with(r, PING, "x", 1);

	(void)state;
	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 1);
	yamux_write(s->y, "yz", 2);
	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 3);
	assert_memory_equal(after_answer(s, PING).data, "xyz", 3);
	yamux_finish(s->y);
	RAW_UNTIL(r, s->closed);
	raw_free(r);
}

static void ping_echoes_more_than_a_window(void **state)
{
	static uint8_t bytes[4 * YAMUX_WINDOW];
	struct raw *r = raw_dial();
	struct raw_stream *s = raw_open_with(r, PING, "", 0);

	(void)state;
	randombytes_buf(bytes, sizeof bytes);
	assert_int_equal(yamux_write(s->y, bytes, sizeof bytes), 0);
	RAW_UNTIL(r, buf_len(&s->in) == 20 + 18 + sizeof bytes);
	assert_memory_equal(after_answer(s, PING).data, bytes, sizeof bytes);
	raw_free(r);
}

static void one_byte_at_a_time_is_understood(void **state)
{
	static const char *const ids[] = {"/noise"};
	struct raw *r = raw_new(tcp_to_service());
	struct buf first;

	(void)state;
	r->noise = noise_new(&r->self, true, NULL);
	buf_init(&first, 1000);
	multistream_propose_lazy(&r->talk, ids[0], &first);
	noise_start(r->noise, &first);
	while (buf_len(&first) > 0) {
		raw_put(r, buf_data(&first), 1);
		buf_consume(&first, 1);
		raw_turn(r);
		puppet_turns(p, 0);
	}
	buf_clear(&first);
	RAW_UNTIL(r, r->noisy);
	raw_free(r);
}

static void tls_is_refused_and_noise_taken(void **state)
{
	struct raw *r = raw_new(tcp_to_service());

	(void)state;
	raw_put(r, HEADER "\x0b/tls/1.0.0\n", 20 + 12);
	RAW_UNTIL(r, buf_len(&r->in) >= 24);
	raw_put(r, NOISE, 8);
	RAW_UNTIL(r, buf_len(&r->in) >= 32);
	assert_memory_equal(buf_data(&r->in), HEADER NA NOISE, 32);
	raw_free(r);
}

static void without_an_early_muxer_it_is_negotiated(void **state)
{
	struct raw *r = raw_dial_noise(false);
	uint8_t plain[256];
	size_t total = 0;

	(void)state;
	raw_put_plain(r,
	    HEADER "\x0e/mplex/6.7.0x\n"
		   "\x0d/yamux/1.0.0\n",
	    20 + 15 + 14);
	while (total < 20 + 4 + 14) {
		long size, n;

		RAW_UNTIL(r, (size = record_size(buf_data(&r->in), buf_len(&r->in))) > 0 &&
				 (size_t)size <= buf_len(&r->in));
		n = record_open(&r->open, buf_data(&r->in), (size_t)size, plain + total);
		assert_true(n > 0);
		buf_consume(&r->in, (size_t)size);
		total += (size_t)n;
	}
	assert_memory_equal(plain, HEADER NA "\x0d/yamux/1.0.0\n", 20 + 4 + 14);
	raw_free(r);
}

static struct raw_stream *first_inbound(const struct raw *r, const char *id)
{
	for (size_t i = 0; i < r->stream_count; i++) {
		const struct raw_stream *s = &r->streams[i];

		if (s->inbound && buf_len(&s->in) > 21 &&
		    memmem(buf_data(&s->in), buf_len(&s->in), id, strlen(id)) != NULL)
			return (struct raw_stream *)s;
	}
	return NULL;
}

static Identify__Identify *read_identify(struct pb *pb, struct bytes b)
{
	uint64_t size;
	int head = varint_get(b.data, b.len, &size);

	assert_int_equal(head, 2);
	assert_int_equal(size + 2, b.len); /* just one message */
	assert_true(b.len <= 2048);
	return identify__identify__unpack(pb_init(pb, 65536), size, b.data + head);
}

static bool lists(const Identify__Identify *m, const char *id)
{
	for (size_t i = 0; i < m->n_protocols; i++)
		if (strcmp(m->protocols[i], id) == 0)
			return true;
	return false;
}

static void say_self_addrs(const char *addr)
{
	struct msg m;

	msg_begin(&m, MSG_SELF_ADDRS, 0);
	msg_put_u16(&m, 1);
	msg_put_str(&m, addr);
	puppet_say(discovery, &m);
}

static void identify_says_who_we_are_and_ends(void **state)
{
	static const char id[] = "/ipfs/id/1.0.0";
	struct raw *r;
	struct raw_stream *s;
	Identify__Identify *m;
	struct pb pb;
	struct multiaddr seen;
	struct peer_id signer;
	uint64_t seq;
	char text[MULTIADDR_TEXT], self[PEER_ID_TEXT];

	(void)state;
	puppet_wait_up(discovery);
	say_self_addrs("/ip4/192.168.1.5/tcp/4001");
	/* The link keeps the order: once this is answered, that was heard. */
	puppet_report(p, "streams");
	r = raw_dial();
	s = raw_open_with(r, id, "", 0);
	RAW_UNTIL(r, s->finished);
	m = read_identify(&pb, after_answer(s, id));
	assert_non_null(m);
	peer_id_to_text(&r->them, self);
	assert_string_equal(self, puppet_fact(p, "peer_id"));
	assert_int_equal(m->public_key.len, PUBKEY_ED25519_SIZE);
	assert_int_equal(m->n_listen_addrs, 1);
	assert_int_equal(envelope_open_peer_record(m->signed_peer_record.data,
			     m->signed_peer_record.len, &signer, &seq, &seen, 1),
	    1);
	assert_true(peer_id_equal(&signer, &r->them));
	assert_int_equal(seen.len, m->listen_addrs[0].len);
	assert_memory_equal(seen.bytes, m->listen_addrs[0].data, seen.len);
	assert_true(lists(m, "/ipfs/id/1.0.0"));
	assert_true(lists(m, "/ipfs/id/push/1.0.0"));
	assert_true(lists(m, "/goop/site/1.0.0"));
	assert_true(lists(m, "/meshsub/1.1.0"));
	assert_false(lists(m, "/goop/data/1.0.0")); /* no db is there */
	assert_int_equal(
	    multiaddr_from_bytes(&seen, m->observed_addr.data, m->observed_addr.len), 0);
	multiaddr_to_text(&seen, text);
	assert_memory_equal(text, "/ip4/127.0.0.1/tcp/", 19);
	identify__identify__free_unpacked(m, &pb.allocator);
	raw_free(r);
}

static void we_ask_once_and_push_on_a_change(void **state)
{
	static const char id[] = "/ipfs/id/1.0.0", push[] = "/ipfs/id/push/1.0.0";
	static const uint8_t info[] = "\x17\x1a\x13/ipfs/id/push/1.0.0\x2a\x00";
	struct raw *r = raw_dial();
	struct raw_stream *s;
	struct msg m;

	(void)state;
	RAW_UNTIL(r, (s = first_inbound(r, id)) != NULL);
	assert_false(s->finished); /* js-libp2p: no end before the answer */
	yamux_write(s->y, HEADER "\x0f/ipfs/id/1.0.0\n", 36);
	yamux_write(s->y, info, 24);
	yamux_finish(s->y);
	RAW_UNTIL(r, s->closed);
	puppet_next(discovery, MSG_PEER_UP, &m);
	/* The first may come along with the news of services that came up; the second not. */
	for (char last = 77; last <= 78; last++) {
		char want[6] = {4, (char)192, (char)168, 1, last, 6}, *addr;

		addr = xasprintf("/ip4/192.168.1.%d/tcp/4001", last);
		say_self_addrs(addr);
		free(addr);
		RAW_UNTIL(r, (s = first_inbound(r, push)) != NULL);
		yamux_write(s->y, HEADER "\x14/ipfs/id/push/1.0.0\n", 41);
		yamux_finish(s->y);
		RAW_UNTIL(r, s->closed);
		assert_non_null(memmem(buf_data(&s->in), buf_len(&s->in), want, sizeof want));
		buf_clear(&s->in);
	}
	raw_free(r);
}

static void an_unknown_protocol_is_refused_with_na(void **state)
{
	struct raw *r = raw_dial();
	struct raw_stream *s = raw_open_with(r, "/goop/data/1.0.0", "", 0);

	(void)state;
	RAW_UNTIL(r, buf_len(&s->in) >= 24);
	assert_memory_equal(buf_data(&s->in), HEADER NA, 24);
	yamux_write(s->y, "\x0f/no/such/thing\n", 16);
	RAW_UNTIL(r, buf_len(&s->in) >= 28);
	yamux_write(s->y, "\x11/ipfs/ping/1.0.0\n!", 19);
	RAW_UNTIL(r, buf_len(&s->in) >= 28 + 19);
	assert_memory_equal(buf_data(&s->in) + 24, NA "\x11/ipfs/ping/1.0.0\n!", 4 + 19);
	raw_free(r);
}

static void a_lazy_request_with_its_end_is_answered(void **state)
{
	static const char id[] = "/goop/site/1.0.0";
	struct raw *r = raw_dial();
	struct raw_stream *s = raw_open_with(r, id, "GET /\n", 6);
	struct puppet_stream *at;

	(void)state;
	yamux_finish(s->y);
	raw_turn(r);
	at = puppet_next_stream(viewer);
	assert_int_equal(at->protocol, PROTOCOL_GOOP_SITE);
	puppet_read_end(at);
	assert_int_equal(at->len, 6);
	puppet_write(at, "OK text/plain 0\n", 16, true);
	RAW_UNTIL(r, s->closed);
	assert_int_equal(after_answer(s, id).len, 16);
	raw_free(r);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void a_protocol_has_so_many_streams(void **state)
{
	enum { LIMIT = 8 };
	struct raw *r = raw_dial();
	struct raw_stream *s[LIMIT + 1];

	(void)state;
	for (int i = 0; i <= LIMIT; i++) {
		s[i] = raw_open_with(r, PING, "x", 1);
		RAW_UNTIL(r, s[i]->reset || buf_len(&s[i]->in) >= 39);
	}
	assert_true(s[LIMIT]->reset);
	assert_int_equal(s[LIMIT]->code, YAMUX_CODE_LIMIT);
	assert_false(s[LIMIT - 1]->reset);
	yamux_finish(s[0]->y);
	RAW_UNTIL(r, s[0]->closed);
	s[0] = raw_open_with(r, PING, "x", 1);
	RAW_UNTIL(r, buf_len(&s[0]->in) >= 39);
	raw_free(r);
}

/* Bytes of services that have not left for the socket, as status tells. */
static size_t unsent(void)
{
	const char *text = puppet_report(p, "streams");
	cJSON *rows = json_parse(text, strlen(text), 10000, NULL);
	const cJSON *row;
	int64_t n;
	size_t sum = 0;

	assert_non_null(rows);
	cJSON_ArrayForEach (row, rows) {
		assert_true(json_int(row, "unsent", 0, INT64_MAX, &n));
		sum += (size_t)n;
	}
	cJSON_Delete(rows);
	return sum;
}

/* Past YAMUX_QUEUE_MAX the transport holds the bytes itself; they must not be lost or mixed. */
static void more_than_the_muxer_queues_waits(void **state)
{
	enum { COUNT = 200, EACH = STREAM_WINDOW };
	static uint8_t bytes[EACH];
	struct raw *r = raw_dial();
	struct raw_stream *s[COUNT];
	struct puppet_stream *at[COUNT];
	bool seen[256] = {false};
	size_t left = COUNT;

	(void)state;
	for (int i = 0; i < COUNT; i++)
		s[i] = raw_open_with(r, "/goop/site/1.0.0", "GET /\n", 6);
	for (int i = 0; i < COUNT; i++) {
		PUPPET_UNTIL(p, raw_turn(r) && streams_count(puppet_streams(viewer)) > (size_t)i);
		at[i] = puppet_next_stream(viewer);
	}
	/* Nobody reads from the socket while all of this is written. */
	for (int i = 0; i < COUNT; i++) {
		memset(bytes, i, sizeof bytes);
		assert_int_equal(stream_write(at[i]->s, bytes, EACH, true), EACH);
	}
	PUPPET_UNTIL(p, unsent() > YAMUX_QUEUE_MAX + EACH);
	/* What comes later on the link has been heard later. */
	puppet_wait_over(puppet_open(viewer, PROTOCOL_GOOP_SITE, NOBODY, 5000));
	while (left > 0) {
		RAW_UNTIL(r, s[COUNT - left]->finished);
		left--;
	}
	for (int i = 0; i < COUNT; i++) {
		struct bytes b = after_answer(s[i], "/goop/site/1.0.0");

		assert_int_equal(b.len, EACH);
		memset(bytes, b.data[0], sizeof bytes);
		assert_memory_equal(b.data, bytes, EACH);
		assert_false(seen[b.data[0]]);
		seen[b.data[0]] = true;
	}
	raw_free(r);
}

static void a_flood_of_handshakes_leaves_room_for_the_honest(void **state)
{
	enum { FLOOD = LIMIT_HANDSHAKES * 2 };
	int fds[FLOOD];

	(void)state;
	for (int i = 0; i < FLOOD; i++) {
		fds[i] = tcp_to_service();
		if (i % 2 == 0)
			assert_int_equal(send(fds[i], HEADER, 20, MSG_NOSIGNAL), 20);
	}
	assert_still_honest();
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
	assert_still_honest();
}

/* --- garbage ---------------------------------------------------------------------------------- */

static void assert_dropped(struct raw *r)
{
	RAW_UNTIL(r, r->dead);
	raw_free(r);
	assert_still_honest();
}

static void garbage_to_multistream_ends_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} garbage[] = {
	    {"GET / HTTP/1.1\r\nHost: localhost\r\nUser-Agent: a browser that got lost\r\n\r\n",
		73},
	    {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10},
	    {"\x00\x00\x00\x00", 4},
	    {"\x13/multistream/9.9.9\n", 20},
	    {"\x13/multistream/1.0.0\n\xff\xff\x7f", 23},
	};

	(void)state;
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		struct raw *r = raw_new(tcp_to_service());

		raw_put(r, garbage[i].bytes, garbage[i].n);
		assert_dropped(r);
	}
}

static void garbage_to_noise_ends_the_connection(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct raw *r = raw_new(tcp_to_service());

		raw_put(r, HEADER NOISE, 28);
		randombytes_buf(bytes, sizeof bytes);
		/* A length of nothing, an endless one, and one that fits. */
		bytes[0] = i == 1 ? 0xff : 0;
		bytes[1] = i == 2 ? 32 : 0;
		if (i == 2)
			bytes[34] = 0, bytes[35] = 200;
		raw_put(r, bytes, sizeof bytes);
		assert_dropped(r);
	}
}

static void a_forged_record_ends_the_connection(void **state)
{
	struct raw *r = raw_dial();
	uint8_t bytes[66] = {0, 64};

	(void)state;
	randombytes_buf(bytes + 2, 64);
	raw_put(r, bytes, sizeof bytes);
	assert_dropped(r);
	r = raw_dial();
	raw_put(r, "\x00\x0f", 2);
	assert_dropped(r);
}

static void garbage_to_yamux_ends_the_connection(void **state)
{
	static const char *const garbage[] = {
	    "\x01\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", /* version */
	    "\x00\x07\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00", /* type */
	    "\x00\x01\x00\x01\x00\x00\x00\x02\x00\x00\x00\x00", /* our parity */
	    "\x00\x00\x00\x01\x00\x00\x00\x01\x00\x04\x00\x01", /* one byte above the window */
	};

	(void)state;
	for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
		struct raw *r = raw_dial();

		raw_put_plain(r, garbage[i], 12);
		if (i == 3) {
			static const uint8_t zeros[60000];

			for (int k = 0; k < 5; k++)
				raw_put_plain(r, zeros, sizeof zeros);
		}
		assert_dropped(r);
	}
}

static void garbage_to_a_stream_ends_only_the_stream(void **state)
{
	struct raw *r = raw_dial();
	struct yamux_stream *y = yamux_open(r->yamux, NULL);
	struct raw_stream *bad = raw_add(r, y, false), *good;

	(void)state;
	yamux_write(y, "\xff\xff\xff\xff garbage", 12);
	RAW_UNTIL(r, bad->reset);
	good = raw_open_with(r, PING, "x", 1);
	RAW_UNTIL(r, buf_len(&good->in) >= 39);
	bad = raw_open_with(r, "/ipfs/id/push/1.0.0", "\xff\xff\xff\xff", 4);
	RAW_UNTIL(r, bad->reset);
	raw_free(r);
	assert_still_honest();
}

static void a_connection_that_says_nothing_is_closed(void **state)
{
	struct raw *r = raw_new(tcp_to_service());

	(void)state;
	raw_put(r, HEADER, 20);
	/* LIMIT_UPGRADE_MS, and a second for the clock of the connections. */
	for (int i = 0; i < 130 && !r->dead; i++) {
		raw_turn(r);
		puppet_turns(p, 100);
	}
	assert_true(r->dead);
	raw_free(r);
}

/* --- dialled by the service ------------------------------------------------------------------- */

/* Listens, has the service dial it, and does the handshake. */
static struct raw *raw_be_dialled(const char **peer)
{
	static char text[PEER_ID_TEXT];
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = -1;
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;
	struct raw *r = raw_new(listener);
	char *addr;
	struct msg m;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&sa, &len);
	peer_id_to_text(&r->id, text);
	*peer = text;
	puppet_wait_up(discovery);
	addr = xasprintf("/ip4/127.0.0.1/tcp/%u", ntohs(sa.sin_port));
	msg_begin(&m, MSG_ADDRS, 0);
	msg_put_str(&m, text);
	msg_put_u8(&m, 1);
	msg_put_u32(&m, 60000);
	msg_put_u16(&m, 1);
	msg_put_str(&m, addr);
	puppet_say(discovery, &m);
	msg_begin(&m, MSG_CONNECT, 0);
	msg_put_str(&m, text);
	puppet_say(discovery, &m);
	free(addr);
	PUPPET_UNTIL(p, (fd = accept(listener, NULL, NULL)) >= 0);
	close(listener);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	r->fd = fd;
	return r;
}

static bool take_noise(void *arg, const char *id, size_t len)
{
	(void)arg;
	return len == 6 && memcmp(id, "/noise", 6) == 0;
}

static struct raw *raw_answer_dial(const char **peer)
{
	struct raw *r = raw_be_dialled(peer);

	multistream_respond(&r->talk, take_noise, NULL);
	r->noise = noise_new(&r->self, false, NULL);
	RAW_UNTIL(r, r->noisy);
	r->yamux = yamux_new(false, &raw_events, r);
	raw_records(r);
	return r;
}

static size_t inbound_count(const struct raw *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->stream_count; i++)
		n += r->streams[i].inbound;
	return n;
}

/* js-libp2p resets everything when more than ten streams come before its muxer is wired. */
static void few_streams_are_opened_before_the_peer_shows_itself(void **state)
{
	const char *peer;
	struct raw *r = raw_answer_dial(&peer);
	struct puppet_stream *all[30];

	(void)state;
	for (int i = 0; i < 30; i++) {
		all[i] = puppet_open(viewer, PROTOCOL_GOOP_SITE, peer, 8000);
		puppet_write(all[i], "GET /\n", 6, true);
	}
	RAW_UNTIL(r, inbound_count(r) >= LIMIT_STREAMS_BEFORE_SETTLED);
	for (int i = 0; i < 20; i++) {
		raw_turn(r);
		puppet_turns(p, 5);
	}
	assert_int_equal(inbound_count(r), LIMIT_STREAMS_BEFORE_SETTLED);
	for (size_t i = 0; i < r->stream_count; i++)
		assert_false(r->streams[i].finished);
	/* Its first stream is the sign. */
	raw_open_with(r, PING, "x", 1);
	RAW_UNTIL(r, inbound_count(r) == 31); /* identify, too */
	raw_free(r);
	for (int i = 0; i < 30; i++)
		assert_int_equal(puppet_wait_over(all[i]), STREAM_BROKEN);
}

static void data_goes_with_the_proposal_and_the_end_after_the_answer(void **state)
{
	static const char want[] = HEADER "\x11/goop/site/1.0.0\nGET /\n";
	const char *peer;
	struct raw *r = raw_answer_dial(&peer);
	struct raw_stream *s;
	struct puppet_stream *visit = puppet_open(viewer, PROTOCOL_GOOP_SITE, peer, 5000);

	(void)state;
	puppet_write(visit, "GET /\n", 6, true);
	RAW_UNTIL(r, (s = first_inbound(r, "GET /\n")) != NULL);
	assert_int_equal(buf_len(&s->in), sizeof want - 1);
	assert_memory_equal(buf_data(&s->in), want, sizeof want - 1);
	assert_false(s->finished);
	yamux_write(s->y, want, 38);
	RAW_UNTIL(r, s->finished);
	yamux_write(s->y, "OK", 2);
	yamux_finish(s->y);
	RAW_UNTIL(r, visit->s == NULL);
	assert_int_equal(puppet_wait_over(visit), STREAM_OK);
	assert_int_equal(visit->len, 2);
	raw_free(r);
}

static void na_from_the_peer_is_refused_to_the_service(void **state)
{
	const char *peer;
	struct raw *r = raw_answer_dial(&peer);
	struct raw_stream *s;
	struct puppet_stream *visit = puppet_open(viewer, PROTOCOL_GOOP_SITE, peer, 5000);

	(void)state;
	RAW_UNTIL(r, (s = first_inbound(r, "/goop/site")) != NULL);
	yamux_write(s->y, HEADER NA, 24);
	RAW_UNTIL(r, s->reset);
	assert_int_equal(puppet_wait_over(visit), STREAM_REFUSED);
	assert_string_equal(visit->text, "the peer does not serve /goop/site/1.0.0");
	raw_free(r);
}

static void a_goodbye_sends_new_streams_elsewhere(void **state)
{
	const char *peer;
	struct raw *r = raw_answer_dial(&peer);
	struct raw_stream *s;
	struct msg m;

	(void)state;
	RAW_UNTIL(r, (s = first_inbound(r, "/ipfs/id/1.0.0")) != NULL);
	yamux_write(s->y, HEADER NA, 24);
	puppet_next(discovery, MSG_PEER_UP, &m);
	RAW_UNTIL(r, s->reset);
	yamux_close(r->yamux, YAMUX_GOAWAY_NORMAL);
	RAW_UNTIL(r, r->dead);
	puppet_next(discovery, MSG_PEER_DOWN, &m);
	raw_free(r);
}

static int setup(void **state)
{
	(void)state;
	assert_true(sodium_init() >= 0);
	p = puppet_new(SERVICE_TRANSPORT);
	viewer = puppet_neighbour(p, SERVICE_VIEWER);
	discovery = puppet_neighbour(p, SERVICE_DISCOVERY);
	puppet_config(p, "identity.key_file", "data/identity.key");
	puppet_start(p);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	puppet_free(p);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(ping_echoes_any_number_of_bytes),
	    TEST(ping_echoes_more_than_a_window),
	    TEST(one_byte_at_a_time_is_understood),
	    TEST(tls_is_refused_and_noise_taken),
	    TEST(without_an_early_muxer_it_is_negotiated),
	    TEST(identify_says_who_we_are_and_ends),
	    TEST(we_ask_once_and_push_on_a_change),
	    TEST(an_unknown_protocol_is_refused_with_na),
	    TEST(a_lazy_request_with_its_end_is_answered),
	    TEST(a_protocol_has_so_many_streams),
	    TEST(more_than_the_muxer_queues_waits),
	    TEST(a_flood_of_handshakes_leaves_room_for_the_honest),
	    TEST(garbage_to_multistream_ends_the_connection),
	    TEST(garbage_to_noise_ends_the_connection),
	    TEST(a_forged_record_ends_the_connection),
	    TEST(garbage_to_yamux_ends_the_connection),
	    TEST(garbage_to_a_stream_ends_only_the_stream),
	    TEST(a_connection_that_says_nothing_is_closed),
	    TEST(few_streams_are_opened_before_the_peer_shows_itself),
	    TEST(data_goes_with_the_proposal_and_the_end_after_the_answer),
	    TEST(na_from_the_peer_is_refused_to_the_service),
	    TEST(a_goodbye_sends_new_streams_elsewhere),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

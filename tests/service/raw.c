#include "tests/service/raw.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/alloc.h"
#include "tests/service/other.h"

static void sign_raw(void *arg, const uint8_t key[NOISE_KEY], uint8_t signature[NOISE_SIGNATURE])
{
	uint8_t message[24 + NOISE_KEY];

	memcpy(message, "noise-libp2p-static-key:", 24);
	memcpy(message + 24, key, NOISE_KEY);
	crypto_sign_detached(signature, NULL, message, sizeof message, arg);
}

struct raw_stream *raw_add(struct raw *r, struct yamux_stream *y, bool inbound)
{
	struct raw_stream *s = &r->streams[r->stream_count++];

	assert_true(r->stream_count <= RAW_STREAMS_MAX);
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

static void raw_goaway(void *arg, uint32_t reason)
{
	((struct raw *)arg)->goodbye = reason;
}

static const struct yamux_events raw_events = {
    .opened = raw_opened,
    .data = raw_data,
    .finished = raw_finished,
    .reset = raw_reset,
    .closed = raw_closed,
    .goaway = raw_goaway,
};

struct puppet *raw_stage(struct puppet_end **viewer, struct puppet_end **discovery)
{
	struct puppet *p = puppet_new(SERVICE_TRANSPORT);

	assert_true(sodium_init() >= 0);
	*viewer = puppet_neighbour(p, SERVICE_VIEWER);
	if (discovery != NULL)
		*discovery = puppet_neighbour(p, SERVICE_DISCOVERY);
	puppet_config(p, "identity.key_file", "data/identity.key");
	puppet_start(p);
	puppet_wait_up(*viewer);
	if (discovery != NULL)
		puppet_wait_up(*discovery);
	return p;
}

unsigned raw_port(struct puppet *p)
{
	unsigned port = 0;

	assert_int_equal(sscanf(puppet_fact(p, "listen"), "0.0.0.0:%u", &port), 1);
	return port;
}

int raw_tcp(struct puppet *p)
{
	return raw_tcp_from(p, 1);
}

static int tcp_between(struct in_addr source, struct in_addr to, unsigned port)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in from = {.sin_family = AF_INET};
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int on = 1;

	from.sin_addr = source;
	if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
		fail_msg("bind: %s", strerror(errno));
	sa.sin_addr = to;
	if (connect(fd, (struct sockaddr *)&sa, sizeof sa) != 0)
		fail_msg("connect: %s", strerror(errno));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

int raw_tcp_from(struct puppet *p, unsigned host)
{
	struct in_addr source = {htonl(INADDR_LOOPBACK - 1 + host)};

	return tcp_between(source, (struct in_addr){htonl(INADDR_LOOPBACK)}, raw_port(p));
}

struct raw *raw_new(struct puppet *p, int fd, const struct raw *like)
{
	struct raw *r = xcalloc(1, sizeof *r);
	uint8_t key[PUBKEY_ED25519_SIZE];

	r->stage = p;
	r->goodbye = UINT32_MAX;
	r->fd = fd;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	crypto_sign_keypair(r->public, r->secret);
	if (like != NULL) {
		memcpy(r->public, like->public, sizeof r->public);
		memcpy(r->secret, like->secret, sizeof r->secret);
	}
	pubkey_from_ed25519(r->public, key);
	peer_id_from_key(&r->id, key, sizeof key);
	peer_id_to_text(&r->id, r->text);
	noise_self_init(&r->self, key, sizeof key, sign_raw, r->secret, NULL);
	buf_init(&r->in, 4 * 1024 * 1024);
	buf_init(&r->out, 64 * 1024 * 1024);
	return r;
}

void raw_free(struct raw *r)
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

void raw_put(struct raw *r, const void *bytes, size_t n)
{
	assert_int_equal(buf_put(&r->out, bytes, n), 0);
}

void raw_put_plain(struct raw *r, const void *bytes, size_t n)
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

void raw_send(struct raw *r)
{
	ssize_t n;

	raw_take_output(r);
	while (buf_len(&r->out) > 0 &&
	       (n = send(r->fd, buf_data(&r->out), buf_len(&r->out), MSG_NOSIGNAL)) > 0)
		buf_consume(&r->out, (size_t)n);
}

bool raw_turn(struct raw *r)
{
	ssize_t n;

	raw_send(r);
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

static struct raw *dial_noise(struct puppet *p, int fd, const struct raw *like, bool muxers)
{
	static const char *const ids[] = {"/noise"};
	struct raw *r = raw_new(p, fd, like);

	if (!muxers) /* the extension is the last field: 22 0e 12 0c "/yamux/1.0.0" */
		r->self.payload_len -= 16;
	r->noise = noise_new(&r->self, true, NULL);
	assert_int_equal(multistream_propose_lazy(&r->talk, ids[0], &r->out), 0);
	assert_int_equal(noise_start(r->noise, &r->out), 0);
	RAW_UNTIL(r, r->noisy);
	return r;
}

struct raw *raw_dial_noise(struct puppet *p, const struct raw *like, bool muxers)
{
	return dial_noise(p, raw_tcp(p), like, muxers);
}

/* Records that came along with the end of the handshake have waited for this. */
static void begin_yamux(struct raw *r, bool client)
{
	r->yamux = yamux_new(client, &raw_events, r);
	raw_records(r);
}

static struct raw *dial(struct puppet *p, int fd, const struct raw *like)
{
	struct raw *r = dial_noise(p, fd, like, true);

	assert_true(noise_agreed_yamux(r->noise));
	begin_yamux(r, true);
	return r;
}

struct raw *raw_dial(struct puppet *p, const struct raw *like)
{
	return dial(p, raw_tcp(p), like);
}

struct raw *raw_dial_from(struct puppet *p, unsigned host)
{
	return dial(p, raw_tcp_from(p, host), NULL);
}

static bool address_outside(struct in_addr *out)
{
	struct ifaddrs *all, *i;
	bool found = false;

	assert_int_equal(getifaddrs(&all), 0);
	for (i = all; i != NULL && !found; i = i->ifa_next) {
		found = i->ifa_addr != NULL && i->ifa_addr->sa_family == AF_INET &&
		        (i->ifa_flags & IFF_UP) != 0 && (i->ifa_flags & IFF_LOOPBACK) == 0;
		if (found)
			*out = ((struct sockaddr_in *)i->ifa_addr)->sin_addr;
	}
	freeifaddrs(all);
	return found;
}

struct raw *raw_dial_outside(struct puppet *p)
{
	struct in_addr ours;

	if (!address_outside(&ours))
		return NULL;
	return dial(p, tcp_between(ours, ours, raw_port(p)), NULL);
}

/* --- dialled by the service ------------------------------------------------------------------- */

/* Listens on loopback; returns the port. */
static unsigned listen_somewhere(int listener)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&sa, &len);
	return ntohs(sa.sin_port);
}

static void ask_to_connect(struct puppet_end *discovery, const char *peer, unsigned port)
{
	char *addr = xasprintf("/ip4/127.0.0.1/tcp/%u", port);
	struct msg m;

	puppet_wait_up(discovery);
	other_say_addrs(discovery, peer, (const char *const[]){addr, NULL});
	msg_begin(&m, MSG_CONNECT, 0);
	msg_put_str(&m, peer);
	puppet_say(discovery, &m);
	free(addr);
}

struct raw *raw_be_dialled(struct puppet *p, struct puppet_end *discovery, const struct raw *like)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	struct raw *r = raw_new(p, listener, like);

	ask_to_connect(discovery, r->text, listen_somewhere(listener));
	PUPPET_UNTIL(p, (r->fd = accept(listener, NULL, NULL)) >= 0);
	close(listener);
	fcntl(r->fd, F_SETFL, O_NONBLOCK);
	return r;
}

static bool take_noise(void *arg, const char *id, size_t len)
{
	(void)arg;
	return len == 6 && memcmp(id, "/noise", 6) == 0;
}

void raw_answer(struct raw *r)
{
	multistream_respond(&r->talk, take_noise, NULL);
	r->noise = noise_new(&r->self, false, NULL);
	RAW_UNTIL(r, r->noisy);
	begin_yamux(r, false);
}

/* --- streams ---------------------------------------------------------------------------------- */

struct raw_stream *raw_open(struct raw *r, const char *id, const void *then, size_t n)
{
	struct yamux_stream *y = yamux_open(r->yamux, NULL);
	struct raw_stream *s = raw_add(r, y, false);
	char line[80];
	int len = snprintf(line, sizeof line, "%s%c%s\n", RAW_HEADER, (int)strlen(id) + 1, id);

	yamux_write(y, line, (size_t)len);
	yamux_write(y, then, n);
	return s;
}

struct bytes raw_answered(const struct raw_stream *s, const char *id)
{
	char line[80];
	size_t len =
	    (size_t)snprintf(line, sizeof line, "%s%c%s\n", RAW_HEADER, (int)strlen(id) + 1, id);

	assert_true(buf_len(&s->in) >= len);
	assert_memory_equal(buf_data(&s->in), line, len);
	return (struct bytes){buf_data(&s->in) + len, buf_len(&s->in) - len};
}

struct raw_stream *raw_find(const struct raw *r, const char *text)
{
	for (size_t i = 0; i < r->stream_count; i++) {
		const struct raw_stream *s = &r->streams[i];

		if (s->inbound && buf_len(&s->in) > 21 &&
		    memmem(buf_data(&s->in), buf_len(&s->in), text, strlen(text)) != NULL)
			return (struct raw_stream *)s;
	}
	return NULL;
}

struct raw_stream *raw_ping(struct raw *r)
{
	struct raw_stream *s = raw_open(r, RAW_PING, "!", 1);

	RAW_UNTIL(r, buf_len(&s->in) >= 20 + 18 + 1);
	assert_memory_equal(raw_answered(s, RAW_PING).data, "!", 1);
	return s;
}

void raw_assert_honest(struct puppet *p)
{
	struct raw *r = raw_dial(p, NULL);

	raw_ping(r);
	raw_free(r);
}

/* raw_client ADDRESS PORT PATH [-n N] [-cold]: asks a peer's /goop/site/1.0.0 for a file, N times,
 * and prints microseconds and bytes of each. One connection, or a new one each time with -cold.
 *
 * The measuring stick of `make bench`: the protocol cores of svc-transport on a blocking socket, so
 * that the same client times every server and costs as little as it can. */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "codec/pubkey.h"
#include "proto/protocols.h"
#include "svc-transport/multistream.h"
#include "svc-transport/noise.h"
#include "svc-transport/record.h"
#include "svc-transport/yamux.h"

#define INPUT  (1024 * 1024)
#define WINDOW (4 * 1024 * 1024)

struct client {
	int fd;
	struct noise_self self;
	struct record seal, open;
	struct yamux *yamux;
	uint8_t *in; /* ciphertext not yet opened */
	size_t in_len;
	uint8_t *plain;
	/* the answer being read */
	struct multistream ms;
	bool agreed, granted;
	char line[512];
	size_t line_len;
	long long size, got;
};

static uint8_t identity_secret[crypto_sign_SECRETKEYBYTES];

static void sign_static(void *arg, const uint8_t key[NOISE_KEY], uint8_t out[NOISE_SIGNATURE])
{
	uint8_t text[24 + NOISE_KEY];

	(void)arg;
	memcpy(text, "noise-libp2p-static-key:", 24);
	memcpy(text + 24, key, NOISE_KEY);
	crypto_sign_detached(out, NULL, text, sizeof(text), identity_secret);
}

static void write_all(int fd, const void *p, size_t n)
{
	for (const uint8_t *at = p; n > 0;) {
		ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
		if (done <= 0)
			fatal("raw_client", "send: %m");
		at += done;
		n -= (size_t)done;
	}
}

static void flush_yamux(struct client *c)
{
	static uint8_t out[RECORD_MAX];
	struct bytes pieces[YAMUX_PIECES_MAX];
	size_t count;

	while ((count = yamux_output(c->yamux, RECORD_PLAIN_MAX, pieces)) > 0)
		write_all(c->fd, out, (size_t)record_seal(&c->seal, pieces, count, out));
}

/* Reads more ciphertext behind what is there. */
static void read_more(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, INPUT - c->in_len, 0);
	if (n <= 0)
		fatal("raw_client", "the peer closed the connection");
	c->in_len += (size_t)n;
}

static void drop(struct client *c, size_t n)
{
	memmove(c->in, c->in + n, c->in_len - n);
	c->in_len -= n;
}

static void negotiate(struct client *c, const char *id)
{
	struct multistream ms;
	struct buf out;
	size_t used;

	buf_init(&out, 4096);
	multistream_propose(&ms, &id, 1, &out);
	write_all(c->fd, buf_data(&out), buf_len(&out));
	for (enum multistream_result r = MULTISTREAM_MORE; r != MULTISTREAM_DONE;) {
		buf_clear(&out);
		if (c->in_len == 0)
			read_more(c);
		r = multistream_input(&ms, c->in, c->in_len, &used, &out);
		drop(c, used);
		if (r == MULTISTREAM_BAD || r == MULTISTREAM_REFUSED)
			fatal("raw_client", "no %s", id);
	}
	buf_clear(&out);
}

static void handshake(struct client *c)
{
	struct noise *n = noise_new(&c->self, true, NULL);
	uint8_t sending[NOISE_KEY], receiving[NOISE_KEY];
	enum noise_result r = NOISE_MORE;
	struct buf out;
	size_t used;

	buf_init(&out, 4096);
	noise_start(n, &out);
	while (r != NOISE_DONE) {
		write_all(c->fd, buf_data(&out), buf_len(&out));
		buf_clear(&out);
		read_more(c);
		r = noise_input(n, c->in, c->in_len, &used, &out);
		drop(c, used);
		if (r == NOISE_FAILED)
			fatal("raw_client", "noise: %s", noise_error(n));
	}
	write_all(c->fd, buf_data(&out), buf_len(&out));
	buf_clear(&out);
	if (!noise_agreed_yamux(n))
		fatal("raw_client", "the peer does not agree on yamux in the handshake");
	noise_keys(n, sending, receiving);
	record_init_seal(&c->seal, sending);
	record_init_open(&c->open, receiving);
	noise_free(n);
}

/* The first line of the answer: "OK <mime> <size>". */
static const uint8_t *answer_line(struct client *c, const uint8_t *p, const uint8_t *end)
{
	while (p < end && c->size < 0) {
		if (c->line_len + 1 >= sizeof(c->line))
			fatal("raw_client", "the answer has no first line");
		c->line[c->line_len++] = (char)*p;
		if (*p++ != '\n')
			continue;
		c->line[c->line_len] = '\0';
		if (strncmp(c->line, "OK ", 3) != 0)
			fatal("raw_client", "%s", c->line);
		c->size = atoll(strrchr(c->line, ' ') + 1);
	}
	return p;
}

static void on_data(void *arg, struct yamux_stream *s, void *user, const uint8_t *p, size_t n)
{
	struct client *c = arg;
	size_t used = 0, all = n;
	struct buf out;

	if (user == NULL) { /* a stream of the peer's: identify, which gets no answer here */
		yamux_credit(s, n);
		return;
	}
	if (!c->agreed) {
		buf_init(&out, 4096);
		c->agreed = multistream_input(&c->ms, p, n, &used, &out) == MULTISTREAM_DONE;
		buf_clear(&out);
	}
	if (c->agreed) {
		const uint8_t *body = answer_line(c, p + used, p + n);
		c->got += (p + n) - body;
	}
	if (!c->granted && c->got > 0) {
		all += WINDOW;
		c->granted = true;
	}
	yamux_credit(s, all);
}

static bool on_opened(void *arg, struct yamux_stream *s)
{
	(void)arg;
	(void)s;
	return true;
}

static void on_reset(void *arg, struct yamux_stream *s, void *user, uint32_t code)
{
	(void)arg;
	(void)s;
	if (user != NULL)
		fatal("raw_client", "the peer reset the stream (%x)", code);
}

static const struct yamux_events events = {.opened = on_opened, .data = on_data, .reset = on_reset};

static void connect_to(struct client *c, const char *address, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST}, *found;
	int on = 1;

	if (getaddrinfo(address, port, &hints, &found) != 0)
		fatal("raw_client", "%s is no address", address);
	c->fd = socket(found->ai_family, SOCK_STREAM, 0);
	if (connect(c->fd, found->ai_addr, found->ai_addrlen) != 0)
		fatal("raw_client", "connect: %m");
	freeaddrinfo(found);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->in_len = 0;
	negotiate(c, "/noise");
	handshake(c);
	c->yamux = yamux_new(true, &events, c);
}

static void disconnect(struct client *c)
{
	yamux_free(c->yamux);
	record_clear(&c->seal);
	record_clear(&c->open);
	close(c->fd);
}

/* Opens the records that are there and feeds them to yamux. */
static void take_input(struct client *c)
{
	size_t at = 0;

	for (;;) {
		long size = record_size(c->in + at, c->in_len - at);
		if (size < 0)
			fatal("raw_client", "a record that is too short");
		if (size == 0 || (size_t)size > c->in_len - at)
			break;
		long n = record_open(&c->open, c->in + at, (size_t)size, c->plain);
		if (n < 0 || yamux_input(c->yamux, c->plain, (size_t)n) != 0)
			fatal("raw_client", "a bad record");
		at += (size_t)size;
	}
	drop(c, at);
}

static void fetch(struct client *c, const char *path)
{
	struct yamux_stream *s = yamux_open(c->yamux, c);
	struct buf out;

	c->agreed = c->granted = false;
	c->line_len = 0;
	c->size = -1;
	c->got = 0;
	buf_init(&out, 8192);
	multistream_propose_lazy(&c->ms, protocol_id(PROTOCOL_GOOP_SITE), &out);
	buf_putf(&out, "GET %s\n", path);
	yamux_write(s, buf_data(&out), buf_len(&out));
	buf_clear(&out);
	take_input(c);
	while (c->size < 0 || c->got < c->size) {
		flush_yamux(c);
		read_more(c);
		take_input(c);
	}
	yamux_finish(s);
	flush_yamux(c);
}

static void run(struct client *c, char **argv, int times, bool cold)
{
	if (!cold) {
		connect_to(c, argv[1], argv[2]);
		fetch(c, argv[3]);
	}
	for (int i = 0; i < times; i++) {
		uint64_t began = clock_mono_us();
		if (cold)
			connect_to(c, argv[1], argv[2]);
		fetch(c, argv[3]);
		printf("%llu %lld\n", (unsigned long long)(clock_mono_us() - began), c->got);
		if (cold)
			disconnect(c);
	}
	if (!cold)
		disconnect(c);
}

int main(int argc, char **argv)
{
	uint8_t public[crypto_sign_PUBLICKEYBYTES], key[PUBKEY_ED25519_SIZE];
	struct client *c = xcalloc(1, sizeof(*c));
	int times = 1;
	bool cold = false;

	if (argc < 4 || sodium_init() < 0) {
		fprintf(stderr, "usage: raw_client ADDRESS PORT PATH [-n N] [-cold]\n");
		return 2;
	}
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
			times = atoi(argv[++i]);
		else if (strcmp(argv[i], "-cold") == 0)
			cold = true;
	}
	log_init("raw_client", LOG_LEVEL_INFO);
	crypto_sign_keypair(public, identity_secret);
	pubkey_from_ed25519(public, key);
	noise_self_init(&c->self, key, sizeof(key), sign_static, NULL, NULL);
	c->in = xmalloc(INPUT);
	c->plain = xmalloc(RECORD_MAX);
	run(c, argv, times, cold);
	free(c->in);
	free(c->plain);
	free(c);
	return 0;
}

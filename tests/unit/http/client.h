/* A raw HTTP client on the loop of the server under test: what it sends is bytes, what it gets is
 * bytes, and time passes only by turns of the loop. */
#ifndef TESTS_UNIT_HTTP_CLIENT_H
#define TESTS_UNIT_HTTP_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "tests/unit/testing.h"

#define TURNS 10000

struct client {
	int fd;
	char *got;
	size_t len;
	int ended; /* the server has closed */
};

static inline void client_open(struct client *c, uint16_t port)
{
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(port)};

	*c = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(c->fd, (struct sockaddr *)&sa, sizeof(sa)), 0);
	c->got = calloc(1, 1);
}

static inline void client_close(struct client *c)
{
	close(c->fd);
	free(c->got);
}

static inline void client_send(struct client *c, const char *text)
{
	assert_int_equal(send(c->fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Takes what has come. */
static inline void client_take(struct client *c)
{
	char chunk[65536];
	ssize_t n;

	while (!c->ended && (n = recv(c->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) >= 0) {
		if (n == 0) {
			c->ended = 1;
			return;
		}
		c->got = realloc(c->got, c->len + (size_t)n + 1);
		memcpy(c->got + c->len, chunk, (size_t)n);
		c->len += (size_t)n;
		c->got[c->len] = '\0';
	}
	if (!c->ended && errno != EAGAIN)
		c->ended = 1;
}

/* Turns the loop until `text` has come. */
static inline void client_until(struct loop *loop, struct client *c, const char *text)
{
	for (int i = 0; i < TURNS; i++) {
		client_take(c);
		if (memmem(c->got, c->len, text, strlen(text)) != NULL)
			return;
		/* What goes out before the loop sleeps has come before anything wakes it. */
		loop_turn(loop, i % 2 == 0 ? 0 : 10);
	}
	fail_msg("\"%s\" did not come, but: %s", text, c->got);
}

static inline void client_until_end(struct loop *loop, struct client *c)
{
	for (int i = 0; i < TURNS && !c->ended; i++) {
		loop_turn(loop, 10);
		client_take(c);
	}
	assert_true(c->ended);
}

/* Forgets what has come, for the next answer. */
static inline void client_forget(struct client *c)
{
	c->len = 0;
	c->got[0] = '\0';
}

#ifdef __SANITIZE_ADDRESS__
/* Of libasan, whose header is not with every compiler. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

/* Bytes that this process has allocated and not freed. */
static inline size_t allocated(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
#endif
}

#endif

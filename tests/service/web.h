/* A browser's side of HTTP for service tests, on the stage's loop: it says what it is told, byte
 * for byte, and keeps what comes. */
#ifndef TESTS_SERVICE_WEB_H
#define TESTS_SERVICE_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/service/puppet.h"

struct web {
	struct web *next; /* of all that are open */
	struct puppet *stage;
	int fd;
	struct watch *watch;
	char *got; /* all that came, with a zero behind it */
	size_t len, cap;
	uint64_t total; /* bytes ever received, those thrown away included */
	bool ended;     /* the server has closed */
	bool discard;   /* counts what comes, keeps nothing */

	/* After web_finish(): */
	int status;
	char *body; /* inside got, chunks joined */
	size_t body_len;
};

/* Connects to loopback. */
struct web *web_open(struct puppet *p, uint16_t port);
void web_close(struct web *w); /* and frees */

/* Ends the stage of a test with all connections that it has left open: a teardown for cmocka, whose
 * state is memory of xmalloc() that begins with the `struct puppet *`. */
int web_tear_down(void **state);

/* The port in a fact that is a URL. */
uint16_t web_port(struct puppet *p, const char *fact);

void web_send(struct web *w, const char *text);

/* Stops and goes on taking bytes from the socket. */
void web_hold(struct web *w, bool hold);

/* Waits until `text` has come. */
void web_until(struct web *w, const char *text);

/* Waits until the server has closed, and takes the answer apart. */
void web_finish(struct web *w);

/* A header's value of the finished answer into `out`; "" when it is not there. */
void web_header(const struct web *w, const char *name, char *out, size_t size);

/* One request on a connection of its own: method, Host, path, further header lines (each ended by
 * CR LF, may be ""), body (NULL for none). Not waited for. */
struct web *web_begin(struct puppet *p, uint16_t port, const char *method, const char *host,
    const char *path, const char *headers, const char *body);

/* The same, waited for. */
struct web *web_ask(struct puppet *p, uint16_t port, const char *method, const char *host,
    const char *path, const char *headers, const char *body);

/* Asks for the path again and again, until the answer has `text` in it. */
void web_ask_until(
    struct puppet *p, uint16_t port, const char *host, const char *path, const char *text);

#endif

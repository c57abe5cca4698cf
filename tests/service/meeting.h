/* A rendezvous server that is played, on the test's own loop: it answers as told, says what it is
 * told to its subscriber, and keeps what it heard. */
#ifndef TESTS_SERVICE_MEETING_H
#define TESTS_SERVICE_MEETING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/loop.h"

#define MEETING_TEXT 8192

struct meeting_guest;

struct meeting {
	struct loop *loop;
	int fd;
	uint16_t port;
	struct watch *watch;
	struct meeting_guest *guests;

	/* How to answer. */
	unsigned publish_status; /* 204 */
	bool minds_sig;          /* 400 to a body with `sig` */
	const char *why;         /* the line of a refusal */
	const char *extra;       /* header lines of every answer, each ended by CR LF */
	unsigned events_status;  /* 200; 0: no answer at all */
	const char *type;        /* of the stream */
	const char *greeting;    /* what the stream begins with */

	/* What was heard. */
	unsigned connections, publishes, subscriptions;
	char body[MEETING_TEXT];          /* of the last publish */
	char publish_head[MEETING_TEXT];  /* header of the last publish */
	char events_head[MEETING_TEXT];   /* header of the last subscription */
	struct meeting_guest *subscriber; /* the last one, NULL when it is gone */
};

/* Listens on all addresses, so in a network of the test's own; port 0 takes a free one. */
struct meeting *meeting_open(struct loop *loop, uint16_t port);
/* Ends every connection, as a server does that dies. NULL is fine. */
void meeting_close(struct meeting *m);

/* Writes to the subscriber, who has to be there. */
void meeting_say(struct meeting *m, const char *text);
/* Ends the subscriber's connection. */
void meeting_drop(struct meeting *m);

/* "http://127.0.0.1:<port>"; lent until the next call. */
const char *meeting_url(const struct meeting *m);

#endif

/* A presence message as the server sees it: what it says, what is passed on of it, and what
 * counts as a change. No I/O. Source: docs/CONTRACT.md, "Presence". */
#ifndef SVC_RENDEZVOUS_HUB_MESSAGE_H
#define SVC_RENDEZVOUS_HUB_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "codec/presence.h"

#define HUB_DIGEST 16

struct hub_message {
	struct presence p;
	char *json; /* one line: all fields as they came, `verificationToken` aside */
	size_t len;
	/* Of everything but type, ts and sig: a heartbeat that changes nothing has the same. */
	uint8_t digest[HUB_DIGEST];
};

/* Parses. 0, or -1 with *why set to a static sentence. `punch` is for servers alone. */
int hub_message_parse(struct hub_message *m, const void *json, size_t n, const char **why);
void hub_message_clear(struct hub_message *m);

#endif

/* Two ends of a link on one loop: a viewer (connects) and a transport (binds). */
#ifndef TESTS_UNIT_PROTO_PAIR_H
#define TESTS_UNIT_PROTO_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/link.h"
#include "proto/stream.h"

struct pair_end {
	struct pair *pair;
	enum service_id self, peer;
	uint32_t generation;
	struct link *link;
	struct streams *streams;
	stream_incoming_fn *incoming; /* to be set before pair_new_end() */
	stream_request_fn *request;
	/* What came besides streams; NULL counts only. */
	int (*message)(struct pair_end *end, struct msg *m);
	unsigned ups, downs, alarms, messages;
	char why[256], alarm[256];
};

struct pair {
	struct loop *loop;
	struct pair_end viewer, transport;
	bool with_slab;
	unsigned tokens; /* given so far */
	uint8_t token[LINK_TOKEN];
	char dir[64];
	void *user;
};

/* A fresh folder, entered, with run/ in it; no ends yet. */
void pair_init(struct pair *p);
/* The end's link and streams begin a life, or end it. */
void pair_new_end(struct pair_end *end);
void pair_free_end(struct pair_end *end);
/* What the supervisor does after a birth: a token for both, and a slab. */
void pair_link_set(struct pair *p);
/* All of it, and waits until the link is up at both ends. */
void pair_begin(struct pair *p);
void pair_end(struct pair *p);

/* Turns the loop until the expression holds; fails after ten seconds. */
#define PAIR_UNTIL(p, expression)                                                                  \
	for (uint64_t until_ = pair_deadline(); !(expression);)                                    \
	pair_turn((p), until_, #expression, __FILE__, __LINE__)
uint64_t pair_deadline(void);
void pair_turn(struct pair *p, uint64_t until, const char *what, const char *file, int line);

#endif

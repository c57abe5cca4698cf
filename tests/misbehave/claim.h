/* To claim another service's name on the bus. Each returns 0 when it could be done, or -1 with
 * errno. */
#ifndef TESTS_MISBEHAVE_CLAIM_H
#define TESTS_MISBEHAVE_CLAIM_H

#include "proto/link.h"

/* Connects to a socket. */
int claim_reach(const char *path);

/* Remembers the token of a link, for when it is an old one. */
void claim_keep(const struct link *l);

/* "PATH SERVICE own|old GENERATION": greets there in the name of SERVICE, as its process of that
 * generation (0: ours), under the token of `own` or one that was kept. */
int claim_greet(const char *arg, const struct link *own);

/* Has it been greeted back? ENOMSG: other things were said to it; EAGAIN: nothing. */
int claim_answered(void);

#endif

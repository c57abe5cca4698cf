/* What neighbours say to more than one service, in the words of proto/messages.h. */
#ifndef TESTS_SERVICE_WORD_H
#define TESTS_SERVICE_WORD_H

#include "tests/service/puppet.h"

/* The transport: who we are, with a key that is none. */
void word_self(struct puppet_end *transport, const char *peer);

/* Discovery: somebody is here, since 2026-01-31T23:59:59.123Z; has gone; all have been named. */
void word_person(
    struct puppet_end *discovery, const char *peer, const char *label, const char *email);
void word_gone(struct puppet_end *discovery, const char *peer);
void word_all(struct puppet_end *discovery);

#endif

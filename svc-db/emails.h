/* Which peers have announced an e-mail address, as discovery tells it. */
#ifndef DB_EMAILS_H
#define DB_EMAILS_H

#include <stddef.h>

#define EMAILS_MAX 65536 /* people; more are not remembered */

struct emails;

/* An empty list; the caller owns it. */
struct emails *emails_new(void);
void emails_free(struct emails *e);

/* A snapshot begins: what is known stays known until emails_all() ends it. */
void emails_begin(struct emails *e);
/* Somebody is there, with "" for no address. */
void emails_set(struct emails *e, const char *peer, const char *email);
void emails_remove(struct emails *e, const char *peer);
/* The snapshot is complete: whoever was not in it is forgotten. */
void emails_all(struct emails *e);

/* The address, "" when none is known; lent until the next change. */
const char *emails_get(const struct emails *e, const char *peer);
size_t emails_count(const struct emails *e);

#endif

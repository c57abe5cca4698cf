/* Names of hosts to addresses, by getaddrinfo(3), which knows /etc/hosts, the DNS and whatever
 * nsswitch.conf(5) names, but waits. So it is called in threads of our own, which are made once,
 * before the walls forbid to make more. A thread shares nothing with the loop but a socket: a name
 * goes in, an answer comes back.
 *
 * Whoever looks names up is a struct resolver_user (one for each server): of one user, one name is
 * looked up at a time, and users take turns. So a name that hangs, which the C library lets it do
 * for half a minute and more, keeps RESOLVER_THREADS - 1 threads free for others: only when so many
 * servers hang at once has another to wait, and then for one of them to come to an end. Nobody can
 * cut such a look-up short: who gives up withdraws his question, and the answer, when it comes
 * after all, is kept for the next who asks. Nothing else is kept: each look-up asks anew. */
#ifndef SVC_DISCOVERY_RESOLVER_H
#define SVC_DISCOVERY_RESOLVER_H

#include <netinet/in.h>
#include <stddef.h>

#include "base/loop.h"

#define RESOLVER_THREADS   4
#define RESOLVER_NAME      254 /* bytes of a name with its zero: RFC 1035, section 2.3.4 */
#define RESOLVER_ADDRESSES 16  /* of one name; further ones are left out */
#define RESOLVER_KEEP_MS   60000

struct resolver_address {
	sa_family_t family; /* AF_INET or AF_INET6 */
	union {
		struct in_addr ip4;
		struct in6_addr ip6;
	};
};

struct resolver_answer {
	int error;                                           /* of getaddrinfo(3), 0: found */
	int system;                                          /* errno, with EAI_SYSTEM */
	size_t count;                                        /* not 0 without error */
	struct resolver_address address[RESOLVER_ADDRESSES]; /* in the C library's order */
};

struct resolver;
struct resolver_user;
struct resolver_question;

/* Fills a zeroed answer; called in a thread. */
typedef void resolver_look_up_fn(const char *name, struct resolver_answer *answer);
/* getaddrinfo(3). IPv6 link-local addresses are left out: they would need a zone. */
resolver_look_up_fn resolver_system;

/* Makes no thread yet: questions wait. */
struct resolver *resolver_new(struct loop *loop, resolver_look_up_fn *look_up);
/* Makes the threads; ends the process when it cannot. */
void resolver_start(struct resolver *r);
/* After its users. A thread that is looking a name up goes on and ends by itself: nobody waits for
 * it. NULL is fine. */
void resolver_free(struct resolver *r);

struct resolver_user *resolver_user_new(struct resolver *r);
/* After its questions. NULL is fine. */
void resolver_user_free(struct resolver_user *u);

/* Called once, from the loop, never from inside a function of this header. The question is gone by
 * then, the answer lent. It may ask and withdraw, but free no user. */
typedef void resolver_answered_fn(void *arg, const struct resolver_answer *answer);

/* NULL when the name is empty or too long. */
struct resolver_question *resolver_ask(
    struct resolver_user *u, const char *name, resolver_answered_fn *fn, void *arg);
/* Withdraws a question. NULL is fine. */
void resolver_withdraw(struct resolver_question *q);

/* What is wrong, "Name or service not known"; lent until the next call. */
const char *resolver_why(const struct resolver_answer *answer);

#endif

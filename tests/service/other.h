/* A second svc-transport, for the first to talk to. There is one stage a process, so it lives in a
 * child of the test with a stage of its own, where it does what it is told over a pair of pipes. */
#ifndef TESTS_SERVICE_OTHER_H
#define TESTS_SERVICE_OTHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/service/puppet.h"

struct other {
	pid_t pid;
	int to, from; /* orders, answers */
	char peer[80];
	unsigned port;
};

/* In the child a failed assertion must not run on through the list of tests: a setup ends it. */
extern bool other_in_child;

/* Starts it, and learns its id and port. */
void other_start(struct other *o);
/* Ends it; fails the test when it did not end well. */
void other_end(struct other *o);

/* Tells its viewer what to do, with a number; other.c lists the letters, obey(). */
void other_order(const struct other *o, char what, size_t n);
/* Waits until that is done. */
void other_done(const struct other *o);
/* The next line of what it says, without its end. */
void other_read_line(int fd, char *line, size_t size);

/* The bytes of a transfer: makes `n` of them for free(3), compares. */
uint8_t *other_make_pattern(size_t n);
void other_assert_pattern(const uint8_t *p, size_t n);

/* Discovery tells of a peer's addresses, a list that ends with NULL. */
void other_say_addrs(struct puppet_end *discovery, const char *peer, const char *const *addrs);

#endif

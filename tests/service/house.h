/* A house for tests of the supervisor: each test has a folder of its own with goop-supervisor and
 * services played by fake_service in bin/, and a peer, not yet started, in peer/. The words are
 * short because the tests are made of them. */
#ifndef TESTS_SERVICE_HOUSE_H
#define TESTS_SERVICE_HOUSE_H

#include "tests/unit/testing.h"

#include <limits.h>
#include <stdbool.h>

extern char base[PATH_MAX]; /* the folder of this test */
extern char *output;        /* of the last command; lent until the next */

/* Runs a shell line in the test's folder with its programs first in PATH. Returns the exit status.
 */
int sh(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define EXITS(want, ...)                                                                           \
	do {                                                                                       \
		int got_ = sh(__VA_ARGS__);                                                        \
		if (got_ != (want))                                                                \
			fail_msg("line %d: exit status %d, expected %d: %s", __LINE__, got_,       \
			    (want), output);                                                       \
	} while (0)

/* The last command has said this. */
void says(const char *part);

/* Runs the line until it succeeds. */
void until(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* What a service ("viewer") does in its next lives: see fake_service.c. */
void behave(const char *service, const char *what);

/* A field of a service in status --json. */
#define FIELD(service, field)                                                                      \
	"goop-supervisor status --json peer | jq -r '.services[] | select(.name == \"svc-" service \
	"\") | " field "'"

/* The same as a number. */
long field(const char *service, const char *name);

/* There, and no zombie that nobody has waited for. */
bool alive(long pid);

/* The control socket of peer/. */
int dial(void);
/* Sends, and reads what comes until the end. Returns its length. */
size_t exchange(const void *p, size_t n, char *answer, size_t size);

/* Around each test; whatever it left running goes, also when it fails or is killed. */
int house_begin(void **state);
int house_end(void **state);
#define STORY(name) cmocka_unit_test_setup_teardown(name, house_begin, house_end)

#endif

/* What a process says of itself, for `status`: a few short texts by name. */
#ifndef SUPERVISOR_FACTS_H
#define SUPERVISOR_FACTS_H

#include <stddef.h>

#define FACTS_MAX       16
#define FACTS_KEY_MAX   32   /* with its zero */
#define FACTS_VALUE_MAX 4096 /* with its zero */

/* Zeroed, there are none. */
struct facts {
	struct {
		char key[FACTS_KEY_MAX];
		char *value;
	} all[FACTS_MAX];
	size_t count;
};

void facts_clear(struct facts *f);

/* Copies both. Returns 0, or -1 when the key is none or there are too many. */
int facts_set(struct facts *f, const char *key, const char *value);

/* The value, lent, or NULL. */
const char *facts_get(const struct facts *f, const char *key);

#endif

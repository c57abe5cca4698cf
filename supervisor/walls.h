/* From a row of the roster and the configuration to the walls around a service: base/sandbox.h. */
#ifndef SUPERVISOR_WALLS_H
#define SUPERVISOR_WALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/sandbox.h"
#include "supervisor/config.h"
#include "supervisor/roster.h"

/* The value of a key of goop.json as text, never NULL; lent. */
typedef const char *walls_get(void *arg, const char *key);

/* What the service of that row may do, as text for its CONFIG; owned by the caller. In the peer's
 * folder, as the user that services are started by. */
char *walls_rules(const struct roster_row *row, walls_get *get, void *arg);
char *walls_of(const struct roster_row *row, const struct config *config);

/* The same from a configuration. */
char *walls_of(const struct roster_row *row, const struct config *config);

/* When isolation.required is true: what is lacking here for all the walls, in `why`, and false.
 * Otherwise true. In the peer's folder; starts a process to try. */
bool walls_suffice(const struct config *config, char *why, size_t size);

/* Files and folders that rules name are those of the start. Which they were, to be asked later
 * whether one has been replaced, or has appeared: then the service must start anew to see it. */
struct walls_seen {
	struct sandbox_rules rules;
	dev_t device[SANDBOX_PATHS];
	ino_t number[SANDBOX_PATHS]; /* 0: it was not there */
};

/* `seen` is zeroed or of an earlier call. */
void walls_look(struct walls_seen *seen, const char *rules);
/* The first path that is another one now, or NULL; lent. One that has gone has not been replaced.
 */
const char *walls_replaced(const struct walls_seen *seen);
void walls_forget(struct walls_seen *seen);

#endif

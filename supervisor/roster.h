/* Who works here: one row a service. How a death is answered is the same for all: child.h. */
#ifndef SUPERVISOR_ROSTER_H
#define SUPERVISOR_ROSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/services.h"

enum {
	ROSTER_LISTENS = 1, /* gets the listening socket that we were started with, if any */
	ROSTER_PROXIES = 2  /* sees the environment's http_proxy and its kind */
};

struct roster_row {
	enum service_id id; /* its name and program: proto/services.h */
	unsigned level;     /* started when all of lower levels are ready, stopped before them */
	const char *const *keys; /* what it may see of goop.json, ended by NULL */
	unsigned extras;
	/* Its walls, once it has opened what it needs: see base/sandbox.h. */
	unsigned may;             /* enum sandbox_may */
	const char *const *reads; /* paths that begin with "/", or keys whose value is one; NULL */
	const char *const *dials; /* keys whose values are URLs, by HTTP; NULL */
	unsigned memory_mb, descriptors;
};

extern const struct roster_row roster[];
extern const size_t roster_size;

/* One more than the highest level. */
unsigned roster_levels(void);

/* The path of a service's program: beside ours, or in ../libexec/goop. Owned by the caller; NULL
 * when there is none that may be run. `*looked` is always set to "BESIDE nor LIBEXEC", the two
 * paths that were tried, owned by the caller. */
char *roster_program(enum service_id id, char **looked);

#endif

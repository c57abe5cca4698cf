/* What `status --json` says, from what is known now. docs/goop-supervisor.1 lists the fields. */
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include <stdint.h>

#include "codec/json.h"
#include "supervisor/minder.h"

struct status_about {
	const char *state;  /* "starting", "running", "stopping" */
	const char *mode;   /* mode_name() */
	const char *folder; /* absolute */
	const char *label;
	uint64_t began; /* monotonic, ms */
};

/* Owned by the caller. */
cJSON *status_build(
    const struct status_about *about, struct minder *const all[], size_t n, uint64_t now);

#endif

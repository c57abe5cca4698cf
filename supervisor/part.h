/* A service's part of goop.json: the settings that its row of the roster names, and its walls. */
#ifndef SUPERVISOR_PART_H
#define SUPERVISOR_PART_H

#include <stdbool.h>

#include "base/buf.h"
#include "proto/msg.h"
#include "supervisor/config.h"
#include "supervisor/roster.h"

/* What its last process was told. */
struct part {
	struct buf told;
};

void part_init(struct part *p);
void part_clear(struct part *p);

/* Builds the CONFIG for a process of that generation, and remembers what it says. */
void part_tell(struct part *p, const struct roster_row *row, const struct config *config,
    uint32_t generation, struct msg *out);

/* Would a new process be told anything else? True when none has been told yet. */
bool part_has_news(const struct part *p, const struct roster_row *row, const struct config *config);

#endif

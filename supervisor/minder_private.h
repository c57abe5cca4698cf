/* What minder.c (one service and its process) and minder_succession.c (handing it over to a new
 * supervisor) share. For these only. */
#ifndef SUPERVISOR_MINDER_PRIVATE_H
#define SUPERVISOR_MINDER_PRIVATE_H

#include "base/log.h"
#include "supervisor/minder.h"
#include "supervisor/part.h"
#include "supervisor/program.h"
#include "supervisor/spawn.h"
#include "supervisor/walls.h"

struct minder {
	struct minder_house *house;
	const struct roster_row *row;
	const struct config *config;
	struct part part;
	struct program program;
	struct child child;
	uint32_t generation;
	struct timer *deadline;
	struct log_source *log;
	bool comes_back; /* told when it is asked to stop: it is a restart */
	/* While its process runs. */
	bool running;
	bool closed;       /* it has said its last word */
	unsigned patience; /* turns of the loop to wait for that, once it is dead */
	struct spawned process;
	struct watch *end;
	struct parent *parent;
	uint32_t pulse;
	struct log_limit alarms;
	struct facts facts;
	struct walls_seen seen; /* what its walls were made of */
};

/* Its process is there: listens to its words, its channel and its end. */
void minder_attach(struct minder *m);
/* Has the timer follow the deadline of its state. */
void minder_arm(struct minder *m);

#endif

/* A peer at work: starts the services level by level, answers for them on the control socket, and
 * stops them in the reverse order. */
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include <stdbool.h>

#include "supervisor/config.h"

struct supervisor_options {
	const char *shown; /* DIR as the person wrote it, for messages; it is the working folder */
	struct config *config; /* good; taken */
	bool rendezvous;       /* MODE_RENDEZVOUS, whatever it says */
	bool verbose;          /* in the foreground: show all log lines, not only warnings */
	/* To the background once all services are ready; then a byte is written to `ready_fd`. -1
	 * stays in the foreground. */
	int ready_fd;
};

/* Runs until it is told to stop. Returns the exit status: 0, or 1 when it could not start: somebody
 * else has the folder, a service cannot work with this configuration, or, going to the background,
 * not all services became ready. */
int supervisor_run(const struct supervisor_options *options);

/* Takes over from the program that ran in this process before, as `memfd` says (succession.h), and
 * runs on; with `try`, only says whether that would go well (0). Returns the exit status. */
int supervisor_succeed(int memfd, bool try);

#endif

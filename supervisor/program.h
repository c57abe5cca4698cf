/* The program file of one service: the one that is there now, or, after a fall back, the one that
 * became ready last, held open so that it can be run when its name has gone to another file. */
#ifndef SUPERVISOR_PROGRAM_H
#define SUPERVISOR_PROGRAM_H

#include <stdbool.h>

#include "proto/services.h"

/* Zeroed, nothing has run yet. Descriptors (O_PATH), 0 for none. */
struct program {
	int now;    /* what runs, or ran last */
	int proven; /* what became ready last */
	bool fallen_back;
};

void program_clear(struct program *p);

/* The program to start next, by name, owned by the caller, and in *file the descriptor to run
 * instead of what has that name, lent, or 0. NULL with *why, owned by the caller, when there is
 * none. */
char *program_choose(struct program *p, enum service_id id, int *file, char **why);

/* What was chosen last has become ready. */
void program_proves_good(struct program *p);

/* From now on what became ready last is chosen, until program_go_on(). False when nothing has, or
 * when it is that one which failed. */
bool program_fall_back(struct program *p);
void program_go_on(struct program *p);

/* Is another file there than the one that was chosen last? */
bool program_has_news(const struct program *p, enum service_id id);

#endif

/* A new program of the supervisor takes the place of the old one in the same process, so the
 * services stay its children: what it has to know is written to a memfd, their descriptors stay
 * open across exec, and nothing is let go of before. First the new program is tried: whether it
 * understands what is written is its own answer, given in a process of its own. */
#ifndef SUPERVISOR_SUCCESSION_H
#define SUPERVISOR_SUCCESSION_H

#include <stdbool.h>

#include "codec/json.h"

/* Of what is written: to be raised when the meaning of a field changes, or when one that the reader
 * cannot do without comes to it. All is written by name, so what is new otherwise may be lacking,
 * and what is not known is left alone. */
#define SUCCESSION_VERSION 2
#define SUCCESSION_WORD    "--succeed"
#define SUCCESSION_TRY     "--try-to-succeed"
#define SUCCESSION_WHY     4352 /* a path, or complaints about goop.json */

/* Remembers which program this is; to be called before it can be replaced. */
void succession_init(void);
/* Has another file its name? */
bool succession_is_due(void);

/* Signals wait, for the new program or for us when nothing comes of it; or no longer. */
void succession_hold_signals(bool hold);

/* Writes `state` and tries the new program with it, waiting a few seconds at most. Returns the
 * memfd, or -1 with a sentence. */
int succession_prepare(const cJSON *state, char why[SUCCESSION_WHY]);

/* With signals held, becomes the new program, which finds `state` in `memfd`; every member called
 * "...fd" of it and of its services stays open. Returns only when that failed, with everything as
 * before. */
void succession_go(int memfd, const cJSON *state);

/* The other side: what is written there, or NULL after logging why. Its descriptors are closed by
 * the next exec. */
cJSON *succession_read(int memfd);

#endif

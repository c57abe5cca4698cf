/* One service and its process: births, words, deadlines, pulse, and its end. Joins the table of
 * child.h with spawn.h, logs.h and proto/parent.h. */
#ifndef SUPERVISOR_MINDER_H
#define SUPERVISOR_MINDER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "codec/json.h"
#include "proto/parent.h"
#include "supervisor/child.h"
#include "supervisor/config.h"
#include "supervisor/facts.h"
#include "supervisor/logs.h"
#include "supervisor/roster.h"

struct minder;

/* What happens to it. All are called from the loop or from inside minder_want() and
 * minder_restart(). */
struct minder_events {
	/* Its process is there and has its CONFIG; START follows when this returns. */
	void (*spawned)(void *arg, struct minder *m);
	/* Its process of that generation is gone. */
	void (*died)(void *arg, struct minder *m, uint32_t generation, const char *why);
	/* child_state has changed (after `spawned` and `died`). */
	void (*changed)(void *arg, struct minder *m);
	void (*fact)(void *arg, struct minder *m, const char *key, const char *value);
	/* A report has come; `json` is lent, of `n` bytes, unchecked. */
	void (*report)(
	    void *arg, struct minder *m, uint32_t request, const uint8_t *json, size_t n);
	/* A TRACE; -1 when it makes no sense. */
	int (*trace)(void *arg, struct minder *m, struct msg *msg);
};

/* What all share. */
struct minder_house {
	struct loop *loop;
	struct logs *logs;
	const struct minder_events *events;
	void *arg;
	int listening;       /* for those that have ROSTER_LISTENS, -1 for none */
	uint32_t generation; /* of the process started last: grows with each */
};

/* `house` is lent and must outlive it. */
struct minder *minder_new(struct minder_house *house, const struct roster_row *row);
void minder_free(struct minder *m); /* kills it; NULL is fine */

/* Settings for processes started from now on; lent, and must outlive them. */
void minder_set_config(struct minder *m, const struct config *config);

void minder_want(struct minder *m, bool up);
/* Stops it if it runs, starts it with the program that is there now, forgets its deaths. */
void minder_restart(struct minder *m);

/* Would a new start make a difference: other settings than its last process was told, another
 * program than that process runs? True when there was no process yet. */
bool minder_has_news(const struct minder *m);
bool minder_has_new_program(const struct minder *m);
/* Restarts it with the program that became READY last, also for starts to come until
 * minder_restart(). False when there is none, or when it is that one that failed. */
bool minder_fall_back(struct minder *m);

/* SIGKILL now. */
void minder_kill(struct minder *m);
/* Once a second: a pulse. With `late` our own process has been asleep, so silence is no sign. */
void minder_tick(struct minder *m, bool late);

/* Sends and consumes. -1 when it does not run. */
int minder_send(struct minder *m, struct msg *msg);
/* The same with a descriptor, which stays the caller's; -1 for none. */
int minder_send_fd(struct minder *m, struct msg *msg, int fd);

/* For a new program of the supervisor (succession.h). May it be handed over now: does it neither
 * come nor go, and has it heard all that it was told? */
bool minder_may_be_saved(const struct minder *m);
cJSON *minder_save(const struct minder *m);
/* The other side, for a fresh one: takes what was saved, false when it makes no sense; and, when
 * all did and it has its settings, goes on. */
bool minder_load(struct minder *m, const cJSON *saved);
void minder_resume(struct minder *m);

enum service_id minder_id(const struct minder *m);
const char *minder_name(const struct minder *m);
const struct roster_row *minder_row(const struct minder *m);
const struct child *minder_child(const struct minder *m);
pid_t minder_pid(const struct minder *m); /* 0 when it does not run */
uint32_t minder_generation(const struct minder *m);

/* What its present process says of itself. */
const struct facts *minder_facts(const struct minder *m);

#endif

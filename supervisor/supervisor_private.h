/* What supervisor.c (the life of the peer) and supervisor_requests.c (the desk of the control
 * socket) share. For these two only. */
#ifndef SUPERVISOR_SUPERVISOR_PRIVATE_H
#define SUPERVISOR_SUPERVISOR_PRIVATE_H

#include "supervisor/activation.h"
#include "supervisor/control.h"
#include "supervisor/logs.h"
#include "supervisor/minder.h"
#include "supervisor/mode.h"
#include "supervisor/reports.h"
#include "supervisor/supervisor.h"

#define SUPERVISOR_SERVICES 8
#define RESTART_LIMIT       45000 /* ms: for a restart by hand to end in READY */

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING };

/* A client that waits for a service to be ready again, or (NULL) for all of us to stop. */
struct waiter {
	uint32_t client;
	struct minder *minder;
	uint32_t generation; /* the one it was: ready counts from the next on */
	uint64_t since;
};

struct supervisor {
	struct supervisor_options options;
	struct loop *loop;
	struct logs *logs;
	struct config *config;
	struct control *control;
	struct reports *reports;
	enum mode mode; /* from the start to the end */
	struct activation activation;
	struct minder_house house;
	struct minder *minders[SUPERVISOR_SERVICES]; /* those of the mode, as in the roster */
	uint64_t spawned_at[SUPERVISOR_SERVICES];
	size_t count;
	enum phase phase;
	unsigned level; /* starting: of those being started; stopping: of those being stopped */
	struct timer *think; /* due when something has changed */
	struct timer *tick;
	uint64_t began, ticked;
	int status;
	struct waiter waiters[CONTROL_CLIENTS];
	size_t waiter_count;
};

/* supervisor.c */
void supervisor_stop(struct supervisor *s);
/* Settings for processes started from now on; taken. */
void supervisor_set_config(struct supervisor *s, struct config *config);

/* supervisor_requests.c */
void supervisor_request(void *arg, uint32_t client, const cJSON *request);
/* Answers those whose restart has come to an end. */
void supervisor_serve_waiters(struct supervisor *s);
/* Everything has stopped: answers all that are left. */
void supervisor_dismiss_waiters(struct supervisor *s);

#endif

/* What supervisor.c (the life of the peer), supervisor_events.c (what the services do),
 * supervisor_requests.c (the desk of the control socket) and supervisor_rounds.c (restarts one
 * after the other) and supervisor_succession.c (a new program for all of that) share. For these
 * only. */
#ifndef SUPERVISOR_SUPERVISOR_PRIVATE_H
#define SUPERVISOR_SUPERVISOR_PRIVATE_H

#include "supervisor/activation.h"
#include "supervisor/control.h"
#include "supervisor/logs.h"
#include "supervisor/minder.h"
#include "supervisor/mode.h"
#include "supervisor/reports.h"
#include "supervisor/supervisor.h"
#include "supervisor/traces.h"

#define SUPERVISOR_SERVICES 8
#define RESTART_LIMIT       45000 /* ms: for a restart by hand to end in READY */

/* What the command line exits with. */
#define STATUS_BAD_USAGE   2
#define STATUS_NOT_RUNNING 3
#define STATUS_BAD_CONFIG  78

enum phase { PHASE_STARTING, PHASE_RUNNING, PHASE_STOPPING };

/* A client that waits for a service to be ready again, or (NULL) for all of us to stop. */
struct waiter {
	uint32_t client;
	struct minder *minder;
	uint32_t generation; /* the one it was: ready counts from the next on */
	uint64_t since;
};

/* Services that are restarted one after the other: supervisor_rounds.c. */
enum round_kind { ROUND_NONE, ROUND_RELOAD, ROUND_UPGRADE };

struct round {
	enum round_kind kind;
	uint32_t client; /* who waits for it; 0 for nobody */
	struct minder *todo[SUPERVISOR_SERVICES];
	size_t count, at;
	uint32_t generation; /* of todo[at], before its turn */
	uint64_t began, since;
	bool falling_back;
	unsigned quiet; /* turns of the loop since signals are held, at the end of an upgrade */
	char *why;      /* what todo[at] failed of */
	cJSON *unchanged;
};

struct supervisor {
	struct supervisor_options options;
	struct loop *loop;
	struct logs *logs;
	struct config *config;
	struct control *control;
	struct reports *reports;
	struct traces *traces;
	enum mode mode; /* from the start to the end */
	struct activation activation;
	int lock; /* on the folder */
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
	bool had_terminal; /* a controlling one, at the start */
	struct waiter waiters[CONTROL_CLIENTS];
	size_t waiter_count;
	struct round round;
	bool reload_due; /* SIGHUP came when it could not be followed */
};

/* supervisor.c */
/* Everything that is there before anybody can ask, from `options` and `activation`. */
void supervisor_set_up(struct supervisor *s);
/* From there to the end, with that socket for control (-1: a new one). Returns the exit status. */
int supervisor_live(struct supervisor *s, int listening);
void supervisor_stop(struct supervisor *s);
/* Settings for processes started from now on; taken. */
void supervisor_set_config(struct supervisor *s, struct config *config);

/* supervisor_events.c */
extern const struct minder_events supervisor_events; /* arg is the struct supervisor */
/* A line for the person who started us. */
void supervisor_tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* One line for the service manager: who does not work, or that all do. */
void supervisor_tell_manager(const struct supervisor *s);
/* The first start succeeds or fails clearly: what only a person can mend is not waited for, and
 * nobody watches what goes to the background. Later, the others keep running. */
bool supervisor_start_has_failed(const struct supervisor *s, const struct child *c);

/* supervisor_requests.c */
void supervisor_request(void *arg, uint32_t client, const cJSON *request);
/* Answers those whose restart has come to an end. */
void supervisor_serve_waiters(struct supervisor *s);
/* Everything has stopped: answers all that are left. */
void supervisor_dismiss_waiters(struct supervisor *s);

/* supervisor_rounds.c */
/* goop.json as it is now, or NULL with *why, owned by the caller: it is bad, or asks for other
 * services than run. Its warnings are logged. */
struct config *supervisor_read_config(struct supervisor *s, char **why);
/* These answer the client when all is done; 0 is nobody. */
void supervisor_reload(struct supervisor *s, uint32_t client);
void supervisor_upgrade(struct supervisor *s, uint32_t client);
/* Goes on with the round, if there is one. */
void supervisor_go_round(struct supervisor *s);

/* supervisor_succession.c */
/* An upgrade has done what there was to do with the services: now the supervisor itself, if it has
 * another program than before. Consumes the answer. */
void supervisor_end_upgrade(struct supervisor *s, uint32_t client, cJSON *answer);

#endif

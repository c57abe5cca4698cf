/* The work of a turn of the loop: writes that wait share one transaction (group commit), queries
 * get slices in turn, caller by caller, so that nobody's queries hold up another's. No I/O but the
 * store's.
 *
 * The answer of a write is told as done only after its transaction is on the disk. */
#ifndef DB_WORK_H
#define DB_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "svc-db/data_call.h"
#include "svc-db/store.h"

#define WORK_BATCH    1024 /* writes in one transaction, at most */
#define WORK_BATCH_US (100 * 1000)
#define WORK_SLICE_US (8 * 1000) /* for queries in a turn */
#define WORK_OPEN     4          /* queries of one caller under way at once */
#define WORK_RETRY_MS 20         /* when the database is taken */
/* A query of whose answer less than a chunk (DATA_CALL_CHUNK) is read in so long gives way when
 * others wait for theirs. */
#define WORK_STALL_MS 2000

struct work;
struct job;

/* Called from work_turn(); any of these may add, cancel and resume jobs. */
struct job_events {
	/* A part of a long answer is in the buffer and may go. The job rests until job_resume(). */
	void (*output)(void *arg);
	/* The answer in the buffer is complete. The job is gone. */
	void (*done)(void *arg);
	/* It failed after a part had gone. The job is gone. */
	void (*broken)(void *arg, const char *why);
};

struct work *work_new(struct store *st);
/* All jobs must have ended. NULL is fine. */
void work_free(struct work *w);

/* Takes the call over; `out` is lent until the job is gone. `lane` is who asks, "" for the owner:
 * callers get equal shares. */
struct job *work_add(struct work *w, struct data_call *call, const char *lane, struct buf *out,
    const struct job_events *events, void *arg);
/* Ends it without a further event; what it has written may have been stored. NULL is fine. */
void job_cancel(struct job *j);
/* There is room in the buffer again. */
void job_resume(struct job *j);

enum work_state {
	WORK_IDLE,  /* nothing to do until something is added or resumed */
	WORK_LATER, /* the database is taken: call again in WORK_RETRY_MS */
	WORK_AGAIN, /* something was done, and there may be more to do at once */
};

/* Does what there is to do, within the times above. `now` is loop_now(). */
enum work_state work_turn(struct work *w, uint64_t now);

struct work_count {
	uint64_t writes;  /* answered after a commit */
	uint64_t commits; /* transactions that held them */
	uint64_t lost;    /* writes answered with an error because their transaction failed */
	uint64_t alters;  /* changes of tables among them */
	uint64_t reads;
	size_t largest; /* most writes in one transaction */
};
struct work_count work_counted(const struct work *w);

#endif

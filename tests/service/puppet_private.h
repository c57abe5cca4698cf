/* What the files of the stage share; tests include puppet.h. */
#ifndef TESTS_SERVICE_PUPPET_PRIVATE_H
#define TESTS_SERVICE_PUPPET_PRIVATE_H

#include <sys/queue.h>

#include "base/buf.h"
#include "base/map.h"
#include "proto/parent.h"
#include "tests/service/puppet.h"

/* A message kept until the test asks for it. */
struct puppet_kept {
	STAILQ_ENTRY(puppet_kept) entry;
	unsigned type;
	size_t size;
	uint8_t bytes[];
};
STAILQ_HEAD(puppet_inbox, puppet_kept);

struct puppet_record {
	struct puppet_stream stream;
	TAILQ_ENTRY(puppet_record) entry;
	bool incoming; /* not yet asked for */
};

struct puppet_end {
	struct puppet *p;
	enum service_id peer;
	uint32_t generation;
	struct link *link;
	struct streams *streams;
	struct puppet_inbox inbox;
	struct puppet_kept *lent;
	puppet_desk *desk;
	void *desk_arg;
};

struct puppet_setting {
	char *key, *value;
};

struct puppet {
	enum service_id service;
	struct loop *loop;
	char dir[64], *program;
	struct puppet_setting *config;
	size_t config_count;
	uint32_t generation;

	pid_t pid; /* 0: not running */
	int pidfd, log_fd;
	struct watch *pid_watch, *log_watch;
	struct parent *parent;
	struct buf log;
	bool reaped, closed; /* both: it is over */
	bool ready, asked_to_end, status_taken, started;
	int status;

	struct puppet_inbox inbox;
	struct puppet_kept *lent;
	char *report;
	uint32_t requests;
	struct map *facts;
	struct puppet_end *ends[SERVICE_COUNT];
	TAILQ_HEAD(, puppet_record) streams;
};

/* Fails the test, with the service's log. */
__attribute__((noreturn, format(printf, 2, 3))) void puppet_give_up(
    struct puppet *p, const char *format, ...);

/* Messages in line: a copy at the end, all away, the first of its type lent in *m and kept in *lent
 * until the next (false when there is none). */
void puppet_inbox_keep(struct puppet_inbox *inbox, const struct msg *m);
void puppet_inbox_empty(struct puppet_inbox *inbox);
bool puppet_inbox_lend(
    struct puppet_inbox *inbox, struct puppet_kept **lent, unsigned type, struct msg *m);

/* A life of the program with its CONFIG not yet sent; that; and what is left when it is over. */
void puppet_process_fork(struct puppet *p);
void puppet_process_configure(struct puppet *p);
void puppet_process_forget(struct puppet *p);

/* Sends LINK_SET for the neighbour to both ends; nothing while one of them does not live. */
void puppet_end_pair_up(struct puppet_end *end);
void puppet_end_free(struct puppet_end *end);

/* The hooks of streams_new() that collect what comes; `arg` is the end. */
const struct stream_events *puppet_stream_incoming(void *arg, struct stream *s,
    enum protocol protocol, const char *peer, const char *address, void **user);
const struct stream_events *puppet_stream_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user);

#endif

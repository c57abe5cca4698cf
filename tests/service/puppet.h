/* A stage for service tests: the real program among puppets that play its supervisor and its
 * neighbours, all in the test's own process and on one loop.
 *
 *	struct puppet *p = puppet_new(SERVICE_DB);
 *	struct puppet_end *viewer = puppet_neighbour(p, SERVICE_VIEWER);
 *	puppet_config(p, "paths.db", "data.db");
 *	puppet_start(p);
 *	struct puppet_stream *s = puppet_open(viewer, PROTOCOL_GOOP_DATA, "12D3KooW...", 5000);
 *	puppet_write(s, "{\"op\":\"tables\"}\n", 16, true);
 *	puppet_read_end(s);
 *	assert_string_equal((char *)s->data, "...");
 *	puppet_free(p);
 *
 * Every wait turns the loop, has a deadline (PUPPET_MS unless it is given), and fails the test with
 * the service's log when the deadline passes. There is one stage at a time: puppet_new() makes a
 * fresh folder below /tmp (with run/, data/ and site/) and goes into it. */
#ifndef TESTS_SERVICE_PUPPET_H
#define TESTS_SERVICE_PUPPET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/loop.h"
#include "proto/link.h"
#include "proto/msg.h"
#include "proto/protocols.h"
#include "proto/stream.h"

#define PUPPET_MS 30000
/* The id of a peer that no stage knows. */
#define PUPPET_NOBODY "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB"

struct puppet;     /* the service and its supervisor */
struct puppet_end; /* a neighbour's end of its link to the service */

/* --- the service and its supervisor ----------------------------------------------------------- */

/* The program is <build>/bin/<service>, found from where the test itself is. Nothing runs yet. */
struct puppet *puppet_new(enum service_id service);

/* Ends the service (STOP; SIGKILL after PUPPET_MS, which fails the test) unless it is over, fails
 * the test when a sanitizer complained or when it died without having been asked to, and removes
 * the folder. */
void puppet_free(struct puppet *p);

/* Another program in its place: <build>/test/service/<name>. */
void puppet_program(struct puppet *p, const char *name);

/* A line of CONFIG, before puppet_start(). */
void puppet_config(struct puppet *p, const char *key, const char *value);

/* Forks the program, sends CONFIG, LINK_SET for every neighbour, START; waits for READY. */
void puppet_start(struct puppet *p);
/* The same without START and without waiting: for tests of the beginning. */
void puppet_spawn(struct puppet *p);
void puppet_send_start(struct puppet *p);

/* A fresh life of the service after it was over: new generation, new tokens, the same folder. The
 * neighbours' ends stay, their links go down and up. */
void puppet_restart(struct puppet *p);

void puppet_kill(struct puppet *p, int signo);
/* Sends STOP. */
void puppet_stop(struct puppet *p, uint32_t grace_ms);
/* The same, of a service that is to be started again. */
void puppet_stop_for_restart(struct puppet *p, uint32_t grace_ms);
/* Closes the supervisor's end of descriptor 3, as when the supervisor dies. */
void puppet_hang_up(struct puppet *p);
/* Waits for the end; the status is as waitpid(2) gives it, and puppet_free() accepts it. */
int puppet_wait_end(struct puppet *p);

/* Sends and consumes a message as the supervisor. */
void puppet_tell(struct puppet *p, struct msg *m);
/* Waits for the next message of that type to the supervisor, opens it in *m past its type. Lent
 * until the next call. */
void puppet_told(struct puppet *p, enum msg_type type, struct msg *m);
/* The latest FACT, or NULL. */
const char *puppet_fact(struct puppet *p, const char *key);
/* Asks for a report and waits for it: JSON text, lent until the next call. */
const char *puppet_report(struct puppet *p, const char *what);

bool puppet_is_ready(const struct puppet *p);
bool puppet_is_running(const struct puppet *p);
pid_t puppet_pid(const struct puppet *p);
/* A row of /proc/<pid>/status in bytes: "VmRSS" is what is resident, "VmHWM" the most that ever
 * was. Says little under a sanitizer, where what is freed stays for a while. */
size_t puppet_memory(const struct puppet *p, const char *row);
#ifdef __SANITIZE_ADDRESS__
#define PUPPET_MEMORY_COUNTS 0
#else
#define PUPPET_MEMORY_COUNTS 1
#endif
struct loop *puppet_loop(const struct puppet *p);
const char *puppet_dir(const struct puppet *p); /* absolute */
/* All that the service has written to standard error so far. */
const char *puppet_log(const struct puppet *p);

/* A setup for cmocka's group: the test has a network of its own, with nothing but loopback. */
int puppet_own_network(void **state);

/* Writes a file below the folder, making folders on its way. */
void puppet_put_file(struct puppet *p, const char *path, const void *data, size_t len);

/* Turns the loop until `fn` is true; fails the test with `what` when `ms` have passed. */
typedef bool puppet_condition(void *arg);
void puppet_wait(struct puppet *p, puppet_condition *fn, void *arg, unsigned ms, const char *what);
/* The same for an expression:	PUPPET_UNTIL(p, s->len >= 10); */
#define PUPPET_UNTIL(p, expression)                                                                \
	for (uint64_t until_ = puppet_until_begin(p); !(expression);)                              \
	puppet_until(p, until_, #expression, __FILE__, __LINE__)
uint64_t puppet_until_begin(struct puppet *p);
void puppet_until(struct puppet *p, uint64_t until, const char *what, const char *file, int line);
/* Handles what is ready during `ms`: to see that something does NOT happen. */
void puppet_turns(struct puppet *p, unsigned ms);

/* --- neighbours ------------------------------------------------------------------------------- */

/* The end that `peer` would hold. Messages that are not STREAM_* are kept until asked for, unless
 * there is a desk. May be called before or after puppet_start(). */
struct puppet_end *puppet_neighbour(struct puppet *p, enum service_id peer);

/* A desk for the neighbour's messages: returns 1 when it has handled the message, 0 to keep it for
 * puppet_next(), -1 when it is bad. */
typedef int puppet_desk(void *arg, struct puppet_end *end, struct msg *m);
void puppet_set_desk(struct puppet_end *end, puppet_desk *desk, void *arg);

struct link *puppet_link(const struct puppet_end *end);
struct streams *puppet_streams(const struct puppet_end *end);
/* Waits until the link is up. */
void puppet_wait_up(struct puppet_end *end);

/* The next text of a message, for free(3). */
char *puppet_text(struct msg *m);

/* Sends and consumes a message as that neighbour. */
void puppet_say(struct puppet_end *end, struct msg *m);
/* Waits for the next message of that type from the service; lent until the next call. Messages of
 * other types stay in line. */
void puppet_next(struct puppet_end *end, enum msg_type type, struct msg *m);
/* The same without waiting: false when there is none. */
bool puppet_poll(struct puppet_end *end, enum msg_type type, struct msg *m);
/* How many messages of that type are in line. */
size_t puppet_count(const struct puppet_end *end, enum msg_type type);

/* The neighbour dies (LINK_DOWN to the service, its streams are gone, what was in line is thrown
 * away), and comes to life again with the next generation. */
void puppet_die(struct puppet_end *end, const char *why);
void puppet_revive(struct puppet_end *end);

/* --- streams, collected ------------------------------------------------------------------------
 *
 * Owned by the stage: they live until puppet_free(). Tests that want the raw streams use
 * puppet_streams() and stream.h. */
struct puppet_stream {
	struct stream *s; /* NULL once the stream is over */
	struct puppet_end *end;
	enum protocol asked[STREAM_PROTOCOLS_MAX]; /* what was offered (one for incoming) */
	size_t asked_count;
	enum protocol protocol; /* what was chosen, once opened */
	char peer[256], address[1024];
	bool opened;
	bool last;      /* the other side has ended its direction */
	bool closed;    /* both directions ended in order */
	bool was_reset; /* or it ended early: */
	enum stream_code code;
	char text[STREAM_TEXT_MAX + 1];
	uint8_t *data; /* all that came, with a zero behind it; bytes may be thrown away in front by
	                * setting len to 0 */
	size_t len;
	bool hold; /* set it to give no credit back; then count with stream_consumed() */
};

/* The neighbour opens a stream to the service. */
struct puppet_stream *puppet_open(
    struct puppet_end *end, enum protocol protocol, const char *peer, uint32_t deadline_ms);

/* Waits for the next stream that the service opens to this neighbour. When the neighbour is the
 * transport it must then be answered, with puppet_accept() or puppet_reset(). */
struct puppet_stream *puppet_next_stream(struct puppet_end *end);
void puppet_accept(struct puppet_stream *s, enum protocol protocol, const char *address);
void puppet_reset(struct puppet_stream *s, enum stream_code code, const char *text);

/* Writes all, waiting for credit; with `last` ends the direction. Fails the test when the stream
 * ends before. */
void puppet_write(struct puppet_stream *s, const void *data, size_t len, bool last);
/* Waits until `len` bytes or the other side's end are there; returns what is there. */
size_t puppet_read(struct puppet_stream *s, size_t len);
/* Waits for the end of the other side's direction, or of the stream. */
void puppet_read_end(struct puppet_stream *s);
/* Waits for the end of the stream and returns its code, STREAM_OK for an end in order. */
enum stream_code puppet_wait_over(struct puppet_stream *s);

#endif

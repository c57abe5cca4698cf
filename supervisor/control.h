/* The control socket, run/control.sock: one JSON object a line asks, one JSON object a line
 * answers.
 *
 * Whoever connects is a stranger until its credentials say otherwise: the same user or root.
 * Garbage, silence or an answer that nobody reads costs that client only: requests are bounded in
 * size and time, answers in size, clients in number, and when all places are taken the one that has
 * been quiet for the longest makes room. */
#ifndef SUPERVISOR_CONTROL_H
#define SUPERVISOR_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "codec/json.h"

/* Relative to DIR, the working folder: so its length never exceeds what a socket address takes. */
#define CONTROL_PATH        "run/control.sock"
#define CONTROL_CLIENTS     32
#define CONTROL_REQUEST_MAX 4096
#define CONTROL_ANSWER_MAX  (2 * 1024 * 1024)
#define CONTROL_LINE_MAX    512
#define CONTROL_FOLLOW_MAX  (256 * 1024)
#define CONTROL_LIMIT       5000 /* ms: for a request to come, and for a piece of an answer to go */

struct control;

/* A request of the client with that number (numbers are never used twice). It is answered with
 * control_answer(), now or later. */
typedef void control_fn(void *arg, uint32_t client, const cJSON *request);

/* A client that follows (control_follow()) has left, or we have let go of it. */
typedef void control_gone_fn(void *arg, uint32_t client);

/* Binds and listens, or goes on with `fd`, which listens already (-1: none). NULL with errno when
 * that fails. */
struct control *control_new(
    struct loop *loop, int fd, control_fn *fn, control_gone_fn *gone, void *arg);
/* What listens. */
int control_fd(const struct control *c);

/* Closes everything, removes the socket. NULL is fine. */
void control_free(struct control *c);

/* Consumes the answer. Nothing happens when the client is gone. */
void control_answer(struct control *c, uint32_t client, cJSON *answer);

/* {"ok":false,"error":...,"status":...}: `status` is what the command line exits with. */
void control_refuse(struct control *c, uint32_t client, int status, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The client gets lines from now on, instead of one answer, until it leaves. */
void control_follow(struct control *c, uint32_t client);
/* Will a line of CONTROL_LINE_MAX bytes be taken now? */
bool control_has_room(const struct control *c, uint32_t client);
/* A line with its newline for a client that follows. False when it is gone, or has not read
 * CONTROL_FOLLOW_MAX bytes of earlier ones: then this one is not for it. */
bool control_push(struct control *c, uint32_t client, const char *line);

/* To be called about once a second: drops who is too slow. */
void control_tick(struct control *c, uint64_t now);

#endif

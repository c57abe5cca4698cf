/* A client of the control socket, for the command line: waits, with deadlines. */
#ifndef SUPERVISOR_ASK_H
#define SUPERVISOR_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "codec/json.h"

#define ASK_WHY_MAX 1024

/* Asks the supervisor of the working folder. Returns the exit status of the command line: 0 with
 * *answer (owned by the caller), 3 when nobody runs here, otherwise as the supervisor says; then
 * `why` tells. With `until_end`, returns only when its process has ended. Consumes the request. */
int ask(cJSON *request, unsigned timeout_ms, bool until_end, cJSON **answer, char why[ASK_WHY_MAX]);

/* Asks, and leaves the answers to the caller, a line each. Returns a descriptor, or -1 with `why`
 * and *status, that of the command line. Consumes the request. */
int ask_open(cJSON *request, int *status, char why[ASK_WHY_MAX]);
/* What the supervisor says about an answer: the exit status, and `why` unless it is 0. */
int ask_judge(const cJSON *answer, char why[ASK_WHY_MAX]);

/* {"ask": what} */
cJSON *ask_for(const char *what);

#endif

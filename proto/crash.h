/* What a process says when it dies of a signal: where it was, and which message it was handling. */
#ifndef PROTO_CRASH_H
#define PROTO_CRASH_H

#include <stdbool.h>

#include "proto/services.h"

/* From now on SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT write a backtrace and one log line to
 * standard error before they end the process as they would have. (Under AddressSanitizer only
 * SIGABRT does: it reports the others better.) */
void crash_init(enum service_id self);

/* For sandbox_on_refusal(): the same for a system call that is behind the walls, or a line when the
 * process lives on. */
void crash_refused(bool dies, const char *what);

/* The message being handled; type 0 for none. */
void crash_note(unsigned type, enum service_id from);

#endif

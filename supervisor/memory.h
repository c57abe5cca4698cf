/* How much memory a process takes. */
#ifndef SUPERVISOR_MEMORY_H
#define SUPERVISOR_MEMORY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes: its proportional share (PSS of /proc/PID/smaps_rollup), or, where that may not be read (a
 * process that keeps secrets), all that is resident, shared pages in full. 0 when it is gone. */
uint64_t memory_of(pid_t pid, bool *proportional);

#endif

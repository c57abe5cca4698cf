/* How much memory and processor time a process takes. */
#ifndef SUPERVISOR_USAGE_H
#define SUPERVISOR_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes: its proportional share (PSS of /proc/PID/smaps_rollup), or, where that may not be read (a
 * process that keeps secrets), all that is resident, shared pages in full. 0 when it is gone. */
uint64_t usage_memory(pid_t pid, bool *proportional);

/* Time of the processors since it began; -1 when it is gone. */
int64_t usage_cpu_ms(pid_t pid);

#endif

/* What the kernel tells of a process: proc(5). */
#ifndef SUPERVISOR_PROC_H
#define SUPERVISOR_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PROC_TEXT 4096 /* enough for each file that is asked for here */

/* /proc/PID/`file`, terminated, cut where it does not fit. False when it cannot be read. */
bool proc_read(pid_t pid, const char *file, char text[PROC_TEXT]);

/* Field `n` (from 3 on, as proc(5) counts) of what proc_read() found in "stat", or NULL: its second
 * field is a name that may hold anything. */
const char *proc_stat_field(const char *text, int n);

#endif

/* Services whose supervisor was killed end by themselves, but not at once; until then they hold
 * ports, the database and the links. So the pids are written down, and the next start waits. */
#ifndef SUPERVISOR_LEFTOVER_H
#define SUPERVISOR_LEFTOVER_H

#include <stddef.h>
#include <sys/types.h>

/* Writes down who runs now, in run/services. Failing to is no reason to stop. */
void leftover_write(const pid_t *pids, size_t n);

/* Waits for those of an earlier life that still run, `wait_ms` at most for all, then kills them.
 * Returns how many there were. A pid that belongs to another process by now is left alone. */
unsigned leftover_end(unsigned wait_ms);

#endif

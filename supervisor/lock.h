/* One supervisor a folder: run/pid, locked as long as the process lives. All paths are relative to
 * the working folder, which is DIR. */
#ifndef SUPERVISOR_LOCK_H
#define SUPERVISOR_LOCK_H

#include <stddef.h>
#include <sys/types.h>

/* Makes run/ (0700) if needed, locks run/pid, writes our pid and removes what an earlier life left
 * in run/. Returns a descriptor that holds the lock as long as it is open, or -1: then *holder is
 * the pid that holds the lock, or 0 and `why` says what failed. */
int lock_take(pid_t *holder, char *why, size_t size);

/* Removes run/pid and lets go. */
void lock_drop(int fd);

#endif

/* Births and deaths of processes. The only file that calls fork(2), exec and waitid(2). */
#ifndef SUPERVISOR_SPAWN_H
#define SUPERVISOR_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A running program. Descriptors are the caller's. */
struct spawned {
	pid_t pid;
	int pidfd;  /* readable when it has ended */
	int parent; /* our end of its descriptor 3, a SOCK_SEQPACKET pair */
	int words;  /* what it writes to its standard output and error, non-blocking */
};

/* What a program gets beyond what all get. */
struct spawn_extras {
	int listening; /* becomes its descriptor SPAWN_LISTENING; lent; -1 for none */
	bool proxies;  /* the environment's http_proxy and its kind */
	int file;      /* run this file, held open, in the program's name; lent; 0 for none */
};
#define SPAWN_LISTENING 4

/* Runs the program in the present working folder with descriptors 0 (nothing), 1 and 2 (a pipe to
 * us), 3 (its conversation with us) and no other but its extras, in a session of its own so that
 * Ctrl-C reaches us alone, with default signals and the few environment variables that are not
 * settings. It is killed when we die. A program that cannot be run says why on `words` and ends
 * with status SPAWN_NOT_RUN. Returns 0, or -1 with errno. */
#define SPAWN_NOT_RUN 127
int spawn(const char *program, const struct spawn_extras *extras, struct spawned *out);

/* SIGABRT, SIGKILL. Harmless when it has ended already. */
void spawn_abort(const struct spawned *s);
void spawn_kill(const struct spawned *s);

/* Reaps it if it has ended: returns 1 with *code and *status as in siginfo_t (CLD_EXITED and the
 * exit status, CLD_KILLED or CLD_DUMPED and the signal); 0 while it runs. */
int spawn_reap(const struct spawned *s, int *code, int *status);

/* Would a new start end the same way? Bad configuration, or a program that cannot be run. */
bool spawn_is_hopeless(int code, int status);

/* Has somebody else ended it? Then its last words are not the reason. */
bool spawn_is_from_outside(int code, int status);

/* "exit 78 (configuration)", "killed by SIGSEGV". */
void spawn_words(int code, int status, char *out, size_t size);

#endif

/* The walls around a process: from rules, which say what it may still do, to what the kernel
 * enforces. They close in two steps, and never open again:
 *
 *	sandbox_close()	while the process has one thread: no new privileges, an empty network,
 *			limits, files and TCP ports (Landlock), another user
 *	sandbox_lock()	when the threads are there that it needs: system calls (seccomp), no
 *			further processes or threads
 *
 * A wall that the kernel lacks is left out and named: struct sandbox, `lacks`. A system call that
 * is not in the list kills the process, after a handler of SIGSYS has said its name; it can be
 * neither replaced nor ignored. An open(2) or connect(2) of what the rules do not name is refused
 * with EACCES where files may be read at all, and told.
 *
 * Sources: landlock(7), seccomp(2), and the kernel's userspace-api/landlock.rst. */
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SANDBOX_PATHS 24
#define SANDBOX_PORTS 24
#define SANDBOX_MEETS 8
#define SANDBOX_TEXT  8192 /* rules as text are shorter */

/* What a process may do beyond computing, talking on the sockets that it has, and accepting on
 * those that listen. */
enum sandbox_may {
	SANDBOX_INET = 1,     /* make IPv4 and IPv6 sockets; TCP ports: see `connect` */
	SANDBOX_NETLINK = 2,  /* ask the kernel about interfaces */
	SANDBOX_OPEN = 4,     /* open files to read, those below `read` */
	SANDBOX_DATABASE = 8, /* work on the files that it has open as SQLite does */
	/* Not what it may, but what is taken away in addition. */
	SANDBOX_NO_NETWORK = 32, /* the host's network: it gets an empty one */
	SANDBOX_SECRET = 64,     /* holds a secret: no core file, no look into its memory */
	/* When its user is not the files' own: what is below `read` may be read all the same. Only
	 * together with Landlock; without it such a process keeps its user. */
	SANDBOX_OWNERS_FILES = 128,
	SANDBOX_CONNECT_ANY = 256, /* TCP connections to any port */
	SANDBOX_BIND = 512         /* bind sockets, but never a TCP port */
};

struct sandbox_rules {
	unsigned may;
	char *read[SANDBOX_PATHS]; /* files and folders with all that is in them; owned */
	size_t read_count;
	uint16_t connect[SANDBOX_PORTS]; /* TCP ports that may be dialled */
	size_t connect_count;
	char *meet[SANDBOX_MEETS]; /* unix sockets that may be connected to, beside those below
	                            * `read`; not part of the text; owned */
	size_t meet_count;
	uint64_t memory;      /* bytes of data, 0: as many as there are */
	uint64_t descriptors; /* 0: as many as it has the right to now */
	uid_t user;           /* its user and group from now on, when it is root; 0: stays */
	char no_user[96];     /* why there is none, though it is root; "" otherwise */
	bool required;        /* a wall that is lacking is an error */
};

/* Adds a path (copied) or a port; what is more than fits is left out, so never allowed. */
void sandbox_read(struct sandbox_rules *r, const char *path);
void sandbox_connect(struct sandbox_rules *r, uint16_t port);
void sandbox_meet(struct sandbox_rules *r, const char *path);
void sandbox_clear(struct sandbox_rules *r);

/* Rules as text, a line each; owned by the caller. The reverse fills zeroed rules and returns 0, or
 * -1 when it is not such a text (sandbox_clear() in both cases). */
char *sandbox_print(const struct sandbox_rules *r);
int sandbox_parse(const char *text, struct sandbox_rules *r);

/* What stands and what does not. Zeroed before sandbox_close(). */
struct sandbox {
	int landlock; /* ABI in force, 0: none */
	bool seccomp, user, network;
	uid_t uid;
	char lacks[256]; /* "netns: Operation not permitted; ..." or "" */
};

/* Before a process makes its loop: io_uring, which does what no filter sees, is not there for it
 * (libuv of 1.45 and later would take it at once, and use it behind the walls). No new privileges
 * from now on. */
void sandbox_begin(void);

/* First and second step; see above. `status` collects. Each returns 0; -1 when a wall is lacking
 * that is required, or when a limit or the change of user went wrong half-way: then the process
 * must end. */
int sandbox_close(const struct sandbox_rules *r, struct sandbox *status);
int sandbox_lock(const struct sandbox_rules *r, struct sandbox *status);

/* Called from a signal handler, with what was tried ("openat \"/etc/passwd\""): when it is about to
 * end the process, and when it has only been refused. To be set before sandbox_lock(). */
typedef void sandbox_tell(bool dies, const char *what);
void sandbox_on_refusal(sandbox_tell *tell);

/* How often something was refused that did not end the process, and what the last was. */
unsigned sandbox_refusals(const char **last);

/* "landlock(abi 7) seccomp uid(60702) netns", "none". */
void sandbox_walls(const struct sandbox *status, char *out, size_t size);

/* What this kernel would lack for any such rules with that user (0: none), "" for nothing: tries it
 * in a child process. */
void sandbox_probe(uid_t user, char *out, size_t size);

#endif

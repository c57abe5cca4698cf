#include "proto/process.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/crash.h"
#include "proto/parent.h"

#define EXIT_USAGE    2
#define STUCK_AFTER_S 10

/* The supervisor is dead. The end of file on its socket stops us in order; should the loop be
 * stuck, SIGALRM does. */
static void on_orphaned(int signo)
{
	(void)signo;
	alarm(STUCK_AFTER_S);
}

/* Messages of 256 KiB come and go at a high rate: taken from the kernel and given back each time,
 * their pages cost more than the copy. One heap, since what a thread of libzmq allocates is freed
 * by another, and each thread's own would stay half empty. */
static void tune_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
}

void process_init(enum service_id self)
{
	tune_memory();
	/* What it makes is for nobody else, also what a library makes, or beyond a link. */
	umask(0077);
	/* Run from a descriptor, it would be called by that number (execveat(2)). */
	prctl(PR_SET_NAME, service_name(self));
	log_init(service_name(self), LOG_LEVEL_INFO);
	crash_init(self);
	signal(SIGPIPE, SIG_IGN);
	/* Ctrl-C reaches the whole group of the terminal; the supervisor stops us in order. */
	signal(SIGINT, SIG_IGN);
	signal(SIGUSR2, on_orphaned);
	if (prctl(PR_SET_PDEATHSIG, SIGUSR2) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		fatal("service", "prctl: %m");
}

static bool is_supervised(void)
{
	int type = 0, domain = 0;
	socklen_t size = sizeof(int);

	return getsockopt(PARENT_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 &&
	       getsockopt(PARENT_FD, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
	       type == SOCK_SEQPACKET && domain == AF_UNIX;
}

int process_arguments(int argc, char **argv, enum service_id self, const char *synopsis)
{
	const char *name = service_name(self);

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", name, GOOP_VERSION);
		return EXIT_SUCCESS;
	}
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		printf(
		    "%s: %s\n\nusage: %s [--help | --version]\n\nIt is started by goop-supervisor, "
		    "which gives it its configuration; not by hand.\n",
		    name, synopsis, name);
		return EXIT_SUCCESS;
	}
	if (argc > 1) {
		fprintf(stderr, "%s: unknown argument '%s'; see --help\n", name, argv[1]);
		return EXIT_USAGE;
	}
	if (!is_supervised()) {
		fprintf(
		    stderr, "%s: is started by goop-supervisor, not by hand; see --help\n", name);
		return EXIT_USAGE;
	}
	return -1;
}

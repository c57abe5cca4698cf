#include "supervisor/activation.h"

#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/str.h"

#define FIRST 3  /* SD_LISTEN_FDS_START */
#define ABOVE 10 /* where nothing is arranged for a program that we start */

/* How many descriptors are meant for this process. */
static uint64_t handed_over(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t who = 0, n = 0;

	if (pid == NULL || !str_to_u64(pid, 1, INT32_MAX, &who) || who != (uint64_t)getpid())
		return 0;
	if (fds == NULL || !str_to_u64(fds, 0, 1024, &n))
		return 0;
	return n;
}

static bool listens_for_tcp(int fd)
{
	int listens = 0, protocol = 0;
	socklen_t size = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == IPPROTO_TCP;
}

static bool describe(struct activation *a)
{
	struct sockaddr_storage sa;
	socklen_t size = sizeof(sa);

	return getsockname(a->fd, (struct sockaddr *)&sa, &size) == 0 &&
	       getnameinfo((const struct sockaddr *)&sa, size, a->host, sizeof(a->host), a->port,
		   sizeof(a->port), NI_NUMERICHOST | NI_NUMERICSERV) == 0;
}

int activation_take(struct activation *out, char why[ACTIVATION_WHY])
{
	uint64_t n = handed_over();

	*out = (struct activation){.fd = -1};
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	if (n == 0)
		return 0;
	if (n > 1) {
		snprintf(why, ACTIVATION_WHY,
		    "socket activation hands over %u sockets; one is wanted, for svc-rendezvous",
		    (unsigned)n);
		return -1;
	}
	out->fd = fcntl(FIRST, F_DUPFD_CLOEXEC, ABOVE);
	close(FIRST);
	if (out->fd >= 0 && listens_for_tcp(out->fd) && describe(out))
		return 0;
	snprintf(why, ACTIVATION_WHY,
	    "socket activation hands over what is no listening TCP socket (ListenStream=PORT)");
	if (out->fd >= 0)
		close(out->fd);
	out->fd = -1;
	return -1;
}

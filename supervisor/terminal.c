#include "supervisor/terminal.h"

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

bool terminal_colour(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && term != NULL && strcmp(term, "dumb") != 0 &&
	       isatty(fd);
}

void terminal_line(int fd, const char *line)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	char newline[] = "\n";
	struct iovec parts[2] = {
	    {.iov_base = (char *)(uintptr_t)line, .iov_len = strlen(line)},
	    {.iov_base = newline, .iov_len = 1},
	};

	/* What does not fit into a pipe now is lost: fewer words, not a supervisor that waits. */
	if (poll(&p, 1, 0) == 1 && (p.revents & POLLOUT))
		(void)!writev(fd, parts, 2);
}

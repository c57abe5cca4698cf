#include "supervisor/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/str.h"
#include "supervisor/control.h"

#define EXIT_NOT_RUNNING 3
#define NODES_MAX        (512 * 1024)
#define PIECE            65536
#define END_LIMIT        5000 /* ms: from the last answer to the end of the process */

cJSON *ask_for(const char *what)
{
	cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "ask", what);
	return request;
}

static int dial(char *why)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX, .sun_path = CONTROL_PATH};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
		str_copy(why, ASK_WHY_MAX, "is not running");
	else
		snprintf(why, ASK_WHY_MAX, "cannot be asked: " CONTROL_PATH ": %m");
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool wait_readable(int fd, uint64_t until)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	uint64_t now = clock_mono_ms();

	return poll(&p, 1, until > now ? (int)(until - now) : 0) > 0;
}

static bool send_line(int fd, const cJSON *request)
{
	char *text = json_print(request);
	size_t n = strlen(text);
	bool sent;

	/* One line of a few hundred bytes always fits into a fresh socket. */
	text[n] = '\n';
	sent = send(fd, text, n + 1, MSG_NOSIGNAL) == (ssize_t)(n + 1);
	free(text);
	return sent;
}

/* One line, to the end of the connection. */
static bool receive(int fd, struct buf *in, uint64_t until, char *why)
{
	for (;;) {
		uint8_t *room = buf_reserve(in, PIECE);
		ssize_t n;

		if (room == NULL || !wait_readable(fd, until)) {
			str_copy(why, ASK_WHY_MAX,
			    room == NULL ? "answers too much" : "does not answer");
			return false;
		}
		n = recv(fd, room, PIECE, 0);
		if (n > 0)
			buf_commit(in, (size_t)n);
		else if (n == 0 && buf_len(in) > 0)
			return true;
		else if (n == 0 || errno != EINTR) {
			str_copy(why, ASK_WHY_MAX, "hung up");
			return false;
		}
	}
}

int ask_judge(const cJSON *answer, char why[ASK_WHY_MAX])
{
	int64_t status;

	if (!cJSON_IsObject(answer)) {
		str_copy(why, ASK_WHY_MAX, "answers nonsense");
		return EXIT_FAILURE;
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "ok")))
		return EXIT_SUCCESS;
	str_copy(why, ASK_WHY_MAX,
	    json_str(answer, "error") != NULL ? json_str(answer, "error") : "refuses");
	return json_int(answer, "status", 1, 125, &status) ? (int)status : EXIT_FAILURE;
}

/* The process at the other end, to wait for; -1 when it cannot be told. */
static int process_of(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 || cred.pid <= 0)
		return -1;
	return (int)syscall(SYS_pidfd_open, cred.pid, 0);
}

static int converse(
    int fd, const cJSON *request, uint64_t until, cJSON **answer, char why[ASK_WHY_MAX])
{
	struct buf in;
	int status = EXIT_FAILURE;

	buf_init(&in, CONTROL_ANSWER_MAX + PIECE);
	if (!send_line(fd, request)) {
		str_copy(why, ASK_WHY_MAX, "hung up");
	} else if (receive(fd, &in, until, why)) {
		*answer = json_parse((const char *)buf_data(&in), buf_len(&in), NODES_MAX, NULL);
		status = ask_judge(*answer, why);
	}
	buf_clear(&in);
	return status;
}

int ask_open(cJSON *request, int *status, char why[ASK_WHY_MAX])
{
	int fd = dial(why);

	*status = fd < 0 ? EXIT_NOT_RUNNING : EXIT_SUCCESS;
	if (fd >= 0 && !send_line(fd, request)) {
		str_copy(why, ASK_WHY_MAX, "hung up");
		*status = EXIT_FAILURE;
		close(fd);
		fd = -1;
	}
	cJSON_Delete(request);
	return fd;
}

int ask(cJSON *request, unsigned timeout_ms, bool until_end, cJSON **answer, char why[ASK_WHY_MAX])
{
	uint64_t until = clock_mono_ms() + timeout_ms;
	int fd = dial(why), process, status = EXIT_NOT_RUNNING;

	*answer = NULL;
	if (fd >= 0) {
		process = until_end ? process_of(fd) : -1;
		status = converse(fd, request, until, answer, why);
		if (status == EXIT_SUCCESS && process >= 0)
			wait_readable(process, clock_mono_ms() + END_LIMIT);
		if (process >= 0)
			close(process);
		close(fd);
	}
	if (status != EXIT_SUCCESS) {
		cJSON_Delete(*answer);
		*answer = NULL;
	}
	cJSON_Delete(request);
	return status;
}

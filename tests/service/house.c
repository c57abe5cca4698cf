#include "tests/service/house.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"

#define WAIT_MS 40000 /* for anything that must come true */

char base[PATH_MAX];
char *output;
static pid_t caretaker_pid;
static int caretaker_end; /* closed with this process at the latest */

int sh(const char *format, ...)
{
	static char bytes[1 << 20];
	char *line, *command;
	va_list ap;
	size_t n;
	FILE *f;
	int status;

	va_start(ap, format);
	if (vasprintf(&line, format, ap) < 0)
		abort();
	va_end(ap);
	command = xasprintf("cd %s; PATH=%s/bin:$PATH; { %s\n} 2>&1", base, base, line);
	f = popen(command, "r");
	n = fread(bytes, 1, sizeof(bytes) - 1, f);
	bytes[n] = '\0';
	output = bytes;
	status = pclose(f);
	free(command);
	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void says(const char *part)
{
	if (strstr(output, part) == NULL)
		fail_msg("'%s' is not in: %s", part, output);
}

void until(const char *format, ...)
{
	uint64_t end = clock_mono_ms() + WAIT_MS;
	char *line;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&line, format, ap) < 0)
		abort();
	va_end(ap);
	while (sh("%s", line) != 0) {
		if (clock_mono_ms() > end)
			fail_msg("did not become true: %s -- %s", line, output);
		usleep(20000);
	}
	free(line);
}

void behave(const char *service, const char *what)
{
	assert_int_equal(
	    sh("mkdir -p peer/fake && printf '%%s' '%s' > peer/fake/svc-%s", what, service), 0);
}

long field(const char *service, const char *name)
{
	EXITS(0,
	    "goop-supervisor status --json peer | jq -r '.services[] | select(.name == "
	    "\"svc-%s\") | .%s'",
	    service, name);
	return atol(output);
}

bool alive(long pid)
{
	return sh("ps -o stat= -p %ld | grep -vq Z", pid) == 0;
}

/* Whoever runs a program of this folder. */
static void kill_all(void)
{
	DIR *all = opendir("/proc");
	struct dirent *entry;
	size_t n = strlen(base);

	while (all != NULL && (entry = readdir(all)) != NULL) {
		char link[PATH_MAX], exe[PATH_MAX];
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/%s/exe", entry->d_name);
		len = readlink(link, exe, sizeof(exe) - 1);
		if (len > (ssize_t)n && memcmp(exe, base, n) == 0 && exe[n] == '/')
			kill((pid_t)atol(entry->d_name), SIGKILL);
	}
	if (all != NULL)
		closedir(all);
}

/* A process that outlives the test, however that ends, and leaves nothing of it behind: a peer in
 * the background would go on for ever. */
static void caretaker(int test)
{
	char byte;

	setsid();
	while (read(test, &byte, 1) > 0 || errno == EINTR)
		;
	kill_all();
	sh("chmod -R u+w .; cd /; rm -rf %s", base);
	_exit(0);
}

static void engage_caretaker(void)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	caretaker_pid = fork();
	assert_true(caretaker_pid >= 0);
	if (caretaker_pid == 0) {
		close(ends[1]);
		caretaker(ends[0]);
	}
	close(ends[0]);
	caretaker_end = ends[1];
}

int house_begin(void **state)
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	(void)state;
	assert_true(n > 0);
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	str_copy(base, sizeof(base), "/tmp/goop-supervisor-XXXXXX");
	assert_non_null(mkdtemp(base));
	engage_caretaker();
	EXITS(0,
	    "mkdir bin && cp %s/../../bin/goop-supervisor bin/ && for s in transport discovery db "
	    "viewer rendezvous; do cp %s/fake_service bin/svc-$s; done && goop-supervisor init "
	    "peer",
	    self, self);
	return 0;
}

int house_end(void **state)
{
	(void)state;
	sh("for p in peer*; do goop-supervisor stop $p; done");
	close(caretaker_end);
	waitpid(caretaker_pid, NULL, 0);
	return 0;
}

int dial(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%.60s/peer/run/control.sock", base);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

size_t exchange(const void *p, size_t n, char *answer, size_t size)
{
	int fd = dial();
	size_t got = 0;
	ssize_t r;

	(void)!send(fd, p, n, MSG_NOSIGNAL);
	while (got < size - 1 && (r = recv(fd, answer + got, size - 1 - got, 0)) > 0)
		got += (size_t)r;
	answer[got] = '\0';
	close(fd);
	return got;
}

#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/str.h"

#define RESERVED 256 /* descriptors for what is not a connection, also on the server's side */
#define PORT_MAX 65535

struct load_pids load_pids_parse(const char *text)
{
	struct load_pids pids = {0};

	for (char *end; *text != '\0'; text = *end == ',' ? end + 1 : end) {
		long pid = strtol(text, &end, 10);
		if (end == text || pid <= 0 || pids.count == LOAD_PIDS)
			fatal("load", "expected process ids separated by commas");
		pids.pid[pids.count++] = (pid_t)pid;
	}
	return pids;
}

/* --- cost ------------------------------------------------------------------------------------- */

/* The first number of a thread's schedstat: nanoseconds on a processor. */
static uint64_t thread_ns(const char *dir, const char *thread)
{
	unsigned long long ns = 0;
	char path[320];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s/schedstat", dir, thread);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &ns) != 1)
		fatal("load", "%s: expected a number", path);
	fclose(f);
	return ns;
}

static uint64_t process_ns(pid_t pid)
{
	const struct dirent *e;
	uint64_t ns = 0;
	char dir[48];
	DIR *d;

	snprintf(dir, sizeof(dir), "/proc/%d/task", (int)pid);
	d = opendir(dir);
	if (d == NULL)
		fatal("load", "%s: %m", dir);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.')
			ns += thread_ns(dir, e->d_name);
	closedir(d);
	return ns;
}

uint64_t load_cpu_us(const struct load_pids *pids)
{
	uint64_t ns = 0;

	for (size_t i = 0; i < pids->count; i++)
		ns += process_ns(pids->pid[i]);
	return ns / 1000;
}

uint64_t load_pss(const struct load_pids *pids)
{
	uint64_t all = 0;
	unsigned long long kib;
	char path[48], line[128];
	FILE *f;

	for (size_t i = 0; i < pids->count; i++) {
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pids->pid[i]);
		f = fopen(path, "re");
		if (f == NULL)
			fatal("load", "%s: %m", path);
		while (fgets(line, sizeof(line), f) != NULL)
			if (sscanf(line, "Pss: %llu", &kib) == 1)
				all += kib * 1024;
		fclose(f);
	}
	return all;
}

size_t load_descriptors(size_t wanted, size_t each)
{
	struct rlimit r;
	size_t fit;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0)
		fatal("load", "getrlimit: %m");
	r.rlim_cur = r.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &r) != 0)
		fatal("load", "setrlimit: %m");
	fit = r.rlim_max < RESERVED + each ? 0 : (size_t)(r.rlim_max - RESERVED) / each;
	if (fit >= wanted)
		return wanted;
	fprintf(stderr, "the limit of %llu open files leaves %zu of %zu\n",
	    (unsigned long long)r.rlim_max, fit, wanted);
	return fit;
}

/* --- sockets ---------------------------------------------------------------------------------- */

int load_connect(uint16_t port, uint32_t source)
{
	struct sockaddr_in from = {.sin_family = AF_INET}, to = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0)
		fatal("load", "socket: %m");
	from.sin_addr.s_addr = htonl(0x7f010000 + source + 1);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(port);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0)
		fatal("load", "bind: %m");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
		fatal("load", "connect to port %u: %m", port);
	if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0)
		fatal("load", "fcntl: %m");
	return fd;
}

void load_send(int fd, const void *p, size_t n)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};

	for (const char *at = p; n > 0;) {
		ssize_t done = send(fd, at, n, MSG_NOSIGNAL);
		if (done < 0 && errno == EAGAIN) {
			poll(&wait, 1, -1);
			continue;
		}
		if (done < 0)
			fatal("load", "send: %m");
		at += done;
		n -= (size_t)done;
	}
}

static size_t receive(int fd, char *to, size_t size, int flags)
{
	ssize_t n = recv(fd, to, size, flags | MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		fatal("load", "the server closed a connection%s%s", n < 0 ? ": " : "",
		    n < 0 ? strerror(errno) : "");
	return (size_t)n;
}

static char shared[1024 * 1024];

size_t load_receive(int fd, char **data)
{
	*data = shared;
	return receive(fd, shared, sizeof(shared), 0);
}

size_t load_discard(int fd)
{
	return receive(fd, shared, sizeof(shared), MSG_TRUNC);
}

size_t load_post(char *out, size_t size, const char *path, const char *json)
{
	int n = snprintf(out, size,
	    "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Go-http-client/1.1\r\n"
	    "Content-Length: %zu\r\nContent-Type: application/json\r\nAccept-Encoding: gzip\r\n\r\n"
	    "%s",
	    path, strlen(json), json);

	if (n < 0 || (size_t)n >= size)
		fatal("load", "a message is too long");
	return (size_t)n;
}

size_t load_count(const char *p, size_t n, char mark)
{
	const char *end = p + n;
	size_t count = 0;

	while ((p = memchr(p, mark, (size_t)(end - p))) != NULL) {
		count++;
		p++;
	}
	return count;
}

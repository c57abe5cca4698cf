#include "tests/service/puppet_private.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "supervisor/roster.h"
#include "supervisor/walls.h"

void puppet_process_forget(struct puppet *p)
{
	watch_free(p->pid_watch);
	watch_free(p->log_watch);
	parent_free(p->parent);
	p->pid_watch = p->log_watch = NULL;
	p->parent = NULL;
	close(p->pidfd);
	close(p->log_fd);
	p->pid = 0;
}

static void read_log(struct puppet *p)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(p->log_fd, chunk, sizeof(chunk))) > 0)
		buf_put(&p->log, chunk, (size_t)n);
	if (n == 0)
		watch_set(p->log_watch, 0);
}

static void log_ready(void *arg, int events)
{
	(void)events;
	read_log(arg);
}

/* As the supervisor would: everybody else hears of the death. */
static void died(struct puppet *p)
{
	read_log(p);
	puppet_process_forget(p);
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (p->ends[i] != NULL && p->ends[i]->link != NULL)
			link_lost(p->ends[i]->link, p->generation, "died");
}

static void pid_ready(void *arg, int events)
{
	struct puppet *p = arg;

	(void)events;
	if (waitpid(p->pid, &p->status, WNOHANG) != p->pid)
		return;
	watch_set(p->pid_watch, 0);
	p->reaped = true;
	if (p->parent == NULL || p->closed)
		died(p);
}

static int hear_fact(struct puppet *p, struct msg m)
{
	char key[256], value[8192];

	msg_get_cstr(&m, key, sizeof(key));
	msg_get_cstr(&m, value, sizeof(value));
	if (!msg_end(&m))
		return -1;
	free(map_sets(p->facts, key, xstrdup(value)));
	return 0;
}

static int heard_by_supervisor(void *arg, struct msg *m)
{
	struct puppet *p = arg;

	if (m->type == MSG_READY)
		p->ready = true;
	if (m->type == MSG_FACT && hear_fact(p, *m) != 0)
		return -1;
	puppet_inbox_keep(&p->inbox, m);
	return 0;
}

/* Its last words have been read; the death itself is seen by its pidfd. */
static void supervisor_closed(void *arg)
{
	struct puppet *p = arg;

	p->closed = true;
	if (p->reaped)
		died(p);
}

static const struct parent_events parent_events = {
    .message = heard_by_supervisor, .closed = supervisor_closed};

/* Between fork and exec: descriptors 0 to 3 and nothing else. */
static __attribute__((noreturn)) void become(const char *program, int sock, int err)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int s = fcntl(sock, F_DUPFD, 10), e = fcntl(err, F_DUPFD, 10);

	dup2(null, 0);
	dup2(null, 1);
	dup2(e, 2);
	dup2(s, PARENT_FD);
	close_range(PARENT_FD + 1, ~0u, 0);
	execl(program, program, (char *)NULL);
	dprintf(2, "cannot run %s: %s\n", program, strerror(errno));
	_exit(127);
}

void puppet_process_fork(struct puppet *p)
{
	int sock[2], err[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock), 0);
	assert_int_equal(pipe2(err, O_CLOEXEC), 0);
	p->pid = fork();
	assert_true(p->pid >= 0);
	if (p->pid == 0)
		become(p->program, sock[1], err[1]);
	close(sock[1]);
	close(err[1]);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
	p->log_fd = err[0];
	p->parent = parent_new(p->loop, sock[0], SERVICE_SUPERVISOR, p->service, &parent_events, p);
	p->pid_watch = watch_new(p->loop, p->pidfd, pid_ready, p);
	watch_set(p->pid_watch, WATCH_READ);
	p->log_watch = watch_new(p->loop, p->log_fd, log_ready, p);
	watch_set(p->log_watch, WATCH_READ);
}

static void put_pair(struct msg *m, const char *key, const char *value)
{
	msg_put_str(m, key);
	msg_put_str(m, value);
}

static const char *setting(void *arg, const char *key)
{
	const struct puppet *p = arg;

	for (size_t i = 0; i < p->config_count; i++)
		if (strcmp(p->config[i].key, key) == 0)
			return p->config[i].value;
	return strcmp(key, "isolation.user_base") == 0 ? "60700" : "";
}

/* Those of the real supervisor around the real services; fakes have none. */
static char *walls(struct puppet *p)
{
	for (size_t i = 0; i < roster_size; i++)
		if (roster[i].id == p->service && strstr(p->program, "/bin/svc-") != NULL)
			return walls_rules(&roster[i], setting, p);
	return xstrdup("");
}

void puppet_process_configure(struct puppet *p)
{
	char generation[16], *rules = walls(p);
	struct msg m;

	msg_begin(&m, MSG_CONFIG, 0);
	msg_put_u16(&m, (uint16_t)(p->config_count + 2));
	put_pair(&m, "walls", rules);
	free(rules);
	for (size_t i = 0; i < p->config_count; i++)
		put_pair(&m, p->config[i].key, p->config[i].value);
	snprintf(generation, sizeof(generation), "%u", p->generation);
	put_pair(&m, "generation", generation);
	puppet_tell(p, &m);
}

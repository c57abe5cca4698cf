#include "tests/service/puppet_private.h"

#include <errno.h>
#include <ftw.h>
#include <limits.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"

#define LOG_MAX (16 * 1024 * 1024)

/* The stage of a test that failed in the middle is cleared away by the next one. */
static struct puppet *stage;

static void find_program(struct puppet *p)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *cut;

	assert_true(n > 0);
	self[n] = '\0';
	/* build/test/service/test_x or build/test/unit/proto/test_x */
	cut = strstr(self, "/test/");
	assert_non_null(cut);
	*cut = '\0';
	p->program = xasprintf("%s/bin/%s", self, service_name(p->service));
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void clear(struct puppet *p)
{
	struct puppet_record *r;
	char *value;

	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (p->ends[i] != NULL)
			puppet_end_free(p->ends[i]);
	while ((r = TAILQ_FIRST(&p->streams)) != NULL) {
		TAILQ_REMOVE(&p->streams, r, entry);
		free(r->stream.data);
		free(r);
	}
	if (p->pid != 0) {
		if (!p->reaped) {
			kill(p->pid, SIGKILL);
			waitpid(p->pid, NULL, 0);
		}
		puppet_process_forget(p);
	}
	for (size_t i = 0; i < p->config_count; i++) {
		free(p->config[i].key);
		free(p->config[i].value);
	}
	free(p->config);
	puppet_inbox_empty(&p->inbox);
	free(p->lent);
	free(p->report);
	MAP_FOREACH (p->facts, at, value)
		free(value);
	map_free(p->facts);
	buf_clear(&p->log);
	free(p->program);
	loop_free(p->loop);
	if (chdir("/") == 0)
		nftw(p->dir, remove_one, 32, FTW_DEPTH | FTW_PHYS);
	free(p);
	stage = NULL;
}

struct puppet *puppet_new(enum service_id service)
{
	struct puppet *p = xcalloc(1, sizeof(*p));

	if (stage != NULL)
		clear(stage);
	stage = p;
	p->service = service;
	p->loop = loop_new();
	p->facts = map_new();
	buf_init(&p->log, LOG_MAX);
	STAILQ_INIT(&p->inbox);
	TAILQ_INIT(&p->streams);
	find_program(p);
	strcpy(p->dir, "/tmp/goop-stage-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	assert_int_equal(chdir(p->dir), 0);
	assert_int_equal(mkdir("run", 0700), 0);
	assert_int_equal(mkdir("data", 0700), 0);
	assert_int_equal(mkdir("site", 0755), 0);
	return p;
}

void puppet_program(struct puppet *p, const char *name)
{
	char *bin = strstr(p->program, "/bin/svc-");
	char *other;

	assert_non_null(bin);
	other = xasprintf("%.*s/test/service/%s", (int)(bin - p->program), p->program, name);
	free(p->program);
	p->program = other;
}

void puppet_config(struct puppet *p, const char *key, const char *value)
{
	p->config = xreallocarray(p->config, p->config_count + 1, sizeof(*p->config));
	p->config[p->config_count++] =
	    (struct puppet_setting){.key = xstrdup(key), .value = xstrdup(value)};
}

void puppet_spawn(struct puppet *p)
{
	assert_int_equal(p->pid, 0);
	p->generation++;
	p->ready = p->asked_to_end = p->status_taken = p->reaped = p->closed = false;
	p->started = true;
	puppet_process_fork(p);
	puppet_process_configure(p);
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (p->ends[i] != NULL)
			puppet_end_pair_up(p->ends[i]);
}

void puppet_send_start(struct puppet *p)
{
	struct msg m;

	msg_begin(&m, MSG_START, 0);
	puppet_tell(p, &m);
}

void puppet_start(struct puppet *p)
{
	puppet_spawn(p);
	puppet_send_start(p);
	PUPPET_UNTIL(p, p->ready || p->pid == 0);
	if (!p->ready)
		puppet_give_up(p, "ended before it was ready (status %#x)", p->status);
}

void puppet_restart(struct puppet *p)
{
	PUPPET_UNTIL(p, p->pid == 0);
	puppet_start(p);
}

void puppet_kill(struct puppet *p, int signo)
{
	p->asked_to_end = true;
	if (p->pid != 0 && !p->reaped)
		kill(p->pid, signo);
}

static void send_stop(struct puppet *p, uint32_t grace_ms, bool comes_back)
{
	struct msg m;

	p->asked_to_end = true;
	msg_begin(&m, MSG_STOP, 0);
	msg_put_u32(&m, grace_ms);
	msg_put_u8(&m, comes_back);
	if (p->parent != NULL)
		parent_send(p->parent, &m);
	else
		msg_drop(&m);
}

void puppet_stop(struct puppet *p, uint32_t grace_ms)
{
	send_stop(p, grace_ms, false);
}

void puppet_stop_for_restart(struct puppet *p, uint32_t grace_ms)
{
	send_stop(p, grace_ms, true);
}

void puppet_hang_up(struct puppet *p)
{
	p->asked_to_end = true;
	parent_free(p->parent);
	p->parent = NULL;
}

int puppet_wait_end(struct puppet *p)
{
	PUPPET_UNTIL(p, p->pid == 0);
	p->status_taken = true;
	return p->status;
}

static bool has_ended(void *arg)
{
	return ((struct puppet *)arg)->pid == 0;
}

static void check_log(struct puppet *p)
{
	static const char *const complaints[] = {
	    "ERROR: AddressSanitizer", "ERROR: LeakSanitizer", "runtime error:"};

	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (strstr(puppet_log(p), complaints[i]) != NULL)
			puppet_give_up(p, "a sanitizer complains");
}

void puppet_free(struct puppet *p)
{
	bool ends_now = p->pid != 0;

	if (ends_now) {
		puppet_stop(p, 1000);
		puppet_wait(p, has_ended, p, PUPPET_MS, "the end after STOP");
	}
	check_log(p);
	if (ends_now ? p->status != 0 : p->started && !p->asked_to_end && !p->status_taken)
		puppet_give_up(p, "ended with status %#x", p->status);
	clear(p);
}

void puppet_tell(struct puppet *p, struct msg *m)
{
	const char *name = msg_name(m->type);

	if (p->parent == NULL) {
		msg_drop(m);
		puppet_give_up(p, "is not there to be told %s", name);
	}
	if (parent_send(p->parent, m) != 0)
		puppet_give_up(p, "cannot be told %s", name);
}

void puppet_told(struct puppet *p, enum msg_type type, struct msg *m)
{
	char what[64];

	snprintf(what, sizeof(what), "%s to the supervisor", msg_name(type));
	for (uint64_t until = puppet_until_begin(p);
	     !puppet_inbox_lend(&p->inbox, &p->lent, type, m);)
		puppet_until(p, until, what, __FILE__, __LINE__);
}

const char *puppet_fact(struct puppet *p, const char *key)
{
	return map_gets(p->facts, key);
}

const char *puppet_report(struct puppet *p, const char *what)
{
	uint32_t request = ++p->requests;
	struct bytes json;
	struct msg m;

	msg_begin(&m, MSG_REPORT_GET, 0);
	msg_put_u32(&m, request);
	msg_put_str(&m, what);
	puppet_tell(p, &m);
	do
		puppet_told(p, MSG_REPORT, &m);
	while (msg_get_u32(&m) != request);
	json = msg_get_rest(&m);
	free(p->report);
	p->report = xstrndup((const char *)json.data, json.len);
	return p->report;
}

bool puppet_is_ready(const struct puppet *p)
{
	return p->ready;
}

bool puppet_is_running(const struct puppet *p)
{
	return p->pid != 0;
}

pid_t puppet_pid(const struct puppet *p)
{
	return p->pid;
}

size_t puppet_memory(const struct puppet *p, const char *row)
{
	char path[64], line[256];
	size_t kib = 0, n = strlen(row);
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)p->pid);
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, row, n) == 0 && line[n] == ':')
			kib = strtoul(line + n + 1, NULL, 10);
	fclose(f);
	return kib * 1024;
}

struct loop *puppet_loop(const struct puppet *p)
{
	return p->loop;
}

const char *puppet_dir(const struct puppet *p)
{
	return p->dir;
}

const char *puppet_log(const struct puppet *p)
{
	struct buf *b = (struct buf *)(uintptr_t)&p->log;

	/* A zero behind the text, which is not part of it. */
	buf_put_u8(b, 0);
	buf_truncate(b, buf_len(b) - 1);
	return (const char *)buf_data(b);
}

void puppet_put_file(struct puppet *p, const char *path, const void *data, size_t len)
{
	char *whole = xasprintf("%s/%s", p->dir, path);
	size_t at = strlen(p->dir) + 1;
	FILE *f;

	for (char *slash; (slash = strchr(whole + at, '/')) != NULL;) {
		*slash = '\0';
		assert_true(mkdir(whole, 0755) == 0 || errno == EEXIST);
		*slash = '/';
		at = (size_t)(slash - whole) + 1;
	}
	f = fopen(whole, "we");
	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	free(whole);
}

static void raise_loopback(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		fail_msg("loopback does not come up");
	close(fd);
}

int puppet_own_network(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		fail_msg("no network namespace to be had: run as root");
	raise_loopback();
	return 0;
}

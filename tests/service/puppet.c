#include "tests/service/puppet.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/map.h"
#include "base/str.h"
#include "proto/parent.h"
#include "proto/slab.h"
#include "supervisor/roster.h"
#include "supervisor/walls.h"

#define LOG_MAX (16 * 1024 * 1024)
#define LOOK_MS 5

/* A message kept until the test asks for it. */
struct kept {
	STAILQ_ENTRY(kept) entry;
	unsigned type;
	size_t size;
	uint8_t bytes[];
};
STAILQ_HEAD(inbox, kept);

struct record {
	struct puppet_stream stream;
	TAILQ_ENTRY(record) entry;
	bool incoming; /* not yet asked for */
};

struct puppet_end {
	struct puppet *p;
	enum service_id peer;
	uint32_t generation;
	struct link *link;
	struct streams *streams;
	struct inbox inbox;
	struct kept *lent;
	puppet_desk *desk;
	void *desk_arg;
};

struct pair_of_text {
	char *key, *value;
};

struct puppet {
	enum service_id service;
	struct loop *loop;
	char dir[64], *program;
	struct pair_of_text *config;
	size_t config_count;
	uint32_t generation;

	pid_t pid; /* 0: not running */
	int pidfd, log_fd;
	struct watch *pid_watch, *log_watch;
	struct parent *parent;
	struct buf log;
	bool reaped, closed; /* both: it is over */
	bool ready, asked_to_end, status_taken, started;
	int status;

	struct inbox inbox;
	struct kept *lent;
	char *report;
	uint32_t requests;
	struct map *facts;
	struct puppet_end *ends[SERVICE_COUNT];
	TAILQ_HEAD(, record) streams;
};

/* The stage of a test that failed in the middle is cleared away by the next one. */
static struct puppet *stage;

static __attribute__((noreturn, format(printf, 2, 3))) void give_up(
    struct puppet *p, const char *format, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	print_error("%s: %s\n--- its log:\n%s---\n", service_name(p->service), text, puppet_log(p));
	fail();
	abort();
}

/* --- inboxes ---------------------------------------------------------------------------------- */

static void keep(struct inbox *inbox, const struct msg *m)
{
	struct kept *k = xmalloc(sizeof(*k) + m->size);

	k->type = m->type;
	k->size = m->size;
	memcpy(k->bytes, m->base, m->size);
	STAILQ_INSERT_TAIL(inbox, k, entry);
}

static struct kept *take(struct inbox *inbox, unsigned type)
{
	struct kept *k;

	STAILQ_FOREACH (k, inbox, entry)
		if (k->type == type)
			break;
	if (k != NULL)
		STAILQ_REMOVE(inbox, k, kept, entry);
	return k;
}

static void empty(struct inbox *inbox)
{
	struct kept *k;

	while ((k = STAILQ_FIRST(inbox)) != NULL) {
		STAILQ_REMOVE_HEAD(inbox, entry);
		free(k);
	}
}

/* Takes the message out of line and lends it; false when there is none. */
static bool lend(struct inbox *inbox, struct kept **lent, unsigned type, struct msg *m)
{
	struct kept *k = take(inbox, type);

	if (k == NULL)
		return false;
	free(*lent);
	*lent = k;
	return msg_open(m, k->bytes, k->size) == 0;
}

/* --- the service and its supervisor ----------------------------------------------------------- */

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

static void end_free(struct puppet_end *end)
{
	if (end->link != NULL) {
		streams_down(end->streams, "the test is over");
		streams_free(end->streams);
		link_free(end->link);
	}
	empty(&end->inbox);
	free(end->lent);
	free(end);
}

static void forget_process(struct puppet *p)
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

static void clear(struct puppet *p)
{
	struct record *r;
	char *value;

	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (p->ends[i] != NULL)
			end_free(p->ends[i]);
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
		forget_process(p);
	}
	for (size_t i = 0; i < p->config_count; i++) {
		free(p->config[i].key);
		free(p->config[i].value);
	}
	free(p->config);
	empty(&p->inbox);
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
	    (struct pair_of_text){.key = xstrdup(key), .value = xstrdup(value)};
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
	forget_process(p);
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
	keep(&p->inbox, m);
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

static void fork_program(struct puppet *p)
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

static void send_config(struct puppet *p)
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

/* The same token to both, and the same slab. */
static void pair_up(struct puppet_end *end)
{
	struct puppet *p = end->p;
	uint8_t token[LINK_TOKEN];
	int slab = -1;
	struct msg m;

	if (p->pid == 0 || end->link == NULL)
		return;
	if (link_between(p->service, end->peer)->slab)
		slab = slab_create();
	assert_int_equal(getrandom(token, sizeof(token), 0), sizeof(token));
	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, (uint8_t)end->peer);
	msg_put_u32(&m, end->generation);
	msg_put_bytes(&m, token, sizeof(token));
	if (parent_send_fd(p->parent, &m, slab) != 0)
		give_up(p, "does not take its LINK_SET");
	link_set(end->link, p->generation, token);
	streams_set_slab(end->streams, slab);
	if (slab >= 0)
		close(slab);
}

void puppet_spawn(struct puppet *p)
{
	assert_int_equal(p->pid, 0);
	p->generation++;
	p->ready = p->asked_to_end = p->status_taken = p->reaped = p->closed = false;
	p->started = true;
	fork_program(p);
	send_config(p);
	for (size_t i = 0; i < SERVICE_COUNT; i++)
		if (p->ends[i] != NULL)
			pair_up(p->ends[i]);
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
		give_up(p, "ended before it was ready (status %#x)", p->status);
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
			give_up(p, "a sanitizer complains");
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
		give_up(p, "ended with status %#x", p->status);
	clear(p);
}

void puppet_tell(struct puppet *p, struct msg *m)
{
	const char *name = msg_name(m->type);

	if (p->parent == NULL) {
		msg_drop(m);
		give_up(p, "is not there to be told %s", name);
	}
	if (parent_send(p->parent, m) != 0)
		give_up(p, "cannot be told %s", name);
}

void puppet_told(struct puppet *p, enum msg_type type, struct msg *m)
{
	char what[64];

	snprintf(what, sizeof(what), "%s to the supervisor", msg_name(type));
	for (uint64_t until = puppet_until_begin(p); !lend(&p->inbox, &p->lent, type, m);)
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

uint64_t puppet_until_begin(struct puppet *p)
{
	(void)p;
	return clock_mono_ms() + PUPPET_MS;
}

void puppet_until(struct puppet *p, uint64_t until, const char *what, const char *file, int line)
{
	uint64_t now = clock_mono_ms();

	if (now >= until)
		give_up(p, "%s:%d: waited in vain for: %s", file, line, what);
	/* What is waited for may come true in a hook, before the loop sleeps: look again soon. */
	loop_turn(p->loop, until - now < LOOK_MS ? (unsigned)(until - now) : LOOK_MS);
}

void puppet_wait(struct puppet *p, puppet_condition *fn, void *arg, unsigned ms, const char *what)
{
	uint64_t until = clock_mono_ms() + ms;

	while (!fn(arg))
		puppet_until(p, until, what, __FILE__, __LINE__);
}

void puppet_turns(struct puppet *p, unsigned ms)
{
	uint64_t now, until = clock_mono_ms() + ms;

	while ((now = clock_mono_ms()) < until)
		loop_turn(p->loop, (unsigned)(until - now));
}

/* --- streams ---------------------------------------------------------------------------------- */

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->opened = true;
	ps->protocol = protocol;
	str_copy(ps->address, sizeof(ps->address), address);
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct puppet_stream *ps = user;

	ps->data = xrealloc(ps->data, ps->len + len + 1);
	if (len > 0)
		memcpy(ps->data + ps->len, p, len);
	ps->len += len;
	ps->data[ps->len] = 0;
	ps->last = last;
	if (!ps->hold)
		stream_consumed(s, len);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->s = NULL;
	ps->was_reset = true;
	ps->code = code;
	str_copy(ps->text, sizeof(ps->text), text);
}

static void on_closed(struct stream *s, void *user)
{
	struct puppet_stream *ps = user;

	(void)s;
	ps->s = NULL;
	ps->closed = true;
}

static const struct stream_events stream_events = {
    .opened = on_opened,
    .data = on_data,
    .reset = on_reset,
    .closed = on_closed,
};

static struct record *record_new(struct puppet_end *end, const char *peer)
{
	struct record *r = xcalloc(1, sizeof(*r));

	r->stream.end = end;
	r->stream.data = xcalloc(1, 1);
	str_copy(r->stream.peer, sizeof(r->stream.peer), peer);
	TAILQ_INSERT_TAIL(&end->p->streams, r, entry);
	return r;
}

static const struct stream_events *on_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	struct record *r = record_new(arg, peer);

	r->incoming = true;
	r->stream.s = s;
	r->stream.protocol = r->stream.asked[0] = protocol;
	r->stream.asked_count = 1;
	r->stream.opened = true;
	str_copy(r->stream.address, sizeof(r->stream.address), address);
	*user = &r->stream;
	return &stream_events;
}

static const struct stream_events *on_request(
    void *arg, struct stream *s, const struct stream_request *request, void **user)
{
	struct record *r = record_new(arg, request->peer);

	r->incoming = true;
	r->stream.s = s;
	memcpy(r->stream.asked, request->protocols, sizeof(r->stream.asked));
	r->stream.asked_count = request->protocol_count;
	*user = &r->stream;
	return &stream_events;
}

struct puppet_stream *puppet_open(
    struct puppet_end *end, enum protocol protocol, const char *peer, uint32_t deadline_ms)
{
	struct record *r = record_new(end, peer);

	r->stream.asked[0] = protocol;
	r->stream.asked_count = 1;
	r->stream.s = stream_open(end->streams, &protocol, 1, peer, "/ip4/127.0.0.1/tcp/4001",
	    deadline_ms, &stream_events, &r->stream);
	if (r->stream.s == NULL)
		give_up(end->p, "the link of %s is down", service_name(end->peer));
	return &r->stream;
}

struct puppet_stream *puppet_next_stream(struct puppet_end *end)
{
	struct record *r;

	for (uint64_t until = puppet_until_begin(end->p);;) {
		TAILQ_FOREACH (r, &end->p->streams, entry)
			if (r->incoming && r->stream.end == end)
				break;
		if (r != NULL)
			break;
		puppet_until(end->p, until, "a stream from the service", __FILE__, __LINE__);
	}
	r->incoming = false;
	return &r->stream;
}

static void must_be_there(const struct puppet_stream *s)
{
	if (s->s == NULL)
		give_up(s->end->p, "the stream is over: %s %s",
		    s->was_reset ? stream_code_name(s->code) : "in order", s->text);
}

void puppet_accept(struct puppet_stream *s, enum protocol protocol, const char *address)
{
	must_be_there(s);
	stream_accept(s->s, protocol, address);
	s->opened = true;
	s->protocol = protocol;
	str_copy(s->address, sizeof(s->address), address);
}

void puppet_reset(struct puppet_stream *s, enum stream_code code, const char *text)
{
	must_be_there(s);
	stream_reset(s->s, code, text);
	s->s = NULL;
}

void puppet_write(struct puppet_stream *s, const void *data, size_t len, bool last)
{
	struct puppet *p = s->end->p;
	size_t at = 0;

	for (;;) {
		must_be_there(s);
		at += stream_write(s->s, (const uint8_t *)data + at, len - at, last);
		if (at == len)
			return;
		PUPPET_UNTIL(p, s->s == NULL || stream_credit(s->s) > 0);
	}
}

size_t puppet_read(struct puppet_stream *s, size_t len)
{
	PUPPET_UNTIL(s->end->p, s->len >= len || s->last || s->s == NULL);
	return s->len;
}

void puppet_read_end(struct puppet_stream *s)
{
	PUPPET_UNTIL(s->end->p, s->last || s->s == NULL);
}

enum stream_code puppet_wait_over(struct puppet_stream *s)
{
	PUPPET_UNTIL(s->end->p, s->s == NULL);
	return s->was_reset ? s->code : STREAM_OK;
}

/* --- neighbours ------------------------------------------------------------------------------- */

static void on_link_down(void *arg, struct link *l, const char *why)
{
	struct puppet_end *end = arg;

	(void)l;
	streams_down(end->streams, why);
}

static int on_message(void *arg, struct link *l, struct msg *m)
{
	struct puppet_end *end = arg;
	struct msg copy = *m;
	int r = 0;

	(void)l;
	if (msg_is_stream(m->type))
		return streams_message(end->streams, m);
	if (end->desk != NULL)
		r = end->desk(end->desk_arg, end, m);
	if (r == 0)
		keep(&end->inbox, &copy);
	return r < 0 ? -1 : 0;
}

static const struct link_events link_events = {.down = on_link_down, .message = on_message};

static void live(struct puppet_end *end)
{
	bool transport = end->peer == SERVICE_TRANSPORT;

	end->generation++;
	end->link =
	    link_new(end->p->loop, end->peer, end->generation, end->p->service, &link_events, end);
	end->streams = streams_new(end->p->loop, end->link, transport ? NULL : on_incoming,
	    transport ? on_request : NULL, end);
	pair_up(end);
}

struct puppet_end *puppet_neighbour(struct puppet *p, enum service_id peer)
{
	struct puppet_end *end = xcalloc(1, sizeof(*end));

	assert_null(p->ends[peer]);
	p->ends[peer] = end;
	end->p = p;
	end->peer = peer;
	STAILQ_INIT(&end->inbox);
	live(end);
	return end;
}

void puppet_set_desk(struct puppet_end *end, puppet_desk *desk, void *arg)
{
	end->desk = desk;
	end->desk_arg = arg;
}

struct link *puppet_link(const struct puppet_end *end)
{
	return end->link;
}

struct streams *puppet_streams(const struct puppet_end *end)
{
	return end->streams;
}

void puppet_wait_up(struct puppet_end *end)
{
	PUPPET_UNTIL(end->p, link_is_up(end->link));
}

void puppet_say(struct puppet_end *end, struct msg *m)
{
	const char *name = msg_name(m->type);

	if (link_send(end->link, m) != 0)
		give_up(end->p, "cannot be told %s by %s", name, service_name(end->peer));
}

bool puppet_poll(struct puppet_end *end, enum msg_type type, struct msg *m)
{
	return lend(&end->inbox, &end->lent, type, m);
}

void puppet_next(struct puppet_end *end, enum msg_type type, struct msg *m)
{
	char what[64];

	snprintf(what, sizeof(what), "%s to %s", msg_name(type), service_name(end->peer));
	for (uint64_t until = puppet_until_begin(end->p); !puppet_poll(end, type, m);)
		puppet_until(end->p, until, what, __FILE__, __LINE__);
}

size_t puppet_count(const struct puppet_end *end, enum msg_type type)
{
	const struct kept *k;
	size_t n = 0;

	STAILQ_FOREACH (k, &end->inbox, entry)
		n += k->type == type;
	return n;
}

void puppet_die(struct puppet_end *end, const char *why)
{
	struct msg m;

	/* Who is killed says nothing more. */
	streams_down(end->streams, why);
	streams_free(end->streams);
	link_free(end->link);
	end->streams = NULL;
	end->link = NULL;
	empty(&end->inbox);
	if (end->p->pid == 0)
		return;
	msg_begin(&m, MSG_LINK_DOWN, 0);
	msg_put_u8(&m, (uint8_t)end->peer);
	msg_put_u32(&m, end->generation);
	msg_put_str(&m, why);
	puppet_tell(end->p, &m);
}

void puppet_revive(struct puppet_end *end)
{
	live(end);
}

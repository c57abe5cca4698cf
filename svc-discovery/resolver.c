#include "svc-discovery/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"

/* A thread, seen from the loop. */
struct channel {
	struct resolver *r;
	int fd;
	struct watch *watch;
	bool busy;
	struct resolver_user *user; /* whose name it looks up; NULL: who asked is gone */
};

struct resolver_question {
	TAILQ_ENTRY(resolver_question) entry;
	struct resolver_user *user;
	uint64_t number; /* they count on */
	char name[RESOLVER_NAME];
	resolver_answered_fn *fn;
	void *arg;
};

struct resolver_user {
	TAILQ_ENTRY(resolver_user) entry;
	struct resolver *r;
	TAILQ_HEAD(, resolver_question) questions;
	char running[RESOLVER_NAME]; /* "": none */
	char kept[RESOLVER_NAME];    /* the name of what came too late; "": nothing */
	struct resolver_answer late;
	uint64_t kept_until;
};

struct resolver {
	struct loop *loop;
	resolver_look_up_fn *look_up;
	struct timer *soon;
	uint64_t asked; /* questions */
	bool started;
	struct channel channels[RESOLVER_THREADS];
	TAILQ_HEAD(, resolver_user) users; /* the next to have its turn first */
};

/* --- in a thread ------------------------------------------------------------------------------ */

struct thread {
	int fd; /* its own */
	resolver_look_up_fn *look_up;
};

/* Signals are for the loop's thread, but those of one's own faults. */
static void leave_signals(void)
{
	static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGSYS};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		sigdelset(&set, own[i]);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

/* Of a name, or 0 or less at the end. */
static ssize_t await_name(int fd, char name[RESOLVER_NAME])
{
	ssize_t n;

	do
		n = recv(fd, name, RESOLVER_NAME - 1, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* Returns, instead of pthread_exit(3), which would load code. */
static void *run_thread(void *arg)
{
	struct thread t = *(struct thread *)arg;
	struct resolver_answer answer;
	char name[RESOLVER_NAME];
	ssize_t n;

	free(arg);
	leave_signals();
	prctl(PR_SET_NAME, "resolver");
	while ((n = await_name(t.fd, name)) > 0) {
		name[n] = '\0';
		memset(&answer, 0, sizeof answer);
		t.look_up(name, &answer);
		if (send(t.fd, &answer, sizeof answer, MSG_NOSIGNAL) < 0)
			break;
	}
	close(t.fd);
	return NULL;
}

static void take_address(struct resolver_answer *answer, const struct addrinfo *found)
{
	struct resolver_address *to = &answer->address[answer->count];
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(void *)found->ai_addr;

	to->family = (sa_family_t)found->ai_family;
	if (found->ai_family == AF_INET)
		to->ip4 = ((const struct sockaddr_in *)(void *)found->ai_addr)->sin_addr;
	else if (found->ai_family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr))
		to->ip6 = six->sin6_addr;
	else
		return;
	answer->count++;
}

void resolver_system(const char *name, struct resolver_answer *answer)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;

	answer->error = getaddrinfo(name, NULL, &hints, &found);
	answer->system = errno;
	if (answer->error != 0)
		return;
	for (struct addrinfo *a = found; a != NULL && answer->count < RESOLVER_ADDRESSES;
	     a = a->ai_next)
		take_address(answer, a);
	freeaddrinfo(found);
	if (answer->count == 0)
		answer->error = EAI_NODATA;
}

/* --- questions and threads -------------------------------------------------------------------- */

static struct channel *free_channel(struct resolver *r)
{
	for (size_t i = 0; r->started && i < RESOLVER_THREADS; i++)
		if (!r->channels[i].busy)
			return &r->channels[i];
	return NULL;
}

static struct resolver_user *next_user(const struct resolver *r)
{
	struct resolver_user *u;

	TAILQ_FOREACH (u, &r->users, entry)
		if (u->running[0] == '\0' && !TAILQ_EMPTY(&u->questions))
			return u;
	return NULL;
}

/* Hands the user's first question to a thread. Then it is the last to have a turn. */
static void hand_over(struct channel *c, struct resolver_user *u)
{
	const struct resolver_question *q = TAILQ_FIRST(&u->questions);

	if (send(c->fd, q->name, strlen(q->name), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		fatal("resolver", "a thread takes no name: %m");
	str_copy(u->running, sizeof u->running, q->name);
	c->user = u;
	c->busy = true;
	TAILQ_REMOVE(&u->r->users, u, entry);
	TAILQ_INSERT_TAIL(&u->r->users, u, entry);
}

static struct resolver_question *find(
    const struct resolver_user *u, const char *name, uint64_t before)
{
	struct resolver_question *q;

	TAILQ_FOREACH (q, &u->questions, entry)
		if (q->number < before && strcmp(q->name, name) == 0)
			return q;
	return NULL;
}

/* Tells all who ask for it; was there anybody? Whoever hears it may ask anew. */
static bool tell(struct resolver_user *u, const char *name, const struct resolver_answer *answer)
{
	uint64_t before = u->r->asked;
	struct resolver_question *q;
	bool any = false;

	while ((q = find(u, name, before)) != NULL) {
		struct resolver_question told = *q;

		resolver_withdraw(q);
		told.fn(told.arg, answer);
		any = true;
	}
	return any;
}

static void tell_kept(struct resolver_user *u)
{
	char name[RESOLVER_NAME];

	if (u->kept[0] == '\0' || find(u, u->kept, u->r->asked) == NULL)
		return;
	str_copy(name, sizeof name, u->kept);
	u->kept[0] = '\0';
	if (loop_now(u->r->loop) < u->kept_until)
		tell(u, name, &u->late);
}

static void on_soon(void *arg)
{
	struct resolver *r = arg;
	struct resolver_user *u;
	struct channel *c;

	TAILQ_FOREACH (u, &r->users, entry)
		tell_kept(u);
	while ((c = free_channel(r)) != NULL && (u = next_user(r)) != NULL)
		hand_over(c, u);
}

static void take_answer(struct resolver_user *u, const struct resolver_answer *answer)
{
	char name[RESOLVER_NAME];

	str_copy(name, sizeof name, u->running);
	u->running[0] = '\0';
	if (tell(u, name, answer))
		return;
	str_copy(u->kept, sizeof u->kept, name);
	u->late = *answer;
	u->kept_until = loop_now(u->r->loop) + RESOLVER_KEEP_MS;
}

static void on_channel(void *arg, int events)
{
	struct channel *c = arg;
	struct resolver_user *u = c->user;
	struct resolver_answer answer;
	ssize_t n = recv(c->fd, &answer, sizeof answer, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n != sizeof answer)
		panic("resolver", "a thread has ended");
	c->busy = false;
	c->user = NULL;
	timer_start(c->r->soon, 0);
	if (u != NULL)
		take_answer(u, &answer);
}

static void start_thread(struct channel *c)
{
	struct thread *t = xcalloc(1, sizeof *t);
	pthread_attr_t attr;
	pthread_t thread;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		fatal("resolver", "socketpair: %m");
	c->fd = ends[0];
	c->watch = watch_new(c->r->loop, c->fd, on_channel, c);
	watch_set(c->watch, WATCH_READ);
	*t = (struct thread){ends[1], c->r->look_up};
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	errno = pthread_create(&thread, &attr, run_thread, t);
	if (errno != 0)
		fatal("resolver", "no thread can be made: %m");
	pthread_attr_destroy(&attr);
}

/* --- from outside ----------------------------------------------------------------------------- */

struct resolver *resolver_new(struct loop *loop, resolver_look_up_fn *look_up)
{
	struct resolver *r = xcalloc(1, sizeof *r);

	TAILQ_INIT(&r->users);
	r->loop = loop;
	r->look_up = look_up;
	r->soon = timer_new(loop, on_soon, r);
	return r;
}

void resolver_start(struct resolver *r)
{
	for (size_t i = 0; i < RESOLVER_THREADS; i++) {
		r->channels[i].r = r;
		start_thread(&r->channels[i]);
	}
	r->started = true;
	timer_start(r->soon, 0);
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; r->started && i < RESOLVER_THREADS; i++) {
		watch_free(r->channels[i].watch);
		close(r->channels[i].fd);
	}
	timer_free(r->soon);
	free(r);
}

struct resolver_user *resolver_user_new(struct resolver *r)
{
	struct resolver_user *u = xcalloc(1, sizeof *u);

	u->r = r;
	TAILQ_INIT(&u->questions);
	TAILQ_INSERT_TAIL(&r->users, u, entry);
	return u;
}

void resolver_user_free(struct resolver_user *u)
{
	if (u == NULL)
		return;
	for (size_t i = 0; i < RESOLVER_THREADS; i++)
		if (u->r->channels[i].user == u)
			u->r->channels[i].user = NULL;
	TAILQ_REMOVE(&u->r->users, u, entry);
	free(u);
}

struct resolver_question *resolver_ask(
    struct resolver_user *u, const char *name, resolver_answered_fn *fn, void *arg)
{
	struct resolver_question *q;

	if (name[0] == '\0' || strlen(name) >= RESOLVER_NAME)
		return NULL;
	q = xcalloc(1, sizeof *q);
	q->user = u;
	q->number = u->r->asked++;
	q->fn = fn;
	q->arg = arg;
	str_copy(q->name, sizeof q->name, name);
	TAILQ_INSERT_TAIL(&u->questions, q, entry);
	timer_start(u->r->soon, 0);
	return q;
}

void resolver_withdraw(struct resolver_question *q)
{
	if (q == NULL)
		return;
	TAILQ_REMOVE(&q->user->questions, q, entry);
	free(q);
}

const char *resolver_why(const struct resolver_answer *answer)
{
	return answer->error == EAI_SYSTEM ? strerror(answer->system) : gai_strerror(answer->error);
}

#include "base/loop.h"

#include <stdlib.h>
#include <sys/queue.h>

#include <uv.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"

struct timer {
	uv_timer_t uv;
	struct loop *loop;
	timer_fn *fn;
	void *arg;
};

struct watch {
	uv_poll_t uv;
	struct loop *loop;
	watch_fn *fn;
	void *arg;
	int events; /* wanted */
	bool freed; /* memory stays until libuv has let go */
};

struct before_sleep {
	TAILQ_ENTRY(before_sleep) entry;
	struct loop *loop;
	before_sleep_fn *fn; /* NULL once freed while the hooks are running */
	void *arg;
};

struct on_signal {
	uv_signal_t uv;
	LIST_ENTRY(on_signal) entry;
	signal_fn *fn;
	void *arg;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t prepare;
	uv_idle_t awake; /* running: libuv polls without sleeping */
	uv_timer_t turn; /* bounds loop_turn() */
	TAILQ_HEAD(, before_sleep) hooks;
	LIST_HEAD(, on_signal) signals;
	bool in_hooks;
	bool again;
	bool handled; /* anything, since loop_turn() began */
};

static void check(int r, const char *what)
{
	if (r < 0)
		fatal("loop", "%s: %s", what, uv_strerror(r));
}

/* Every handle is the first member of what was allocated. */
static void free_handle(uv_handle_t *h)
{
	free(h);
}

static void stay_awake(uv_idle_t *h)
{
	(void)h;
}

static void turn_over(uv_timer_t *h)
{
	(void)h;
}

static void sweep_hooks(struct loop *loop)
{
	struct before_sleep *hook, *next;

	for (hook = TAILQ_FIRST(&loop->hooks); hook != NULL; hook = next) {
		next = TAILQ_NEXT(hook, entry);
		if (hook->fn != NULL)
			continue;
		TAILQ_REMOVE(&loop->hooks, hook, entry);
		free(hook);
	}
}

static void run_hooks(uv_prepare_t *h)
{
	struct loop *loop = h->data;
	struct before_sleep *hook;

	loop->in_hooks = true;
	loop->again = false;
	TAILQ_FOREACH (hook, &loop->hooks, entry)
		if (hook->fn != NULL && hook->fn(hook->arg))
			loop->again = true;
	loop->in_hooks = false;
	sweep_hooks(loop);
	if (loop->again)
		uv_idle_start(&loop->awake, stay_awake);
	else
		uv_idle_stop(&loop->awake);
}

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	TAILQ_INIT(&loop->hooks);
	LIST_INIT(&loop->signals);
	check(uv_loop_init(&loop->uv), "uv_loop_init");
	check(uv_prepare_init(&loop->uv, &loop->prepare), "uv_prepare_init");
	check(uv_idle_init(&loop->uv, &loop->awake), "uv_idle_init");
	check(uv_timer_init(&loop->uv, &loop->turn), "uv_timer_init");
	loop->prepare.data = loop;
	check(uv_prepare_start(&loop->prepare, run_hooks), "uv_prepare_start");
	return loop;
}

void loop_free(struct loop *loop)
{
	struct on_signal *s;
	int busy = UV_EBUSY;

	if (loop == NULL)
		return;
	if (!TAILQ_EMPTY(&loop->hooks))
		panic("loop", "freed while a before-sleep hook is left");
	while ((s = LIST_FIRST(&loop->signals)) != NULL) {
		LIST_REMOVE(s, entry);
		uv_close((uv_handle_t *)&s->uv, free_handle);
	}
	uv_close((uv_handle_t *)&loop->prepare, NULL);
	uv_close((uv_handle_t *)&loop->awake, NULL);
	uv_close((uv_handle_t *)&loop->turn, NULL);
	/* One turn closes handles; a signal that has just come may take another. */
	for (int i = 0; i < 10 && busy == UV_EBUSY; i++) {
		uv_run(&loop->uv, UV_RUN_NOWAIT);
		busy = uv_loop_close(&loop->uv);
	}
	if (busy != 0)
		panic("loop", "freed while a timer or watch is left");
	free(loop);
}

void loop_run(struct loop *loop)
{
	uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
	uv_stop(&loop->uv);
}

void loop_turn(struct loop *loop, unsigned ms)
{
	/* libuv would sleep after timers that were due. */
	loop->handled = false;
	uv_run(&loop->uv, UV_RUN_NOWAIT);
	if (ms == 0 || loop->handled)
		return;
	uv_timer_start(&loop->turn, turn_over, ms, 0);
	uv_run(&loop->uv, UV_RUN_ONCE);
	uv_timer_stop(&loop->turn);
}

uint64_t loop_now(const struct loop *loop)
{
	return uv_now(&loop->uv);
}

static void timer_fired(uv_timer_t *h)
{
	struct timer *t = (struct timer *)h;

	t->loop->handled = true;
	t->fn(t->arg);
}

struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg)
{
	struct timer *t = xcalloc(1, sizeof(*t));

	t->loop = loop;
	t->fn = fn;
	t->arg = arg;
	check(uv_timer_init(&loop->uv, &t->uv), "uv_timer_init");
	return t;
}

/* libuv counts from the beginning of the turn; a long turn would shorten the time. */
static uint64_t from_turn(const struct timer *t, uint64_t ms)
{
	uint64_t now = clock_mono_ms(), began = uv_now(t->uv.loop);

	return now > began ? ms + (now - began) : ms;
}

void timer_start(struct timer *t, uint64_t ms)
{
	uv_timer_start(&t->uv, timer_fired, from_turn(t, ms), 0);
}

void timer_repeat(struct timer *t, uint64_t ms)
{
	if (ms == 0)
		ms = 1;
	uv_timer_start(&t->uv, timer_fired, from_turn(t, ms), ms);
}

void timer_stop(struct timer *t)
{
	uv_timer_stop(&t->uv);
}

bool timer_active(const struct timer *t)
{
	return uv_is_active((const uv_handle_t *)&t->uv) != 0;
}

void timer_free(struct timer *t)
{
	if (t != NULL)
		uv_close((uv_handle_t *)&t->uv, free_handle);
}

static void watch_fired(uv_poll_t *h, int status, int ready);

static void watch_apply(struct watch *w)
{
	int uv = (w->events & WATCH_READ ? UV_READABLE : 0) |
	         (w->events & WATCH_WRITE ? UV_WRITABLE : 0);

	if (uv == 0)
		uv_poll_stop(&w->uv);
	else
		check(uv_poll_start(&w->uv, uv, watch_fired), "uv_poll_start");
}

static void watch_fired(uv_poll_t *h, int status, int ready)
{
	struct watch *w = (struct watch *)h;
	int events =
	    (ready & UV_READABLE ? WATCH_READ : 0) | (ready & UV_WRITABLE ? WATCH_WRITE : 0);

	w->loop->handled = true;
	if (status < 0)
		events = WATCH_READ | w->events;
	w->fn(w->arg, events);
	/* After an error libuv has stopped polling; whoever keeps the watch is told again. */
	if (status < 0 && !w->freed)
		watch_apply(w);
}

struct watch *watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->loop = loop;
	w->fn = fn;
	w->arg = arg;
	check(uv_poll_init(&loop->uv, &w->uv, fd), "uv_poll_init");
	return w;
}

void watch_set(struct watch *w, int events)
{
	if (w->events == events)
		return;
	w->events = events;
	watch_apply(w);
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	w->freed = true;
	uv_close((uv_handle_t *)&w->uv, free_handle);
}

struct before_sleep *loop_before_sleep(struct loop *loop, before_sleep_fn *fn, void *arg)
{
	struct before_sleep *hook = xcalloc(1, sizeof(*hook));

	hook->loop = loop;
	hook->fn = fn;
	hook->arg = arg;
	TAILQ_INSERT_TAIL(&loop->hooks, hook, entry);
	return hook;
}

void before_sleep_free(struct before_sleep *hook)
{
	if (hook == NULL)
		return;
	hook->fn = NULL;
	if (!hook->loop->in_hooks)
		sweep_hooks(hook->loop);
}

void loop_again(struct loop *loop)
{
	loop->again = true;
}

static void signal_came(uv_signal_t *h, int signo)
{
	struct on_signal *s = (struct on_signal *)h;

	s->fn(s->arg, signo);
}

void loop_on_signal(struct loop *loop, int signo, signal_fn *fn, void *arg)
{
	struct on_signal *s;

	LIST_FOREACH (s, &loop->signals, entry)
		if (s->uv.signum == signo)
			break;
	if (s == NULL) {
		s = xcalloc(1, sizeof(*s));
		LIST_INSERT_HEAD(&loop->signals, s, entry);
		check(uv_signal_init(&loop->uv, &s->uv), "uv_signal_init");
		check(uv_signal_start(&s->uv, signal_came, signo), "uv_signal_start");
	}
	s->fn = fn;
	s->arg = arg;
}

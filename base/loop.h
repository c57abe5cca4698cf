/* The event loop of a process: descriptors, timers, signals, and a hook before it sleeps.
 * A thin layer over libuv; no other file includes uv.h. Single-threaded: callbacks run one at a
 * time, and may free the object whose callback is running. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct timer;
struct watch;

/* A loop with nothing on it; the caller owns it. */
struct loop *loop_new(void);

/* Releases the loop; all timers and watches must have been freed. NULL is fine. */
void loop_free(struct loop *loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* Handles what is ready now, waiting at most `ms` for the first event. For tests. */
void loop_turn(struct loop *loop, unsigned ms);

/* The monotonic time in milliseconds when this turn of the loop began (clock_mono_ms() scale). */
uint64_t loop_now(const struct loop *loop);

/* One-shot or repeating timer, stopped until timer_start(). The callback gets `arg`. */
typedef void timer_fn(void *arg);
struct timer *timer_new(struct loop *loop, timer_fn *fn, void *arg);
void timer_start(struct timer *t, uint64_t ms);  /* once, `ms` from now; restarts a running one */
void timer_repeat(struct timer *t, uint64_t ms); /* every `ms` */
void timer_stop(struct timer *t);
bool timer_active(const struct timer *t);
void timer_free(struct timer *t); /* NULL is fine */

/* Watches a descriptor, level-triggered, for WATCH_READ and/or WATCH_WRITE (0 pauses). Errors and
 * hang-ups are reported as readable, so that read(2) tells which. The descriptor stays the
 * caller's: free the watch before closing it. */
enum { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void watch_fn(void *arg, int events);
struct watch *watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg);
void watch_set(struct watch *w, int events);
void watch_free(struct watch *w); /* NULL is fine */

/* Called each time before the loop would sleep; when it returns true, the loop does not sleep but
 * looks for events and calls again. Hooks run in the order they were added. */
typedef bool before_sleep_fn(void *arg);
struct before_sleep;
struct before_sleep *loop_before_sleep(struct loop *loop, before_sleep_fn *fn, void *arg);

/* What a hook calls that has made work for a hook which may have run already: as if one had
 * returned true. Without effect outside of hooks, since all are still to be called then. */
void loop_again(struct loop *loop);
void before_sleep_free(struct before_sleep *hook); /* NULL is fine */

/* Delivers a signal as a callback instead of its default action. One callback per signal. */
typedef void signal_fn(void *arg, int signo);
void loop_on_signal(struct loop *loop, int signo, signal_fn *fn, void *arg);

#endif

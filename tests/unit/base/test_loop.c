#include "base/loop.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/testing.h"

static struct loop *loop;
static struct timer *timer, *other;
static struct watch *watch;
static struct before_sleep *hook;
static int fired, others, seen;

static int begin(void **state)
{
	(void)state;
	loop = loop_new();
	fired = others = seen = 0;
	return 0;
}

static int end(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

static void count(void *arg)
{
	++*(int *)arg;
}

static void until(const int *what, int n)
{
	uint64_t deadline = clock_mono_ms() + 10000;

	while (*what < n) {
		assert_true(clock_mono_ms() < deadline);
		loop_turn(loop, 100);
	}
}

static void test_one_shot(void **state)
{
	uint64_t began = clock_mono_ms();

	(void)state;
	timer = timer_new(loop, count, &fired);
	assert_false(timer_active(timer));
	timer_start(timer, 20);
	assert_true(timer_active(timer));
	until(&fired, 1);
	assert_true(clock_mono_ms() - began >= 19);
	assert_false(timer_active(timer));
	loop_turn(loop, 30);
	assert_int_equal(fired, 1);
	timer_free(timer);
}

static void test_repeat_and_stop(void **state)
{
	(void)state;
	timer = timer_new(loop, count, &fired);
	timer_repeat(timer, 2);
	until(&fired, 5);
	assert_true(timer_active(timer));
	timer_stop(timer);
	loop_turn(loop, 20);
	assert_int_equal(fired, 5);
	timer_repeat(timer, 0);
	until(&fired, 7);
	timer_free(timer);
	timer_free(NULL);
}

/* The time counts from the call, even if the loop has not looked at the clock for a while. */
static void test_a_stale_clock_shortens_nothing(void **state)
{
	uint64_t began;

	(void)state;
	loop_turn(loop, 0);
	usleep(50000);
	began = clock_mono_ms();
	timer = timer_new(loop, count, &fired);
	timer_start(timer, 40);
	until(&fired, 1);
	assert_true(clock_mono_ms() - began >= 39);
	timer_free(timer);
}

static void test_now(void **state)
{
	(void)state;
	loop_turn(loop, 0);
	assert_in_range(clock_mono_ms() - loop_now(loop) + 2, 0, 1000);
}

static void free_both(void *arg)
{
	(void)arg;
	fired++;
	timer_free(timer);
	timer_free(other);
}

static void test_timers_freed_in_callbacks(void **state)
{
	(void)state;
	timer = timer_new(loop, free_both, NULL);
	other = timer_new(loop, count, &others);
	timer_repeat(timer, 1);
	timer_repeat(other, 1);
	timer_start(other, 1);
	usleep(5000);
	until(&fired, 1);
	loop_turn(loop, 10);
	assert_int_equal(fired, 1);
	assert_int_equal(others, 0);
}

static void on_ready(void *arg, int events)
{
	(void)arg;
	fired++;
	seen = events;
}

static void test_watch(void **state)
{
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	watch = watch_new(loop, fds[0], on_ready, NULL);
	loop_turn(loop, 10);
	assert_int_equal(fired, 0);
	watch_set(watch, WATCH_READ);
	loop_turn(loop, 10);
	assert_int_equal(fired, 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	until(&fired, 1);
	assert_int_equal(seen, WATCH_READ);
	/* Level-triggered: it comes again until it is read. */
	until(&fired, 3);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	watch_set(watch, WATCH_READ | WATCH_WRITE);
	fired = 0;
	until(&fired, 1);
	assert_int_equal(seen, WATCH_WRITE);
	watch_set(watch, 0);
	fired = 0;
	loop_turn(loop, 10);
	assert_int_equal(fired, 0);
	watch_free(watch);
	watch_free(NULL);
	/* The descriptor is ours again, and may be watched anew. */
	watch = watch_new(loop, fds[0], on_ready, NULL);
	watch_set(watch, WATCH_WRITE);
	until(&fired, 1);
	watch_free(watch);
	close(fds[0]);
	close(fds[1]);
}

static void test_hang_up_is_readable(void **state)
{
	int fds[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	watch = watch_new(loop, fds[0], on_ready, NULL);
	watch_set(watch, WATCH_READ);
	close(fds[1]);
	until(&fired, 2);
	assert_true(seen & WATCH_READ);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	watch_free(watch);
	close(fds[0]);
}

/* A pipe whose reader has gone polls POLLERR alone, after which libuv stops by itself. */
static void test_error_is_readable_and_repeated(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	watch = watch_new(loop, fds[1], on_ready, NULL);
	watch_set(watch, WATCH_WRITE);
	until(&fired, 1);
	close(fds[0]);
	until(&fired, 4);
	assert_int_equal(seen, WATCH_READ | WATCH_WRITE);
	watch_free(watch);
	close(fds[1]);
}

static void free_watch(void *arg, int events)
{
	int *fds = arg;

	(void)events;
	fired++;
	watch_free(watch);
	close(fds[0]);
	close(fds[1]);
}

static void test_watch_freed_in_its_callback(void **state)
{
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	watch = watch_new(loop, fds[1], free_watch, fds);
	watch_set(watch, WATCH_WRITE);
	until(&fired, 1);
	loop_turn(loop, 10);
	assert_int_equal(fired, 1);
}

static bool on_hook(void *arg)
{
	(void)arg;
	return ++others < 10;
}

static void test_hooks_keep_the_loop_awake(void **state)
{
	uint64_t began = clock_mono_ms();

	(void)state;
	hook = loop_before_sleep(loop, on_hook, NULL);
	while (others < 8)
		loop_turn(loop, 10000);
	assert_true(clock_mono_ms() - began < 5000);
	loop_turn(loop, 10);
	assert_int_equal(others, 10);
	before_sleep_free(hook);
	loop_turn(loop, 10);
	assert_int_equal(others, 10);
	before_sleep_free(NULL);
}

static bool early(void *arg)
{
	(void)arg;
	fired++;
	return false;
}

static bool late(void *arg)
{
	(void)arg;
	if (others++ == 0)
		loop_again(loop);
	return false;
}

/* A later hook makes work for an earlier one. */
static void test_again(void **state)
{
	struct before_sleep *first = loop_before_sleep(loop, early, NULL);
	uint64_t began = clock_mono_ms();

	(void)state;
	hook = loop_before_sleep(loop, late, NULL);
	loop_turn(loop, 10000);
	assert_true(clock_mono_ms() - began < 5000);
	assert_int_equal(fired, 2);
	before_sleep_free(first);
	before_sleep_free(hook);
}

static bool free_hook(void *arg)
{
	struct before_sleep **last = arg;

	fired++;
	before_sleep_free(hook);
	before_sleep_free(*last);
	return false;
}

static void test_hooks_freed_in_hooks(void **state)
{
	struct before_sleep *last;

	(void)state;
	hook = loop_before_sleep(loop, free_hook, &last);
	last = loop_before_sleep(loop, early, NULL);
	loop_turn(loop, 5);
	loop_turn(loop, 5);
	assert_int_equal(fired, 1);
}

static void on_signal(void *arg, int signo)
{
	(void)arg;
	assert_int_equal(signo, SIGUSR1);
	fired++;
}

static void on_signal_stop(void *arg, int signo)
{
	(void)signo;
	loop_stop(arg);
}

static void test_signals(void **state)
{
	(void)state;
	loop_on_signal(loop, SIGUSR1, on_signal, NULL);
	kill(getpid(), SIGUSR1);
	until(&fired, 1);
	loop_on_signal(loop, SIGUSR1, on_signal_stop, loop);
	kill(getpid(), SIGUSR1);
	loop_run(loop);
	assert_int_equal(fired, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_one_shot, begin, end),
	    cmocka_unit_test_setup_teardown(test_repeat_and_stop, begin, end),
	    cmocka_unit_test_setup_teardown(test_a_stale_clock_shortens_nothing, begin, end),
	    cmocka_unit_test_setup_teardown(test_now, begin, end),
	    cmocka_unit_test_setup_teardown(test_timers_freed_in_callbacks, begin, end),
	    cmocka_unit_test_setup_teardown(test_watch, begin, end),
	    cmocka_unit_test_setup_teardown(test_hang_up_is_readable, begin, end),
	    cmocka_unit_test_setup_teardown(test_error_is_readable_and_repeated, begin, end),
	    cmocka_unit_test_setup_teardown(test_watch_freed_in_its_callback, begin, end),
	    cmocka_unit_test_setup_teardown(test_hooks_keep_the_loop_awake, begin, end),
	    cmocka_unit_test_setup_teardown(test_again, begin, end),
	    cmocka_unit_test_setup_teardown(test_hooks_freed_in_hooks, begin, end),
	    cmocka_unit_test_setup_teardown(test_signals, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

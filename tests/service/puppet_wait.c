#include "tests/service/puppet_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"

#define LOOK_MS 5

__attribute__((noreturn, format(printf, 2, 3))) void puppet_give_up(
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

uint64_t puppet_until_begin(struct puppet *p)
{
	(void)p;
	return clock_mono_ms() + PUPPET_MS;
}

void puppet_until(struct puppet *p, uint64_t until, const char *what, const char *file, int line)
{
	uint64_t now = clock_mono_ms();

	if (now >= until)
		puppet_give_up(p, "%s:%d: waited in vain for: %s", file, line, what);
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

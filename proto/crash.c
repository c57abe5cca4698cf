#include "proto/crash.h"

#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/messages.h"

#define STACK_SIZE (64 * 1024)
#define FRAMES     64

static const struct {
	int signo;
	const char *name;
} deadly[] = {
    {SIGABRT, "SIGABRT"},
#ifndef __SANITIZE_ADDRESS__
    {SIGSEGV, "SIGSEGV"},
    {SIGBUS, "SIGBUS"},
    {SIGFPE, "SIGFPE"},
    {SIGILL, "SIGILL"},
#endif
};

#define DEADLY_COUNT (sizeof(deadly) / sizeof(deadly[0]))

/* Only a handler reads it, so it cannot belong to any object. */
static struct {
	const char *self;
	volatile unsigned type;
	volatile enum service_id from;
} note;

void crash_note(unsigned type, enum service_id from)
{
	note.type = type;
	note.from = from;
}

static size_t add(char *line, size_t at, size_t size, const char *text)
{
	size_t n = strlen(text);

	if (n > size - at)
		n = size - at;
	memcpy(line + at, text, n);
	return at + n;
}

static size_t compose(char *line, size_t size, const char *subject, const char *what)
{
	char stamp[25];
	size_t at;

	clock_format(clock_wall_ms(), stamp);
	at = add(line, 0, size, stamp);
	at = add(line, at, size, " error ");
	at = add(line, at, size, note.self);
	at = add(line, at, size, subject);
	at = add(line, at, size, what);
	if (note.type != 0) {
		at = add(line, at, size, " while handling ");
		at = add(line, at, size, msg_name(note.type));
		at = add(line, at, size, " from ");
		at = add(line, at, size, service_name(note.from));
	}
	return add(line, at, size, "\n");
}

/* Calls only what a signal handler may call; backtrace(3) has loaded its library in crash_init().
 * The line that tells the reason comes last: the supervisor shows it. */
static void on_deadly(int signo)
{
	const char *name = "a signal";
	void *frames[FRAMES];
	char line[256];
	size_t len;

	for (size_t i = 0; i < DEADLY_COUNT; i++)
		if (deadly[i].signo == signo)
			name = deadly[i].name;
	backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
	len = compose(line, sizeof(line), " crash: died of ", name);
	if (write(STDERR_FILENO, line, len) < 0)
		_exit(128 + signo);
	raise(signo);
}

void crash_refused(bool dies, const char *what)
{
	void *frames[FRAMES];
	char line[512];
	size_t len;

	if (dies)
		backtrace_symbols_fd(frames, backtrace(frames, FRAMES), STDERR_FILENO);
	len = compose(line, sizeof(line),
	    dies ? " walls: died of a system call that is not allowed here: " : " walls: refused ",
	    what);
	if (write(STDERR_FILENO, line, len) < 0)
		return;
}

void crash_init(enum service_id self)
{
	/* A stack of its own: running out of stack is one way to die. It is never given back. */
	static char stack[STACK_SIZE];
	const stack_t alternative = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = on_deadly};
	void *frame;

	note.self = service_name(self);
	backtrace(&frame, 1);
	if (sigaltstack(&alternative, NULL) != 0)
		fatal("crash", "sigaltstack: %m");
	action.sa_flags = (int)(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
	for (size_t i = 0; i < DEADLY_COUNT; i++)
		sigaction(deadly[i].signo, &action, NULL);
}

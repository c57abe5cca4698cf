/* Plays any service for tests of the supervisor. Installed under a service's name; the file
 * fake/NAME of its working folder says what it does, in words, read anew by each life:
 *
 *	(nothing)      ready at once, answers pulses, stops when asked
 *	never-ready    says nothing after START
 *	slow-ready     ready a second after START
 *	exit=N         says why and exits before READY
 *	segv           killed by SIGSEGV before READY
 *	ready-exit=N   exits right after READY
 *	deaf           ready, but answers no pulse
 *	stuck          ready, loops for ever when the first pulse comes
 *	tells          ready, says where it was when it dies of a signal
 *	garbage        ready, after a thousand senseless packets on descriptor 3
 *	closes         ready, then closes descriptor 3 and lives on
 *	stubborn       ready, does not stop when asked
 *	silent         ready, answers no report
 *	chatty         tells of three messages when it is traced
 *	flood          tells of fifty thousand, as fast as they are taken
 *	bad-report     ready, answers reports with what is not JSON
 *	wild           ready, writes long lines, control characters, another's name
 *	orphan         ready, outlives its supervisor as long as it can
 *
 * It writes what it hears to fake/trace, a line each, so a test can see order and content. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "proto/crash.h"
#include "proto/msg.h"
#include "proto/parent.h"

static const char *name;
static char behaviour[256];

static bool does(const char *word)
{
	return strstr(behaviour, word) != NULL;
}

static int number_after(const char *word)
{
	const char *p = strstr(behaviour, word);

	return p == NULL ? -1 : atoi(p + strlen(word));
}

__attribute__((format(printf, 1, 2))) static void trace(const char *format, ...)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "%s ", name), fd;
	va_list ap;

	va_start(ap, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n - 1, format, ap);
	va_end(ap);
	line[n++] = '\n';
	fd = open("fake/trace", O_WRONLY | O_APPEND | O_CREAT, 0600);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(99);
	close(fd);
}

static void transmit(struct msg *m)
{
	if (send(PARENT_FD, m->base, m->size, MSG_NOSIGNAL) < 0)
		_exit(98);
	msg_drop(m);
}

static void tell(enum msg_type type)
{
	struct msg m;

	msg_begin(&m, type, 0);
	transmit(&m);
}

static void fact(const char *key, const char *value)
{
	struct msg m;

	msg_begin(&m, MSG_FACT, 0);
	msg_put_str(&m, key);
	msg_put_str(&m, value);
	transmit(&m);
}

static void send_garbage(void)
{
	unsigned char bytes[64];

	for (int i = 0; i < 1000; i++) {
		memset(bytes, i, sizeof(bytes));
		if (send(PARENT_FD, bytes, 1 + (size_t)i % sizeof(bytes), MSG_NOSIGNAL) < 0)
			_exit(98);
	}
}

static void be_wild(void)
{
	static const char forged[] =
	    "2026-01-31T23:59:59.123Z error svc-somebody-else conn: forged\n"
	    "\033]0;title\007 \033[31m red \xc2\x9b and \r over\n";

	for (int i = 0; i < 5000; i++)
		fputc('x', stderr);
	fputs("\nplain words\n", stderr);
	fwrite(forged, 1, sizeof(forged) - 1, stderr);
	fprintf(stderr, "2026-01-31T23:59:59.123Z info  %s conn: proper\nno end\xff", name);
}

static void hear_config(struct msg *m)
{
	unsigned count = msg_get_u16(m);
	char key[64], value[8192];

	while (count-- > 0) {
		msg_get_cstr(m, key, sizeof(key));
		msg_get_cstr(m, value, sizeof(value));
		/* The walls take many lines; one is enough to be seen. */
		value[strcspn(value, "\n")] = '\0';
		trace("CONFIG %s=%s", key, value);
	}
}

static void hear_link(struct msg *m)
{
	unsigned sibling = msg_get_u8(m), generation = msg_get_u32(m);
	struct bytes token;
	char hex[65], why[512];

	if (m->type == MSG_LINK_DOWN) {
		msg_get_cstr(m, why, sizeof(why));
		trace("LINK_DOWN %s %u %s", service_name(sibling), generation, why);
		return;
	}
	token = msg_get_bytes(m);
	str_to_hex(token.data, token.len < 32 ? token.len : 32, hex);
	trace("LINK_SET %s %u %s", service_name(sibling), generation, hex);
}

static void start(void)
{
	int status = number_after("ready-exit=");

	trace("START");
	if (does("never-ready"))
		return;
	if (does("slow-ready"))
		sleep(1);
	if (strcmp(name, "svc-transport") == 0) {
		fact("peer_id", "12D3KooWFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake");
		fact("listen", "/ip4/127.0.0.1/tcp/4001");
	}
	if (strcmp(name, "svc-viewer") == 0)
		fact("viewer_url", "http://127.0.0.1:8080");
	if (does("garbage"))
		send_garbage();
	if (does("wild"))
		be_wild();
	/* First: whoever has seen it ready may be about to clear the file. */
	trace("READY");
	tell(MSG_READY);
	if (status >= 0)
		exit(status);
	if (does("closes"))
		close(PARENT_FD);
}

static void answer_pulse(struct msg *m)
{
	uint32_t number = msg_get_u32(m);
	struct msg back;

	if (does("deaf"))
		return;
	if (does("stuck")) {
		crash_init(service_by_name(name));
		crash_note(MSG_PULSE, SERVICE_SUPERVISOR);
		for (;;)
			__asm__ volatile("");
	}
	msg_begin(&back, MSG_PULSE_BACK, 0);
	msg_put_u32(&back, number);
	transmit(&back);
}

static void answer_report(struct msg *m)
{
	static const char peers[] =
	    "[{\"id\":\"12D3KooWBob\",\"label\":\"Bob\\u001b[31m\",\"last_seen\":1}]";
	uint32_t request = msg_get_u32(m);
	struct msg back;

	if (does("silent"))
		return;
	msg_begin(&back, MSG_REPORT, 0);
	msg_put_u32(&back, request);
	if (does("bad-report"))
		msg_put_rest(&back, "{nonsense", 9);
	else
		msg_put_rest(&back, peers, sizeof(peers) - 1);
	transmit(&back);
}

static void tell_trace(unsigned lost, unsigned count)
{
	struct msg m;

	msg_begin(&m, MSG_TRACE, 0);
	msg_put_u32(&m, lost);
	msg_put_u16(&m, (uint16_t)count);
	for (unsigned i = 0; i < count; i++) {
		msg_put_i64(&m, 0);
		msg_put_u8(&m, i % 2 == 0);
		msg_put_u8(&m, i % 2 == 0 ? SERVICE_TRANSPORT : SERVICE_DB);
		msg_put_u16(&m, i % 2 == 0 ? MSG_STREAM_OPEN : MSG_STREAM_DATA);
		msg_put_u32(&m, 100 + i);
	}
	transmit(&m);
}

static void be_traced(struct msg *m)
{
	unsigned peers = msg_get_u16(m);

	msg_get_bytes(m);
	trace("TRACE_SET %s", peers != 0 ? "on" : "off");
	if (peers != 0 && does("chatty"))
		tell_trace(5, 3);
	for (int i = 0; peers != 0 && does("flood") && i < 25; i++)
		tell_trace(0, 2000);
}

static void hear(struct msg *m)
{
	switch (m->type) {
	case MSG_CONFIG: hear_config(m); break;
	case MSG_LINK_SET:
	case MSG_LINK_DOWN: hear_link(m); break;
	case MSG_START: start(); break;
	case MSG_PULSE: answer_pulse(m); break;
	case MSG_REPORT_GET: answer_report(m); break;
	case MSG_TRACE_SET: be_traced(m); break;
	case MSG_STOP:
		msg_get_u32(m);
		if (msg_get_u8(m) != 0)
			trace("BACK");
		trace("STOP");
		if (!does("stubborn"))
			exit(0);
		break;
	default: break;
	}
}

/* Descriptors other than 0 to 3, and the surroundings the supervisor promises. */
static void look_around(void)
{
	sigset_t blocked;
	int extra = 0;

	for (int fd = 4; fd < 1024; fd++)
		extra += fcntl(fd, F_GETFD) >= 0;
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	trace("BORN pid=%d extra-descriptors=%d leader=%d blocked=%d secret=%s", (int)getpid(),
	    extra, getsid(0) == getpid(), sigismember(&blocked, SIGTERM),
	    getenv("http_proxy") != NULL ? getenv("http_proxy") : "");
}

static void read_behaviour(void)
{
	char path[64];
	FILE *f;

	mkdir("fake", 0700);
	snprintf(path, sizeof(path), "fake/%s", name);
	f = fopen(path, "r");
	if (f == NULL)
		return;
	if (fgets(behaviour, sizeof(behaviour), f) == NULL)
		behaviour[0] = '\0';
	fclose(f);
}

static void live(void)
{
	unsigned char packet[131072];
	struct msg m;
	ssize_t n;

	while ((n = recv(PARENT_FD, packet, sizeof(packet), 0)) > 0) {
		if (msg_open(&m, packet, (size_t)n) < 0)
			_exit(97);
		hear(&m);
		if (m.bad)
			_exit(96);
	}
}

int main(int argc, char **argv)
{
	const char *slash = strrchr(argv[0], '/');

	(void)argc;
	name = slash != NULL ? slash + 1 : argv[0];
	read_behaviour();
	look_around();
	if (does("segv")) {
		/* A sanitizer would make another end of it. */
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
	}
	if (number_after("ready-exit=") < 0 && number_after("exit=") >= 0) {
		fprintf(stderr,
		    "2026-01-31T23:59:59.123Z error %s http: viewer.http_addr is in use\n", name);
		exit(number_after("exit="));
	}
	if (does("tells"))
		crash_init(service_by_name(name));
	if (does("orphan"))
		prctl(PR_SET_PDEATHSIG, 0);
	live();
	while (does("orphan") || does("closes"))
		pause();
	return 0;
}

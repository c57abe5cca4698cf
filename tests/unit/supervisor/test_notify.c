/* What a service manager hears. */
#include "tests/unit/testing.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/notify.h"

/* A manager's socket of that name; '@' in front is the abstract space. */
static int manager(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(at.sun_path, name, strlen(name));
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
	notify_init();
	assert_null(getenv("NOTIFY_SOCKET"));
	return fd;
}

static void expect(int fd, const char *want)
{
	char text[1024];
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	assert_string_equal(text, want);
}

static void a_socket_with_a_path(void **unused)
{
	char folder[] = "/tmp/goop-notify-XXXXXX", path[64];
	int fd;

	(void)unused;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/notify", folder);
	fd = manager(path);
	notify("READY=1");
	expect(fd, "READY=1");
	notify("STOPPING=1\nSTATUS=%s", "stopping");
	expect(fd, "STOPPING=1\nSTATUS=stopping");
	close(fd);
	unlink(path);
	/* The manager has gone. */
	notify("READY=1");
	rmdir(folder);
}

static void a_socket_of_the_abstract_space(void **unused)
{
	char name[64];
	int fd;

	(void)unused;
	snprintf(name, sizeof(name), "@goop-notify-%d", (int)getpid());
	fd = manager(name);
	notify("READY=1");
	expect(fd, "READY=1");
	close(fd);
}

static void long_texts_are_cut(void **unused)
{
	char name[64], text[600], want[512];
	int fd;

	(void)unused;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(want, text, sizeof(want));
	want[511] = '\0';
	snprintf(name, sizeof(name), "@goop-notify-%d", (int)getpid());
	fd = manager(name);
	notify("%s", text);
	expect(fd, want);
	close(fd);
}

static void nobody_wants_to_know(void **unused)
{
	(void)unused;
	unsetenv("NOTIFY_SOCKET");
	notify_init();
	notify("READY=1");
	assert_int_equal(setenv("NOTIFY_SOCKET", "vsock:2:1", 1), 0);
	notify_init();
	notify("READY=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_socket_with_a_path),
	    cmocka_unit_test(a_socket_of_the_abstract_space),
	    cmocka_unit_test(long_texts_are_cut),
	    cmocka_unit_test(nobody_wants_to_know),
	};

	return cmocka_run_group_tests_name("notify", tests, NULL, NULL);
}

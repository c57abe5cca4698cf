#include "supervisor/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un manager; /* sun_family 0: nobody wants to know */
static socklen_t manager_size;

void notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path != NULL ? strlen(path) : 0;

	manager = (struct sockaddr_un){0};
	if (n > 1 && n < sizeof(manager.sun_path) && (path[0] == '/' || path[0] == '@')) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, n);
		/* A name of the abstract space. */
		if (path[0] == '@')
			manager.sun_path[0] = '\0';
		manager_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	}
	unsetenv("NOTIFY_SOCKET");
}

void notify_hand_over(void)
{
	char path[sizeof(manager.sun_path) + 1] = "";

	if (manager.sun_family == 0)
		return;
	memcpy(path, manager.sun_path, manager_size - offsetof(struct sockaddr_un, sun_path));
	if (path[0] == '\0')
		path[0] = '@';
	setenv("NOTIFY_SOCKET", path, 1);
}

void notify(const char *format, ...)
{
	char text[512];
	va_list ap;
	int fd, n;

	if (manager.sun_family == 0)
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	/* A manager that is gone is none of our business. */
	if (n > 0 && sendto(fd, text, (size_t)n, MSG_NOSIGNAL, (struct sockaddr *)&manager,
			 manager_size) < 0)
		manager.sun_family = 0;
	close(fd);
}

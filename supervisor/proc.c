#include "supervisor/proc.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool proc_read(pid_t pid, const char *file, char text[PROC_TEXT])
{
	char path[64];
	size_t at = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	while (at < PROC_TEXT - 1 && (n = read(fd, text + at, PROC_TEXT - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = '\0';
	close(fd);
	return at > 0;
}

const char *proc_stat_field(const char *text, int n)
{
	const char *p = strrchr(text, ')');

	for (int field = 2; p != NULL && field < n; field++) {
		p = strchr(p, ' ');
		p = p != NULL ? p + 1 : NULL;
	}
	return p;
}

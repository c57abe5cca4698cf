#include "supervisor/program.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "supervisor/roster.h"

#define ABOVE 10 /* what a program gets is arranged below: spawn.c */

static void drop(int *held)
{
	if (*held > 0)
		close(*held);
	*held = 0;
}

static void keep(int *held, int fd)
{
	drop(held);
	*held = fd < 0 ? 0 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
	if (*held < 0)
		*held = 0;
}

void program_clear(struct program *p)
{
	drop(&p->now);
	drop(&p->proven);
}

char *program_choose(struct program *p, enum service_id id, int *file, char **why)
{
	char *looked, *path;
	int fd;

	*file = 0;
	if (p->fallen_back) {
		keep(&p->now, p->proven);
		*file = p->now;
		return xstrdup(service_name(id));
	}
	path = roster_program(id, &looked);
	if (path == NULL)
		*why = xasprintf("there is no program to run: neither %s", looked);
	free(looked);
	fd = path != NULL ? open(path, O_PATH | O_CLOEXEC) : -1;
	keep(&p->now, fd);
	if (fd >= 0)
		close(fd);
	return path;
}

void program_proves_good(struct program *p)
{
	if (p->now > 0)
		keep(&p->proven, p->now);
}

bool program_fall_back(struct program *p)
{
	if (p->proven == 0 || p->fallen_back)
		return false;
	p->fallen_back = true;
	return true;
}

void program_go_on(struct program *p)
{
	p->fallen_back = false;
}

bool program_has_news(const struct program *p, enum service_id id)
{
	char *looked, *path = roster_program(id, &looked);
	struct stat ours, there;
	/* A program that runs cannot be written to: other content is another file. */
	bool same = path != NULL && p->now > 0 && fstat(p->now, &ours) == 0 &&
	            stat(path, &there) == 0 && ours.st_dev == there.st_dev &&
	            ours.st_ino == there.st_ino;

	free(path);
	free(looked);
	return !same;
}

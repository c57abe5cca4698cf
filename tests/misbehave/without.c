/* Runs a program on a kernel that lacks a wall, as far as it can tell: the call that would build it
 * fails as it does where there is none. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <seccomp.h>

static const struct {
	const char *wall;
	int call, error;
} walls[] = {
    {"landlock", SCMP_SYS(landlock_create_ruleset), ENOSYS},
    {"seccomp", SCMP_SYS(seccomp), ENOSYS},
    {"netns", SCMP_SYS(unshare), EPERM},
    {"uid", SCMP_SYS(setresuid), EINVAL},
};

static int remove_wall(scmp_filter_ctx ctx, const char *wall)
{
	int r = -1;

	for (size_t i = 0; i < sizeof(walls) / sizeof(walls[0]); i++)
		if (strcmp(walls[i].wall, wall) == 0)
			r = seccomp_rule_add(
			    ctx, SCMP_ACT_ERRNO((uint16_t)walls[i].error), walls[i].call, 0);
	/* The older way to the same. */
	if (r == 0 && strcmp(wall, "seccomp") == 0)
		r = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
		    SCMP_A0(SCMP_CMP_EQ, PR_SET_SECCOMP));
	return r;
}

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 3 || ctx == NULL || remove_wall(ctx, argv[1]) != 0 || seccomp_load(ctx) != 0) {
		fprintf(
		    stderr, "usage: %s landlock|seccomp|netns|uid PROGRAM ARGUMENT...\n", argv[0]);
		return 2;
	}
	execv(argv[2], argv + 2);
	perror(argv[2]);
	return 1;
}

/* Runs a program on a kernel that has no Landlock, as far as it can tell: its first system call
 * fails with ENOSYS. */
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <seccomp.h>

int main(int argc, char **argv)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (argc < 2 || ctx == NULL ||
	    seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(landlock_create_ruleset), 0) !=
		0 ||
	    seccomp_load(ctx) != 0) {
		fprintf(stderr, "usage: %s PROGRAM ARGUMENT...\n", argv[0]);
		return 2;
	}
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}

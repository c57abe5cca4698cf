/* The lists of system calls on another machine than the one that runs this: a call that is not
 * there, such as open(2) on 64-bit ARM, is left out, and the rest stands. The linker puts __wrap_*
 * in the place of libseccomp's functions, so the filter is made for that machine, and not loaded.
 */
#include <linux/filter.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/sandbox_private.h"
#include "tests/unit/testing.h"

static uint32_t machine;
static size_t instructions;

scmp_filter_ctx __real_seccomp_init(uint32_t action);
scmp_filter_ctx __wrap_seccomp_init(uint32_t action);
int __wrap_seccomp_load(scmp_filter_ctx ctx);

scmp_filter_ctx __wrap_seccomp_init(uint32_t action)
{
	scmp_filter_ctx ctx = __real_seccomp_init(action);

	assert_non_null(ctx);
	if (machine != seccomp_arch_native()) {
		assert_int_equal(seccomp_arch_add(ctx, machine), 0);
		assert_int_equal(seccomp_arch_remove(ctx, seccomp_arch_native()), 0);
	}
	return ctx;
}

int __wrap_seccomp_load(scmp_filter_ctx ctx)
{
	int fd = memfd_create("filter", MFD_CLOEXEC), r = seccomp_export_bpf(ctx, fd);

	instructions = (size_t)lseek(fd, 0, SEEK_CUR) / sizeof(struct sock_filter);
	close(fd);
	return r;
}

/* How many instructions the filter takes. */
static size_t made_for(uint32_t on, unsigned may)
{
	const struct sandbox_rules r = {.may = may};
	struct sandbox status = {0};

	machine = on;
	instructions = 0;
	sandbox_seccomp(&r, &status);
	if (!status.seccomp)
		fail_msg("may %u: %s", may, status.lacks);
	return instructions;
}

static void the_lists_are_good_for_other_machines(void **unused)
{
	static const uint32_t machines[] = {SCMP_ARCH_X86_64, SCMP_ARCH_AARCH64, SCMP_ARCH_RISCV64};
	size_t none, all;

	(void)unused;
	if (SANDBOX_SANITIZED)
		skip();
	for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
		none = made_for(machines[i], 0);
		all = made_for(machines[i], ~0u);
		/* Two for each call would be a list of a hundred that is not there. */
		assert_true(none > 100);
		assert_true(all > none);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_lists_are_good_for_other_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

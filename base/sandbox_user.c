#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

#include "base/log.h"
#include "base/sandbox_private.h"

/* An empty network has not even loopback up. A user who is not root makes it inside of a user
 * namespace of its own, where that is allowed. */
void sandbox_network(const struct sandbox_rules *r, struct sandbox *status)
{
	int flags = geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET;

	if (!(r->may & SANDBOX_NO_NETWORK))
		return;
	if (unshare(flags) == 0)
		status->network = true;
	else
		sandbox_lack(status, "netns", strerror(errno));
}

static int cap_limit(int what, uint64_t most)
{
	struct rlimit now;

	if (getrlimit((__rlimit_resource_t)what, &now) != 0)
		return -1;
	if (now.rlim_cur > most)
		now.rlim_cur = most;
	/* What it has now is all that it will ever have. */
	now.rlim_max = now.rlim_cur;
	return setrlimit((__rlimit_resource_t)what, &now);
}

int sandbox_limits(const struct sandbox_rules *r)
{
	if (cap_limit(RLIMIT_NOFILE, r->descriptors > 0 ? r->descriptors : RLIM_INFINITY) != 0)
		return -1;
	if (r->memory > 0 && !SANDBOX_SANITIZED && cap_limit(RLIMIT_DATA, r->memory) != 0)
		return -1;
	return r->may & SANDBOX_SECRET ? cap_limit(RLIMIT_CORE, 0) : 0;
}

/* --- another user ----------------------------------------------------------------------------- */

static int set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{.effective = low, .permitted = low}};

	return (int)syscall(SYS_capset, &head, data);
}

/* A user who is not root has some inside of a namespace of its own. */
static bool has_capabilities(void)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {{0}};

	return syscall(SYS_capget, &head, data) != 0 || data[0].permitted != 0 ||
	       data[1].permitted != 0;
}

/* Could that user open all these, as far as can be told from outside? */
static bool can_read(const struct sandbox_rules *r)
{
	bool can = true;

	if (setegid(r->user) != 0 || seteuid(r->user) != 0)
		can = false;
	for (size_t i = 0; can && i < r->read_count; i++)
		can = faccessat(AT_FDCWD, r->read[i], R_OK, AT_EACCESS) == 0 || errno == ENOENT;
	if (seteuid(0) != 0 || setegid(0) != 0)
		fatal("walls", "cannot become root again: %m");
	return can;
}

static int become(uid_t user, uint32_t capabilities)
{
	const gid_t group = (gid_t)user;
	int at_parents_death = 0;

	/* The change takes it back. */
	prctl(PR_GET_PDEATHSIG, &at_parents_death, 0, 0, 0);
	if (prctl(PR_SET_KEEPCAPS, capabilities != 0, 0, 0, 0) != 0 || setgroups(0, NULL) != 0 ||
	    setresgid(group, group, group) != 0 || setresuid(user, user, user) != 0)
		return -1;
	if (prctl(PR_SET_PDEATHSIG, at_parents_death, 0, 0, 0) != 0)
		return -1;
	return set_capabilities(capabilities);
}

int sandbox_user(const struct sandbox_rules *r, struct sandbox *status)
{
	uint32_t keeps = 0;

	if (geteuid() != 0)
		return has_capabilities() ? set_capabilities(0) : 0;
	if (r->no_user[0] != '\0')
		sandbox_lack(status, "uid", r->no_user);
	if (r->user == 0)
		return 0;
	if (r->may & SANDBOX_OWNERS_FILES) {
		if (status->landlock > 0)
			keeps = 1u << CAP_DAC_READ_SEARCH;
		else if (!can_read(r)) {
			sandbox_lack(status, "uid", "its files are closed to other users");
			return 0;
		}
	}
	if (become(r->user, keeps) != 0) {
		/* A container need not know the number. */
		if (getuid() != 0 || errno != EINVAL)
			return -1;
		sandbox_lack(status, "uid", strerror(errno));
		return 0;
	}
	status->user = true;
	status->uid = r->user;
	return 0;
}

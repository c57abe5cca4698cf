#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "base/log.h"
#include "base/sandbox_private.h"

/* Debian's header ends at ABI 2; the numbers of later ones are from the kernel's own
 * (include/uapi/linux/landlock.h) and never change. */
#define FS_OF_ABI_1       ((1ULL << 13) - 1) /* execute ... make a symbolic link */
#define FS_REFER          (1ULL << 13)       /* ABI 2 */
#define FS_TRUNCATE       (1ULL << 14)       /* ABI 3 */
#define FS_IOCTL_DEV      (1ULL << 15)       /* ABI 5 */
#define NET_BIND_TCP      (1ULL << 0)        /* ABI 4 */
#define NET_CONNECT_TCP   (1ULL << 1)        /* ABI 4 */
#define SCOPE_ABSTRACT    (1ULL << 0)        /* ABI 6 */
#define SCOPE_SIGNAL      (1ULL << 1)        /* ABI 6 */
#define RULE_PATH_BENEATH 1
#define RULE_NET_PORT     2
#define ABI_OF_TCP        4
#define ABI_OF_SCOPES     6

struct ruleset {
	uint64_t fs, net, scoped;
};

/* As the kernel has it: packed. */
struct path_rule {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

struct port_rule {
	uint64_t allowed, port;
};

int sandbox_landlock_abi(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return abi > 0 ? (int)abi : 0;
}

/* All that this ABI can forbid, so that nothing is allowed but by a rule. */
static struct ruleset everything(const struct sandbox_rules *r, int abi)
{
	struct ruleset all = {.fs = FS_OF_ABI_1};

	if (abi >= 2)
		all.fs |= FS_REFER;
	if (abi >= 3)
		all.fs |= FS_TRUNCATE;
	if (abi >= 5)
		all.fs |= FS_IOCTL_DEV;
	if (abi >= ABI_OF_TCP)
		all.net = NET_BIND_TCP | (r->may & SANDBOX_CONNECT_ANY ? 0 : NET_CONNECT_TCP);
	if (abi >= ABI_OF_SCOPES)
		all.scoped = SCOPE_ABSTRACT | SCOPE_SIGNAL;
	return all;
}

static size_t size_of(int abi)
{
	if (abi >= ABI_OF_SCOPES)
		return sizeof(struct ruleset);
	return abi >= ABI_OF_TCP ? offsetof(struct ruleset, scoped) : offsetof(struct ruleset, net);
}

/* What is not there needs no rule. */
static int allow_path(int ruleset, const char *path)
{
	struct path_rule rule = {.allowed = LANDLOCK_ACCESS_FS_READ_FILE};
	struct stat st;
	int r;

	rule.parent = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return 0;
	if (fstat(rule.parent, &st) == 0 && S_ISDIR(st.st_mode))
		rule.allowed |= LANDLOCK_ACCESS_FS_READ_DIR;
	r = (int)syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent);
	return r;
}

static int allow(int ruleset, const struct sandbox_rules *r, int abi)
{
	for (size_t i = 0; i < r->read_count; i++)
		if (allow_path(ruleset, r->read[i]) != 0)
			return -1;
	if (SANDBOX_SANITIZED && allow_path(ruleset, "/") != 0)
		return -1;
	if (abi < ABI_OF_TCP || r->may & SANDBOX_CONNECT_ANY)
		return 0;
	for (size_t i = 0; i < r->connect_count; i++) {
		struct port_rule rule = {.allowed = NET_CONNECT_TCP, .port = r->connect[i]};

		if (syscall(SYS_landlock_add_rule, ruleset, RULE_NET_PORT, &rule, 0) != 0)
			return -1;
	}
	return 0;
}

/* What an older kernel does not forbid. (To move files between folders, ABI 2, is never allowed by
 * the first.) */
static void lack_of_later(int abi, struct sandbox *status)
{
	static const struct {
		int abi;
		const char *what;
	} later[] = {
	    {3, "truncating"}, {ABI_OF_TCP, "TCP"}, {5, "devices"}, {ABI_OF_SCOPES, "signals"}};
	char what[80];
	int n = snprintf(what, sizeof(what), "landlock(abi %d) for", abi);

	for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++)
		if (abi < later[i].abi)
			n += snprintf(what + n, sizeof(what) - (size_t)n, " %s", later[i].what);
	sandbox_lack(status, what, strerror(ENOSYS));
}

void sandbox_landlock(const struct sandbox_rules *r, struct sandbox *status)
{
	int abi = sandbox_landlock_abi(), ruleset = -1, error = errno;
	struct ruleset all = everything(r, abi);

	if (abi > 0) {
		ruleset = (int)syscall(SYS_landlock_create_ruleset, &all, size_of(abi), 0);
		if (ruleset >= 0 && allow(ruleset, r, abi) == 0 &&
		    syscall(SYS_landlock_restrict_self, ruleset, 0) == 0)
			status->landlock = abi;
		error = errno;
	}
	if (ruleset >= 0)
		close(ruleset);
	if (status->landlock == 0)
		sandbox_lack(status, "landlock", strerror(error));
	else if (abi < ABI_OF_SCOPES)
		lack_of_later(abi, status);
}

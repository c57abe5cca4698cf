#include "base/sandbox.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/sandbox_private.h"
#include "base/str.h"

/* --- rules ------------------------------------------------------------------------------------ */

void sandbox_read(struct sandbox_rules *r, const char *path)
{
	if (r->read_count < SANDBOX_PATHS)
		r->read[r->read_count++] = xstrdup(path);
}

void sandbox_connect(struct sandbox_rules *r, uint16_t port)
{
	if (r->connect_count < SANDBOX_PORTS)
		r->connect[r->connect_count++] = port;
}

void sandbox_meet(struct sandbox_rules *r, const char *path)
{
	if (r->meet_count < SANDBOX_MEETS)
		r->meet[r->meet_count++] = xstrdup(path);
}

void sandbox_clear(struct sandbox_rules *r)
{
	for (size_t i = 0; i < r->meet_count; i++)
		free(r->meet[i]);
	for (size_t i = 0; i < r->read_count; i++)
		free(r->read[i]);
	*r = (struct sandbox_rules){0};
}

char *sandbox_print(const struct sandbox_rules *r)
{
	struct buf out;
	size_t n;

	buf_init(&out, SANDBOX_TEXT - 1);
	buf_putf(&out, "may %u\nmemory %llu\ndescriptors %llu\nuser %u\nrequired %d\n", r->may,
	    (unsigned long long)r->memory, (unsigned long long)r->descriptors, (unsigned)r->user,
	    r->required);
	if (r->no_user[0] != '\0')
		buf_putf(&out, "no_user %s\n", r->no_user);
	for (size_t i = 0; i < r->connect_count; i++)
		buf_putf(&out, "connect %u\n", r->connect[i]);
	for (size_t i = 0; i < r->read_count; i++)
		buf_putf(&out, "read %s\n", r->read[i]);
	buf_put(&out, "", 1);
	return (char *)buf_take(&out, &n);
}

static int take_line(struct sandbox_rules *r, const char *key, const char *value)
{
	uint64_t v = 0;

	if (strcmp(key, "read") == 0) {
		sandbox_read(r, value);
		return 0;
	}
	if (strcmp(key, "no_user") == 0)
		return str_copy(r->no_user, sizeof(r->no_user), value) ? 0 : -1;
	if (!str_to_u64(value, 0, INT64_MAX, &v))
		return -1;
	if (strcmp(key, "may") == 0)
		r->may = (unsigned)v;
	else if (strcmp(key, "memory") == 0)
		r->memory = v;
	else if (strcmp(key, "descriptors") == 0)
		r->descriptors = v;
	else if (strcmp(key, "user") == 0)
		r->user = (uid_t)v;
	else if (strcmp(key, "required") == 0)
		r->required = v != 0;
	else if (strcmp(key, "connect") == 0 && v <= UINT16_MAX)
		sandbox_connect(r, (uint16_t)v);
	else
		return -1;
	return 0;
}

int sandbox_parse(const char *text, struct sandbox_rules *r)
{
	char line[SANDBOX_TEXT], *space;

	for (size_t n; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		if (n >= sizeof(line))
			return -1;
		memcpy(line, text, n);
		line[n] = '\0';
		space = strchr(line, ' ');
		if (space == NULL)
			return -1;
		*space = '\0';
		if (take_line(r, line, space + 1) != 0)
			return -1;
	}
	return 0;
}

/* --- the two steps ---------------------------------------------------------------------------- */

void sandbox_lack(struct sandbox *status, const char *what, const char *why)
{
	size_t n = strlen(status->lacks);

	snprintf(
	    status->lacks + n, sizeof(status->lacks) - n, "%s%s: %s", n > 0 ? "; " : "", what, why);
}

static int judge(const struct sandbox_rules *r, const struct sandbox *status)
{
	if (!r->required || status->lacks[0] == '\0')
		return 0;
	log_error("walls", "isolation.required is true, and here is lacking: %s", status->lacks);
	return -1;
}

int sandbox_close(const struct sandbox_rules *r, struct sandbox *status)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		sandbox_lack(status, "no new privileges", strerror(errno));
	/* Whoever has walled us in from outside may have kept that to himself. */
	if (sandbox_limits(r) != 0)
		sandbox_lack(status, "limits", strerror(errno));
	sandbox_network(r, status);
	sandbox_landlock(r, status);
	if (sandbox_user(r, status) != 0) {
		log_error("walls", "cannot become user %u: %m", (unsigned)r->user);
		return -1;
	}
	/* After the change of user, which takes both back. */
	prctl(PR_SET_DUMPABLE, SANDBOX_SANITIZED || !(r->may & SANDBOX_SECRET), 0, 0, 0);
	return judge(r, status);
}

int sandbox_lock(const struct sandbox_rules *r, struct sandbox *status)
{
	const struct rlimit none = {0, 0};

	/* A limit by user, so for all that the user runs: nobody else's business here, as it only
	 * keeps this process from starting more. */
	if (!SANDBOX_SANITIZED)
		setrlimit(RLIMIT_NPROC, &none);
	sandbox_seccomp(r, status);
	return judge(r, status);
}

void sandbox_walls(const struct sandbox *s, char *out, size_t size)
{
	char landlock[32] = "", uid[32] = "";

	if (s->landlock > 0)
		snprintf(landlock, sizeof(landlock), " landlock(abi %d)", s->landlock);
	if (s->user)
		snprintf(uid, sizeof(uid), " uid(%u)", (unsigned)s->uid);
	snprintf(out, size, "%s%s%s%s", landlock, s->seccomp ? " seccomp" : "", uid,
	    s->network ? " netns" : "");
	if (out[0] == ' ')
		memmove(out, out + 1, strlen(out));
	else
		str_copy(out, size, "none");
}

/* In a child of its own, since walls do not open again. */
static void try_all(uid_t user, int to)
{
	struct sandbox_rules r = {.may = SANDBOX_NO_NETWORK, .user = user};
	struct sandbox status = {0};

	sandbox_close(&r, &status);
	sandbox_lock(&r, &status);
	if (write(to, status.lacks, strlen(status.lacks)) < 0)
		_exit(1);
	_exit(0);
}

void sandbox_probe(uid_t user, char *out, size_t size)
{
	int ends[2];
	ssize_t n;
	pid_t pid;

	str_copy(out, size, "the walls cannot be tried");
	if (pipe(ends) != 0)
		return;
	pid = fork();
	if (pid == 0)
		try_all(user, ends[1]);
	close(ends[1]);
	n = pid > 0 ? read(ends[0], out, size - 1) : -1;
	if (n >= 0)
		out[n] = '\0';
	close(ends[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

#include "supervisor/usage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static uint64_t proportional_of(pid_t pid)
{
	char path[48], line[128];
	unsigned long long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Pss: %llu kB", &kib) == 1)
			break;
	fclose(f);
	return kib * 1024;
}

static uint64_t resident_of(pid_t pid)
{
	char path[48];
	unsigned long long pages = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(f);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t usage_memory(pid_t pid, bool *proportional)
{
	uint64_t bytes = proportional_of(pid);

	*proportional = bytes > 0;
	return bytes > 0 ? bytes : resident_of(pid);
}

/* proc(5): utime and stime are fields 14 and 15 of stat; the name, in parentheses, may hold
 * anything. */
int64_t usage_cpu_ms(pid_t pid)
{
	char path[48], text[1024];
	unsigned long long user, system;
	const char *p;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (f == NULL)
		return -1;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	p = strrchr(text, ')');
	if (p == NULL || sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu",
			     &user, &system) != 2)
		return -1;
	return (int64_t)((user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

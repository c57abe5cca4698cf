#include "supervisor/usage.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/proc.h"

static uint64_t proportional_of(pid_t pid)
{
	char text[PROC_TEXT];
	unsigned long long kib = 0;
	const char *line = proc_read(pid, "smaps_rollup", text) ? strstr(text, "\nPss:") : NULL;

	if (line == NULL || sscanf(line, " Pss: %llu kB", &kib) != 1)
		return 0;
	return kib * 1024;
}

static uint64_t resident_of(pid_t pid)
{
	char text[PROC_TEXT];
	unsigned long long pages;

	if (!proc_read(pid, "statm", text) || sscanf(text, "%*u %llu", &pages) != 1)
		return 0;
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

uint64_t usage_memory(pid_t pid, bool *proportional)
{
	uint64_t bytes = proportional_of(pid);

	*proportional = bytes > 0;
	return bytes > 0 ? bytes : resident_of(pid);
}

/* utime and stime are fields 14 and 15. */
int64_t usage_cpu_ms(pid_t pid)
{
	char text[PROC_TEXT];
	unsigned long long user, system;
	const char *p = proc_read(pid, "stat", text) ? proc_stat_field(text, 14) : NULL;

	if (p == NULL || sscanf(p, "%llu %llu", &user, &system) != 2)
		return -1;
	return (int64_t)((user + system) * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
}

#include "supervisor/memory.h"

#include <stdio.h>
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

uint64_t memory_of(pid_t pid, bool *proportional)
{
	uint64_t bytes = proportional_of(pid);

	*proportional = bytes > 0;
	return bytes > 0 ? bytes : resident_of(pid);
}

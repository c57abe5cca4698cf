#include "proto/services.h"

#include <string.h>

#include "base/str.h"

static const char *const names[] = {
#define S(number, NAME, program) [number] = program,
    SERVICES(S)
#undef S
};

const char *service_name(enum service_id id)
{
	return (unsigned)id < SERVICE_COUNT ? names[id] : "?";
}

enum service_id service_by_name(const char *name)
{
	for (unsigned i = 0; i < SERVICE_COUNT; i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum service_id)i;
		if (str_starts(names[i], "svc-") && strcmp(name, names[i] + 4) == 0)
			return (enum service_id)i;
	}
	return SERVICE_COUNT;
}

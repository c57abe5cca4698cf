#include "proto/protocols.h"

#include <string.h>

static const struct {
	const char *id;
	enum service_id owner;
	unsigned limit;
} protocols[] = {
#define P(number, NAME, id, owner, limit) [number] = {id, SERVICE_##owner, limit},
    PROTOCOLS(P)
#undef P
};

const char *protocol_id(enum protocol p)
{
	return (unsigned)p < PROTOCOL_COUNT ? protocols[p].id : NULL;
}

enum protocol protocol_by_id(const char *id, size_t len)
{
	for (unsigned i = PROTOCOL_NONE + 1; i < PROTOCOL_COUNT; i++)
		if (strlen(protocols[i].id) == len && memcmp(protocols[i].id, id, len) == 0)
			return (enum protocol)i;
	return PROTOCOL_NONE;
}

enum service_id protocol_owner(enum protocol p)
{
	return (unsigned)p < PROTOCOL_COUNT && p != PROTOCOL_NONE ? protocols[p].owner
	                                                          : SERVICE_COUNT;
}

unsigned protocol_limit(enum protocol p)
{
	return (unsigned)p < PROTOCOL_COUNT ? protocols[p].limit : 0;
}

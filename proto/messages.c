#include "proto/messages.h"

static const struct {
	const char *name;
	unsigned from, to; /* sets of services */
	size_t max;
} messages[] = {
#define M(number, NAME, from, to, max, payload) [number] = {#NAME, from, to, max},
    MESSAGES(M)
#undef M
};

#define MESSAGE_COUNT (sizeof(messages) / sizeof(messages[0]))

const char *msg_name(unsigned type)
{
	return type < MESSAGE_COUNT && messages[type].name ? messages[type].name : "?";
}

size_t msg_max(unsigned type)
{
	return type < MESSAGE_COUNT ? messages[type].max : 0;
}

bool msg_allowed(unsigned type, enum service_id from, enum service_id to)
{
	return type < MESSAGE_COUNT && (unsigned)from < SERVICE_COUNT &&
	       (unsigned)to < SERVICE_COUNT && (messages[type].from & 1u << from) != 0 &&
	       (messages[type].to & 1u << to) != 0;
}

bool msg_is_stream(unsigned type)
{
	return type >= MSG_STREAM_OPEN && type <= MSG_STREAM_SLOT;
}

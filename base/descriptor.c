#include "base/descriptor.h"

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"

#define UNKNOWN 1024 /* what POSIX systems have given for decades */

uint64_t descriptor_raise(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return UNKNOWN;
	if (limit.rlim_cur < wanted) {
		rlim_t before = limit.rlim_cur;
		limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : (rlim_t)wanted;
		if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
			limit.rlim_cur = before;
	}
	if (limit.rlim_cur < wanted && wanted != DESCRIPTOR_ALL)
		log_warn("descriptor", "only %llu open files and connections are allowed, not %llu",
		    (unsigned long long)limit.rlim_cur, (unsigned long long)wanted);
	return limit.rlim_cur;
}

uint16_t descriptor_port(int fd)
{
	union {
		struct sockaddr_storage room;
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
	} at = {0};
	socklen_t len = sizeof at;

	if (getsockname(fd, &at.any, &len) != 0)
		return 0;
	switch (at.any.sa_family) {
	case AF_INET: return ntohs(at.in.sin_port);
	case AF_INET6: return ntohs(at.in6.sin6_port);
	default: return 0;
	}
}

#include "svc-discovery/public_address.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct range {
	uint32_t network, mask;
};

static bool is_public4(const uint8_t *p)
{
	static const struct range others[] = {
	    {0x00000000, 0xff000000}, /* 0.0.0.0/8, this network */
	    {0x0a000000, 0xff000000}, /* 10.0.0.0/8 */
	    {0x64400000, 0xffc00000}, /* 100.64.0.0/10, shared */
	    {0x7f000000, 0xff000000}, /* 127.0.0.0/8 */
	    {0xa9fe0000, 0xffff0000}, /* 169.254.0.0/16 */
	    {0xac100000, 0xfff00000}, /* 172.16.0.0/12 */
	    {0xc0a80000, 0xffff0000}, /* 192.168.0.0/16 */
	    {0xe0000000, 0xe0000000}, /* multicast and reserved */
	};
	uint32_t ip = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if ((ip & others[i].mask) == others[i].network)
			return false;
	return true;
}

/* Where in an IPv6 address an IPv4 one lies. */
static const struct {
	uint8_t prefix[12];
	size_t length, at;
} embedded[] = {
    {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 12}, /* ::ffff:0:0/96 */
    {{0}, 12, 12},                                        /* ::/96, ::1 and :: among them */
    {{0, 0x64, 0xff, 0x9b}, 12, 12},                      /* 64:ff9b::/96 */
    {{0x20, 0x02}, 2, 2},                                 /* 2002::/16 */
};

static bool is_public6(const uint8_t *p)
{
	for (size_t i = 0; i < sizeof embedded / sizeof *embedded; i++)
		if (memcmp(p, embedded[i].prefix, embedded[i].length) == 0)
			return is_public4(p + embedded[i].at);
	if (p[0] == 0 || p[0] == 0xff || (p[0] & 0xfe) == 0xfc)
		return false;
	/* fe80::/10 and fec0::/10 */
	return !(p[0] == 0xfe && (p[1] & 0x80) != 0);
}

bool public_address(const char *text)
{
	uint8_t ip[16];

	if (inet_pton(AF_INET, text, ip) == 1)
		return is_public4(ip);
	return inet_pton(AF_INET6, text, ip) == 1 && is_public6(ip);
}

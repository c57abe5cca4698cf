/* Which addresses are for everybody. */
#ifndef SVC_DISCOVERY_PUBLIC_ADDRESS_H
#define SVC_DISCOVERY_PUBLIC_ADDRESS_H

#include <stdbool.h>

/* Is it an address of global unicast, "203.0.113.1", "2001:db8::1"? Not so are the unspecified one,
 * loopback, private and shared (RFC 1918, RFC 6598) ones, link-local, unique local (RFC 4193) and
 * site-local ones, multicast and what is reserved; what is no address is none. IPv4 addresses
 * within IPv6 ones (mapped, compatible, RFC 6052 and 6to4) are judged as such. */
bool public_address(const char *text);

#endif

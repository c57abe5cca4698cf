/* Descriptors of a process and of its sockets. */
#ifndef BASE_DESCRIPTOR_H
#define BASE_DESCRIPTOR_H

#include <stdint.h>

#define DESCRIPTOR_ALL UINT64_MAX

/* Raises the number of descriptors that may be open to `wanted` (DESCRIPTOR_ALL: as many as there
 * may be), as far as the hard limit goes; never lowers it. Returns what it is now; less than
 * `wanted` is logged. */
uint64_t descriptor_raise(uint64_t wanted);

/* The port that a socket is bound to; 0 when it is bound to none, or is no socket of IPv4 or IPv6.
 */
uint16_t descriptor_port(int fd);

#endif

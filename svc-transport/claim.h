/* Whose place a newcomer gets when all connections are taken. Keys cost nothing, so what counts is
 * the address: one machine with a thousand keys is one stranger. No I/O. */
#ifndef SVC_TRANSPORT_CLAIM_H
#define SVC_TRANSPORT_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

#define CLAIM_BUSY UINT64_MAX

/* What a connection has to show for its place. */
struct claim {
	unsigned neighbours; /* connections of its address, this one among them */
	uint64_t idle_since; /* without streams; CLAIM_BUSY while it has any */
};

/* May it have to give way to the newcomer? When it is idle; or when its address has more
 * connections than the newcomer's, whatever they are used for. */
bool claim_yields(const struct claim *c, const struct claim *newcomer);

/* Rather than `other`, which is the older of the two? Idle ones go first, then those of the address
 * with the most; of these the one that has been idle for longest, or the youngest. */
bool claim_yields_before(const struct claim *c, const struct claim *other);

#endif

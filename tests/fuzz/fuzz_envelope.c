/* Any bytes: a peer record that its signer signed, or refused. */
#include <stdlib.h>

#include "codec/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multiaddr addrs[4];
	struct peer_id id;
	uint64_t seq;
	int count = envelope_open_peer_record(data, size, &id, &seq, addrs, 4);

	if (count < -1 || count > 4)
		abort();
	for (int i = 0; i < count; i++)
		if (addrs[i].len == 0 || addrs[i].len > MULTIADDR_MAX)
			abort();
	return 0;
}

/* Identify messages from a peer, in pieces as the first byte says. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "svc-transport/identify.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const struct peer_id peer = {.len = 2, .bytes = {0, 0}};
	static const struct multiaddr remote = {.len = 7, .bytes = {4, 10, 0, 0, 1, 6, 0}};
	struct identify_reader r;
	struct identify_info info;
	size_t piece = n > 0 && p[0] > 0 ? p[0] : 1;
	int result = 0;

	identify_reader_init(&r);
	for (size_t at = 1; at < n && result == 0; at += piece)
		result = identify_reader_feed(&r, p + at, n - at < piece ? n - at : piece);
	if (identify_decode(&r, &peer, &info) == 0) {
		if (info.addr_count > IDENTIFY_ADDRS_MAX)
			abort();
		identify_filter(&info, &remote);
	}
	identify_reader_clear(&r);
	return 0;
}

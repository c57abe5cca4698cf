/* Any bytes: an address or refused; what was accepted prints and reads back to the same text. */
#include <stdlib.h>
#include <string.h>

#include "codec/multiaddr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct multiaddr *a)
{
	struct multiaddr again;
	struct sockaddr_storage ss;
	struct peer_id id;
	char text[MULTIADDR_TEXT];

	multiaddr_to_text(a, text);
	if (multiaddr_from_text(&again, text, strlen(text)) != 0 || !multiaddr_equal(a, &again))
		abort();
	if (multiaddr_to_sockaddr(a, &ss) != 0 && strstr(text, "/p2p-circuit") != NULL)
		abort();
	multiaddr_strip_peer(&again);
	if (!multiaddr_equal(a, &again) && multiaddr_peer(a, &id) != 0)
		abort();
	multiaddr_is_private(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct multiaddr a;

	if (multiaddr_from_bytes(&a, data, size) == 0)
		check(&a);
	if (multiaddr_from_text(&a, (const char *)data, size) == 0)
		check(&a);
	return 0;
}

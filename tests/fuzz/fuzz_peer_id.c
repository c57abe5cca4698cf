/* Any bytes: an id or refused, from binary, from text, from a key; keys of any kind never crash. */
#include <stdlib.h>
#include <string.h>

#include "codec/peer_id.h"
#include "codec/pubkey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct peer_id *id)
{
	struct peer_id again;
	char text[PEER_ID_TEXT], cid[PEER_ID_CID];

	peer_id_to_text(id, text);
	peer_id_to_cid36(id, cid);
	if (text[0] == '\0' || cid[0] == '\0')
		abort();
	if (peer_id_from_text(&again, cid, strlen(cid)) != 0 || !peer_id_equal(id, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct peer_id id;
	struct pubkey key;

	if (peer_id_from_bytes(&id, data, size) == 0)
		check(&id);
	if (peer_id_from_text(&id, (const char *)data, size) == 0)
		check(&id);
	if (pubkey_parse(&key, data, size) == 0) {
		if (peer_id_from_key(&id, data, size) != 0)
			abort();
		check(&id);
		pubkey_verify(&key, data, size, data, size < 64 ? size : 64);
	}
	return 0;
}

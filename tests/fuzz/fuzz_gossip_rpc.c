/* Any bytes as what a peer wrote: RPCs or refused; what parses packs again, and no signature holds
 * that the corpus did not bring. */
#include <stdlib.h>

#include "svc-discovery/gossip_rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const Gossip__Message *m)
{
	struct buf out;
	struct bytes rpc;
	struct pb pb;
	struct peer_id from;
	Gossip__Rpc *again;
	bool good = gossip_rpc_verify(m, &from) == 0;

	buf_init(&out, GOSSIP_RPC_OUT_MAX + GOSSIP_RPC_HEAD_MAX);
	if (gossip__message__get_packed_size(m) > GOSSIP_MESSAGE_MAX)
		return;
	if (gossip_rpc_put_message(&out, m) != 0 ||
	    gossip_rpc_frame(buf_data(&out), buf_len(&out), &rpc) != (long)buf_len(&out))
		abort();
	again = gossip_rpc_parse(&pb, rpc);
	if (again == NULL || again->n_publish != 1 ||
	    (gossip_rpc_verify(again->publish[0], &from) == 0) != good)
		abort();
	gossip_rpc_free(&pb, again);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes rpc;
	long used;

	while ((used = gossip_rpc_frame(data, size, &rpc)) > 0) {
		struct pb pb;
		Gossip__Rpc *m = gossip_rpc_parse(&pb, rpc);
		for (size_t i = 0; m != NULL && i < m->n_publish && i < 8; i++)
			check(m->publish[i]);
		if (m != NULL)
			gossip_rpc_free(&pb, m);
		data += used;
		size -= (size_t)used;
	}
	return 0;
}

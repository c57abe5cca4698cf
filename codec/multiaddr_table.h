/* The components a multiaddr is made of; for multiaddr.c and multiaddr_text.c only.
 * Source: multiformats multiaddr, protocols.csv. */
#ifndef CODEC_MULTIADDR_TABLE_H
#define CODEC_MULTIADDR_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/multiaddr.h"

enum multiaddr_code {
	MULTIADDR_IP4 = 4,
	MULTIADDR_TCP = 6,
	MULTIADDR_IP6 = 41,
	MULTIADDR_IP6ZONE = 42,
	MULTIADDR_CIRCUIT = 290,
	MULTIADDR_P2P = 421
};

enum multiaddr_kind {
	KIND_NONE,
	KIND_IP4,
	KIND_IP6,
	KIND_PORT,
	KIND_U64,
	KIND_NAME, /* text without a slash, not empty */
	KIND_PATH, /* text up to the end, slashes included */
	KIND_PEER, /* multihash of a peer id */
	KIND_HASH  /* any multihash, as multibase */
};

struct multiaddr_protocol {
	uint32_t code;
	const char *name;
	enum multiaddr_kind kind;
};

/* NULL when unknown. `name` need not be terminated. */
const struct multiaddr_protocol *multiaddr_by_code(uint64_t code);
const struct multiaddr_protocol *multiaddr_by_name(const char *name, size_t n);

/* The value's size in bytes, or -1 for kinds with a length in front. */
long multiaddr_fixed_size(enum multiaddr_kind kind);

/* One component. `value` lends from the bytes read. */
struct multiaddr_part {
	const struct multiaddr_protocol *protocol;
	struct bytes value;
};

/* Reads and checks the component at the front of `p`. Returns its size, or -1. */
long multiaddr_part_get(struct multiaddr_part *part, const uint8_t *p, size_t n);

/* Appends a component. Returns 0, or -1 when it does not fit or the value is no good. */
int multiaddr_part_put(struct multiaddr *a, const struct multiaddr_part *part);

#endif

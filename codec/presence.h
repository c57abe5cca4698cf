/* Presence messages: one JSON object, over GossipSub and over a rendezvous server.
 * Source: docs/CONTRACT.md, "Presence". */
#ifndef CODEC_PRESENCE_H
#define CODEC_PRESENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "codec/json.h"
#include "codec/multiaddr.h"
#include "codec/peer_id.h"

#define PRESENCE_CONTENT_MAX 4096
#define PRESENCE_EMAIL_MAX   320
#define PRESENCE_AVATAR_MAX  128
#define PRESENCE_ADDRS_MAX   32
#define PRESENCE_ADDR_MAX    256
#define PRESENCE_JSON_MAX    (64 * 1024)
#define PRESENCE_SIG         64
#define PRESENCE_NODES_MAX   256 /* values in one message: ours are 40, deployed peers add ten */

enum presence_type { PRESENCE_ONLINE, PRESENCE_UPDATE, PRESENCE_OFFLINE, PRESENCE_PUNCH };

/* Strings are owned by the struct (heap, never NULL after a successful parse). */
struct presence {
	enum presence_type type;
	struct peer_id peer;
	char *peer_text; /* as it was sent */
	char *content;
	char *email;
	char *avatar_hash;
	char *target; /* punch only, otherwise "" */
	int64_t ts;   /* Unix milliseconds */
	char *addrs[PRESENCE_ADDRS_MAX];
	size_t addr_count;
	bool signed_; /* `sig` was there */
	uint8_t sig[PRESENCE_SIG];
};

/* A zeroed struct is an empty presence; clearing is always allowed. */
void presence_clear(struct presence *p);

/* Parses. Returns 0; or -1 with *why set to a static sentence that says what was expected
 * ("peerId: expected a base58 peer id"). Unknown fields are accepted and ignored. */
int presence_parse(struct presence *p, const char *json, size_t n, const char **why);

/* The same from a tree that json_parse() has made. */
int presence_read(struct presence *p, const cJSON *tree, const char **why);

/* The JSON text, owned by the caller. Empty fields are left out as the contract says; `sig` only
 * when signed_. */
char *presence_to_json(const struct presence *p);

/* Appends the bytes that `sig` signs. Returns 0 or -1. */
int presence_preimage(struct buf *out, const struct presence *p);

/* Checks `sig` with the key inside the peer id. Returns 0, or -1 when it is wrong or missing or the
 * id holds no key. */
int presence_verify(const struct presence *p);

/* "online", "update", "offline" or "punch". */
const char *presence_type_name(enum presence_type type);

#endif

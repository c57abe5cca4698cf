#include "codec/envelope.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "codec/envelope.pb-c.h"
#include "codec/pb.h"
#include "codec/pubkey.h"
#include "codec/varint.h"

#define PEER_RECORD_DOMAIN "libp2p-peer-record"
#define RECORD_MAX         (64 * 1024)  /* bytes of an envelope looked at */
#define RECORD_MEMORY      (256 * 1024) /* budget for unpacking one */

static const uint8_t PEER_RECORD_TYPE[] = {0x03, 0x01};

static int put_part(struct buf *out, const void *p, size_t n)
{
	uint8_t len[VARINT_MAX];

	if (buf_put(out, len, varint_put(len, n)) != 0)
		return -1;
	return buf_put(out, p, n);
}

int envelope_preimage(struct buf *out, const char *domain, const uint8_t *payload_type,
    size_t type_len, const uint8_t *payload, size_t payload_len)
{
	size_t before = buf_len(out);

	if (put_part(out, domain, strlen(domain)) == 0 &&
	    put_part(out, payload_type, type_len) == 0 && put_part(out, payload, payload_len) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

int envelope_peer_record(struct buf *out, const struct peer_id *id, uint64_t seq,
    const struct multiaddr *addrs, size_t count)
{
	Record__PeerRecord record = RECORD__PEER_RECORD__INIT;
	Record__Address *entries = xcalloc(count, sizeof(*entries));
	Record__Address **list = xcalloc(count, sizeof(*list));
	int result;

	for (size_t i = 0; i < count; i++) {
		/* An empty address makes other implementations refuse the whole record. */
		if (addrs[i].len == 0)
			continue;
		record__address__init(&entries[i]);
		entries[i].has_multiaddr = true;
		entries[i].multiaddr = pb_data(addrs[i].bytes, addrs[i].len);
		list[record.n_addresses++] = &entries[i];
	}
	record.addresses = list;
	record.has_peer_id = true;
	record.peer_id = pb_data(id->bytes, id->len);
	record.has_seq = true;
	record.seq = seq;
	result = pb_pack(out, &record.base);
	free(list);
	free(entries);
	return result;
}

int envelope_seal(struct buf *out, const uint8_t *public_key, size_t key_len,
    const uint8_t *payload_type, size_t type_len, const uint8_t *payload, size_t payload_len,
    const uint8_t *signature, size_t signature_len)
{
	Record__Envelope envelope = RECORD__ENVELOPE__INIT;

	envelope.has_public_key = true;
	envelope.public_key = pb_data(public_key, key_len);
	envelope.has_payload_type = true;
	envelope.payload_type = pb_data(payload_type, type_len);
	envelope.has_payload = true;
	envelope.payload = pb_data(payload, payload_len);
	envelope.has_signature = true;
	envelope.signature = pb_data(signature, signature_len);
	return pb_pack(out, &envelope.base);
}

static bool is_signed(const Record__Envelope *e)
{
	struct pubkey key;
	struct buf preimage;
	bool good;

	if (e->payload_type.len != sizeof(PEER_RECORD_TYPE) ||
	    memcmp(e->payload_type.data, PEER_RECORD_TYPE, sizeof(PEER_RECORD_TYPE)) != 0)
		return false;
	if (pubkey_parse(&key, e->public_key.data, e->public_key.len) != 0)
		return false;
	buf_init(&preimage, RECORD_MAX + 64);
	good = envelope_preimage(&preimage, PEER_RECORD_DOMAIN, e->payload_type.data,
		   e->payload_type.len, e->payload.data, e->payload.len) == 0 &&
	       pubkey_verify(&key, buf_data(&preimage), buf_len(&preimage), e->signature.data,
		   e->signature.len) == 0;
	buf_clear(&preimage);
	return good;
}

/* The record's addresses, when it speaks of the signer. */
static int read_record(const Record__Envelope *e, struct peer_id *id, uint64_t *seq,
    struct multiaddr *addrs, size_t max)
{
	struct peer_id signer;
	struct pb pb;
	Record__PeerRecord *record = record__peer_record__unpack(
	    pb_init(&pb, RECORD_MEMORY), e->payload.len, e->payload.data);
	size_t count = 0;

	if (record == NULL)
		return -1;
	if (peer_id_from_key(&signer, e->public_key.data, e->public_key.len) != 0 ||
	    peer_id_from_bytes(id, record->peer_id.data, record->peer_id.len) != 0 ||
	    !peer_id_equal(id, &signer)) {
		record__peer_record__free_unpacked(record, &pb.allocator);
		return -1;
	}
	*seq = record->seq;
	for (size_t i = 0; i < record->n_addresses && count < max; i++) {
		const ProtobufCBinaryData *a = &record->addresses[i]->multiaddr;
		if (multiaddr_from_bytes(&addrs[count], a->data, a->len) == 0)
			count++;
	}
	record__peer_record__free_unpacked(record, &pb.allocator);
	return (int)count;
}

int envelope_open_peer_record(const uint8_t *p, size_t n, struct peer_id *id, uint64_t *seq,
    struct multiaddr *addrs, size_t max)
{
	struct pb pb;
	Record__Envelope *e;
	int result = -1;

	if (n > RECORD_MAX)
		return -1;
	e = record__envelope__unpack(pb_init(&pb, RECORD_MEMORY), n, p);
	if (e == NULL)
		return -1;
	if (is_signed(e))
		result = read_record(e, id, seq, addrs, max);
	record__envelope__free_unpacked(e, &pb.allocator);
	return result;
}

/* Unpacking protobuf from strangers with bounded memory.
 *
 * protobuf-c allocates as it goes: a message of a million empty repeated entries takes a hundred
 * times its own size. With a struct pb each unpack has a budget, and fails when it is used up:
 *
 *	struct pb pb;
 *	Noise__HandshakePayload *m = noise__handshake_payload__unpack(pb_init(&pb, 16384), n, p);
 *	...
 *	noise__handshake_payload__free_unpacked(m, &pb.allocator);
 *
 * Source: protobuf-c, ProtobufCAllocator. */
#ifndef CODEC_PB_H
#define CODEC_PB_H

#include <stddef.h>

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"

/* By value on the stack; outlives the message unpacked with it. */
struct pb {
	ProtobufCAllocator allocator;
	size_t left; /* bytes that may still be allocated */
};

/* Starts a budget of `bytes` for one unpack. Returns &pb->allocator. */
ProtobufCAllocator *pb_init(struct pb *pb, size_t bytes);

/* Appends the serialised message. Returns 0, or -1 (nothing appended) when it does not fit. */
int pb_pack(struct buf *out, const ProtobufCMessage *message);

/* A bytes field that lends `p`. */
ProtobufCBinaryData pb_data(const void *p, size_t n);

/* What a bytes field holds, lent. */
struct bytes pb_bytes(const ProtobufCBinaryData *field);

#endif

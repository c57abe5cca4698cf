#include "codec/pb.h"

#include <stdlib.h>

#include "base/alloc.h"

static void *take(void *data, size_t size)
{
	struct pb *pb = data;

	if (size > pb->left)
		return NULL;
	pb->left -= size;
	return xmalloc(size);
}

static void give_back(void *data, void *p)
{
	(void)data;
	free(p);
}

ProtobufCAllocator *pb_init(struct pb *pb, size_t bytes)
{
	pb->allocator = (ProtobufCAllocator){take, give_back, pb};
	pb->left = bytes;
	return &pb->allocator;
}

int pb_pack(struct buf *out, const ProtobufCMessage *message)
{
	size_t n = protobuf_c_message_get_packed_size(message);
	uint8_t *room = buf_reserve(out, n);

	if (room == NULL)
		return -1;
	buf_commit(out, protobuf_c_message_pack(message, room));
	return 0;
}

ProtobufCBinaryData pb_data(const void *p, size_t n)
{
	/* protobuf-c has one type for what it reads and what it writes; packing only reads. */
	return (ProtobufCBinaryData){.len = n, .data = (uint8_t *)(uintptr_t)p};
}

struct bytes pb_bytes(const ProtobufCBinaryData *field)
{
	return (struct bytes){.data = field->data, .len = field->len};
}

#include "svc-transport/yamux_frame.h"

static void put_u32(uint8_t *out, uint32_t v)
{
	out[0] = (uint8_t)(v >> 24);
	out[1] = (uint8_t)(v >> 16);
	out[2] = (uint8_t)(v >> 8);
	out[3] = (uint8_t)v;
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

void yamux_frame_put(uint8_t out[YAMUX_HEADER], const struct yamux_frame *f)
{
	out[0] = f->version;
	out[1] = f->type;
	out[2] = (uint8_t)(f->flags >> 8);
	out[3] = (uint8_t)f->flags;
	put_u32(out + 4, f->stream);
	put_u32(out + 8, f->length);
}

void yamux_frame_get(struct yamux_frame *f, const uint8_t p[YAMUX_HEADER])
{
	f->version = p[0];
	f->type = p[1];
	f->flags = (uint16_t)(p[2] << 8 | p[3]);
	f->stream = get_u32(p + 4);
	f->length = get_u32(p + 8);
}

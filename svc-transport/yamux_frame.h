/* The header of a yamux frame: twelve bytes, big endian.
 * Source: hashicorp/yamux spec.md, "Framing". */
#ifndef SVC_TRANSPORT_YAMUX_FRAME_H
#define SVC_TRANSPORT_YAMUX_FRAME_H

#include <stdint.h>

#define YAMUX_HEADER 12

enum yamux_type { YAMUX_DATA, YAMUX_WINDOW_UPDATE, YAMUX_PING, YAMUX_GOAWAY };

enum { YAMUX_SYN = 1, YAMUX_ACK = 2, YAMUX_FIN = 4, YAMUX_RST = 8 };

struct yamux_frame {
	uint8_t version; /* 0 is the only one there is */
	uint8_t type;
	uint16_t flags;
	uint32_t stream; /* 0: the session */
	/* Data: bytes that follow. WindowUpdate: credit; with RST an error code. Ping: opaque.
	 * GoAway: reason. */
	uint32_t length;
};

/* Writes and reads the twelve bytes; any header can be read, the caller judges it. */
void yamux_frame_put(uint8_t out[YAMUX_HEADER], const struct yamux_frame *f);
void yamux_frame_get(struct yamux_frame *f, const uint8_t p[YAMUX_HEADER]);

#endif

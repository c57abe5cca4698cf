/* /ipfs/ping/1.0.0, the answering side: echoes byte by byte, as it comes, since old js-libp2p sends
 * other than 32 bytes.
 * Source: libp2p specs, ping. */
#ifndef SVC_TRANSPORT_PING_H
#define SVC_TRANSPORT_PING_H

#include "svc-transport/pipe.h"

/* `user` is not used. Holds no more than the window that it was granted: bytes are given back when
 * their echo has left. */
extern const struct pipe_local ping_answer;

#endif

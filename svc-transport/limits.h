/* Every bound of the transport, once. What a stranger can make this process hold is the product of
 * these numbers; docs/THREATS.md argues from them. */
#ifndef SVC_TRANSPORT_LIMITS_H
#define SVC_TRANSPORT_LIMITS_H

/* Connections: established and being upgraded together. An IPv6 host owns a /64 and often a /56,
 * so IPv6 is counted by /56, as go-libp2p does. */
#define LIMIT_CONNECTIONS          1024
#define LIMIT_CONNECTIONS_IN       768 /* established: who gives way is in claim.h */
#define LIMIT_CONNECTIONS_ADDRESS  16  /* one IPv4 address or one IPv6 /56 */
#define LIMIT_CONNECTIONS_LOOPBACK 256
#define LIMIT_CONNECTIONS_PEER     8 /* one peer id; mutual dials make two */

/* Inbound connections that have not proved who they are. When full, the oldest gives way: an
 * honest handshake takes milliseconds, one that only holds a place takes for ever. */
#define LIMIT_HANDSHAKES         128
#define LIMIT_HANDSHAKES_OWN     64 /* places that are theirs, whatever else there is */
#define LIMIT_HANDSHAKES_ADDRESS 16 /* not for loopback */
/* A handshake costs us about as much as the one who begins it: so many at once from one address,
 * and then so many a second. Not for loopback. */
#define LIMIT_HANDSHAKES_BURST  64
#define LIMIT_HANDSHAKES_SECOND 8
/* Addresses that are remembered for that. When there are more, all others are one address. */
#define LIMIT_PLACES 8192

/* Accepts handled in one turn of the loop, so that a flood of connections starves nobody. */
#define LIMIT_ACCEPTS_PER_TURN 32

/* Deadlines, milliseconds. */
#define LIMIT_UPGRADE_MS      10000 /* TCP connected or accepted, until the muxer runs */
#define LIMIT_NEGOTIATE_MS    9000  /* one stream's multistream exchange (go gives 10 s) */
#define LIMIT_ACCEPT_MS       8000  /* a service has so long to take an inbound stream */
#define LIMIT_IDENTIFY_MS     5000
#define LIMIT_PING_IDLE_MS    60000 /* an inbound ping stream that is silent */
#define LIMIT_TCP_UNACKED_MS  20000 /* TCP_USER_TIMEOUT */
#define LIMIT_WRITE_STALL_MS  30000 /* a socket that takes nothing although we have something */
#define LIMIT_STREAM_STALL_MS 60000 /* the peer finished its side and grants no window */

/* At the end of the process: for the last messages of services that have ended already; and for
 * peers that take nothing of what they are owed. */
#define LIMIT_LEAVE_BUS_MS   500
#define LIMIT_LEAVE_STALL_MS 1000

/* Streams, both directions. Per protocol and peer: protocol_limit(). */
#define LIMIT_STREAMS                8192
#define LIMIT_STREAMS_CONNECTION     1024
#define LIMIT_STREAMS_BEFORE_SETTLED 10  /* ours, before js has wired its muxer */
#define LIMIT_WAITING_PEER           256 /* stream requests waiting for a dial */

/* Of these, streams that peers opened. A quarter is left for the owner's own, whatever strangers
 * do: of all streams, of those to one service, and of those with one peer. */
#define LIMIT_SERVED           (LIMIT_STREAMS / 4 * 3)
#define LIMIT_SERVED_SERVICE   (STREAM_COUNT_MAX / 4 * 3)
#define LIMIT_SERVED_PEER      (LIMIT_STREAMS_CONNECTION / 4 * 3) /* over all its connections */
#define LIMIT_NEGOTIATING_PEER 256                                /* protocol not yet chosen */
/* These two hold for an address as well, whoever is there: an IPv4 address or an IPv6 /56. Of each
 * protocol an address may have as many streams as one peer, but at least so many: those of peers
 * who share it. */
#define LIMIT_SERVED_ADDRESS 128

/* How fast a connection may open them: so many at once, then so many a second. A request that does
 * nothing else costs two of our processes 0.3 ms, so nobody who is answered comes near 16000 a
 * second; but one who gives up what he opened, or is refused, spares himself the answer, and pays
 * eight times as much. That leaves 2048 a second: four whole pages of LIMIT_SERVED_PEER streams
 * that a browser has called off, again and again. */
#define LIMIT_OPENINGS_BURST  16384
#define LIMIT_OPENINGS_SECOND 16384
#define LIMIT_OPENING_WASTED  7 /* beyond the one that each costs */

/* Bytes. */
#define LIMIT_READ_TURN (272 * 1024) /* read from one socket in one turn */
#define LIMIT_OUT_SOFT  (272 * 1024) /* one write: a full message of a service */
/* Queued for all peers together. Beyond it the address that lets the most wait pays, or the peer
 * when that has more; on loopback it is always the peer. */
#define LIMIT_BUFFERED_TOTAL   (256 * 1024 * 1024)
#define LIMIT_IDENTIFY_MESSAGE 8192
#define LIMIT_IDENTIFY_COUNT   10
#define LIMIT_PUSHES           10 /* of one peer, in */
#define LIMIT_PUSHES_MS        20000
#define LIMIT_IDENTIFY_ANSWER  2048 /* what we send: one message that rust-libp2p reads whole */

/* Address book and dialling. */
#define LIMIT_BOOK_PEERS       4096
#define LIMIT_BOOK_ADDRS       32 /* one peer, all sources */
#define LIMIT_DIALS            128
#define LIMIT_DIAL_ADDRS       16 /* one dial */
#define LIMIT_DIAL_TRIES       4  /* of one dial at the same time */
#define LIMIT_BACKOFF_ROWS     4096
#define LIMIT_DIAL_PRIVATE_MS  5000
#define LIMIT_DIAL_PUBLIC_MS   10000
#define LIMIT_DIAL_STAGGER_MS  250
#define LIMIT_DIAL_PROGRESS_MS 2000 /* the same once TCP is connected */
#define LIMIT_BACKOFF_FIRST_MS 5000
#define LIMIT_BACKOFF_LAST_MS  300000

#endif

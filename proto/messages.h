/* Every message that crosses a process border, once.
 *
 * M(number, NAME, from, to, largest size, payload): the enum, the names in logs, the check "may
 * this service send that to me" and docs/PROTOCOL.md are made from this list.
 *
 * A message is `type u16` followed by its fields, big endian: u8 u16 u32 u64 i64, str (u16 length,
 * UTF-8, no zero), bytes (u32 length), list<T> (u16 count), rest (all that remains). Streams are
 * described in stream.h, the parent's conversation in parent.h, links in link.h. */
#ifndef PROTO_MESSAGES_H
#define PROTO_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/services.h"

#define ONLY(s)        (1u << SERVICE_##s)
#define FROM_STREAMS   (ONLY(TRANSPORT) | ONLY(VIEWER) | ONLY(DISCOVERY) | ONLY(DB))
#define ALL_SERVICES   (FROM_STREAMS | ONLY(RENDEZVOUS))
#define STREAM_PAYLOAD (256 * 1024)

#define MESSAGES(M)                                                                                \
	/* supervisor and child, over descriptor 3 */                                              \
	M(1, CONFIG, ONLY(SUPERVISOR), ALL_SERVICES, 65536, "list<str key, str value>")            \
	M(2, LINK_SET, ONLY(SUPERVISOR), ALL_SERVICES, 64,                                         \
	    "sibling u8, generation u32, bytes token; with it the slab's descriptor")              \
	M(3, LINK_DOWN, ONLY(SUPERVISOR), ALL_SERVICES, 512,                                       \
	    "sibling u8, generation u32, str why")                                                 \
	M(4, START, ONLY(SUPERVISOR), ALL_SERVICES, 16, "")                                        \
	M(5, READY, ALL_SERVICES, ONLY(SUPERVISOR), 16, "")                                        \
	M(6, STOP, ONLY(SUPERVISOR), ALL_SERVICES, 16, "grace_ms u32, comes_back u8")              \
	M(7, FACT, ALL_SERVICES, ONLY(SUPERVISOR), 8192, "str key, str value")                     \
	M(8, REPORT_GET, ONLY(SUPERVISOR), ALL_SERVICES, 512, "request u32, str what")             \
	M(9, REPORT, ALL_SERVICES, ONLY(SUPERVISOR), 131072, "request u32, json rest")             \
	M(10, ALARM, ALL_SERVICES, ONLY(SUPERVISOR), 1024, "str text")                             \
	M(11, PULSE, ONLY(SUPERVISOR), ALL_SERVICES, 16, "number u32")                             \
	M(12, PULSE_BACK, ALL_SERVICES, ONLY(SUPERVISOR), 16, "number u32")                        \
	M(13, TRACE_SET, ONLY(SUPERVISOR), ALL_SERVICES, 64, "peers u16, bytes types")             \
	M(14, TRACE, ALL_SERVICES, ONLY(SUPERVISOR), 65536,                                        \
	    "lost u32, list<at_ms i64, out u8, peer u8, type u16, bytes u32>")                     \
	/* every link */                                                                           \
	M(20, HELLO, FROM_STREAMS, FROM_STREAMS, 64,                                               \
	    "version u16, service u8, generation u32, greeting u32")                               \
	M(21, HELLO_BACK, FROM_STREAMS, FROM_STREAMS, 64,                                          \
	    "version u16, service u8, generation u32, greeting u32")                               \
	M(22, BYE, FROM_STREAMS, FROM_STREAMS, 16, "")                                             \
	M(23, BYE_BACK, FROM_STREAMS, FROM_STREAMS, 16, "")                                        \
	/* streams: viewer, discovery, db with transport; viewer with db */                        \
	M(30, STREAM_OPEN, FROM_STREAMS, FROM_STREAMS, 2048,                                       \
	    "stream u32, list<u8> protocols, str peer, str address, deadline_ms u32")              \
	M(31, STREAM_OPENED, FROM_STREAMS, FROM_STREAMS, 1024,                                     \
	    "stream u32, protocol u8, str address")                                                \
	M(32, STREAM_DATA, FROM_STREAMS, FROM_STREAMS, STREAM_PAYLOAD + 64,                        \
	    "stream u32, flags u8 (1 = last), rest")                                               \
	M(33, STREAM_CREDIT, FROM_STREAMS, FROM_STREAMS, 32, "stream u32, bytes u32")              \
	M(34, STREAM_RESET, FROM_STREAMS, FROM_STREAMS, 8192, "stream u32, code u8, str text")     \
	/* the same as STREAM_DATA; the bytes are in the slab that both ends share (slab.h) */     \
	M(35, STREAM_SLOT, FROM_STREAMS, FROM_STREAMS, 32,                                         \
	    "stream u32, flags u8 (1 = last), slot u8, bytes u32")                                 \
	/* who we are and where we listen */                                                       \
	M(40, SELF, ONLY(TRANSPORT), FROM_STREAMS, 1024, "str peer, bytes public_key, port u16")   \
	M(41, SELF_ADDRS, ONLY(DISCOVERY), ONLY(TRANSPORT), 16384, "list<str> multiaddrs")         \
	/* the address book, and connections to peers */                                           \
	M(42, ADDRS, ONLY(DISCOVERY), ONLY(TRANSPORT), 16384,                                      \
	    "str peer, source u8, ttl_ms u32, list<str> multiaddrs")                               \
	M(43, CONNECT, ONLY(DISCOVERY), ONLY(TRANSPORT), 512, "str peer")                          \
	M(44, CONNECT_FAILED, ONLY(TRANSPORT), ONLY(DISCOVERY), 8192, "str peer, str text")        \
	M(45, PEER_UP, ONLY(TRANSPORT), ONLY(DISCOVERY), 4096,                                     \
	    "str peer, str address, str agent, list<u8> protocols, identified u8")                 \
	M(46, PEER_DOWN, ONLY(TRANSPORT), ONLY(DISCOVERY), 1024, "str peer, str why")              \
	/* the two signatures that the key gives */                                                \
	M(50, SIGN_PUBLISH, ONLY(DISCOVERY), ONLY(TRANSPORT), 65536,                               \
	    "request u32, str topic, seqno u64, bytes data")                                       \
	M(51, SIGN_PRESENCE, ONLY(DISCOVERY), ONLY(TRANSPORT), 32768,                              \
	    "request u32, str type, str content, str email, str avatar_hash, ts i64, list<str> "   \
	    "addrs")                                                                               \
	M(52, SIGNATURE, ONLY(TRANSPORT), ONLY(DISCOVERY), 512, "request u32, bytes signature")    \
	/* who is there: a snapshot when the link comes up (PERSON..., PEOPLE_ALL), then changes   \
	 */                                                                                        \
	M(60, PERSON, ONLY(DISCOVERY), ONLY(VIEWER) | ONLY(DB), 8192,                              \
	    "str peer, str label, str email, str avatar_hash, last_seen_ms i64, via u8")           \
	M(61, PERSON_GONE, ONLY(DISCOVERY), ONLY(VIEWER) | ONLY(DB), 512, "str peer")              \
	M(62, PEOPLE_ALL, ONLY(DISCOVERY), ONLY(VIEWER) | ONLY(DB), 16, "")

/* Every number is below. */
#define MSG_NUMBERS 128

enum msg_type {
#define M(number, NAME, from, to, max, payload) MSG_##NAME = number,
	MESSAGES(M)
#undef M
};

/* "STREAM_DATA" and so on; "?" for a number that is none. */
const char *msg_name(unsigned type);

/* Is it about a stream (stream.h)? */
bool msg_is_stream(unsigned type);

/* The largest size in bytes, type included; 0 for a number that is none. */
size_t msg_max(unsigned type);

/* May `from` send this type to `to`? */
bool msg_allowed(unsigned type, enum service_id from, enum service_id to);

#endif

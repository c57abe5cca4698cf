/* Who may have a connection: counts by address, against strangers who would use up what there is.
 * No I/O; the time is an argument (milliseconds). */
#ifndef SVC_TRANSPORT_ADMISSION_H
#define SVC_TRANSPORT_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct admission;

/* Where a connection comes from or goes to, as far as counting goes: an IPv4 address, also when it
 * is mapped into IPv6, or the /56 of an IPv6 address. By value, kept with the connection. */
struct admission_key {
	uint8_t len;
	uint8_t bytes[8];
	bool loopback;
};

struct admission *admission_new(void);
void admission_free(struct admission *a); /* NULL is fine */

/* The key of a socket address of IPv4 or IPv6. */
struct admission_key admission_key_of(const struct sockaddr *sa);

enum admission_verdict {
	ADMISSION_YES,
	ADMISSION_CROWDED, /* only if the oldest inbound handshake makes room first */
	ADMISSION_NO       /* too many from there, or altogether */
};

/* May a connection from there begin? Nothing is counted yet. How fast an address has come is known
 * of LIMIT_PLACES of them; while all of these have to rest, the others count as one address. */
enum admission_verdict admission_ask(
    struct admission *a, const struct admission_key *key, bool inbound, uint64_t now);

/* One more connection, one less. `handshake`: inbound and not yet upgraded. */
void admission_enter(
    struct admission *a, const struct admission_key *key, bool handshake, uint64_t now);
void admission_upgraded(struct admission *a, const struct admission_key *key);
void admission_leave(struct admission *a, const struct admission_key *key, bool handshake);

/* Has the last inbound connection that was upgraded no place, unless another gives way? Asked then,
 * and not before: who only connects has shown nothing that another should go for. */
bool admission_is_over(const struct admission *a);

/* Connections now, and those of them that are handshakes. */
size_t admission_count(const struct admission *a);
size_t admission_handshakes(const struct admission *a);

#endif

/* TCP: the only file of the transport that makes network sockets. All are non-blocking. */
#ifndef SVC_TRANSPORT_TCP_H
#define SVC_TRANSPORT_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/loop.h"

#define TCP_WHY 160

struct tcp_listener;

/* A connection has come in; the descriptor is the callee's, `from` is lent. */
typedef void tcp_accept_fn(void *arg, int fd, const struct sockaddr *from);

/* Binds and listens on the port on all addresses, by one socket for IPv4 and one for IPv6 (which
 * takes no mapped IPv4); port 0 picks one that is free for both. A host without one of the two does
 * with the other. Nothing is accepted before tcp_listener_start(). NULL with a sentence in `why`
 * (TCP_WHY bytes) when the port cannot be had. */
struct tcp_listener *tcp_listen(
    struct loop *loop, uint16_t port, tcp_accept_fn *accept, void *arg, char *why);
void tcp_listener_start(struct tcp_listener *l);
void tcp_listener_free(struct tcp_listener *l); /* NULL is fine */

uint16_t tcp_listener_port(const struct tcp_listener *l);
/* "0.0.0.0:4001, [::]:4001", as far as there. */
void tcp_listener_text(const struct tcp_listener *l, char *out, size_t size);

/* Begins to connect, from a port that the system chooses: from the listen port, two peers that dial
 * each other would meet in a TCP simultaneous open and both be initiators. Returns the descriptor,
 * to be watched for WATCH_WRITE; or -1 with the reason in `why`. */
int tcp_connect(const struct sockaddr *to, socklen_t len, char *why);

/* Once it is writable: 0, or -1 with the reason ("connection refused"). */
int tcp_connected(int fd, char *why);

/* Bytes moved; 0 when reading: the end of the stream. */
#define TCP_AGAIN  (-1L) /* nothing now */
#define TCP_BROKEN (-2L) /* reason in `why` */
long tcp_read(int fd, void *p, size_t n, char *why);
long tcp_write(int fd, const void *p, size_t n, char *why);

/* Says that we write no more; reading goes on. */
void tcp_finish(int fd);
/* After tcp_finish(): true when the other side has all that was written, and our end with it.
 * `acked` counts the bytes that it has acknowledged so far. */
bool tcp_delivered(int fd, uint64_t *acked);
/* Says that we write no more, then closes. */
void tcp_close(int fd);

#endif

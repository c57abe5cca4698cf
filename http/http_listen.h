/* Listening sockets from "host:port" settings, with errors that a person can act on. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define HTTP_LISTEN_ERROR 256

struct http_address {
	struct sockaddr_storage sa;
	socklen_t len;
	char host[INET6_ADDRSTRLEN]; /* "127.0.0.1", "::1", "0.0.0.0" */
	uint16_t port;
	bool any; /* every address of this machine */
};

/* Parses "127.0.0.1:8080", "[::1]:8080", "localhost:8080" or ":8080" (every address). Names other
 * than localhost are not looked up. Port 0 stands for a free one. Returns 0, or -1 with a sentence
 * in `error` that begins with `key`, the setting's name. */
int http_listen_parse(
    const char *key, const char *text, struct http_address *out, char error[HTTP_LISTEN_ERROR]);

/* Binds and listens; the port in `address` becomes the one that was taken. Returns the
 * non-blocking descriptor, the caller's; or -1 with a sentence as above. */
int http_listen_open(const char *key, struct http_address *address, char error[HTTP_LISTEN_ERROR]);

/* A listening TCP socket that was handed over, number `fd`: makes it as if http_listen_open() had
 * opened it, with its own address in `address`. 0, or -1 with a sentence as above. */
int http_listen_adopt(
    const char *key, int fd, struct http_address *address, char error[HTTP_LISTEN_ERROR]);

#endif

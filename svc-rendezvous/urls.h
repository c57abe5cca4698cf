/* The addresses under which others can connect to this server. */
#ifndef SVC_RENDEZVOUS_URLS_H
#define SVC_RENDEZVOUS_URLS_H

#include <stddef.h>

#include "http/http_listen.h"

#define URLS_MAX 16
#define URL_MAX  1025

struct urls {
	char text[URLS_MAX][URL_MAX];
	size_t count;
};

/* `external` alone when it is set; the address listened on; or, when that is every address, one for
 * each address of a real interface, the loopback address when there is none. Without a slash at the
 * end. */
void urls_find(struct urls *urls, const char *external, const struct http_address *address);

/* Not a bridge, container or virtual machine's end, by its name. */
bool urls_interface_is_real(const char *name);

#endif

/* HTTP basic auth (RFC 7617) for the administrator: compared in constant time, and slow for who
 * guesses. No I/O. */
#ifndef SVC_RENDEZVOUS_PASSWORD_H
#define SVC_RENDEZVOUS_PASSWORD_H

#include <stdint.h>

struct password;

enum password_result {
	PASSWORD_RIGHT,
	PASSWORD_WRONG,    /* or none was given */
	PASSWORD_DISABLED, /* none is set */
	PASSWORD_SLOW      /* too many wrong ones from this address: not even looked at */
};

/* "" disables. Copied. */
struct password *password_new(const char *password);
void password_free(struct password *p); /* NULL is fine */

/* `authorization` is the header or NULL, `client` the key of the address. After
 * PASSWORD_FREE_TRIES wrong ones each further one doubles the time in which that address is not
 * listened to, from one second to a minute. With PASSWORD_SLOW *wait_s says how long still. */
#define PASSWORD_FREE_TRIES 5
enum password_result password_check(struct password *p, const char *authorization,
    const char *client, int64_t now_ms, uint32_t *wait_s);

#endif

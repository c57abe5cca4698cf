/* The peer's id, kept in data/peer-id so that it can be told while the peer is stopped: the key
 * itself is opened by the transport alone. */
#ifndef SUPERVISOR_PEER_FILE_H
#define SUPERVISOR_PEER_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define PEER_FILE_MAX 128

/* Failing to is no reason to stop. */
void peer_file_write(const char *id);

/* False when the peer has never been started, or the key that the id came from is gone (`key_file`
 * is identity.key_file: only looked for, not opened). */
bool peer_file_read(const char *key_file, char out[PEER_FILE_MAX]);

#endif

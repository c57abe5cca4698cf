/* Hash map from byte strings to pointers, safe against chosen keys (SipHash, random seed). */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map;

/* An empty map; the caller owns it. */
struct map *map_new(void);

/* Releases the map and its copies of the keys, not the values. NULL is fine. */
void map_free(struct map *m);

/* How many keys there are. */
size_t map_count(const struct map *m);

/* The value, or NULL. */
void *map_get(const struct map *m, const void *key, size_t len);

/* Sets a value (not NULL); the key is copied. Returns the value that it replaced, or NULL. */
void *map_set(struct map *m, const void *key, size_t len, void *value);

/* Removes and returns the value, or NULL. */
void *map_remove(struct map *m, const void *key, size_t len);

/* The same for keys that are C strings, and for 32-bit numbers. */
void *map_gets(const struct map *m, const char *key);
void *map_sets(struct map *m, const char *key, void *value);
void *map_removes(struct map *m, const char *key);
void *map_getn(const struct map *m, uint32_t key);
void *map_setn(struct map *m, uint32_t key, void *value);
void *map_removen(struct map *m, uint32_t key);

/* Walks in no particular order: start with *at = 0, ends with NULL. `key` and `len` may be NULL.
 * The entry just returned may be removed during the walk; nothing may be added. */
void *map_next(const struct map *m, size_t *at, const void **key, size_t *len);

#define MAP_FOREACH(m, at, value)                                                                  \
	for (size_t at = 0; ((value) = map_next((m), &(at), NULL, NULL)) != NULL;)

#endif

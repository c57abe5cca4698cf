/* Introduces services to each other: whenever both ends of a link of proto/links.h run, both get a
 * fresh random token for it, and a fresh slab (proto/slab.h) where links.h says so; when one dies,
 * the other is told. */
#ifndef SUPERVISOR_PAIRING_H
#define SUPERVISOR_PAIRING_H

#include <stddef.h>

#include "supervisor/minder.h"

/* `m` has just been started: LINK_SET to it and to each neighbour that runs. */
void pairing_up(struct minder *const all[], size_t n, struct minder *m);

/* The process of `m` of that generation has ended: LINK_DOWN to each neighbour that runs. */
void pairing_down(
    struct minder *const all[], size_t n, struct minder *m, uint32_t generation, const char *why);

#endif

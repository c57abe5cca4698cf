/* "Did you mean ...?": the known word that is the fewest slips away from what was typed. */
#ifndef SUPERVISOR_NEAREST_H
#define SUPERVISOR_NEAREST_H

#include <stddef.h>

/* Letters to insert, remove, change or swap with the next one to make one word of the other
 * (optimal string alignment distance). Only the first 96 bytes of each count. */
size_t nearest_slips(const char *a, const char *b);

#endif

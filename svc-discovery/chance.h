/* Small random numbers that spread what would happen at once: times of retries and answers. Nothing
 * secret depends on them. */
#ifndef SVC_DISCOVERY_CHANCE_H
#define SVC_DISCOVERY_CHANCE_H

#include <stdint.h>

/* A number below `below` (not 0). *state may begin with anything (splitmix64). */
static inline uint64_t chance_below(uint64_t *state, uint64_t below)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (z ^ z >> 31) % below;
}

#endif

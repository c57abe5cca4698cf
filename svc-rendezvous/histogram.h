/* How long something took, counted in classes. No I/O. */
#ifndef SVC_RENDEZVOUS_HISTOGRAM_H
#define SVC_RENDEZVOUS_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_CLASSES 14

struct histogram {
	uint64_t counts[HISTOGRAM_CLASSES + 1]; /* each without those before; the last: longer */
	uint64_t sum_us;
};

/* The longest of each class, microseconds. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES];

/* Counts one that took so many microseconds. */
void histogram_observe(struct histogram *h, uint64_t us);

#endif

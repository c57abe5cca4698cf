#include "svc-rendezvous/histogram.h"

const uint32_t histogram_bounds_us[HISTOGRAM_CLASSES] = {
    50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 500000, 1000000, 5000000};

void histogram_observe(struct histogram *h, uint64_t us)
{
	int i = 0;

	while (i < HISTOGRAM_CLASSES && us > histogram_bounds_us[i])
		i++;
	h->counts[i]++;
	h->sum_us += us;
}

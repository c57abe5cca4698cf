/* Time. Deadlines use the monotonic clock, stamps that others see use the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_mono_ms(void); /* milliseconds, never goes back, unrelated to the date */
uint64_t clock_mono_us(void); /* the same in microseconds */
int64_t clock_wall_ms(void);  /* Unix time in milliseconds */

/* "2026-01-31T23:59:59.123Z" for a wall time in milliseconds; `out` takes 25 bytes. */
void clock_format(int64_t wall_ms, char out[25]);

#endif

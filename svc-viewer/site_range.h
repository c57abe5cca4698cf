/* Which part of a file a browser asks for. No I/O.
 * Source: RFC 9110, section 14 (Range Requests). */
#ifndef SVC_VIEWER_SITE_RANGE_H
#define SVC_VIEWER_SITE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes from `from` up to `end`, which is not among them. */
struct site_range {
	uint64_t from, end;
};

enum site_range_asked {
	SITE_RANGE_WHOLE, /* the file: no range, several, or none that is understood */
	SITE_RANGE_PART,
	SITE_RANGE_OUTSIDE /* nothing of the file: 416 */
};

/* Reads the value of a Range header (NULL for none) for a file of `size` bytes. *range is what to
 * send, of no length when it is outside. */
enum site_range_asked site_range_find(const char *header, uint64_t size, struct site_range *range);

#endif

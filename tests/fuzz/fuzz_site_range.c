/* A browser's Range header: what comes of it is always within the file. */
#include <stdlib.h>
#include <string.h>

#include "svc-viewer/site_range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first eight bytes are the file's size. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum site_range_asked asked;
	struct site_range r;
	uint64_t file;
	char *header;

	if (size < sizeof(file))
		return 0;
	memcpy(&file, data, sizeof(file));
	header = strndup((const char *)data + sizeof(file), size - sizeof(file));
	asked = site_range_find(header, file, &r);
	free(header);
	if (r.end > file || r.from > r.end || (asked == SITE_RANGE_PART && r.from == r.end) ||
	    (asked == SITE_RANGE_OUTSIDE && r.from != r.end) ||
	    (asked == SITE_RANGE_WHOLE && r.end - r.from != file))
		abort();
	return 0;
}

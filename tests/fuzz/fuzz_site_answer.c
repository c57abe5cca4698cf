/* The answer line of a remote peer. */
#include <stdlib.h>
#include <string.h>

#include "svc-viewer/site_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site_line_answer a;
	size_t used = 0;

	if (site_line_answer(data, size, &a, &used) != SITE_LINE_DONE)
		return 0;
	if (used == 0 || used > size || data[used - 1] != '\n' || a.size > INT64_MAX)
		abort();
	for (const char *c = a.text; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			abort();
	return 0;
}

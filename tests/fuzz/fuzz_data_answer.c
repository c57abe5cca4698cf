/* The answer line of a remote peer's database. */
#include <stdlib.h>
#include <string.h>

#include "svc-viewer/data_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct bytes line = {data, size};
	size_t used = 0;
	bool ok;
	char *text;

	if (data_line_begin(line, &used) == DATA_LINE_VALUE && used > size)
		abort();
	if (data_line_value_end(line) >= (long)size)
		abort();
	text = data_line_whole(line, &ok);
	free(text);
	return 0;
}

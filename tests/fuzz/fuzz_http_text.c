/* Request targets: whatever is sent, a decoded path holds no control character and survives being
 * escaped again. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "http/http_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *target = xstrndup((const char *)data, size);
	char *path = http_text_path(target), *again;
	struct buf escaped;

	buf_init(&escaped, 4 * size + 1);
	if (path != NULL) {
		for (const char *c = path; *c != '\0'; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				abort();
		/* Escaped anew, all but its slashes, it is the same. */
		for (const char *c = path; *c != '\0'; c++)
			buf_putf(&escaped, *c == '/' ? "/" : "%%%02X", (unsigned char)*c);
		if (buf_put_u8(&escaped, 0) != 0)
			abort();
		again = http_text_path((const char *)buf_data(&escaped));
		if (again == NULL || strcmp(again, path) != 0)
			abort();
		free(again);
	}
	buf_clear(&escaped);
	free(path);
	free(target);
	return 0;
}

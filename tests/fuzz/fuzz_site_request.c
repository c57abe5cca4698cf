/* A visitor's request line, and the file name that comes out of it: it never leaves the folder. */
#include <stdlib.h>
#include <string.h>

#include "svc-viewer/site.h"
#include "svc-viewer/site_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[SITE_LINE_REQUEST_MAX], name[SITE_PATH_MAX];

	if (site_line_request(data, size, path) != SITE_LINE_DONE)
		return 0;
	if (strlen(path) >= size || strpbrk(path, "\r\n") != NULL)
		abort();
	if (site_path(path, name) != SITE_OK)
		return 0;
	if (name[0] == '/' || name[0] == '.' || strstr(name, "/.") != NULL ||
	    strncmp(name, "lua/", 4) == 0)
		abort();
	return 0;
}

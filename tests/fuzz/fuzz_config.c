/* Any text as goop.json: good or complaints, each a short line that begins with the file's name and
 * holds no control character. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_note(const char *note)
{
	if (strncmp(note, "goop.json:", 10) != 0 || strlen(note) > 1000)
		abort();
	for (; *note != '\0'; note++)
		if ((unsigned char)*note < 0x20 || *note == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *c = config_parse("goop.json", (const char *)data, size);

	if (!config_good(c) && config_note(c, 0) == NULL)
		abort();
	for (size_t i = 0; config_note(c, i) != NULL; i++)
		check_note(config_note(c, i));
	if (config_good(c) && strlen(config_get(c, "viewer.http_addr")) < 3)
		abort();
	config_free(c);
	return 0;
}

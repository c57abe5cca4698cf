/* Any text: a presence or refused with a reason; what was accepted writes and reads back. */
#include <stdlib.h>
#include <string.h>

#include "codec/presence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct presence p, again;
	const char *why = NULL;
	char *text;

	if (presence_parse(&p, (const char *)data, size, &why) != 0) {
		if (why == NULL)
			abort();
		return 0;
	}
	text = presence_to_json(&p);
	/* Escapes may make the text longer than what was read. */
	if (strlen(text) <= PRESENCE_JSON_MAX &&
	    (presence_parse(&again, text, strlen(text), &why) != 0 || again.ts != p.ts ||
		strcmp(again.content, p.content) != 0 || again.addr_count != p.addr_count ||
		presence_verify(&again) != presence_verify(&p)))
		abort();
	if (strlen(text) <= PRESENCE_JSON_MAX)
		presence_clear(&again);
	free(text);
	presence_clear(&p);
	return 0;
}

/* Any text: a tree or an error with its place; what was accepted writes and reads back to the same
 * text. */
#include <stdlib.h>
#include <string.h>

#include "codec/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_error error = {0};
	cJSON *tree = json_parse((const char *)data, size, 10000, &error);
	char *text, *again;

	if (tree == NULL) {
		if (error.line == 0 || error.column == 0 || error.what[0] == '\0')
			abort();
		return 0;
	}
	text = json_print(tree);
	cJSON_Delete(tree);
	tree = json_parse(text, strlen(text), 10000, &error);
	if (tree == NULL)
		abort();
	again = json_print(tree);
	if (strcmp(text, again) != 0)
		abort();
	cJSON_Delete(tree);
	free(again);
	free(text);
	return 0;
}

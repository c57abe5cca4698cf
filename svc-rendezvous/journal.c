#include "svc-rendezvous/journal.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "codec/json.h"

void journal_add(struct journal *j, int64_t wall_ms, const char *text)
{
	char time[25];

	clock_format(wall_ms, time);
	free(j->lines[j->next]);
	j->lines[j->next] = xasprintf("%s %s", time, text);
	j->next = (j->next + 1) % JOURNAL_LINES;
}

void journal_clear(struct journal *j)
{
	for (size_t i = 0; i < JOURNAL_LINES; i++)
		free(j->lines[i]);
	*j = (struct journal){0};
}

const char *journal_line(const struct journal *j, size_t i)
{
	return i >= JOURNAL_LINES ? NULL
	                          : j->lines[(j->next + JOURNAL_LINES - 1 - i) % JOURNAL_LINES];
}

char *journal_to_json(const struct journal *j)
{
	cJSON *list = cJSON_CreateArray();
	const char *line;
	char *text;

	for (size_t i = JOURNAL_LINES; i-- > 0;)
		if ((line = journal_line(j, i)) != NULL)
			cJSON_AddItemToArray(list, cJSON_CreateString(line));
	text = json_print(list);
	cJSON_Delete(list);
	return text;
}

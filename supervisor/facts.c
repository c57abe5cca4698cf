#include "supervisor/facts.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

void facts_clear(struct facts *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->all[i].value);
	f->count = 0;
}

static size_t find(const struct facts *f, const char *key)
{
	size_t i = 0;

	while (i < f->count && strcmp(f->all[i].key, key) != 0)
		i++;
	return i;
}

int facts_set(struct facts *f, const char *key, const char *value)
{
	size_t i = find(f, key);

	if (i == FACTS_MAX || key[0] == '\0' || strlen(key) >= FACTS_KEY_MAX)
		return -1;
	if (i == f->count) {
		str_copy(f->all[i].key, FACTS_KEY_MAX, key);
		f->all[i].value = NULL;
		f->count++;
	}
	free(f->all[i].value);
	f->all[i].value = xstrdup(value);
	return 0;
}

const char *facts_get(const struct facts *f, const char *key)
{
	size_t i = find(f, key);

	return i < f->count ? f->all[i].value : NULL;
}

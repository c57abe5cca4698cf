/* One value of goop.json against its row of the table. */
#ifndef SUPERVISOR_CONFIG_VALUE_H
#define SUPERVISOR_CONFIG_VALUE_H

#include <stddef.h>

#include "codec/json.h"
#include "supervisor/config_table.h"

/* The value as text in the form of config_get(), owned by the caller, or NULL when it is of the
 * wrong type or not allowed. Not for CONFIG_DERIVED and CONFIG_IGNORED. */
char *config_value(const struct config_key *key, const cJSON *value);

/* What is allowed, in words: "a whole number from 0 to 65535". */
void config_allowed(const struct config_key *key, char *out, size_t size);

#endif

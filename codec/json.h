/* cJSON with bounds. The only header that includes cJSON.h; the tree API is cJSON's own. */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#define JSON_DEPTH_MAX 32

/* Where and why text is not JSON. */
struct json_error {
	unsigned line, column; /* from 1, in characters */
	char what[128];        /* "expected ',' or '}'", ... */
};

/* Parses exactly one value with nothing but white space around it (RFC 8259); strict UTF-8; at most
 * JSON_DEPTH_MAX levels and `max_nodes` values. Refused as well, because programs differ in what
 * they make of it: a member name that occurs twice in an object, a zero character or half a
 * surrogate pair in a string, a number that a double cannot hold. Returns a tree for
 * cJSON_Delete(), or NULL with *error filled (error may be NULL). */
cJSON *json_parse(const char *text, size_t n, size_t max_nodes, struct json_error *error);

/* Does every whole number in that text survive being a double, as which the tree has it? One that
 * is written with a fraction or an exponent may be rounded. */
bool json_is_exact(const char *text, size_t n);

/* Where a value of that text begins, or its name when it is a member: for complaints about what the
 * values mean. Values are counted from 1 in the order of the text, each before what it holds.
 * Returns false when there are fewer; `what` is set to "". */
bool json_where(const char *text, size_t n, size_t value, struct json_error *where);

/* Compact text, owned by the caller (free(3)). Numbers are written so that reading them gives the
 * same double again, integers up to 2^53 without an exponent (cJSON itself rounds after 15 digits);
 * what a double cannot hold is given as raw text (cJSON_CreateRaw). NaN and infinity become null.
 */
char *json_print(const cJSON *value);

/* The member's string, or NULL when it is missing or not a string (lent by the tree). */
const char *json_str(const cJSON *object, const char *name);

/* True and *out set when the member is a number with an exact integer value within the range. */
bool json_int(const cJSON *object, const char *name, int64_t min, int64_t max, int64_t *out);

#endif

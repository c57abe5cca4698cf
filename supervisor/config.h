/* goop.json, the only source of settings: read, judged, filled up with defaults.
 *
 * What is wrong is collected as notes, one line each, "FILE:LINE:COLUMN: error: ...": a wrong type
 * or value is an error with the value found and what is allowed; an unknown key is a warning that
 * names the nearest known one. With an error, nothing may start. */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_SIZE_MAX  (256 * 1024)
#define CONFIG_NOTES_MAX 40

struct config;

/* The text of a goop.json; `file` is how messages call it (copied). Never NULL; see config_good().
 * A byte order mark in front is skipped. */
struct config *config_parse(const char *file, const char *text, size_t n);

/* The same from a file. What keeps it from being read is an error note too. */
struct config *config_load(const char *path, const char *file);

void config_free(struct config *c); /* NULL is fine */

/* No errors: values may be used. */
bool config_good(const struct config *c);

/* The i-th complaint, or NULL. Lent. */
const char *config_note(const struct config *c, size_t i);

/* The errors among them, a line each; owned by the caller. */
char *config_errors(const struct config *c);

/* The value of a key as text, its default when the file has none: numbers in decimal, "true" or
 * "false", lists separated by blanks. Lent. A key that is not in the table is a broken invariant.
 */
const char *config_get(const struct config *c, const char *key);

/* How many keys of ours the file sets, and does it set this one? */
size_t config_given(const struct config *c);
bool config_is_given(const struct config *c, const char *key);

/* Where the value comes from that a complaint is about, by the name of a key in it: "set in
 * FILE:LINE:COLUMN", "the default, FILE does not set it". False when no key is named. */
bool config_origin(const struct config *c, const char *text, char *out, size_t size);

/* Sets a key of type CONFIG_DERIVED: what a service is told although nobody writes it. */
void config_derive(struct config *c, const char *key, const char *text);

#endif

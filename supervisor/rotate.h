/* A log file that turns over: NAME, NAME.1, NAME.2, none larger than ROTATE_SIZE. A full disk or a
 * folder that cannot be written loses lines, never the process. */
#ifndef SUPERVISOR_ROTATE_H
#define SUPERVISOR_ROTATE_H

#include <stdbool.h>
#include <stddef.h>

#define ROTATE_SIZE  (1024 * 1024)
#define ROTATE_FILES 3

struct rotate;

/* Opens `path` for appending when the first line is written. */
struct rotate *rotate_new(const char *path);
void rotate_free(struct rotate *r); /* NULL is fine */

/* Appends the line and a newline. Returns 0, or -1 with errno when it was lost. */
int rotate_write(struct rotate *r, const char *line, size_t n);

/* From now on descriptor 2 is this file, also after it has turned over. */
int rotate_is_stderr(struct rotate *r);

#endif

/* Text of others made fit for a terminal or a log line: no control characters, so nothing in it can
 * move the cursor, change colours or the direction of writing, or forge a second line. */
#ifndef SUPERVISOR_PLAIN_H
#define SUPERVISOR_PLAIN_H

#include <stddef.h>

/* Copies `n` bytes with every control character (C0, DEL, C1, those of direction) and every byte
 * that is no UTF-8 as '?', tabs as blanks, cut with "..." between characters when they do not fit.
 * `out` is always terminated (size >= 4). Returns its length. */
size_t plain_copy(char *out, size_t size, const char *text, size_t n);

/* How many columns of a terminal UTF-8 takes. */
size_t plain_columns(const char *text);

/* Cuts it to as many columns, between characters. */
void plain_cut(char *text, size_t columns);

#endif

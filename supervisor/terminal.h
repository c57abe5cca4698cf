/* What may be a terminal. */
#ifndef SUPERVISOR_TERMINAL_H
#define SUPERVISOR_TERMINAL_H

#include <stdbool.h>

/* Colours on this descriptor? Only on a terminal that is not dumb, and not when NO_COLOR is set
 * (no-color.org). */
bool terminal_colour(int fd);

/* Writes the line and a newline unless that would have to wait: a terminal that is stopped, or a
 * pipe that nobody reads, never holds the supervisor up. */
void terminal_line(int fd, const char *line);

#endif

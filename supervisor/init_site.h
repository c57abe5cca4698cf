/* The site that `init` makes: the files of supervisor/site, built into the program. */
#ifndef SUPERVISOR_INIT_SITE_H
#define SUPERVISOR_INIT_SITE_H

#include <stddef.h>

struct init_file {
	const char *path; /* in the peer's folder */
	const char *text; /* "{{label}}" stands for the peer's label */
};

extern const struct init_file init_site[];
extern const size_t init_site_files;

#endif

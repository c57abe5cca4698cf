/* Every key that goop.json may hold: type, default, what is allowed. docs/goop.json.5 explains them
 * to people; a test compares the two. */
#ifndef SUPERVISOR_CONFIG_TABLE_H
#define SUPERVISOR_CONFIG_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum config_type {
	CONFIG_TEXT,    /* string of `min` to `max` bytes without control characters */
	CONFIG_WHOLE,   /* whole number from `min` to `max` */
	CONFIG_BOOL,    /* true or false */
	CONFIG_CHOICE,  /* one of the words in `choices`, separated by blanks */
	CONFIG_ADDRESS, /* "host:port" of a local listener */
	CONFIG_IP,      /* numeric IP address, or empty */
	CONFIG_URLS,    /* http or https URL or a list of them; kept separated by blanks */
	CONFIG_IPS,     /* IP addresses separated by commas, or a list of them */
	CONFIG_DERIVED, /* never in the file: found out by us, see config_derive() */
	CONFIG_IGNORED  /* of deployed configurations, not used here: any value, in silence */
};

struct config_key {
	const char *name; /* "section.key"; "section.*" stands for the whole section */
	enum config_type type;
	const char *preset; /* as text; NULL for CONFIG_IGNORED */
	int64_t min, max;
	const char *choices;
};

extern const struct config_key config_table[];
extern const size_t config_table_size;

#endif

/* The table of commands: names, words, options and help. */
#ifndef SUPERVISOR_CLI_COMMANDS_H
#define SUPERVISOR_CLI_COMMANDS_H

#include <argp.h>

#include "supervisor/cli.h"

#define PROGRAM "goop-supervisor"

enum cli_option {
	OPTION_LABEL = 'l',
	OPTION_PORT = 'p',
	OPTION_JSON = 'j',
	OPTION_DAEMON = 'd',
	OPTION_VERBOSE = 'v',
	OPTION_FOLLOW = 'f',
	OPTION_LINES = 'n',
	OPTION_WATCH = 'w'
};

struct cli_command {
	const char *name;
	const char *words;  /* for the usage line */
	size_t least, most; /* words it takes */
	int (*run)(const struct cli_args *args);
	const struct argp_option *options;
	const char *brief; /* for the list of commands */
	const char *doc;   /* for its own --help, in front of and behind the options */
};

extern const struct cli_command cli_commands[];
extern const size_t cli_command_count;

#endif

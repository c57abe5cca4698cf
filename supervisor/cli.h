/* The command line: one table of commands, and what they share. Exit codes: 0 done, 1 failed, 2
 * wrong usage, 3 not running, 78 bad configuration. */
#ifndef SUPERVISOR_CLI_H
#define SUPERVISOR_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "codec/json.h"
#include "supervisor/config.h"

enum cli_status {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
	CLI_NOT_RUNNING = 3,
	CLI_BAD_CONFIG = 78
};

#define CLI_WORDS 3

/* What was said after the command's name. */
struct cli_args {
	const char *words[CLI_WORDS]; /* in order; NULL where there are fewer */
	size_t count;
	const char *label; /* --label */
	unsigned port;     /* --port, 0 without */
	unsigned lines;    /* --lines */
	bool json, daemon, verbose, follow, watch;
};

int cli_main(int argc, char **argv);

/* The commands. Each returns an exit status after saying what went wrong. */
int cli_init(const struct cli_args *args);
int cli_start(const struct cli_args *args);
int cli_rendezvous(const struct cli_args *args);
int cli_stop(const struct cli_args *args);
int cli_restart(const struct cli_args *args);
int cli_reload(const struct cli_args *args);
int cli_upgrade(const struct cli_args *args);
int cli_check(const struct cli_args *args);
int cli_status(const struct cli_args *args);
int cli_peers(const struct cli_args *args);
int cli_id(const struct cli_args *args);
int cli_links(const struct cli_args *args);
int cli_streams(const struct cli_args *args);
int cli_trace(const struct cli_args *args);
int cli_logs(const struct cli_args *args);

/* "goop-supervisor: ..." on standard error. */
void cli_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Makes DIR the working folder (NULL: stays). False after saying why not. */
bool cli_enter(const char *dir);

/* Asks the supervisor of DIR, complaining when there is no good answer. Returns the exit status;
 * 0 with *answer, owned by the caller. Consumes the request. */
int cli_ask(const char *dir, cJSON *request, unsigned timeout_ms, bool until_end, cJSON **answer);

/* Indented, on standard output. */
void cli_print_json(const cJSON *value);

/* Makes a folder, or finds it there. */
bool cli_make_folder(const char *path, mode_t mode);
/* Writes a file that must not be there yet. */
bool cli_write_new(const char *path, const char *text, size_t n, mode_t mode);

/* goop.json of the working folder, good or bad. */
struct config *cli_read_config(const char *dir);
/* The same with its complaints printed; NULL when it is not good. */
struct config *cli_config(const char *dir);

#endif

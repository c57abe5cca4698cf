#include "supervisor/cli_commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/owner.h"
#include "base/str.h"
#include "supervisor/ask.h"
#include "supervisor/nearest.h"

const char *argp_program_version = PROGRAM " " GOOP_VERSION;

void cli_complain(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs(PROGRAM ": ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}

bool cli_enter(const char *dir)
{
	if (dir == NULL || chdir(dir) == 0)
		return true;
	cli_complain("%s: %s", dir, strerror(errno));
	return false;
}

int cli_ask(const char *dir, cJSON *request, unsigned timeout_ms, bool until_end, cJSON **answer)
{
	char why[ASK_WHY_MAX];
	int status;

	*answer = NULL;
	if (!cli_enter(dir)) {
		cJSON_Delete(request);
		return CLI_FAILED;
	}
	status = ask(request, timeout_ms, until_end, answer, why);
	if (status == CLI_NOT_RUNNING && access("goop.json", F_OK) < 0)
		cli_complain("%s is not a peer folder: it has no goop.json",
		    dir != NULL ? dir : "this folder");
	else if (status != CLI_OK)
		cli_complain("%s: %s", dir != NULL ? dir : "the peer in this folder", why);
	/* Who wants it stopped has what he wants. */
	if (status == CLI_NOT_RUNNING && !until_end && access("goop.json", F_OK) == 0)
		fprintf(
		    stderr, "It is started by: " PROGRAM " start %s\n", dir != NULL ? dir : ".");
	return status;
}

bool cli_write_new(const char *path, const char *text, size_t n, mode_t mode)
{
	int fd = owner_open(path, O_WRONLY | O_EXCL, mode);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0 && close(fd) < 0)
		good = false;
	if (!good)
		cli_complain("%s: %s", path, strerror(errno));
	return good;
}

bool cli_make_folder(const char *path, mode_t mode)
{
	if (owner_mkdir(path, mode) == 0 || errno == EEXIST)
		return true;
	cli_complain("%s: %s", path, strerror(errno));
	return false;
}

struct config *cli_read_config(const char *dir)
{
	char *file = dir != NULL ? xasprintf("%s/goop.json", dir) : xstrdup("goop.json");
	struct config *config = config_load("goop.json", file);

	free(file);
	return config;
}

struct config *cli_config(const char *dir)
{
	struct config *config = cli_read_config(dir);

	for (size_t i = 0; config_note(config, i) != NULL; i++)
		fprintf(stderr, "%s\n", config_note(config, i));
	if (!config_good(config)) {
		if (access("goop.json", F_OK) < 0)
			fprintf(stderr, "A peer folder is made by: " PROGRAM " init %s\n",
			    dir != NULL ? dir : ".");
		config_free(config);
		config = NULL;
	}
	return config;
}

static bool take_number(const char *text, uint64_t max, unsigned *out)
{
	uint64_t v;

	if (!str_to_u64(text, 1, max, &v))
		return false;
	*out = (unsigned)v;
	return true;
}

struct parsing {
	const struct cli_command *command;
	struct cli_args args;
};

static void take_word(struct parsing *p, char *word, struct argp_state *state)
{
	if (p->args.count == p->command->most)
		argp_error(state, "too many arguments: %s", word);
	p->args.words[p->args.count++] = word;
}

static error_t take_option(int key, char *value, struct argp_state *state)
{
	struct parsing *p = state->input;

	switch (key) {
	case ARGP_KEY_ARG: take_word(p, value, state); break;
	case ARGP_KEY_END:
		if (p->args.count < p->command->least)
			argp_error(state, "it needs %s", p->command->words);
		break;
	case OPTION_LABEL: p->args.label = value; break;
	case OPTION_JSON: p->args.json = true; break;
	case OPTION_DAEMON: p->args.daemon = true; break;
	case OPTION_VERBOSE: p->args.verbose = true; break;
	case OPTION_WATCH: p->args.watch = true; break;
	case OPTION_FOLLOW: p->args.follow = true; break;
	case OPTION_PORT:
		if (!take_number(value, 65535, &p->args.port))
			argp_error(state, "not a port from 1 to 65535: %s", value);
		break;
	case OPTION_LINES:
		if (!take_number(value, 1000000, &p->args.lines))
			argp_error(state, "not a number of lines: %s", value);
		break;
	default: return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
	struct argp argp = {c->options, take_option, c->words, c->doc, NULL, NULL, NULL};
	struct parsing parsing = {.command = c};
	char *name = xasprintf(PROGRAM " %s", c->name);
	int status = CLI_USAGE;

	argv[0] = name;
	if (argp_parse(&argp, argc, argv, 0, NULL, &parsing) == 0)
		status = c->run(&parsing.args);
	free(name);
	return status;
}

/* NULL when none is like it. */
static const struct cli_command *nearest_command(const char *word)
{
	const struct cli_command *best = &cli_commands[0];

	for (size_t i = 1; i < cli_command_count; i++)
		if (nearest_slips(word, cli_commands[i].name) < nearest_slips(word, best->name))
			best = &cli_commands[i];
	return nearest_slips(word, best->name) < strlen(best->name) / 2 + 1 ? best : NULL;
}

struct choice {
	const struct cli_command *command;
	int at; /* its index in argv */
};

static error_t take_command(int key, char *word, struct argp_state *state)
{
	struct choice *choice = state->input;
	const struct cli_command *near;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "which command?");
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < cli_command_count; i++)
		if (strcmp(word, cli_commands[i].name) == 0)
			choice->command = &cli_commands[i];
	near = choice->command == NULL ? nearest_command(word) : NULL;
	if (choice->command == NULL)
		argp_error(state, "there is no command %s%s%s", word,
		    near != NULL ? "; the nearest is " : "", near != NULL ? near->name : "");
	choice->at = state->next - 1;
	state->next = state->argc;
	return 0;
}

static char *overview(void)
{
	char *text = xstrdup("Run and look after a Goop2 peer: a folder with a site and a small "
			     "database, which exists for others while it runs.\v"
			     "Commands (each has --help with examples):\n");

	for (size_t i = 0; i < cli_command_count; i++) {
		char *more =
		    xasprintf("%s  %-11s%s\n", text, cli_commands[i].name, cli_commands[i].brief);

		free(text);
		text = more;
	}
	return text;
}

int cli_main(int argc, char **argv)
{
	struct choice choice = {0};
	char *doc = overview();
	struct argp argp = {NULL, take_command, "COMMAND [ARGUMENTS...]", doc, NULL, NULL, NULL};
	char name[] = PROGRAM;

	argp_err_exit_status = CLI_USAGE;
	if (argc > 0)
		argv[0] = name;
	if (argp_parse(&argp, argc, argv, ARGP_IN_ORDER, NULL, &choice) != 0)
		choice.command = NULL;
	free(doc);
	if (choice.command == NULL)
		return CLI_USAGE;
	return run_command(choice.command, argc - choice.at, argv + choice.at);
}

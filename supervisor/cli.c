#include "supervisor/cli.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "supervisor/ask.h"
#include "supervisor/nearest.h"

#define PROGRAM "goop-supervisor"

enum { OPTION_LABEL = 'l', OPTION_PORT = 'p', OPTION_JSON = 'j', OPTION_DAEMON = 'd' };
enum { OPTION_VERBOSE = 'v', OPTION_FOLLOW = 'f', OPTION_LINES = 'n' };

static const struct argp_option no_options[] = {{0}};
static const struct argp_option init_options[] = {
    {"label", OPTION_LABEL, "NAME", 0, "What others see you as (default: the folder's name)", 0},
    {"port", OPTION_PORT, "PORT", 0,
	"Port of the local viewer (default: the first free one from 8080 on)", 0},
    {0},
};
static const struct argp_option start_options[] = {
    {"daemon", OPTION_DAEMON, NULL, 0, "Go to the background once all services are ready", 0},
    {"verbose", OPTION_VERBOSE, NULL, 0, "Show all log lines, not only warnings", 0},
    {0},
};
static const struct argp_option json_options[] = {
    {"json", OPTION_JSON, NULL, 0, "For programs", 0},
    {0},
};
static const struct argp_option logs_options[] = {
    {"follow", OPTION_FOLLOW, NULL, 0, "Go on as lines come; Ctrl-C ends it", 0},
    {"lines", OPTION_LINES, "N", 0, "How many lines to begin with (default: 40)", 0},
    {0},
};

struct command {
	const char *name;
	const char *words;  /* for the usage line */
	size_t least, most; /* words it takes */
	int (*run)(const struct cli_args *args);
	const struct argp_option *options;
	const char *brief; /* for the list of commands */
	const char *doc;   /* for its own --help, in front of and behind the options */
};

static const struct command commands[] = {
    {"init", "DIR", 1, 1, cli_init, init_options, "make a peer folder that works at once",
	"Make a peer folder: goop.json with few settings, and a small site with a guest book in "
	"site/, which is what visitors see. Nothing that is already there is touched. The "
	"identity is created by the first start.\v"
	"Examples:\n"
	"  goop-supervisor init ~/me --label \"Me\"\n"
	"  goop-supervisor init /srv/goop/blog --label Blog --port 8090\n"},
    {"start", "[DIR]", 0, 1, cli_start, start_options, "run a peer; Ctrl-C stops it",
	"Run the peer in DIR (default: this folder). Stays in the foreground, says when each "
	"service is ready, and shows warnings; Ctrl-C stops everything in order.\v"
	"Examples:\n"
	"  goop-supervisor start ~/me\n"
	"  goop-supervisor start ~/me --daemon     # returns when all services are ready\n"
	"  goop-supervisor start ~/me --verbose    # with every log line\n\n"
	"Exit status: 0 stopped in order, 1 could not start (the reason is printed), 78 bad "
	"goop.json."},
    {"peer", "[DIR]", 0, 1, cli_start, start_options, "the same as start",
	"The same as `goop-supervisor start'.\v"
	"Example:\n"
	"  goop-supervisor peer ~/me\n"},
    {"rendezvous", "DIR", 1, 1, cli_rendezvous, start_options,
	"run a rendezvous server without a peer",
	"Run a rendezvous server in DIR, where peers of different networks find each other: only "
	"svc-rendezvous, and svc-viewer when goop.json sets viewer.http_addr. A folder that is "
	"missing or empty gets a goop.json. Otherwise like `goop-supervisor start'.\v"
	"Examples:\n"
	"  goop-supervisor rendezvous /srv/goop-rendezvous\n"
	"  goop-supervisor status /srv/goop-rendezvous   # its addresses\n\n"
	"Exit status: 0 stopped in order, 1 could not start (the reason is printed), 78 bad "
	"goop.json."},
    {"stop", "[DIR]", 0, 1, cli_stop, no_options, "stop a running peer",
	"Stop the peer in DIR (default: this folder): others are told, what is under way is "
	"finished, then the services end in the reverse order of the start. Returns when "
	"everything has ended.\v"
	"Example:\n"
	"  goop-supervisor stop ~/me\n"},
    {"restart", "[DIR] SERVICE", 1, 2, cli_restart, no_options,
	"restart one service, the rest keeps running",
	"Restart one service of the running peer in DIR (default: this folder) and wait until it "
	"is ready again. Reads goop.json anew. This is also how a service that has failed is "
	"given another chance.\v"
	"SERVICE is transport, discovery, db, viewer or rendezvous, with or without svc- in "
	"front.\n\n"
	"Examples:\n"
	"  goop-supervisor restart ~/me viewer\n"
	"  goop-supervisor restart svc-transport   # of the peer in this folder\n"},
    {"status", "[DIR]", 0, 1, cli_status, json_options,
	"health, restarts and their reasons, memory, addresses",
	"Show the state of the peer in DIR (default: this folder): its id and addresses, and for "
	"each service state, process, time since it is ready, restarts, memory and why it last "
	"died.\v"
	"Examples:\n"
	"  goop-supervisor status ~/me\n"
	"  goop-supervisor status ~/me --json | jq -r .viewer_url\n\n"
	"Exit status: 0 it runs, 3 it does not."},
    {"peers", "[DIR]", 0, 1, cli_peers, json_options, "who is there",
	"List the peers that the peer in DIR (default: this folder) sees now.\v"
	"Examples:\n"
	"  goop-supervisor peers ~/me\n"
	"  goop-supervisor peers ~/me --json | jq -r '.[].label'\n"},
    {"id", "[DIR]", 0, 1, cli_id, no_options, "print the peer id",
	"Print the id of the peer in DIR (default: this folder). Works also while it is stopped, "
	"once it has been started.\v"
	"Example:\n"
	"  goop-supervisor id ~/me\n"},
    {"check", "[DIR]", 0, 1, cli_check, no_options, "is goop.json good?",
	"Read goop.json in DIR (default: this folder) and name file, line and column of what is "
	"wrong, with the value found and the values allowed.\v"
	"Example:\n"
	"  goop-supervisor check ~/me\n\n"
	"Exit status: 0 good (perhaps with warnings), 78 bad."},
    {"logs", "[DIR] [SERVICE]", 0, 2, cli_logs, logs_options, "what the services say",
	"Show the last lines of the logs of the peer in DIR (default: this folder), of all "
	"services or of one, in the order of time. The files are in DIR/log.\v"
	"Examples:\n"
	"  goop-supervisor logs ~/me -f\n"
	"  goop-supervisor logs ~/me svc-transport -n 200\n"
	"  goop-supervisor logs supervisor         # of the peer in this folder\n"},
    {"links", "[DIR]", 0, 1, cli_links, no_options, "the links between the services, as JSON",
	"Print what each service of the peer in DIR (default: this folder) reports about its "
	"links to the others, as JSON.\v"
	"Example:\n"
	"  goop-supervisor links ~/me | jq '.[\"svc-viewer\"]'\n"},
    {"streams", "[DIR]", 0, 1, cli_streams, no_options, "the open streams, as JSON",
	"Print what each service of the peer in DIR (default: this folder) reports about its open "
	"streams, as JSON.\v"
	"Example:\n"
	"  goop-supervisor streams ~/me | jq '.[\"svc-transport\"]'\n"},
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

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
	return status;
}

bool cli_write_new(const char *path, const char *text, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	bool good = fd >= 0 && write(fd, text, n) == (ssize_t)n;

	if (fd >= 0 && close(fd) < 0)
		good = false;
	if (!good)
		cli_complain("%s: %s", path, strerror(errno));
	return good;
}

bool cli_make_folder(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return true;
	cli_complain("%s: %s", path, strerror(errno));
	return false;
}

struct config *cli_config(const char *dir)
{
	char *file = dir != NULL ? xasprintf("%s/goop.json", dir) : xstrdup("goop.json");
	struct config *config = config_load("goop.json", file);

	for (size_t i = 0; config_note(config, i) != NULL; i++)
		fprintf(stderr, "%s\n", config_note(config, i));
	if (!config_good(config)) {
		if (access("goop.json", F_OK) < 0)
			fprintf(stderr, "A peer folder is made by: " PROGRAM " init %s\n",
			    dir != NULL ? dir : ".");
		config_free(config);
		config = NULL;
	}
	free(file);
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
	const struct command *command;
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

static int run_command(const struct command *c, int argc, char **argv)
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

static const struct command *nearest_command(const char *word)
{
	const struct command *best = &commands[0];

	for (size_t i = 1; i < COMMANDS; i++)
		if (nearest_slips(word, commands[i].name) < nearest_slips(word, best->name))
			best = &commands[i];
	return best;
}

struct choice {
	const struct command *command;
	int at; /* its index in argv */
};

static error_t take_command(int key, char *word, struct argp_state *state)
{
	struct choice *choice = state->input;

	if (key == ARGP_KEY_NO_ARGS)
		argp_error(state, "which command?");
	if (key != ARGP_KEY_ARG)
		return ARGP_ERR_UNKNOWN;
	for (size_t i = 0; i < COMMANDS; i++)
		if (strcmp(word, commands[i].name) == 0)
			choice->command = &commands[i];
	if (choice->command == NULL)
		argp_error(state, "there is no command %s; the nearest is %s", word,
		    nearest_command(word)->name);
	choice->at = state->next - 1;
	state->next = state->argc;
	return 0;
}

static char *overview(void)
{
	char *text = xstrdup("Run and look after a Goop2 peer: a folder with a site and a small "
			     "database, which exists for others while it runs.\v"
			     "Commands (each has --help with examples):\n");

	for (size_t i = 0; i < COMMANDS; i++) {
		char *more = xasprintf("%s  %-11s%s\n", text, commands[i].name, commands[i].brief);

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

/* The commands that start, stop and check. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor/ask.h"
#include "supervisor/cli.h"
#include "supervisor/supervisor.h"
#include "supervisor/walls.h"

/* A little longer than the supervisor takes to give up itself. */
#define STOP_LIMIT    60000
#define RESTART_LIMIT 60000
#define ROUND_LIMIT   (5 * RESTART_LIMIT)

/* Signals while waiting go to the one that is starting: it stops what it has started. */
static bool became_ready(int ready, int signals, pid_t child)
{
	struct pollfd fds[2] = {{.fd = ready, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
	struct signalfd_siginfo info;
	char byte;

	for (;;) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return false;
		if (fds[1].revents & POLLIN && read(signals, &info, sizeof(info)) > 0)
			kill(child, SIGTERM);
		if (fds[0].revents != 0)
			return read(ready, &byte, 1) == 1;
	}
}

static int wait_until_ready(int ready, int signals, pid_t child)
{
	int status;

	if (became_ready(ready, signals, child))
		return CLI_OK;
	if (waitpid(child, &status, 0) == child && WIFSIGNALED(status))
		cli_complain("was killed while it was starting");
	return CLI_FAILED;
}

/* What the starter had open is none of ours: a pipe would never end, a lock never be free. Returns
 * the new number of the one that is kept. */
static int keep_only(int fd)
{
	int kept = STDERR_FILENO + 1;

	if (fd != kept)
		dup2(fd, kept);
	syscall(SYS_close_range, kept + 1, ~0u, 0);
	return kept;
}

static int start_in_background(struct supervisor_options *options)
{
	sigset_t set, before;
	int ready[2], signals;
	pid_t child;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (signals < 0 || pipe(ready) < 0 || (child = fork()) < 0) {
		cli_complain("cannot go to the background: %s", strerror(errno));
		return CLI_FAILED;
	}
	if (child > 0) {
		close(ready[1]);
		config_free(options->config);
		return wait_until_ready(ready[0], signals, child);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	setsid();
	options->ready_fd = keep_only(ready[1]);
	return supervisor_run(options);
}

static bool walls_are_there(struct config *config)
{
	char why[512];

	if (walls_suffice(config, why, sizeof(why)))
		return true;
	cli_complain("isolation.required is true, and here is lacking: %s", why);
	config_free(config);
	return false;
}

/* In the working folder. */
static int run(const struct cli_args *args, bool rendezvous)
{
	struct supervisor_options options = {
	    .shown = args->words[0] != NULL ? args->words[0] : ".",
	    .rendezvous = rendezvous,
	    .verbose = args->verbose,
	    .ready_fd = -1,
	};

	options.config = cli_config(args->words[0]);
	if (options.config == NULL || !walls_are_there(options.config))
		return CLI_BAD_CONFIG;
	return args->daemon ? start_in_background(&options) : supervisor_run(&options);
}

int cli_start(const struct cli_args *args)
{
	return cli_enter(args->words[0]) ? run(args, false) : CLI_FAILED;
}

static bool is_empty_folder(void)
{
	DIR *folder = opendir(".");
	struct dirent *entry;
	bool empty = folder != NULL;

	while (empty && (entry = readdir(folder)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (folder != NULL)
		closedir(folder);
	return empty;
}

int cli_rendezvous(const struct cli_args *args)
{
	static const char settings[] = "{\n  \"presence\": {\n    \"rendezvous_host\": true,\n"
				       "    \"rendezvous_only\": true\n  }\n}\n";

	if (!cli_make_folder(args->words[0], 0755) || !cli_enter(args->words[0]))
		return CLI_FAILED;
	/* It may come to hold a password. */
	if (is_empty_folder() && !cli_write_new("goop.json", settings, strlen(settings), 0600))
		return CLI_FAILED;
	return run(args, true);
}

int cli_stop(const struct cli_args *args)
{
	cJSON *answer;
	int status = cli_ask(args->words[0], ask_for("stop"), STOP_LIMIT, true, &answer);

	if (status == CLI_OK && args->json)
		cli_print_json(answer);
	else if (status == CLI_OK)
		printf("%s has stopped\n", args->words[0] != NULL ? args->words[0] : "the peer");
	cJSON_Delete(answer);
	return status;
}

int cli_restart(const struct cli_args *args)
{
	const char *dir = args->count > 1 ? args->words[0] : NULL;
	cJSON *request = ask_for("restart"), *answer;
	int64_t took;
	int status;

	cJSON_AddStringToObject(request, "service", args->words[args->count - 1]);
	status = cli_ask(dir, request, RESTART_LIMIT, false, &answer);
	if (status == CLI_OK && args->json)
		cli_print_json(answer);
	else if (status == CLI_OK && json_int(answer, "took_ms", 0, INT64_MAX, &took))
		printf("%s is ready again after %lld ms\n", json_str(answer, "service"),
		    (long long)took);
	cJSON_Delete(answer);
	return status;
}

/* What `reload` and `upgrade` have done; `nothing` when there was nothing to do. */
static void show_round(const cJSON *answer, const char *nothing)
{
	const cJSON *names = cJSON_GetObjectItemCaseSensitive(answer, "restarted"), *name;
	bool supervisor = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "supervisor"));
	const char *between = "";
	int64_t took = 0;

	if (supervisor)
		puts("goop-supervisor: the new one has taken over, and the services go on");
	if (cJSON_GetArraySize(names) == 0) {
		if (!supervisor)
			puts(nothing);
		return;
	}
	cJSON_ArrayForEach (name, names) {
		printf("%s%s", between, cJSON_GetStringValue(name));
		between = ", ";
	}
	json_int(answer, "took_ms", 0, INT64_MAX, &took);
	printf(": restarted and ready again after %lld ms; the others keep running\n",
	    (long long)took);
}

static int run_round(const struct cli_args *args, const char *what, const char *nothing)
{
	cJSON *answer;
	int status = cli_ask(args->words[0], ask_for(what), ROUND_LIMIT, false, &answer);

	if (status == CLI_OK && args->json)
		cli_print_json(answer);
	else if (status == CLI_OK)
		show_round(answer, nothing);
	cJSON_Delete(answer);
	return status;
}

int cli_reload(const struct cli_args *args)
{
	return run_round(args, "reload", "no service has other settings than before");
}

int cli_upgrade(const struct cli_args *args)
{
	return run_round(args, "upgrade", "every process runs the program that is there");
}

/* As an object: is it good, how many settings are given, and what there is to say. */
static void show_check(const struct config *config)
{
	cJSON *o = cJSON_CreateObject(), *notes;

	cJSON_AddBoolToObject(o, "good", config_good(config));
	cJSON_AddNumberToObject(o, "given", (double)config_given(config));
	notes = cJSON_AddArrayToObject(o, "notes");
	for (size_t i = 0; config_note(config, i) != NULL; i++)
		cJSON_AddItemToArray(notes, cJSON_CreateString(config_note(config, i)));
	cli_print_json(o);
	cJSON_Delete(o);
}

int cli_check(const struct cli_args *args)
{
	const char *dir = args->words[0];
	struct config *config;
	bool good;

	if (!cli_enter(dir))
		return CLI_FAILED;
	config = args->json ? cli_read_config(dir) : cli_config(dir);
	good = config != NULL && config_good(config);
	if (args->json)
		show_check(config);
	else if (good)
		printf(
		    "%s%sgoop.json is good; it sets %zu of the settings, the rest are defaults\n",
		    dir != NULL ? dir : "", dir != NULL ? "/" : "", config_given(config));
	config_free(config);
	return good ? CLI_OK : CLI_BAD_CONFIG;
}

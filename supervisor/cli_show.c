/* The commands that show. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "supervisor/ask.h"
#include "supervisor/cli.h"
#include "supervisor/peer_file.h"
#include "supervisor/show.h"
#include "supervisor/terminal.h"

#define STATUS_LIMIT 5000
#define REPORT_LIMIT 10000
#define WATCH_MS     1000

void cli_print_json(const cJSON *value)
{
	char *text = show_json_text(value);

	fputs(text, stdout);
	free(text);
}

static void show_status(const struct cli_args *args, const cJSON *now, const cJSON *before)
{
	bool terminal = terminal_colour(STDOUT_FILENO);
	char *text;

	if (args->json && args->watch) {
		/* One a line, for programs that read lines. */
		text = json_print(now);
		puts(text);
	} else if (args->json) {
		text = show_json_text(now);
		fputs(text, stdout);
	} else {
		text = show_status_text(now, before, terminal);
		printf("%s%s", args->watch && terminal ? "\033[H\033[2J" : "", text);
		if (args->watch && !terminal)
			puts("");
	}
	free(text);
}

/* Waits for the next turn; false, and at once, when nobody reads any more. */
static bool wait_for_turn(uint64_t turn)
{
	struct pollfd reader = {.fd = STDOUT_FILENO};
	uint64_t now;

	while ((now = clock_mono_ms()) < turn)
		if (poll(&reader, 1, (int)(turn - now)) > 0)
			return false;
	return true;
}

/* A supervisor that gives way to a new program of its own hangs up; that one answers. */
static int ask_again(const struct cli_args *args, cJSON **now, char why[ASK_WHY_MAX])
{
	int status = ask(ask_for("status"), STATUS_LIMIT, false, now, why);

	if (status != CLI_FAILED)
		return status;
	cli_complain("%s: %s; asking again",
	    args->words[0] != NULL ? args->words[0] : "the peer in this folder", why);
	return ask(ask_for("status"), STATUS_LIMIT, false, now, why);
}

/* Until there is nobody to ask any more, or nobody reads. Consumes the first one. */
static int watch_status(const struct cli_args *args, cJSON *now)
{
	char why[ASK_WHY_MAX];
	cJSON *before = NULL;
	uint64_t turn = clock_mono_ms();
	int status = CLI_OK;

	while (status == CLI_OK) {
		show_status(args, now, before);
		cJSON_Delete(before);
		before = now;
		now = NULL;
		turn += WATCH_MS;
		if (fflush(stdout) != 0 || !wait_for_turn(turn))
			break;
		status = ask_again(args, &now, why);
	}
	if (status != CLI_OK)
		cli_complain("%s: %s",
		    args->words[0] != NULL ? args->words[0] : "the peer in this folder", why);
	cJSON_Delete(before);
	return status;
}

int cli_status(const struct cli_args *args)
{
	cJSON *answer;
	int status = cli_ask(args->words[0], ask_for("status"), STATUS_LIMIT, false, &answer);

	if (status != CLI_OK)
		return status;
	if (args->watch)
		return watch_status(args, answer);
	show_status(args, answer, NULL);
	cJSON_Delete(answer);
	return CLI_OK;
}

static int ask_report(
    const struct cli_args *args, const char *what, const char *service, cJSON **answer)
{
	cJSON *request = ask_for("report");

	cJSON_AddStringToObject(request, "what", what);
	if (service != NULL)
		cJSON_AddStringToObject(request, "service", service);
	return cli_ask(args->words[0], request, REPORT_LIMIT, false, answer);
}

int cli_peers(const struct cli_args *args)
{
	static const char service[] = "svc-discovery";
	const cJSON *peers;
	cJSON *answer;
	int status = ask_report(args, "peers", service, &answer);

	peers = cJSON_GetObjectItemCaseSensitive(
	    cJSON_GetObjectItemCaseSensitive(answer, "reports"), service);
	if (status == CLI_OK && !cJSON_IsArray(peers)) {
		cli_complain("%s did not answer", service);
		status = CLI_FAILED;
	} else if (status == CLI_OK && args->json) {
		cli_print_json(peers);
	} else if (status == CLI_OK) {
		char *text = show_peers_text(peers, terminal_colour(STDOUT_FILENO));

		fputs(text, stdout);
		free(text);
	}
	cJSON_Delete(answer);
	return status;
}

static int show_reports(const struct cli_args *args, const char *what,
    char *(*text_of)(const cJSON *reports, bool colour))
{
	const cJSON *reports;
	cJSON *answer;
	char *text;
	int status = ask_report(args, what, NULL, &answer);

	if (status != CLI_OK)
		return status;
	reports = cJSON_GetObjectItemCaseSensitive(answer, "reports");
	text =
	    args->json ? show_json_text(reports) : text_of(reports, terminal_colour(STDOUT_FILENO));
	fputs(text, stdout);
	free(text);
	cJSON_Delete(answer);
	return CLI_OK;
}

int cli_links(const struct cli_args *args)
{
	return show_reports(args, "links", show_links_text);
}

int cli_streams(const struct cli_args *args)
{
	return show_reports(args, "streams", show_streams_text);
}

static void show_id(const struct cli_args *args, const char *id)
{
	cJSON *o;

	if (!args->json) {
		puts(id);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "peer_id", id);
	cli_print_json(o);
	cJSON_Delete(o);
}

/* While it is stopped. */
static int remembered_id(const struct cli_args *args)
{
	const char *dir = args->words[0];
	struct config *config = cli_config(dir);
	char id[PEER_FILE_MAX];
	bool known = config != NULL && peer_file_read(config_get(config, "identity.key_file"), id);

	if (known)
		show_id(args, id);
	else if (config != NULL)
		cli_complain(
		    "%s has never been started: its identity is created by the first start",
		    dir != NULL ? dir : "this peer");
	if (config == NULL)
		return CLI_BAD_CONFIG;
	config_free(config);
	return known ? CLI_OK : CLI_NOT_RUNNING;
}

int cli_id(const struct cli_args *args)
{
	char why[ASK_WHY_MAX];
	const char *id;
	cJSON *answer;
	int status;

	if (!cli_enter(args->words[0]))
		return CLI_FAILED;
	status = ask(ask_for("status"), STATUS_LIMIT, false, &answer, why);
	id = json_str(answer, "peer_id");
	if (status == CLI_OK && id != NULL)
		show_id(args, id);
	else
		status = remembered_id(args);
	cJSON_Delete(answer);
	return status;
}

/* The commands that show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor/ask.h"
#include "supervisor/cli.h"
#include "supervisor/peer_file.h"
#include "supervisor/show.h"
#include "supervisor/terminal.h"

#define STATUS_LIMIT 5000
#define REPORT_LIMIT 10000

void cli_print_json(const cJSON *value)
{
	char *text = show_json_text(value);

	fputs(text, stdout);
	free(text);
}

static int show_status(const struct cli_args *args, const cJSON *answer)
{
	char *text;

	if (args->json) {
		cli_print_json(answer);
		return CLI_OK;
	}
	text = show_status_text(answer, terminal_colour(STDOUT_FILENO));
	fputs(text, stdout);
	free(text);
	return CLI_OK;
}

int cli_status(const struct cli_args *args)
{
	cJSON *answer;
	int status = cli_ask(args->words[0], ask_for("status"), STATUS_LIMIT, false, &answer);

	if (status == CLI_OK)
		status = show_status(args, answer);
	cJSON_Delete(answer);
	return status;
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

static int show_reports(const struct cli_args *args, const char *what)
{
	cJSON *answer;
	int status = ask_report(args, what, NULL, &answer);

	if (status == CLI_OK)
		cli_print_json(cJSON_GetObjectItemCaseSensitive(answer, "reports"));
	cJSON_Delete(answer);
	return status;
}

int cli_links(const struct cli_args *args)
{
	return show_reports(args, "links");
}

int cli_streams(const struct cli_args *args)
{
	return show_reports(args, "streams");
}

/* While it is stopped. */
static int remembered_id(const char *dir)
{
	struct config *config = cli_config(dir);
	char id[PEER_FILE_MAX];
	bool known = config != NULL && peer_file_read(config_get(config, "identity.key_file"), id);

	if (known)
		puts(id);
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
		puts(id);
	else
		status = remembered_id(args->words[0]);
	cJSON_Delete(answer);
	return status;
}

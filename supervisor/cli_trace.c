/* `trace`: what passes on the links of a service, live. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/services.h"
#include "supervisor/ask.h"
#include "supervisor/cli.h"
#include "supervisor/plain.h"

#define TIME_AT 11 /* in 2026-01-31T23:59:59.123Z */
#define TIME    12

static void show_message(const cJSON *m)
{
	const char *time = json_str(m, "time"), *dir = json_str(m, "dir");
	const char *peer = json_str(m, "peer"), *name = json_str(m, "message");
	int64_t bytes = 0;

	if (time == NULL || strlen(time) < TIME_AT + TIME || dir == NULL || peer == NULL ||
	    name == NULL)
		return;
	json_int(m, "bytes", 0, INT64_MAX, &bytes);
	printf("%.*s  %s %-14s %-14s %7lld bytes\n", TIME, time + TIME_AT,
	    strcmp(dir, "out") == 0 ? "to  " : "from", peer, name, (long long)bytes);
}

static void show_line(const cJSON *line)
{
	const char *note = json_str(line, "note");
	char plain[1024];
	int64_t lost;

	if (json_int(line, "lost", 1, INT64_MAX, &lost)) {
		printf("... %lld more, faster than they could be shown\n", (long long)lost);
	} else if (note != NULL) {
		plain_copy(plain, sizeof(plain), note, strlen(note));
		printf("... %s\n", plain);
	} else {
		show_message(line);
	}
}

/* The first line says whether there will be others. */
static int take_first(const cJSON *line, const char *dir)
{
	char why[ASK_WHY_MAX];
	int status = ask_judge(line, why);

	if (status != CLI_OK)
		cli_complain("%s: %s", dir != NULL ? dir : "the peer in this folder", why);
	return status;
}

static int follow(FILE *in, const struct cli_args *args, const char *dir)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int status = CLI_FAILED;
	bool first = true;

	while ((n = getline(&text, &size, in)) > 0) {
		cJSON *line = json_parse(text, (size_t)n, 64, NULL);

		if (first)
			status = take_first(line, dir);
		else if (args->json)
			fputs(text, stdout);
		else
			show_line(line);
		cJSON_Delete(line);
		first = false;
		if (status != CLI_OK || fflush(stdout) != 0)
			break;
	}
	free(text);
	if (first)
		cli_complain("%s: hung up", dir != NULL ? dir : "the peer in this folder");
	return status;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* [DIR] SERVICE [SUBJECT]: a first word that is no service is a folder, and so is one that is both
 * when a service follows. */
static const char *folder_of(const struct cli_args *args)
{
	const char *const *w = args->words;

	if (args->count == 1)
		return NULL;
	if (args->count == 3 || service_by_name(w[0]) == SERVICE_COUNT)
		return w[0];
	return service_by_name(w[1]) != SERVICE_COUNT && is_folder(w[0]) ? w[0] : NULL;
}

int cli_trace(const struct cli_args *args)
{
	const char *dir = folder_of(args);
	const char *const *w = args->words + (dir != NULL);
	cJSON *request;
	char why[ASK_WHY_MAX];
	int fd, status;
	FILE *in;

	if (!cli_enter(dir))
		return CLI_FAILED;
	request = ask_for("trace");
	cJSON_AddStringToObject(request, "service", w[0]);
	cJSON_AddStringToObject(
	    request, "subject", args->count > (size_t)(w - args->words) + 1 ? w[1] : "");
	fd = ask_open(request, &status, why);
	in = fd >= 0 ? fdopen(fd, "r") : NULL;
	if (in == NULL) {
		cli_complain("%s: %s", dir != NULL ? dir : "the peer in this folder", why);
		return status;
	}
	status = follow(in, args, dir);
	fclose(in);
	return status;
}

/* `trace`: what passes on the links of a service, live. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/services.h"
#include "supervisor/ask.h"
#include "supervisor/cli.h"
#include "supervisor/plain.h"

#define TIME_AT 11 /* in 2026-01-31T23:59:59.123Z */
#define TIME    12

/* One that stops takes connections for another moment. */
#define TRIES    10
#define PAUSE_US 20000

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

/* What is asked for, of whom. */
struct wish {
	const struct cli_args *args;
	const char *dir; /* NULL for this folder */
	const char *service, *subject;
	bool again; /* it has been granted before */
};

static const char *shown(const struct wish *w)
{
	return w->dir != NULL ? w->dir : "the peer in this folder";
}

/* NULL with `why` and *status. */
static FILE *ask_anew(const struct wish *w, int *status, char why[ASK_WHY_MAX])
{
	cJSON *request = ask_for("trace");
	int fd;

	cJSON_AddStringToObject(request, "service", w->service);
	cJSON_AddStringToObject(request, "subject", w->subject);
	fd = ask_open(request, status, why);
	return fd >= 0 ? fdopen(fd, "r") : NULL;
}

/* The first line says whether there will be others. */
static int take_first(const struct wish *w, const cJSON *line)
{
	char why[ASK_WHY_MAX];
	int status = ask_judge(line, why);

	if (status != CLI_OK)
		cli_complain("%s: %s", shown(w), why);
	else if (w->again)
		cli_complain("%s: another supervisor has taken over; connected to it", shown(w));
	return status;
}

/* Returns true when the supervisor hung up, *heard telling whether it had said anything, and
 * otherwise false: nobody reads, or with *status it refused. */
static bool follow(const struct wish *w, FILE *in, bool *heard, int *status)
{
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	*heard = false;
	while ((n = getline(&text, &size, in)) > 0) {
		cJSON *line = json_parse(text, (size_t)n, 64, NULL);

		if (!*heard)
			*status = take_first(w, line);
		else if (w->args->json)
			fputs(text, stdout);
		else
			show_line(line);
		cJSON_Delete(line);
		*heard = true;
		if (*status != CLI_OK || fflush(stdout) != 0)
			break;
	}
	free(text);
	return n <= 0;
}

/* To the end of the peer: when the supervisor hangs up, another program may have taken its place.
 */
static int follow_all(struct wish *w, FILE *in)
{
	char why[ASK_WHY_MAX];
	unsigned vain = 0;
	bool heard;
	int status = CLI_FAILED, again;

	while (follow(w, in, &heard, &status)) {
		fclose(in);
		vain = heard ? 0 : vain + 1;
		in = vain < TRIES ? ask_anew(w, &again, why) : NULL;
		if (in == NULL) {
			if (!heard && status != CLI_OK)
				cli_complain("%s: hung up", shown(w));
			return status;
		}
		w->again = w->again || heard;
		usleep(vain * PAUSE_US);
	}
	fclose(in);
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
	const char *const *words = args->words + (dir != NULL);
	bool subject = args->count > (size_t)(words - args->words) + 1;
	struct wish wish = {args, dir, words[0], subject ? words[1] : "", false};
	char why[ASK_WHY_MAX];
	int status;
	FILE *in;

	if (!cli_enter(dir))
		return CLI_FAILED;
	in = ask_anew(&wish, &status, why);
	if (in == NULL) {
		cli_complain("%s: %s", shown(&wish), why);
		return status;
	}
	return follow_all(&wish, in);
}

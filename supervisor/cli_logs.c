/* `logs`: the tails of the log files, merged by time, and what is added to them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "proto/services.h"
#include "supervisor/cli.h"
#include "supervisor/logline.h"
#include "supervisor/logs.h"
#include "supervisor/terminal.h"

#define LINES_DEFAULT 40
#define TAIL_MAX      (256 * 1024) /* of each file */
#define AGAIN_MS      1000         /* looks again also when no event came */

struct tail {
	char path[64];
	int fd;
	ino_t inode;
	char *text; /* what was there at the beginning */
	size_t len;
	char part[LOGS_LINE]; /* of a line that has not ended */
	size_t part_len;
};

struct view {
	struct tail tails[SERVICE_COUNT];
	size_t count;
	bool colour, json;
};

static void print_json_line(const struct logline *l)
{
	cJSON *o = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(o, "time", l->stamp);
	cJSON_AddStringToObject(o, "level", logline_level(l->level));
	cJSON_AddStringToObject(o, "service", l->service);
	cJSON_AddStringToObject(o, "text", l->text);
	text = json_print(o);
	puts(text);
	free(text);
	cJSON_Delete(o);
}

static void print_line(const struct view *v, const char *line)
{
	char out[LOGS_LINE + 64];
	struct logline l;

	if (!logline_parse(line, &l)) {
		/* Nothing that the supervisor has written. */
		if (!v->json)
			puts(line);
		return;
	}
	if (v->json) {
		print_json_line(&l);
		return;
	}
	logline_show(&l, v->colour, out, sizeof(out));
	puts(out);
}

static void open_tail(struct tail *t)
{
	struct stat st;

	t->fd = open(t->path, O_RDONLY | O_CLOEXEC);
	if (t->fd >= 0 && fstat(t->fd, &st) == 0)
		t->inode = st.st_ino;
}

/* The last part of the file, from the beginning of a line on. */
static void read_tail(struct tail *t)
{
	off_t end = t->fd >= 0 ? lseek(t->fd, 0, SEEK_END) : 0;
	off_t from = end > TAIL_MAX ? end - TAIL_MAX : 0;
	const char *newline;
	ssize_t n;

	if (end <= 0)
		return;
	t->text = xmalloc((size_t)(end - from) + 1);
	n = pread(t->fd, t->text, (size_t)(end - from), from);
	t->len = n > 0 ? (size_t)n : 0;
	t->text[t->len] = '\0';
	newline = from > 0 ? strchr(t->text, '\n') : NULL;
	if (newline != NULL) {
		t->len -= (size_t)(newline + 1 - t->text);
		memmove(t->text, newline + 1, t->len + 1);
	}
}

/* Lines of all files in the order of time. A line without a stamp stays behind the one before it:
 * `order` is that of the file and the place in it. */
struct entry {
	const char *stamp;
	const char *line;
	size_t order;
};

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strncmp(x->stamp, y->stamp, LOGLINE_STAMP);

	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static size_t count_lines(const struct view *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->count; i++)
		for (const char *p = v->tails[i].text; p != NULL && (p = strchr(p, '\n')) != NULL;
		     p++)
			n++;
	return n;
}

static size_t split_lines(const struct view *v, struct entry *entries)
{
	size_t n = 0;

	for (size_t i = 0; i < v->count; i++) {
		char *p = v->tails[i].text, *end;
		const char *stamp = "";

		for (; p != NULL && (end = strchr(p, '\n')) != NULL; p = end + 1) {
			struct logline l;

			*end = '\0';
			if (logline_parse(p, &l))
				stamp = p;
			entries[n] = (struct entry){stamp, p, n};
			n++;
		}
	}
	return n;
}

static void print_last(const struct view *v, size_t want)
{
	struct entry *entries = xcalloc(count_lines(v) + 1, sizeof(*entries));
	size_t n = split_lines(v, entries);

	qsort(entries, n, sizeof(*entries), by_time);
	for (size_t i = n > want ? n - want : 0; i < n; i++)
		print_line(v, entries[i].line);
	free(entries);
	fflush(stdout);
}

/* --- following -------------------------------------------------------------------------------- */

static void take_bytes(const struct view *v, struct tail *t, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (p[i] != '\n') {
			if (t->part_len < sizeof(t->part) - 1)
				t->part[t->part_len++] = p[i];
			continue;
		}
		t->part[t->part_len] = '\0';
		t->part_len = 0;
		print_line(v, t->part);
	}
}

static void read_more(const struct view *v, struct tail *t)
{
	char bytes[16384];
	ssize_t n;

	while (t->fd >= 0 && (n = read(t->fd, bytes, sizeof(bytes))) > 0)
		take_bytes(v, t, bytes, (size_t)n);
}

/* The file has turned over: the old one is read to its end first. */
static void follow(const struct view *v, struct tail *t)
{
	struct stat st;

	read_more(v, t);
	if (stat(t->path, &st) < 0 || (t->fd >= 0 && st.st_ino == t->inode))
		return;
	if (t->fd >= 0)
		close(t->fd);
	open_tail(t);
	read_more(v, t);
}

static int follow_all(struct view *v)
{
	int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	struct pollfd p = {.fd = watch, .events = POLLIN};
	char events[4096];

	if (watch < 0 || inotify_add_watch(watch, "log", IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
		cli_complain("log: %s", strerror(errno));
		return CLI_FAILED;
	}
	for (;;) {
		for (size_t i = 0; i < v->count; i++)
			follow(v, &v->tails[i]);
		if (fflush(stdout) != 0)
			return CLI_OK;
		if (poll(&p, 1, AGAIN_MS) > 0)
			while (read(watch, events, sizeof(events)) > 0)
				;
	}
}

/* --- the command ------------------------------------------------------------------------------ */

static void add_tail(struct view *v, enum service_id id)
{
	struct tail *t = &v->tails[v->count];

	snprintf(t->path, sizeof(t->path), "log/%s.log",
	    id == SERVICE_SUPERVISOR ? "supervisor" : service_name(id));
	open_tail(t);
	read_tail(t);
	v->count++;
}

static enum service_id named(const char *word)
{
	return strcmp(word, "supervisor") == 0 ? SERVICE_SUPERVISOR : service_by_name(word);
}

/* One word alone may be either: a folder is meant when there is one of that name. */
static bool sort_words(const struct cli_args *args, const char **dir, enum service_id *service)
{
	const char *word = args->words[args->count > 0 ? args->count - 1 : 0];
	struct stat st;

	*dir = args->count > 0 ? args->words[0] : NULL;
	*service = SERVICE_COUNT;
	if (args->count == 0)
		return true;
	if (args->count == 1 && stat(word, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	*service = named(word);
	if (*service == SERVICE_COUNT)
		return args->count == 1; /* cli_enter() tells what is wrong with it */
	if (args->count == 1)
		*dir = NULL;
	return true;
}

int cli_logs(const struct cli_args *args)
{
	struct view v = {.colour = terminal_colour(STDOUT_FILENO), .json = args->json};
	enum service_id service;
	const char *dir;
	int status = CLI_OK;

	if (!sort_words(args, &dir, &service)) {
		cli_complain("there is no service %s", args->words[1]);
		return CLI_USAGE;
	}
	if (!cli_enter(dir))
		return CLI_FAILED;
	if (access("log", F_OK) < 0) {
		cli_complain("%s has no logs yet: it has never been started",
		    dir != NULL ? dir : "this folder");
		return CLI_FAILED;
	}
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (service == SERVICE_COUNT || service == (enum service_id)i)
			add_tail(&v, (enum service_id)i);
	print_last(&v, args->lines > 0 ? args->lines : LINES_DEFAULT);
	if (args->follow)
		status = follow_all(&v);
	for (size_t i = 0; i < v.count; i++) {
		free(v.tails[i].text);
		if (v.tails[i].fd >= 0)
			close(v.tails[i].fd);
	}
	return status;
}

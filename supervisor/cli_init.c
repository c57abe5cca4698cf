/* `init`: a peer folder that works at once. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "codec/json.h"
#include "supervisor/cli.h"
#include "supervisor/init_site.h"
#include "supervisor/show.h"

#define PORT_FIRST 8080
#define PORT_LAST  8179
#define PAGE_MAX   65536
#define LABEL_MARK "{{label}}"

/* Somebody may take it before the start; then the start says so. */
static bool is_free(unsigned port)
{
	struct sockaddr_in at = {
	    .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	bool is = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
	          bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;

	if (fd >= 0)
		close(fd);
	return is;
}

static unsigned free_port(void)
{
	for (unsigned port = PORT_FIRST; port <= PORT_LAST; port++)
		if (is_free(port))
			return port;
	return PORT_FIRST;
}

/* The name of the folder, which is the working folder now. */
static char *folder_name(void)
{
	char path[PATH_MAX];
	const char *slash;

	if (getcwd(path, sizeof(path)) == NULL)
		return xstrdup("hello");
	slash = strrchr(path, '/');
	return xstrdup(slash != NULL && slash[1] != '\0' ? slash + 1 : "hello");
}

static char *config_text(const char *label, unsigned port)
{
	cJSON *root = cJSON_CreateObject();
	char address[32], *text;

	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "profile"), "label", label);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(root, "viewer"), "http_addr", address);
	text = show_json_text(root);
	cJSON_Delete(root);
	return text;
}

static void put_html(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++)
		switch (*text) {
		case '&': buf_puts(out, "&amp;"); break;
		case '<': buf_puts(out, "&lt;"); break;
		case '>': buf_puts(out, "&gt;"); break;
		default: buf_put(out, text, 1);
		}
}

/* The file with the label where it says {{label}}, which it does between tags only. */
static bool write_page(const struct init_file *file, const char *label)
{
	const char *p = file->text, *mark;
	struct buf out;
	bool good;

	buf_init(&out, PAGE_MAX);
	while ((mark = strstr(p, LABEL_MARK)) != NULL) {
		buf_put(&out, p, (size_t)(mark - p));
		put_html(&out, label);
		p = mark + strlen(LABEL_MARK);
	}
	buf_puts(&out, p);
	good = cli_write_new(file->path, (const char *)buf_data(&out), buf_len(&out), 0644);
	buf_clear(&out);
	return good;
}

/* A site that is there already is somebody's work. */
static bool write_site(const char *label)
{
	if (access("site", F_OK) == 0)
		return true;
	if (!cli_make_folder("site", 0755))
		return false;
	for (size_t i = 0; i < init_site_files; i++)
		if (!write_page(&init_site[i], label))
			return false;
	return true;
}

static bool write_folder(const struct cli_args *args, const char *label)
{
	char *text = config_text(label, args->port > 0 ? args->port : free_port());
	struct config *config = config_parse("goop.json", text, strlen(text));
	bool good = config_good(config);

	if (!good)
		cli_complain("%s", config_note(config, 0));
	/* The configuration last: it is what makes the folder a peer's. It may come to hold a
	 * password. */
	good = good && cli_make_folder("data", 0700) && write_site(label) &&
	       cli_write_new("goop.json", text, strlen(text), 0600);
	config_free(config);
	free(text);
	return good;
}

static void show_made(const struct cli_args *args, const char *label)
{
	const char *dir = args->words[0];
	cJSON *o;

	if (!args->json) {
		printf("%s is ready. Visitors will see %s/site; settings are in %s/goop.json.\n\n"
		       "  goop-supervisor start %s\n",
		    dir, dir, dir, dir);
		return;
	}
	o = cJSON_CreateObject();
	cJSON_AddStringToObject(o, "folder", dir);
	cJSON_AddStringToObject(o, "label", label);
	cli_print_json(o);
	cJSON_Delete(o);
}

int cli_init(const struct cli_args *args)
{
	const char *dir = args->words[0];
	char *label;
	bool good;

	if (!cli_make_folder(dir, 0755) || !cli_enter(dir))
		return CLI_FAILED;
	if (access("goop.json", F_OK) == 0) {
		cli_complain("%s is a peer folder already; nothing was changed", dir);
		return CLI_FAILED;
	}
	label = args->label != NULL ? xstrdup(args->label) : folder_name();
	good = write_folder(args, label);
	if (good)
		show_made(args, label);
	free(label);
	return good ? CLI_OK : CLI_FAILED;
}

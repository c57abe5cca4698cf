#include "supervisor/walls.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

#define MEGABYTE   (1024ULL * 1024)
#define DNS        53
#define HTTP       80
#define HTTPS      443
#define CLOSED_DIR "the folder is closed to other users (chmod o+x opens it)"

/* The port that a URL names; a server may send us from http to https. */
static void add_url(struct sandbox_rules *r, const char *url, size_t n)
{
	const char *end = url + n, *p = strstr(url, "://"), *colon = NULL;
	char text[8] = "";
	uint64_t port;

	if (p == NULL || p >= end)
		return;
	for (p += 3; p < end && strchr("/?#", *p) == NULL; p++)
		if (*p == ':')
			colon = p + 1;
		else if (*p == ']')
			colon = NULL;
	if (colon != NULL && (size_t)(p - colon) < sizeof(text))
		memcpy(text, colon, (size_t)(p - colon));
	if (str_to_u64(text, 1, 65535, &port))
		sandbox_connect(r, (uint16_t)port);
}

static void add_urls(struct sandbox_rules *r, const char *urls)
{
	for (size_t n; *urls != '\0'; urls += n + strspn(urls + n, " ")) {
		n = strcspn(urls, " ");
		add_url(r, urls, n);
	}
}

/* The proxy's port stands in the environment, in more ways than are worth reading. */
static bool has_proxy(void)
{
	static const char *const names[] = {
	    "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]) != NULL)
			return true;
	return false;
}

static void may_dial(
    struct sandbox_rules *r, const struct roster_row *row, walls_get *get, void *arg)
{
	if (row->dials == NULL)
		return;
	if (row->extras & ROSTER_PROXIES && has_proxy())
		r->may |= SANDBOX_CONNECT_ANY;
	sandbox_connect(r, DNS);
	sandbox_connect(r, HTTP);
	sandbox_connect(r, HTTPS);
	for (size_t i = 0; row->dials[i] != NULL; i++)
		add_urls(r, get(arg, row->dials[i]));
}

static void may_read(
    struct sandbox_rules *r, const struct roster_row *row, walls_get *get, void *arg)
{
	for (size_t i = 0; row->reads != NULL && row->reads[i] != NULL; i++)
		sandbox_read(r, row->reads[i][0] == '/' ? row->reads[i] : get(arg, row->reads[i]));
}

/* Siblings meet in run/, below the folder, which another user has to get through. */
static void choose_user(
    struct sandbox_rules *r, const struct roster_row *row, walls_get *get, void *arg)
{
	struct stat folder;
	uint64_t base = 0;

	if (geteuid() != 0 || !str_to_u64(get(arg, "isolation.user_base"), 1, INT32_MAX, &base))
		return;
	if (stat(".", &folder) != 0 || !(folder.st_mode & S_IXOTH)) {
		str_copy(r->no_user, sizeof(r->no_user), CLOSED_DIR);
		return;
	}
	r->user = (uid_t)base + row->id;
}

char *walls_rules(const struct roster_row *row, walls_get *get, void *arg)
{
	struct sandbox_rules r = {
	    .may = row->may,
	    .memory = row->memory_mb * MEGABYTE,
	    .descriptors = row->descriptors,
	    .required = strcmp(get(arg, "isolation.required"), "true") == 0,
	};
	char *text;

	may_dial(&r, row, get, arg);
	may_read(&r, row, get, arg);
	choose_user(&r, row, get, arg);
	text = sandbox_print(&r);
	sandbox_clear(&r);
	return text;
}

static const char *value_of(void *arg, const char *key)
{
	return config_get(arg, key);
}

char *walls_of(const struct roster_row *row, const struct config *config)
{
	return walls_rules(row, value_of, (void *)(uintptr_t)config);
}

bool walls_suffice(const struct config *config, char *why, size_t size)
{
	struct sandbox_rules r = {0};

	if (strcmp(config_get(config, "isolation.required"), "true") != 0)
		return true;
	choose_user(&r, &roster[0], value_of, (void *)(uintptr_t)config);
	sandbox_probe(r.user, why, size);
	if (why[0] == '\0' && r.no_user[0] != '\0')
		snprintf(why, size, "uid: %s", r.no_user);
	return why[0] == '\0';
}

void walls_look(struct walls_seen *seen, const char *rules)
{
	struct stat st;

	walls_forget(seen);
	sandbox_parse(rules, &seen->rules);
	for (size_t i = 0; i < seen->rules.read_count; i++)
		if (stat(seen->rules.read[i], &st) == 0) {
			seen->device[i] = st.st_dev;
			seen->number[i] = st.st_ino;
		}
}

const char *walls_replaced(const struct walls_seen *seen)
{
	struct stat st;

	for (size_t i = 0; i < seen->rules.read_count; i++)
		if (stat(seen->rules.read[i], &st) == 0 &&
		    (st.st_dev != seen->device[i] || st.st_ino != seen->number[i]))
			return seen->rules.read[i];
	return NULL;
}

void walls_forget(struct walls_seen *seen)
{
	sandbox_clear(&seen->rules);
	*seen = (struct walls_seen){0};
}

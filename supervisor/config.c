#include "supervisor/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "codec/json.h"
#include "supervisor/config_table.h"
#include "supervisor/config_value.h"
#include "supervisor/nearest.h"

#define NODES_MAX  4096
#define FOUND_MAX  80 /* of a value found, shown in a complaint */
#define NAME_SHOWN 128

struct setting {
	char *text;  /* what the file says; NULL for the default */
	size_t node; /* where: see json_where() */
	unsigned line, column;
};

struct config {
	char *file;
	struct setting *settings; /* one for each row of the table */
	char *notes[CONFIG_NOTES_MAX];
	size_t note_count;
	size_t errors;
	/* While parsing. */
	const char *text;
	size_t size;
	size_t node; /* values met so far, in the order of the text */
};

enum severity { WARNING, ERROR };

/* A complaint about the value number `node`; 0 is about the file as a whole. */
__attribute__((format(printf, 4, 5))) static void complain(
    struct config *c, size_t node, enum severity severity, const char *format, ...)
{
	struct json_error where;
	char *what, *note = NULL;
	va_list ap;

	c->errors += severity == ERROR;
	if (c->note_count == CONFIG_NOTES_MAX)
		return;
	va_start(ap, format);
	if (vasprintf(&what, format, ap) < 0)
		fatal("config", "out of memory");
	va_end(ap);
	if (node > 0 && json_where(c->text, c->size, node, &where))
		note = xasprintf("%s:%u:%u: %s: %s", c->file, where.line, where.column,
		    severity == ERROR ? "error" : "warning", what);
	else
		note = xasprintf("%s: %s", c->file, what);
	free(what);
	c->notes[c->note_count++] = note;
}

/* Rows match by full name, or as "section.*". */
static bool row_matches(const struct config_key *row, const char *name)
{
	size_t n = strlen(row->name);

	if (row->name[n - 1] == '*')
		return strncmp(row->name, name, n - 1) == 0;
	return strcmp(row->name, name) == 0;
}

static size_t find_row(const char *name)
{
	size_t i = 0;

	while (i < config_table_size && !row_matches(&config_table[i], name))
		i++;
	return i;
}

struct guess {
	const char *name;
	size_t len;
	size_t slips;
};

static void consider(struct guess *best, size_t slips, const char *name, size_t len)
{
	if (slips < best->slips)
		*best = (struct guess){name, len, slips};
}

/* At the top of the file a section is misspelt, or missing around the key. */
static struct guess nearest_key(const char *name)
{
	struct guess best = {.slips = SIZE_MAX};
	bool top = strchr(name, '.') == NULL;

	for (size_t i = 0; i < config_table_size; i++) {
		const char *key = config_table[i].name, *dot = strchr(key, '.');
		char section[32];

		if (top) {
			snprintf(section, sizeof(section), "%.*s", (int)(dot - key), key);
			consider(&best, nearest_slips(name, section), key, (size_t)(dot - key));
		}
		if (dot[1] != '*' && config_table[i].type != CONFIG_DERIVED)
			consider(&best, nearest_slips(name, top ? dot + 1 : key), key, strlen(key));
	}
	return best;
}

/* Values in a value, itself included. */
static size_t count_values(const cJSON *value)
{
	const cJSON *item;
	size_t n = 1;

	if (cJSON_IsObject(value) || cJSON_IsArray(value))
		cJSON_ArrayForEach (item, value)
			n += count_values(item);
	return n;
}

/* The value as it stands in the file, short enough for a line. */
static void show_value(const cJSON *value, char out[FOUND_MAX])
{
	char *text = json_print(value);
	size_t n = strlen(text);

	if (n >= FOUND_MAX) {
		n = FOUND_MAX - 4;
		while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
			n--;
		text[n] = '\0';
		snprintf(out, FOUND_MAX, "%s...", text);
	} else {
		str_copy(out, FOUND_MAX, text);
	}
	free(text);
}

static void take_value(struct config *c, size_t row, size_t node, const cJSON *value)
{
	const struct config_key *key = &config_table[row];
	char found[FOUND_MAX], allowed[160];
	char *text;

	if (key->type == CONFIG_IGNORED)
		return;
	text = config_value(key, value);
	if (text != NULL) {
		struct json_error where = {0};

		json_where(c->text, c->size, node, &where);
		c->settings[row] = (struct setting){text, node, where.line, where.column};
		return;
	}
	show_value(value, found);
	config_allowed(key, allowed, sizeof(allowed));
	complain(c, node, ERROR, "%s is %s; allowed is %s", key->name, found, allowed);
}

static void unknown_key(struct config *c, size_t node, const char *name)
{
	struct guess best = nearest_key(name);
	char shown[NAME_SHOWN];

	str_escape(name, strlen(name), shown, sizeof(shown));
	complain(c, node, WARNING, "unknown key %s; the nearest known key is %.*s", shown,
	    (int)best.len, best.name);
}

static bool is_section(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < config_table_size; i++)
		if (strncmp(config_table[i].name, name, n) == 0 && config_table[i].name[n] == '.' &&
		    config_table[i].type != CONFIG_DERIVED)
			return true;
	return false;
}

static void not_a_section(struct config *c, size_t node, const char *name, const cJSON *value)
{
	char found[FOUND_MAX];

	show_value(value, found);
	complain(c, node, ERROR, "%s is %s; allowed is an object of settings", name, found);
}

static void take_section(struct config *c, const char *section, const cJSON *members);

/* `known` is whether the name may stand there at all: a dot inside of it is no way to a section. */
static void take_member(struct config *c, const char *name, const cJSON *member, bool known)
{
	size_t row = known ? find_row(name) : config_table_size, node = c->node + 1;
	bool section = known && row == config_table_size && is_section(name);

	if (section && cJSON_IsObject(member)) {
		c->node++;
		take_section(c, name, member);
		return;
	}
	c->node += count_values(member);
	if (section)
		not_a_section(c, node, name, member);
	else if (row < config_table_size && config_table[row].type != CONFIG_DERIVED)
		take_value(c, row, node, member);
	else
		unknown_key(c, node, name);
}

static void take_section(struct config *c, const char *section, const cJSON *members)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, members) {
		char *name = xasprintf("%s.%s", section, member->string);

		take_member(c, name, member, strchr(member->string, '.') == NULL);
		free(name);
	}
}

static void take_top(struct config *c, const cJSON *root)
{
	const cJSON *member;

	c->node = 1;
	cJSON_ArrayForEach (member, root)
		take_member(c, member->string, member, strchr(member->string, '.') == NULL);
}

static size_t node_of(const struct config *c, const char *key)
{
	return c->settings[find_row(key)].node;
}

static bool is_true(const struct config *c, const char *key)
{
	return strcmp(config_get(c, key), "true") == 0;
}

/* What one value alone does not show. */
static void check_together(struct config *c)
{
	const char *beat = config_get(c, "presence.heartbeat_seconds");
	const char *ttl = config_get(c, "presence.ttl_seconds");
	size_t node = node_of(c, "presence.heartbeat_seconds");

	if (atol(beat) >= atol(ttl))
		complain(c, node > 0 ? node : node_of(c, "presence.ttl_seconds"), ERROR,
		    "presence.heartbeat_seconds is %s; allowed is less than "
		    "presence.ttl_seconds, which is %s",
		    beat, ttl);
	if (is_true(c, "presence.rendezvous_host"))
		return;
	if (is_true(c, "presence.rendezvous_only"))
		complain(c, node_of(c, "presence.rendezvous_only"), ERROR,
		    "presence.rendezvous_only is true; allowed only when "
		    "presence.rendezvous_host is true");
	if (strcmp(config_get(c, "presence.relay_port"), "0") != 0)
		complain(c, node_of(c, "presence.relay_port"), ERROR,
		    "presence.relay_port is %s; allowed only when presence.rendezvous_host is true",
		    config_get(c, "presence.relay_port"));
}

static struct config *config_new(const char *file)
{
	struct config *c = xcalloc(1, sizeof(*c));

	c->file = xstrdup(file);
	c->settings = xcalloc(config_table_size, sizeof(*c->settings));
	return c;
}

struct config *config_parse(const char *file, const char *text, size_t n)
{
	struct config *c = config_new(file);
	struct json_error error;
	cJSON *root;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	c->text = text;
	c->size = n;
	root = json_parse(text, n, NODES_MAX, &error);
	if (root == NULL) {
		c->errors++;
		c->notes[c->note_count++] =
		    xasprintf("%s:%u:%u: error: %s", file, error.line, error.column, error.what);
	} else if (!cJSON_IsObject(root)) {
		complain(c, 1, ERROR, "the whole file must be an object: { ... }");
	} else {
		take_top(c, root);
		if (c->errors == 0)
			check_together(c);
	}
	cJSON_Delete(root);
	c->text = NULL;
	return c;
}

/* Returns the bytes read, or -1 with errno; EFBIG when there is more. */
static ssize_t read_file(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t got = 0;
	ssize_t n = -1;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && !S_ISREG(st.st_mode))
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	else
		while ((n = read(fd, to + got, size - got)) > 0)
			got += (size_t)n;
	close(fd);
	if (n < 0)
		return -1;
	if (got == size)
		errno = EFBIG;
	return got < size ? (ssize_t)got : -1;
}

struct config *config_load(const char *path, const char *file)
{
	char *text = xmalloc(CONFIG_SIZE_MAX);
	ssize_t n = read_file(path, text, CONFIG_SIZE_MAX);
	struct config *c;

	if (n >= 0) {
		c = config_parse(file, text, (size_t)n);
	} else {
		c = config_new(file);
		complain(c, 0, ERROR, "%s", strerror(errno));
	}
	free(text);
	return c;
}

void config_free(struct config *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < config_table_size; i++)
		free(c->settings[i].text);
	for (size_t i = 0; i < c->note_count; i++)
		free(c->notes[i]);
	free(c->settings);
	free(c->file);
	free(c);
}

bool config_good(const struct config *c)
{
	return c->errors == 0;
}

const char *config_note(const struct config *c, size_t i)
{
	return i < c->note_count ? c->notes[i] : NULL;
}

char *config_errors(const struct config *c)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < c->note_count; i++) {
		char *more;

		if (strstr(c->notes[i], ": error: ") == NULL)
			continue;
		more = xasprintf("%s%s%s", text, text[0] != '\0' ? "\n" : "", c->notes[i]);
		free(text);
		text = more;
	}
	return text;
}

const char *config_get(const struct config *c, const char *key)
{
	size_t row = find_row(key);

	if (row == config_table_size || config_table[row].type == CONFIG_IGNORED)
		panic("config", "no such key: %s", key);
	return c->settings[row].text != NULL ? c->settings[row].text : config_table[row].preset;
}

bool config_origin(const struct config *c, const char *text, char *out, size_t size)
{
	const struct setting *s = NULL;
	size_t best = 0;

	/* The longest: one name may begin as another does. */
	for (size_t i = 0; i < config_table_size; i++) {
		const struct config_key *key = &config_table[i];
		size_t n = strlen(key->name);

		if (key->preset == NULL || key->type == CONFIG_DERIVED || n <= best ||
		    strstr(text, key->name) == NULL)
			continue;
		s = &c->settings[i];
		best = n;
	}
	if (s == NULL)
		return false;
	if (s->text != NULL)
		snprintf(out, size, "set in %s:%u:%u", c->file, s->line, s->column);
	else
		snprintf(out, size, "the default, %s does not set it", c->file);
	return true;
}

size_t config_given(const struct config *c)
{
	size_t n = 0;

	for (size_t i = 0; i < config_table_size; i++)
		n += c->settings[i].text != NULL && config_table[i].type != CONFIG_DERIVED;
	return n;
}

bool config_is_given(const struct config *c, const char *key)
{
	return c->settings[find_row(key)].text != NULL;
}

void config_derive(struct config *c, const char *key, const char *text)
{
	struct setting *setting = &c->settings[find_row(key)];

	free(setting->text);
	setting->text = xstrdup(text);
}

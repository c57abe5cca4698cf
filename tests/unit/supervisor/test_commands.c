/* The table of commands against what else tells of them: the manual and the completion of shells.
 */
#include "tests/unit/testing.h"

#include "supervisor/cli_commands.h"

/* The table points to them. */
#define NEVER_RUN(name)                                                                            \
	int name(const struct cli_args *args)                                                      \
	{                                                                                          \
		(void)args;                                                                        \
		abort();                                                                           \
	}
NEVER_RUN(cli_init)
NEVER_RUN(cli_start)
NEVER_RUN(cli_rendezvous)
NEVER_RUN(cli_stop)
NEVER_RUN(cli_restart)
NEVER_RUN(cli_reload)
NEVER_RUN(cli_upgrade)
NEVER_RUN(cli_check)
NEVER_RUN(cli_status)
NEVER_RUN(cli_peers)
NEVER_RUN(cli_id)
NEVER_RUN(cli_links)
NEVER_RUN(cli_streams)
NEVER_RUN(cli_trace)
NEVER_RUN(cli_logs)

#define TEXT_MAX 65536

static void read_all(FILE *f, char text[TEXT_MAX])
{
	assert_non_null(f);
	text[fread(text, 1, TEXT_MAX - 1, f)] = '\0';
}

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *text, const char *format, ...)
{
	size_t n = strlen(text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(text + n, TEXT_MAX - n, format, ap);
	va_end(ap);
}

static void append_lower(char *text, const char *word, size_t n)
{
	for (size_t i = 0; i < n; i++)
		append(text, "%c", word[i] | 0x20);
}

/* "[DIR] SERVICE" as mdoc(7) writes it. */
static void append_words(char *text, const char *words)
{
	for (const char *w = words + strspn(words, " "); *w != '\0'; w += strspn(w, " ")) {
		bool may_lack = *w == '[';

		w += may_lack;
		append(text, may_lack ? ".Op Ar " : ".Ar ");
		append_lower(text, w, strcspn(w, " ]"));
		append(text, "\n");
		w += strcspn(w, " ");
	}
}

static void append_synopsis(char *text, const struct cli_command *c)
{
	append(text, ".Nm\n.Cm %s\n", c->name);
	for (const struct argp_option *o = c->options; o->name != NULL; o++) {
		append(text, ".Op Fl -%s", o->name);
		if (o->arg != NULL) {
			append(text, " Ar ");
			append_lower(text, o->arg, strlen(o->arg));
		}
		append(text, "\n");
	}
	append_words(text, c->words);
}

static void the_manual_shows_every_command(void **unused)
{
	static char page[TEXT_MAX], want[TEXT_MAX];
	FILE *f = fopen("docs/goop-supervisor.1", "r");
	char item[64];

	(void)unused;
	read_all(f, page);
	fclose(f);
	strcpy(want, ".Sh SYNOPSIS\n");
	for (size_t i = 0; i < cli_command_count; i++) {
		append_synopsis(want, &cli_commands[i]);
		snprintf(item, sizeof(item), "\n.It Cm %s\n", cli_commands[i].name);
		if (strstr(page, item) == NULL)
			fail_msg(
			    "docs/goop-supervisor.1 does not tell of: %s", cli_commands[i].name);
	}
	append(want, ".Nm\n.Ar command\n.Fl -help\n.Sh DESCRIPTION\n");
	if (strstr(page, want) == NULL)
		fail_msg("docs/goop-supervisor.1 has another synopsis than:\n%s", want);
}

/* What the shell would offer behind "goop-supervisor <before>", joined by blanks. */
static void complete(const char *before, const char *begun, char offers[TEXT_MAX])
{
	char line[512];
	FILE *f;

	snprintf(line, sizeof(line),
	    "bash -c '. packaging/completion/goop-supervisor.bash; "
	    "COMP_WORDS=(goop-supervisor %s \"%s\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
	    "_goop_supervisor; echo \"${COMPREPLY[*]}\"'",
	    before, begun);
	f = popen(line, "r");
	read_all(f, offers);
	assert_int_equal(pclose(f), 0);
}

static void the_shell_offers_every_command(void **unused)
{
	static char offers[TEXT_MAX], want[TEXT_MAX];

	(void)unused;
	want[0] = '\0';
	for (size_t i = 0; i < cli_command_count; i++)
		append(want, "%s ", cli_commands[i].name);
	append(want, "--help --version\n");
	complete("", "", offers);
	assert_string_equal(offers, want);
}

static void the_shell_offers_every_option(void **unused)
{
	static char offers[TEXT_MAX], want[TEXT_MAX];

	(void)unused;
	for (size_t i = 0; i < cli_command_count; i++) {
		strcpy(want, "--help");
		for (const struct argp_option *o = cli_commands[i].options; o->name != NULL; o++)
			append(want, " --%s", o->name);
		append(want, "\n");
		complete(cli_commands[i].name, "-", offers);
		assert_string_equal(offers, want);
	}
}

/* The part of an option's help in front of what is told in brackets. */
static void append_brief(char *text, const char *doc)
{
	const char *end = strstr(doc, " (");

	append(text, "%.*s", end != NULL ? (int)(end - doc) : (int)strlen(doc), doc);
}

/* The file is, from its mark on, what the table makes of it. */
static void compare_with_file(const char *path, const char *want)
{
	static const char mark[] = "# From here on as the table of commands says.\n";
	static char found[TEXT_MAX];
	FILE *f = fopen(path, "r");
	const char *at;

	read_all(f, found);
	fclose(f);
	at = strstr(found, mark);
	if (at == NULL || strcmp(at + strlen(mark), want) != 0) {
		fputs(want, stdout);
		fail_msg("%s has something else than this behind its mark", path);
	}
}

static void fish_is_told_of_every_command_and_option(void **unused)
{
	static char want[TEXT_MAX];

	(void)unused;
	want[0] = '\0';
	for (size_t i = 0; i < cli_command_count; i++) {
		const struct cli_command *c = &cli_commands[i];

		append(want,
		    "complete -c goop-supervisor -n __fish_use_subcommand -f -a %s -d '%s'\n",
		    c->name, c->brief);
		for (const struct argp_option *o = c->options; o->name != NULL; o++) {
			append(want,
			    "complete -c goop-supervisor -n '__fish_seen_subcommand_from %s' -s %c "
			    "-l "
			    "%s%s -d '",
			    c->name, o->key, o->name, o->arg != NULL ? " -x" : "");
			append_brief(want, o->doc);
			append(want, "'\n");
		}
	}
	compare_with_file("packaging/completion/goop-supervisor.fish", want);
}

static void zsh_is_told_of_every_command_and_option(void **unused)
{
	static char want[TEXT_MAX];

	(void)unused;
	strcpy(want, "commands=(\n");
	for (size_t i = 0; i < cli_command_count; i++)
		append(want, "\t'%s:%s'\n", cli_commands[i].name, cli_commands[i].brief);
	append(want, ")\noptions=(\n");
	for (size_t i = 0; i < cli_command_count; i++)
		for (const struct argp_option *o = cli_commands[i].options; o->name != NULL; o++) {
			append(want, "\t'%s --%s%s[", cli_commands[i].name, o->name,
			    o->arg != NULL ? "=" : "");
			append_brief(want, o->doc);
			append(want, "]");
			if (o->arg != NULL)
				append(want, ":%s:", o->arg);
			append(want, "'\n");
		}
	append(want, ")\n_goop_supervisor\n");
	compare_with_file("packaging/completion/goop-supervisor.zsh", want);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_manual_shows_every_command),
	    cmocka_unit_test(the_shell_offers_every_command),
	    cmocka_unit_test(the_shell_offers_every_option),
	    cmocka_unit_test(fish_is_told_of_every_command_and_option),
	    cmocka_unit_test(zsh_is_told_of_every_command_and_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

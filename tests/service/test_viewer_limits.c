/* What svc-viewer bears: many descriptors, many subscribers who read nothing; and what it shows
 * where the other services do not run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sys/resource.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "tests/service/puppet.h"
#include "tests/service/web.h"
#include "tests/service/word.h"

#define PEOPLE      1000
#define LABEL       2000
#define SUBSCRIBERS 200
#define MIB         (1024 * 1024)

struct stage {
	struct puppet *p; /* first: web_tear_down() */
	struct puppet_end *discovery;
	uint16_t port;
	char host[64];
};

static struct stage *stage_new(void)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	t->p = puppet_new(SERVICE_VIEWER);
	puppet_config(t->p, "viewer.http_addr", "127.0.0.1:0");
	puppet_config(t->p, "paths.site_root", "site");
	puppet_config(t->p, "profile.label", "me");
	return t;
}

static void begin(struct stage *t)
{
	puppet_start(t->p);
	t->port = web_port(t->p, "viewer_url");
	snprintf(t->host, sizeof(t->host), "127.0.0.1:%u", t->port);
}

static int set_up(void **state)
{
	const struct rlimit usual = {1024, 20000};
	struct stage *t = stage_new();

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	t->discovery = puppet_neighbour(t->p, SERVICE_DISCOVERY);
	begin(t);
	puppet_wait_up(t->discovery);
	*state = t;
	return 0;
}

static int set_up_server(void **state)
{
	struct stage *t = stage_new();

	puppet_config(t->p, "presence.rendezvous_host", "true");
	puppet_config(t->p, "presence.rendezvous_only", "true");
	begin(t);
	*state = t;
	return 0;
}

/* --- descriptors -------------------------------------------------------------------------------
 */

static void test_descriptors_are_enough(void **state)
{
	struct stage *t = *state;
	struct rlimit limit;

	assert_int_equal(prlimit(puppet_pid(t->p), RLIMIT_NOFILE, NULL, &limit), 0);
	assert_true(limit.rlim_cur >= 3000);
}

/* --- subscribers -------------------------------------------------------------------------------
 */

static void say_person(struct stage *t, unsigned number, const char *label)
{
	char id[32];

	snprintf(id, sizeof(id), "peer-%u", number);
	word_person(t->discovery, id, label, "");
}

static void wait_for(struct stage *t, const char *what)
{
	web_ask_until(t->p, t->port, t->host, "/api/peers", what);
}

/* Each comes after a change, so that each would get another snapshot of 2 MB. */
static void test_subscribers_who_do_not_read_share(void **state)
{
	struct stage *t = *state;
	char label[LABEL + 1];
	size_t before;

	memset(label, 'x', LABEL);
	label[LABEL] = '\0';
	for (unsigned i = 0; i < PEOPLE; i++)
		say_person(t, i, label);
	say_person(t, PEOPLE, "the last");
	wait_for(t, "the last");
	before = puppet_memory(t->p, "VmRSS");
	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		struct web *w =
		    web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);
		web_hold(w, true);
		say_person(t, i, "changed");
		puppet_turns(t->p, 5);
	}
	say_person(t, PEOPLE, "the end");
	wait_for(t, "the end");
	assert_non_null(strstr(puppet_report(t->p, "counts"), "\"subscribers\":200"));
	assert_true(!PUPPET_MEMORY_COUNTS || puppet_memory(t->p, "VmRSS") < before + 16 * MIB);
}

/* Who comes after a change hears of it, whether it is in the snapshot or not. */
static void test_a_shared_snapshot_is_followed_by_what_came_since(void **state)
{
	struct stage *t = *state;
	struct web *first, *second;

	for (unsigned i = 0; i < 20; i++)
		say_person(t, i, "somebody");
	wait_for(t, "peer-19");
	first = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);
	web_until(first, "peer-19");
	say_person(t, 20, "newcomer");
	web_until(first, "newcomer");
	second = web_begin(t->p, t->port, "GET", t->host, "/api/peers/events", "", NULL);
	web_until(second, "event: snapshot");
	web_until(second, "newcomer");
	say_person(t, 21, "another");
	web_until(second, "another");
	/* Once: the stream goes on where the snapshot ended. */
	assert_null(strstr(strstr(second->got, "newcomer") + 1, "event: snapshot"));
	web_close(first);
	web_close(second);
}

/* --- a rendezvous server -----------------------------------------------------------------------
 */

static void page(struct stage *t, const char *path, int status, const char *in, const char *out)
{
	struct web *w = web_ask(t->p, t->port, "GET", t->host, path, "", NULL);

	assert_int_equal(w->status, status);
	if (in != NULL && strstr(w->body, in) == NULL)
		fail_msg("%s: without %s", path, in);
	if (out != NULL && strstr(w->body, out) != NULL)
		fail_msg("%s: with %s", path, out);
	web_close(w);
}

static void test_server_shows_what_there_is(void **state)
{
	struct stage *t = *state;
	struct web *w = web_ask(t->p, t->port, "GET", t->host, "/", "", NULL);
	char to[64];

	web_header(w, "Location", to, sizeof(to));
	assert_string_equal(to, "/self");
	web_close(w);
	page(t, "/self", 200, "href=\"/logs\"", "People");
	page(t, "/self", 200, "href=\"/self\"", "Database");
	page(t, "/peers", 404, "rendezvous server", NULL);
	page(t, "/database", 404, "rendezvous server", NULL);
}

static void test_peer_shows_all(void **state)
{
	page(*state, "/self", 200, "href=\"/peers\"", NULL);
	page(*state, "/peers", 200, "href=\"/database\"", NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_descriptors_are_enough),
	    TEST(test_subscribers_who_do_not_read_share),
	    TEST(test_a_shared_snapshot_is_followed_by_what_came_since),
	    TEST(test_peer_shows_all),
	    cmocka_unit_test_setup_teardown(
		test_server_shows_what_there_is, set_up_server, web_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

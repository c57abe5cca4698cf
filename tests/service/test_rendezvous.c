/* svc-rendezvous: what it says to whom, what outlives it, and settings that are wrong. */
#include "tests/service/rendezvous_stage.h"

/* --- what works ------------------------------------------------------------------------------- */

static void test_published_is_heard_by_old_and_new_subscribers(void **state)
{
	struct stage *t = *state;
	struct web *old, *new;

	go(t);
	old = subscribe(t, "/events", "");
	assert_true(has(old, "Content-Type: text/event-stream\r\n"));
	assert_true(has(old, "Cache-Control: no-cache\r\n"));
	assert_true(has(old, "X-Accel-Buffering: no\r\n"));
	assert_true(has(old, "\nretry: "));
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	web_until(old, "\"content\":\"Alice\"");
	assert_true(has(old, "\"sig\":\""));
	new = subscribe(t, "/events?changes=1", "");
	web_until(new, "\"content\":\"Alice\"");
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", false), 204);
	web_until(old, "\"content\":\"Bob\"");
	web_until(new, "\"content\":\"Bob\"");
}

static void test_changes_leave_heartbeats_out(void **state)
{
	struct stage *t = *state;
	struct web *all, *changes;

	go(t);
	all = subscribe(t, "/events", "");
	changes = subscribe(t, "/events?x=2&changes=1", "");
	says(t, &t->alice, PRESENCE_ONLINE, "Alice", true);
	web_until(changes, "Alice");
	says(t, &t->alice, PRESENCE_UPDATE, "Alice", true);
	web_until(all, "\"update\"");
	says(t, &t->alice, PRESENCE_OFFLINE, "Alice", true);
	web_until(changes, "\"offline\"");
	assert_false(has(changes, "\"update\""));
}

static void last_id(const struct web *w, char out[128])
{
	const char *id = NULL;

	for (const char *p = w->got; (p = strstr(p, "\nid: ")) != NULL; p++)
		id = p + 5;
	assert_non_null(id);
	snprintf(out, 128, "Last-Event-ID: %.*s\r\n", (int)strcspn(id, "\n"), id);
}

static void test_who_comes_back_gets_what_it_missed(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char id[128];

	go(t);
	w = subscribe(t, "/events", "");
	says(t, &t->alice, PRESENCE_ONLINE, "first", true);
	web_until(w, "first");
	PUPPET_UNTIL(t->p, w->got[w->len - 1] == '\n' && w->got[w->len - 2] == '\n');
	last_id(w, id);
	web_close(w);
	says(t, &t->alice, PRESENCE_UPDATE, "second", true);
	says(t, &t->alice, PRESENCE_UPDATE, "third", true);
	w = subscribe(t, "/events", id);
	web_until(w, "third");
	assert_true(has(w, "second"));
	assert_false(has(w, "first"));
	assert_false(has(w, "event: reset"));
}

static void test_who_was_away_too_long_is_reset(void **state)
{
	struct stage *t = *state;
	struct web *w;

	go(t);
	says(t, &t->alice, PRESENCE_ONLINE, "Alice", true);
	w = subscribe(t, "/events", "Last-Event-ID: 0000000000000000:77\r\n");
	web_until(w, "Alice");
	assert_true(has(w, "event: reset\ndata: "));
	assert_true(strstr(w->got, "event: reset") < strstr(w->got, "Alice"));
}

static void test_pages_and_small_routes(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char value[512];

	go(t);
	says(t, &t->alice, PRESENCE_ONLINE, "<b>Alice</b>", true);
	w = get(t, "/", "");
	assert_true(has(w, "&lt;b&gt;Alice"));
	assert_true(has(w, "<svg class=\"qr\""));
	assert_true(has(w, "http://127.0.0.1:"));
	web_header(w, "Content-Security-Policy", value, sizeof(value));
	assert_non_null(strstr(value, "default-src 'none'"));
	w = get(t, "/healthz", "");
	assert_string_equal(w->body, "ok");
	assert_int_equal(ask(t, "GET", "/relay", "", NULL), 404);
	assert_int_equal(ask(t, "GET", "/nothing", "", NULL), 404);
	assert_int_equal(ask(t, "GET", "/publish", "", NULL), 405);
	get(t, "/style.css", "");
	get(t, "/index.js", "");
	w = get(t, "/admin", AUTH);
	assert_true(has(w, "&lt;b&gt;Alice"));
	w = get(t, "/peers.json", AUTH);
	assert_non_null(strstr(w->body, "\"peer_id\":\"12D3Koo"));
	assert_non_null(strstr(w->body, "\"bytes_received\":"));
	w = get(t, "/logs.json", AUTH);
	assert_non_null(strstr(w->body, "came 12D3Koo"));
	assert_non_null(strstr(puppet_report(t->p, "peers"), "\"content\":"));
}

static void test_external_url_is_shown(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "presence.external_url", "https://meet.example/");
	puppet_start(t->p);
	assert_string_equal(puppet_fact(t->p, "rendezvous_url"), "https://meet.example");
}

/* --- persistence ------------------------------------------------------------------------------ */

static void restart(struct stage *t, int signo)
{
	puppet_kill(t->p, signo);
	puppet_wait_end(t->p);
	puppet_restart(t->p);
	PUPPET_UNTIL(t->p, puppet_is_ready(t->p));
	t->port = web_port(t->p, "rendezvous_url");
}

static void test_restart_keeps_peers_and_what_they_signed(void **state)
{
	struct stage *t = *state;
	struct web *w;
	char *heard;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	heard = actor_presence(&t->alice, PRESENCE_ONLINE, "Alice", NULL, true);
	assert_int_equal(publish(t, heard), 204);
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", false), 204);
	restart(t, SIGTERM);
	w = subscribe(t, "/events", "Last-Event-ID: 0123456789abcdef:2\r\n");
	web_until(w, "event: reset");
	web_until(w, "Alice");
	web_until(w, "Bob");
	assert_int_equal(publish(t, heard), 409);
	assert_int_equal(says(t, &t->alice, PRESENCE_UPDATE, "Alice", true), 204);
	free(heard);
}

static bool is_written(void *arg)
{
	return METRIC(arg, "db_pending_rows") == 0;
}

static void test_sudden_death_loses_nothing_that_was_written(void **state)
{
	struct stage *t = *state;
	struct web *w;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	puppet_wait(t->p, is_written, t, PUPPET_MS, "the row is written");
	restart(t, SIGKILL);
	w = subscribe(t, "/events", "");
	web_until(w, "Alice");
}

/* A second instance by hand, as the stage has room for one: on the same folder. */
struct second {
	pid_t pid;
	struct parent *parent;
	uint16_t port;
	bool ready;
};

static int second_told(void *arg, struct msg *m)
{
	struct second *s = arg;
	char key[64], value[256];

	if (m->type == MSG_READY)
		s->ready = true;
	if (m->type != MSG_FACT)
		return 0;
	msg_get_cstr(m, key, sizeof(key));
	msg_get_cstr(m, value, sizeof(value));
	if (strcmp(key, "rendezvous_url") == 0)
		s->port = (uint16_t)atoi(strrchr(value, ':') + 1);
	return 0;
}

static void second_closed(void *arg)
{
	(void)arg;
}

static void second_exec(int fd)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);

	path[n] = '\0';
	strcpy(strstr(path, "/test/service/"), "/bin/svc-rendezvous");
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, PARENT_FD);
	if (fd == PARENT_FD)
		abort();
	execl(path, path, (char *)NULL);
	abort();
}

static void second_start(struct stage *t, struct second *s)
{
	static const struct parent_events events = {second_told, second_closed};
	static const char *const config[] = {"presence.rendezvous_port", "0",
	    "presence.rendezvous_bind", "127.0.0.1", "presence.peer_db_path", "data/peers.db"};
	struct msg m;
	int pair[2];

	*s = (struct second){0};
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		second_exec(pair[1]);
	close(pair[1]);
	s->parent = parent_new(
	    puppet_loop(t->p), pair[0], SERVICE_SUPERVISOR, SERVICE_RENDEZVOUS, &events, s);
	msg_begin(&m, MSG_CONFIG, 0);
	msg_put_u16(&m, 3);
	for (int i = 0; i < 6; i++)
		msg_put_str(&m, config[i]);
	parent_send(s->parent, &m);
	msg_begin(&m, MSG_START, 0);
	parent_send(s->parent, &m);
	PUPPET_UNTIL(t->p, s->ready);
}

static void test_two_instances_on_one_file_show_each_others_peers(void **state)
{
	struct stage *t = *state;
	struct second second;
	struct web *here, *there;
	uint16_t port;

	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	go(t);
	second_start(t, &second);
	here = subscribe(t, "/events?changes=1", "");
	port = t->port;
	t->port = second.port;
	there = subscribe(t, "/events?changes=1", "");
	assert_int_equal(says(t, &t->bob, PRESENCE_ONLINE, "Bob", true), 204);
	t->port = port;
	assert_int_equal(says(t, &t->alice, PRESENCE_ONLINE, "Alice", true), 204);
	web_until(here, "Bob");
	web_until(there, "Alice");
	assert_int_equal(says(t, &t->alice, PRESENCE_OFFLINE, "Alice", true), 204);
	web_until(there, "\"offline\"");
	kill(second.pid, SIGTERM);
	assert_int_equal(waitpid(second.pid, NULL, 0), second.pid);
	parent_free(second.parent);
}

/* --- wrong settings --------------------------------------------------------------------------- */

static void expect_config_error(struct stage *t, const char *key)
{
	int status;

	puppet_spawn(t->p);
	status = puppet_wait_end(t->p);
	assert_int_equal(WEXITSTATUS(status), 78);
	assert_non_null(strstr(puppet_log(t->p), key));
}

static void test_damaged_database_is_named_and_left_alone(void **state)
{
	struct stage *t = *state;
	char *junk = xmalloc(50000);

	memset(junk, 'x', 50000);
	puppet_put_file(t->p, "data/peers.db", junk, 50000);
	free(junk);
	puppet_config(t->p, "presence.peer_db_path", "data/peers.db");
	expect_config_error(t, "data/peers.db");
}

static void test_bad_proxy_list_is_named(void **state)
{
	struct stage *t = *state;

	puppet_config(t->p, "rendezvous.trusted_proxies", "proxy.example");
	expect_config_error(t, "rendezvous.trusted_proxies");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, web_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(test_published_is_heard_by_old_and_new_subscribers),
	    T(test_changes_leave_heartbeats_out),
	    T(test_who_comes_back_gets_what_it_missed),
	    T(test_who_was_away_too_long_is_reset),
	    T(test_pages_and_small_routes),
	    T(test_external_url_is_shown),
	    T(test_restart_keeps_peers_and_what_they_signed),
	    T(test_sudden_death_loses_nothing_that_was_written),
	    T(test_two_instances_on_one_file_show_each_others_peers),
	    T(test_damaged_database_is_named_and_left_alone),
	    T(test_bad_proxy_list_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What every service gets from proto/service.c, seen on one that is nothing else. */
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proto/service.h"
#include "proto/trace_filter.h"
#include "tests/service/puppet.h"
#include "tests/unit/testing.h"

#define ECHO "fake_echo"

static struct puppet *stage_with(struct puppet_end **transport, struct puppet_end **db)
{
	struct puppet *p = puppet_new(SERVICE_VIEWER);

	puppet_program(p, ECHO);
	if (transport != NULL)
		*transport = puppet_neighbour(p, SERVICE_TRANSPORT);
	if (db != NULL)
		*db = puppet_neighbour(p, SERVICE_DB);
	return p;
}

static void say_self(struct puppet_end *transport, unsigned port)
{
	struct msg m;

	msg_begin(&m, MSG_SELF, 0);
	msg_put_str(&m, "12D3KooW");
	msg_put_bytes(&m, "key", 3);
	msg_put_u16(&m, (uint16_t)port);
	puppet_say(transport, &m);
}

static void test_config_links_start_ready(void **state)
{
	struct puppet_end *transport, *db;
	struct puppet *p = stage_with(&transport, &db);

	(void)state;
	puppet_config(p, "number", "42");
	puppet_config(p, "yes", "true");
	puppet_start(p);
	assert_string_equal(puppet_fact(p, "number"), "42");
	assert_string_equal(puppet_fact(p, "yes"), "true");
	/* Cut between two characters. */
	assert_int_equal(strlen(puppet_fact(p, "long")), SERVICE_FACT_MAX - 1);
	assert_string_equal(puppet_fact(p, "long") + SERVICE_FACT_MAX - 6, "vv...");
	assert_string_equal(puppet_fact(p, "started"), "linked");
	assert_true(link_is_up(puppet_link(transport)));
	assert_true(link_is_up(puppet_link(db)));
	puppet_free(p);
}

static void test_starts_without_a_link_that_does_not_come(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);
	uint8_t token[LINK_TOKEN] = {1};
	struct msg m;

	(void)state;
	puppet_spawn(p);
	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, SERVICE_TRANSPORT);
	msg_put_u32(&m, 1);
	msg_put_bytes(&m, token, sizeof(token));
	puppet_tell(p, &m);
	puppet_send_start(p);
	PUPPET_UNTIL(p, puppet_is_ready(p));
	assert_string_equal(puppet_fact(p, "started"), "alone");
	assert_non_null(strstr(puppet_log(p), "starting without svc-transport"));
	puppet_free(p);
}

static void test_streams_reach_the_service(void **state)
{
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);
	struct puppet_stream *s;

	(void)state;
	puppet_start(p);
	s = puppet_open(transport, PROTOCOL_GOOP_SITE, "12D3KooWRemote", 5000);
	puppet_write(s, "to and fro", 10, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	assert_string_equal((char *)s->data, "to and fro");
	assert_string_equal(puppet_fact(p, "last_stream"), "/goop/site/1.0.0");
	puppet_free(p);
}

static void test_a_neighbour_dies_and_returns(void **state)
{
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);
	struct puppet_stream *s;

	(void)state;
	puppet_start(p);
	s = puppet_open(transport, PROTOCOL_GOOP_SITE, "", 5000);
	PUPPET_UNTIL(p, s->opened);
	puppet_die(transport, "killed by signal 9");
	assert_true(s->was_reset);
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "killed by signal 9") == 0);
	PUPPET_UNTIL(p, strstr(puppet_log(p), "svc-transport is restarting (killed by") != NULL);
	puppet_revive(transport);
	puppet_wait_up(transport);
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "up") == 0);
	s = puppet_open(transport, PROTOCOL_GOOP_SITE, "", 5000);
	puppet_write(s, "again", 5, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	puppet_free(p);
}

static void test_the_service_dies_and_returns(void **state)
{
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);
	struct puppet_stream *s;

	(void)state;
	puppet_start(p);
	s = puppet_open(transport, PROTOCOL_GOOP_SITE, "", 5000);
	PUPPET_UNTIL(p, s->opened);
	puppet_kill(p, SIGKILL);
	assert_int_equal(puppet_wait_over(s), STREAM_RESTARTING);
	puppet_restart(p);
	puppet_wait_up(transport);
	s = puppet_open(transport, PROTOCOL_GOOP_SITE, "", 5000);
	puppet_write(s, "again", 5, true);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
	puppet_free(p);
}

static void test_pulse_and_reports(void **state)
{
	const char *links;
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);
	struct msg m;

	(void)state;
	puppet_start(p);
	msg_begin(&m, MSG_PULSE, 0);
	msg_put_u32(&m, 77);
	puppet_tell(p, &m);
	puppet_told(p, MSG_PULSE_BACK, &m);
	assert_int_equal(msg_get_u32(&m), 77);
	assert_string_equal(puppet_report(p, "peers"), "{\"what\":1}");
	assert_string_equal(puppet_report(p, "huge"), "{\"error\":\"the report is too large\"}");
	links = puppet_report(p, "links");
	assert_non_null(
	    strstr(links, "{\"peer\":\"svc-transport\",\"up\":true,\"connects\":true,"));
	assert_non_null(strstr(links, "\"streams\":0,"));
	/* It is repeated while no answer has come. */
	assert_non_null(
	    strstr(links, "{\"message\":\"HELLO\",\"messages_in\":0,\"messages_out\":"));
	assert_string_equal(puppet_report(p, "streams"), "[]");
	puppet_free(p);
}

static void ask_trace(struct puppet *p, const char *subject)
{
	struct trace_filter filter = {0};
	struct msg m;

	if (subject != NULL)
		assert_true(trace_filter_parse(&filter, subject));
	msg_begin(&m, MSG_TRACE_SET, 0);
	trace_filter_put(&filter, &m);
	puppet_tell(p, &m);
	/* Heard by when this is answered: links come another way. */
	puppet_report(p, "peers");
}

static void told_of_one_self(struct puppet *p)
{
	struct msg m;

	puppet_told(p, MSG_TRACE, &m);
	assert_int_equal(msg_get_u32(&m), 0);
	assert_int_equal(msg_get_u16(&m), 1);
	msg_get_i64(&m);
	assert_int_equal(msg_get_u8(&m), 0);
	assert_int_equal(msg_get_u8(&m), SERVICE_TRANSPORT);
	assert_int_equal(msg_get_u16(&m), MSG_SELF);
}

static void test_messages_are_traced_while_somebody_wants_it(void **state)
{
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);

	(void)state;
	puppet_start(p);
	say_self(transport, 99);
	PUPPET_UNTIL(p, puppet_fact(p, "self") != NULL);
	ask_trace(p, "SELF");
	say_self(transport, 99);
	told_of_one_self(p);
	ask_trace(p, NULL);
	say_self(transport, 4);
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "bad message") == 0);
	ask_trace(p, "SELF");
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "up") == 0);
	say_self(transport, 99);
	told_of_one_self(p);
	puppet_free(p);
}

static void test_alarms(void **state)
{
	struct puppet_end *transport;
	struct puppet *p = stage_with(&transport, NULL);
	struct msg m;
	char text[512];

	(void)state;
	puppet_start(p);
	say_self(transport, 5);
	puppet_told(p, MSG_ALARM, &m);
	msg_get_cstr(&m, text, sizeof(text));
	assert_string_equal(text, "told to say this");
	/* A bad message is an alarm too, and ends just the link. */
	say_self(transport, 4);
	puppet_told(p, MSG_ALARM, &m);
	msg_get_cstr(&m, text, sizeof(text));
	assert_string_equal(text, "link with svc-transport: bad message SELF of 21 bytes");
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "bad message") == 0);
	PUPPET_UNTIL(p, strcmp(puppet_fact(p, "transport"), "up") == 0);
	puppet_free(p);
}

static void test_what_it_says_when_it_dies(void **state)
{
	static const struct {
		unsigned port;
		int signo, status;
		const char *log;
	} ways[] = {
	    {1, SIGABRT, 0, "crash: died of SIGABRT while handling SELF from svc-transport\n"},
	    {1, SIGABRT, 0, "error svc-viewer echo: told to panic\n"},
#ifndef __SANITIZE_ADDRESS__
	    {3, SIGSEGV, 0, "crash: died of SIGSEGV while handling SELF from svc-transport\n"},
	    {3, SIGSEGV, 0, "fake_echo("},
#endif
	    {2, 0, 1, "error svc-viewer echo: told to be fatal\n"},
	};
	struct puppet_end *transport;
	struct puppet *p;
	int status;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		p = stage_with(&transport, NULL);
		puppet_start(p);
		say_self(transport, ways[i].port);
		status = puppet_wait_end(p);
		assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, ways[i].signo);
		assert_int_equal(WIFEXITED(status) ? WEXITSTATUS(status) : 0, ways[i].status);
		assert_non_null(strstr(puppet_log(p), ways[i].log));
		puppet_free(p);
	}
}

static void test_configuration_failure_is_78(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);
	int status;

	(void)state;
	puppet_config(p, "fail", "init");
	puppet_spawn(p);
	/* All that is in the socket by then is not for a service that could not begin. */
	puppet_send_start(p);
	status = puppet_wait_end(p);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 78);
	assert_non_null(strstr(puppet_log(p), "configured to fail"));
	assert_null(puppet_fact(p, "started"));
	puppet_free(p);
}

static void test_start_failure_ends_it(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);
	int status;

	(void)state;
	puppet_config(p, "fail", "start");
	puppet_spawn(p);
	puppet_send_start(p);
	status = puppet_wait_end(p);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_false(puppet_is_ready(p));
	puppet_free(p);
}

static void test_ways_to_stop(void **state)
{
	struct puppet_end *transport;
	struct puppet_stream *s;
	struct puppet *p;

	(void)state;
	for (int way = 0; way < 2; way++) {
		p = stage_with(&transport, NULL);
		puppet_start(p);
		s = puppet_open(transport, PROTOCOL_GOOP_SITE, "", 5000);
		PUPPET_UNTIL(p, s->opened);
		if (way == 0)
			puppet_stop(p, 1234);
		else
			puppet_kill(p, SIGTERM);
		assert_int_equal(puppet_wait_end(p), 0);
		assert_non_null(
		    strstr(puppet_log(p), way == 0 ? "1234 ms to stop" : "5000 ms to stop"));
		/* Its last words arrive: streams are ended, not just gone. */
		assert_int_equal(puppet_wait_over(s), STREAM_RESTARTING);
		assert_string_equal(s->text, "the service ends");
		assert_non_null(strstr(puppet_log(p), "echo: reset: service restarting"));
		assert_non_null(strstr(puppet_log(p), "echo: fini"));
		puppet_free(p);
	}
}

static void test_whoever_is_late_is_ended(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);

	(void)state;
	puppet_config(p, "fail", "stop");
	puppet_start(p);
	puppet_stop(p, 50);
	assert_int_equal(puppet_wait_end(p), 0);
	assert_non_null(strstr(puppet_log(p), "not everything could be finished"));
	puppet_free(p);
}

static void test_ctrl_c_is_the_supervisors(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);
	struct msg m;

	(void)state;
	puppet_start(p);
	kill(puppet_pid(p), SIGINT);
	kill(puppet_pid(p), SIGPIPE);
	msg_begin(&m, MSG_PULSE, 0);
	msg_put_u32(&m, 1);
	puppet_tell(p, &m);
	puppet_told(p, MSG_PULSE_BACK, &m);
	puppet_free(p);
}

static void test_the_end_of_the_supervisor_ends_it(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);

	(void)state;
	puppet_start(p);
	puppet_hang_up(p);
	assert_int_equal(puppet_wait_end(p), 0);
	assert_non_null(strstr(puppet_log(p), "the supervisor has gone"));
	assert_non_null(strstr(puppet_log(p), "2000 ms to stop"));
	puppet_free(p);
}

static void test_nonsense_from_the_supervisor_is_ignored(void **state)
{
	struct puppet *p = stage_with(NULL, NULL);
	struct msg m;

	(void)state;
	puppet_start(p);
	puppet_send_start(p); /* a second time */
	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, SERVICE_RENDEZVOUS); /* no neighbour */
	msg_put_u32(&m, 1);
	msg_put_bytes(&m, "0123456789abcdef", 16);
	puppet_tell(p, &m);
	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, SERVICE_TRANSPORT);
	msg_put_u32(&m, 1);
	msg_put_bytes(&m, "short", 5);
	puppet_tell(p, &m);
	msg_begin(&m, MSG_CONFIG, 0);
	msg_put_u16(&m, 0);
	puppet_tell(p, &m);
	PUPPET_UNTIL(p, strstr(puppet_log(p), "bad message CONFIG") != NULL);
	assert_non_null(strstr(puppet_log(p), "bad message START"));
	assert_non_null(strstr(puppet_log(p), "bad message LINK_SET"));
	puppet_free(p);
}

static int run_by_hand(const char *argument, char *out, size_t size)
{
	char self[4096], command[4300];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	size_t got;
	FILE *f;

	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(command, sizeof(command), "%s/" ECHO " %s 2>&1 3<&-", self, argument);
	f = popen(command, "r");
	assert_non_null(f);
	got = fread(out, 1, size - 1, f);
	out[got] = '\0';
	return WEXITSTATUS(pclose(f));
}

static void test_started_by_hand(void **state)
{
	char out[1024];

	(void)state;
	assert_int_equal(run_by_hand("", out, sizeof(out)), 2);
	assert_non_null(strstr(out, "started by goop-supervisor"));
	assert_int_equal(run_by_hand("--help", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "echoes, for tests"));
	assert_non_null(strstr(out, "started by goop-supervisor"));
	assert_int_equal(run_by_hand("--version", out, sizeof(out)), 0);
	assert_non_null(strstr(out, "svc-viewer 0."));
	assert_int_equal(run_by_hand("--frobnicate", out, sizeof(out)), 2);
	assert_int_equal(run_by_hand("3</dev/null", out, sizeof(out)), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_config_links_start_ready),
	    cmocka_unit_test(test_starts_without_a_link_that_does_not_come),
	    cmocka_unit_test(test_streams_reach_the_service),
	    cmocka_unit_test(test_a_neighbour_dies_and_returns),
	    cmocka_unit_test(test_the_service_dies_and_returns),
	    cmocka_unit_test(test_pulse_and_reports),
	    cmocka_unit_test(test_messages_are_traced_while_somebody_wants_it),
	    cmocka_unit_test(test_alarms),
	    cmocka_unit_test(test_what_it_says_when_it_dies),
	    cmocka_unit_test(test_configuration_failure_is_78),
	    cmocka_unit_test(test_start_failure_ends_it),
	    cmocka_unit_test(test_ways_to_stop),
	    cmocka_unit_test(test_whoever_is_late_is_ended),
	    cmocka_unit_test(test_ctrl_c_is_the_supervisors),
	    cmocka_unit_test(test_the_end_of_the_supervisor_ends_it),
	    cmocka_unit_test(test_nonsense_from_the_supervisor_is_ignored),
	    cmocka_unit_test(test_started_by_hand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <sys/wait.h>

#include "tests/unit/discovery/client_stage.h"

static void test_a_subscription(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, strstr(s.bytes, ": ok\n\n") != NULL);
	assert_int_equal(s.opened, 1);
	assert_ptr_equal(
	    strstr(s.m->events_head, "GET /events?changes=1 HTTP/1.1\r\n"), s.m->events_head);
	assert_non_null(strstr(s.m->events_head, "Accept: text/event-stream\r\n"));
	assert_null(strstr(s.m->events_head, "Last-Event-ID"));
	meeting_say(s.m, "data: x\n\n");
	UNTIL(&s, strstr(s.bytes, "data: x\n\n") != NULL);
	assert_int_equal(s.lost, 0);
	meeting_drop(s.m);
	UNTIL(&s, s.lost == 1);
	assert_string_equal(s.why, "the server ended the stream");
	rendezvous_client_subscribe(s.c, "e:7");
	UNTIL(&s, s.opened == 2);
	assert_non_null(strstr(s.m->events_head, "Last-Event-ID: e:7\r\n"));
	/* Whoever hangs up hears no more. */
	rendezvous_client_hang_up(s.c);
	UNTIL(&s, s.m->subscriber == NULL);
	assert_int_equal(s.lost, 1);
	end(&s);
}

#define MUCH (8u * 1024 * 1024)

/* Another process: who sends as fast as we read must not wait for us. */
static pid_t flood(uint16_t *port)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
	struct sockaddr_in sa = {.sin_family = AF_INET};
	socklen_t len = sizeof sa;
	char block[65536], request[4096];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&sa, sizeof sa), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	*port = ntohs(sa.sin_port);
	pid = fork();
	if (pid != 0) {
		close(fd);
		return pid;
	}
	fd = accept(fd, NULL, NULL);
	if (read(fd, request, sizeof request) <= 0 || write(fd, head, sizeof head - 1) < 0)
		_exit(1);
	memset(block, ':', sizeof block);
	for (size_t n = 0; n < MUCH; n += sizeof block)
		if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
			_exit(2);
	if (write(fd, "the end\n", 8) != 8)
		_exit(3);
	pause();
	_exit(0);
}

static void test_a_stream_that_comes_faster_than_it_is_read(void **state)
{
	struct stage s;
	char url[64];
	uint16_t port;
	pid_t pid = flood(&port);

	(void)state;
	snprintf(url, sizeof url, "http://127.0.0.1:%u", port);
	begin(&s, url);
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.lost > 0 || memcmp(s.last, "the end\n", 8) == 0);
	assert_string_equal(s.why, "");
	assert_int_equal(s.lost, 0);
	assert_int_equal(s.total, MUCH + 8);
	assert_in_range(s.largest, 1, 256 * 1024);
	end(&s);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_publishing_keeps_its_connection(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.opened == 1);
	for (unsigned i = 1; i <= 5; i++) {
		rendezvous_client_publish(s.c, "{\"a\":1}");
		UNTIL(&s, s.published == i);
		assert_int_equal(s.status, 204);
		assert_string_equal(s.m->body, "{\"a\":1}");
	}
	assert_ptr_equal(
	    strstr(s.m->publish_head, "POST /publish HTTP/1.1\r\n"), s.m->publish_head);
	assert_non_null(strstr(s.m->publish_head, "Content-Type: application/json\r\n"));
	assert_null(strstr(s.m->publish_head, "Expect:"));
	assert_int_equal(s.m->connections, 2);
	end(&s);
}

static void test_refusals_say_why_and_when(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	s.m->publish_status = 429;
	s.m->extra = "Retry-After: 17\r\n";
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.published == 1);
	assert_int_equal(s.status, 429);
	assert_int_equal(s.retry_s, 17);
	assert_string_equal(s.why, "HTTP 429: why");
	s.m->events_status = 503;
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.lost == 1);
	assert_int_equal(s.opened, 0);
	assert_int_equal(s.retry_s, 17);
	assert_string_equal(s.why, "HTTP 503");
	s.m->events_status = 200;
	s.m->type = "text/html";
	s.m->extra = "Content-Length: 6\r\n";
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.lost == 2);
	assert_int_equal(s.opened, 0);
	assert_string_equal(s.why, "the answer is no event stream but text/html");
	end(&s);
}

static void test_an_endless_answer_is_cut(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	s.m->type = "text/plain";
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.m->subscriptions == 1);
	for (int i = 0; i < 1000 && s.lost == 0; i++) {
		if (s.m->subscriber != NULL)
			meeting_say(s.m, "0123456789abcdef0123456789abcdef\n");
		loop_turn(s.loop, 5);
	}
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.opened, 0);
	end(&s);
}

static void test_an_endless_header_is_cut(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, NULL);
	s.m->events_status = 0;
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.m->subscriptions == 1);
	meeting_say(s.m, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 5000 && s.lost == 0; i++) {
		if (s.m->subscriber != NULL)
			meeting_say(s.m, "X-Long: 0123456789abcdef0123456789abcdef\r\n");
		loop_turn(s.loop, 5);
	}
	assert_int_equal(s.lost, 1);
	end(&s);
}

static void test_nobody_there(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, "http://no-such-host.invalid:8787");
	rendezvous_client_subscribe(s.c, "");
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.lost == 1 && s.published == 1);
	assert_int_equal(s.status, 0);
	assert_non_null(strstr(s.why, "no-such-host.invalid"));
	end(&s);
	begin(&s, "http://127.0.0.1:1");
	rendezvous_client_subscribe(s.c, "");
	UNTIL(&s, s.lost == 1);
	assert_non_null(strstr(s.why, "127.0.0.1 port 1"));
	end(&s);
}

static void test_urls(void **state)
{
	struct stage s;
	char url[128];

	(void)state;
	begin(&s, NULL);
	assert_null(rendezvous_client_new(s.all, "ftp://example.org/", true, &events, &s));
	assert_null(rendezvous_client_new(s.all, "file:///etc/passwd", true, &events, &s));
	assert_null(rendezvous_client_new(s.all, "example.org:8787", true, &events, &s));
	assert_null(rendezvous_client_new(s.all, "http://", true, &events, &s));
	rendezvous_client_free(s.c);
	snprintf(url, sizeof url, "http://ann:secret@127.0.0.1:%u/below/it/?x=1#y", s.m->port);
	s.c = rendezvous_client_new(s.all, url, true, &events, &s);
	assert_null(strstr(rendezvous_client_url(s.c), "secret"));
	rendezvous_client_subscribe(s.c, "");
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.opened == 1 && s.published == 1);
	assert_non_null(strstr(s.m->events_head, "GET /below/it/events?changes=1 HTTP/1.1\r\n"));
	assert_non_null(strstr(s.m->events_head, "Authorization: Basic "));
	assert_non_null(strstr(s.m->publish_head, "POST /below/it/publish HTTP/1.1\r\n"));
	end(&s);
}

static void test_a_proxy_of_the_environment(void **state)
{
	struct stage s;
	struct rendezvous_client *far;

	(void)state;
	begin(&s, NULL);
	setenv("http_proxy", meeting_url(s.m), 1);
	far = rendezvous_client_new(s.all, "http://far.example", false, &events, &s);
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 1);
	assert_non_null(strstr(s.m->publish_head, "POST http://far.example/publish"));
	/* One whom no_proxy names is not asked through it. */
	setenv("no_proxy", "127.0.0.1", 1);
	rendezvous_client_free(far);
	far = rendezvous_client_new(s.all, meeting_url(s.m), false, &events, &s);
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.published == 2);
	assert_non_null(strstr(s.m->publish_head, "POST /publish"));
	unsetenv("no_proxy");
	/* One's own server is asked directly. */
	rendezvous_client_publish(s.c, "{}");
	UNTIL(&s, s.published == 3);
	assert_non_null(strstr(s.m->publish_head, "POST /publish"));
	unsetenv("http_proxy");
	/* https goes through a tunnel of the proxy. */
	setenv("https_proxy", meeting_url(s.m), 1);
	rendezvous_client_free(far);
	far = rendezvous_client_new(s.all, "https://far.example", false, &events, &s);
	rendezvous_client_publish(far, "{}");
	UNTIL(&s, s.m->subscriptions == 1);
	assert_non_null(strstr(s.m->events_head, "CONNECT far.example:443 HTTP/1.1"));
	unsetenv("https_proxy");
	rendezvous_client_free(far);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_subscription),
	    cmocka_unit_test(test_a_stream_that_comes_faster_than_it_is_read),
	    cmocka_unit_test(test_publishing_keeps_its_connection),
	    cmocka_unit_test(test_refusals_say_why_and_when),
	    cmocka_unit_test(test_an_endless_answer_is_cut),
	    cmocka_unit_test(test_an_endless_header_is_cut),
	    cmocka_unit_test(test_nobody_there),
	    cmocka_unit_test(test_urls),
	    cmocka_unit_test(test_a_proxy_of_the_environment),
	};

	return cmocka_run_group_tests_name("rendezvous_client", tests, own_network, NULL);
}

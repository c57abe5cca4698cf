/* How svc-transport ends: in order, with a peer made of the protocol cores on the other side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>
#include <sys/wait.h>

#include "svc-transport/limits.h"
#include "tests/service/raw.h"

#define GRACE 3000
#define SITE  "/goop/site/1.0.0"

static struct puppet *p;
static struct puppet_end *viewer;
/* A window, less what agreeing on a protocol takes of it, and a part that has to wait. */
#define AGREEING (sizeof RAW_HEADER - 1 + 1 + sizeof SITE)
static uint8_t page[YAMUX_WINDOW - AGREEING + 150000];

/* The peer asks for a page, the viewer writes it and has done with it; the peer reads nothing. */
static struct raw_stream *page_under_way(struct raw *r)
{
	struct raw_stream *s = raw_open(r, SITE, "GET /\n", 6);
	struct puppet_stream *visit;

	yamux_finish(s->y);
	raw_turn(r);
	visit = puppet_next_stream(viewer);
	puppet_read_end(visit);
	randombytes_buf(page, sizeof page);
	puppet_write(visit, page, sizeof page, true);
	assert_int_equal(puppet_wait_over(visit), STREAM_OK);
	PUPPET_UNTIL(p, strstr(puppet_report(p, "streams"), "\"unsent\":150000") != NULL);
	return s;
}

static void what_was_written_last_arrives(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *s = page_under_way(r);

	(void)state;
	puppet_stop(p, GRACE);
	puppet_turns(p, 200);
	assert_true(puppet_is_running(p));
	RAW_UNTIL(r, s->closed || s->reset);
	assert_true(s->closed);
	assert_int_equal(raw_answered(s, SITE).len, sizeof page);
	assert_memory_equal(raw_answered(s, SITE).data, page, sizeof page);
	RAW_UNTIL(r, r->dead);
	assert_int_equal(r->goodbye, YAMUX_GOAWAY_NORMAL);
	raw_free(r);
	assert_int_equal(puppet_wait_end(p), 0);
}

static void a_restart_alone_waits_for_what_has_ended(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	struct raw_stream *open, *s;
	struct puppet_stream *going;

	(void)state;
	open = raw_open(r, SITE, "GET /for-ever\n", 14);
	raw_turn(r);
	going = puppet_next_stream(viewer);
	s = page_under_way(r);
	puppet_stop_for_restart(p, GRACE);
	RAW_UNTIL(r, s->closed || s->reset);
	assert_true(s->closed);
	RAW_UNTIL(r, r->dead);
	assert_int_equal(r->goodbye, YAMUX_GOAWAY_NORMAL);
	assert_false(open->finished);
	raw_free(r);
	assert_int_equal(puppet_wait_end(p), 0);
	/* The service hears why from the bus. */
	assert_int_equal(puppet_wait_over(going), STREAM_RESTARTING);
}

static void a_peer_that_does_not_read_is_given_up(void **state)
{
	struct raw *r = raw_dial(p, NULL);

	(void)state;
	page_under_way(r);
	puppet_stop(p, 60000);
	assert_int_equal(puppet_wait_end(p), 0);
	raw_free(r);
}

static bool listens(unsigned port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool yes;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	yes = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
	close(fd);
	return yes;
}

static void nobody_new_is_let_in(void **state)
{
	struct raw *r = raw_dial(p, NULL);
	unsigned port = raw_port(p);
	struct raw_stream *late;

	(void)state;
	page_under_way(r);
	puppet_stop(p, GRACE);
	PUPPET_UNTIL(p, !listens(port));
	late = raw_open(r, RAW_PING, "x", 1);
	RAW_UNTIL(r, r->dead);
	assert_true(late->reset);
	assert_int_equal(buf_len(&late->in), 0);
	raw_free(r);
	assert_int_equal(puppet_wait_end(p), 0);
}

static int setup(void **state)
{
	(void)state;
	p = raw_stage(&viewer, NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	puppet_free(p);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(what_was_written_last_arrives),
	    TEST(a_restart_alone_waits_for_what_has_ended),
	    TEST(a_peer_that_does_not_read_is_given_up),
	    TEST(nobody_new_is_let_in),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* svc-discovery among puppets: streams and transports that come and go, and its own end. */
#include "tests/service/discovery_stage.h"

static void test_a_second_stream_of_a_peer_replaces_the_first(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann), later = t;

	(void)state;
	later.to = puppet_open(s.transport, PROTOCOL_MESHSUB_11, s.ann.text, 5000);
	puppet_wait_over(t.to);
	assert_true(t.to->was_reset);
	say_presence(&later, &s.ann, actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", NULL, true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	end(&s);
}

static void test_garbage_ends_the_stream(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	puppet_write(t.to, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10, false);
	assert_int_equal(puppet_wait_over(t.to), STREAM_VIOLATION);
	end(&s);
}

/* The core wants nobody of our own name, and must not remember the attempt. */
static void test_a_stream_that_is_refused_leaves_nothing_behind(void **state)
{
	struct stage s = begin();
	struct puppet_stream *own;
	struct talk t;

	(void)state;
	own = puppet_open(s.transport, PROTOCOL_MESHSUB_11, s.us.text, 5000);
	puppet_wait_over(own);
	assert_true(own->was_reset);
	t = connect_peer(&s, &s.ann);
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	PUPPET_UNTIL(s.p, strcmp(puppet_fact(s.p, "reach"), "1") == 0);
	assert_string_equal(puppet_fact(s.p, "connected"), "1");
	end(&s);
}

static void test_our_stream_is_opened_again_when_it_breaks(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct puppet_stream *again;

	(void)state;
	puppet_reset(t.from, STREAM_BROKEN, "tried");
	again = puppet_next_stream(s.transport);
	puppet_accept(again, PROTOCOL_MESHSUB_11, "");
	PUPPET_UNTIL(s.p, wrote(again, TOPIC));
	/* Gone for good: not any more. */
	say_peer_down(&s, &s.ann);
	assert_int_equal(puppet_wait_over(again), STREAM_CANCELLED);
	end(&s);
}

static void test_a_new_transport_is_told_everything(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);
	struct msg m;

	(void)state;
	announce(&s, &s.ann, 7001, 120);
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	say_presence(&t, &s.ann,
	    actor_presence(&s.ann, PRESENCE_ONLINE, "Ann", "/ip4/127.0.0.1/tcp/9", true));
	actor_assert_person(s.viewer, &s.ann, "Ann");
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	puppet_die(s.transport, "tried");
	puppet_revive(s.transport);
	puppet_wait_up(s.transport);
	actor_say_self(&s.us, s.transport, PORT);
	puppet_next(s.transport, MSG_SELF_ADDRS, &m);
	await_addrs(&s, &s.ann, 2, "/ip4/127.0.0.1/tcp/9 ");
	await_addrs(&s, &s.ann, 1, "/ip4/127.0.0.1/tcp/7001 ");
	assert_connect(&s, &s.ann);
	t = connect_peer(&s, &s.ann);
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	/* Nobody left the list meanwhile. */
	assert_int_equal(puppet_count(s.viewer, MSG_PERSON_GONE), 0);
	end(&s);
}

static void test_we_say_goodbye(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop(s.p, 5000);
	PUPPET_UNTIL(s.p, wrote(t.from, "\"type\":\"offline\""));
	/* It waits until the peer has read to the end. */
	puppet_read_end(t.from);
	assert_true(puppet_is_running(s.p));
	stream_finish(t.from->s);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_true(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_a_restart_is_no_goodbye(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop_for_restart(s.p, 5000);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_false(wrote(t.from, "\"type\":\"offline\""));
	assert_false(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_nobody_keeps_us_from_leaving(void **state)
{
	struct stage s = begin();
	struct talk t = connect_peer(&s, &s.ann);

	(void)state;
	PUPPET_UNTIL(s.p, wrote(t.from, s.us.text));
	puppet_stop(s.p, 5000);
	assert_int_equal(puppet_wait_end(s.p), 0);
	assert_true(ether_heard(&s, s.us.text, 0));
	end(&s);
}

static void test_a_bad_tag_is_a_configuration_error(void **state)
{
	struct stage s;

	(void)state;
	prepare(&s);
	puppet_config(s.p, "p2p.mdns_tag", "a,b");
	puppet_spawn(s.p);
	assert_int_equal(WEXITSTATUS(puppet_wait_end(s.p)), 78);
	assert_non_null(strstr(puppet_log(s.p), "p2p.mdns_tag"));
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_second_stream_of_a_peer_replaces_the_first),
	    cmocka_unit_test(test_garbage_ends_the_stream),
	    cmocka_unit_test(test_a_stream_that_is_refused_leaves_nothing_behind),
	    cmocka_unit_test(test_our_stream_is_opened_again_when_it_breaks),
	    cmocka_unit_test(test_a_new_transport_is_told_everything),
	    cmocka_unit_test(test_we_say_goodbye),
	    cmocka_unit_test(test_a_restart_is_no_goodbye),
	    cmocka_unit_test(test_nobody_keeps_us_from_leaving),
	    cmocka_unit_test(test_a_bad_tag_is_a_configuration_error),
	};

	return cmocka_run_group_tests_name("discovery, streams", tests, puppet_own_network, NULL);
}

/* The four lists: services, links, protocols, messages. */
#include "proto/links.h"
#include "proto/messages.h"
#include "proto/protocols.h"
#include "proto/stream.h"

#include "tests/unit/testing.h"

static void test_services(void **state)
{
	(void)state;
	assert_string_equal(service_name(SERVICE_DB), "svc-db");
	assert_string_equal(service_name(SERVICE_COUNT), "?");
	assert_string_equal(service_name((enum service_id) - 1), "?");
	assert_int_equal(service_by_name("svc-viewer"), SERVICE_VIEWER);
	assert_int_equal(service_by_name("viewer"), SERVICE_VIEWER);
	assert_int_equal(service_by_name("goop-supervisor"), SERVICE_SUPERVISOR);
	assert_int_equal(service_by_name("supervisor"), SERVICE_COUNT);
	assert_int_equal(service_by_name(""), SERVICE_COUNT);
	assert_int_equal(service_by_name("svc-"), SERVICE_COUNT);
}

/* A circle among the links would leave no order to start in. */
static void test_links_follow_the_start_order(void **state)
{
	(void)state;
	assert_int_equal(link_places(), 6);
	for (size_t i = 0; i < link_places(); i++) {
		const struct link_place *p = link_place(i);

		assert_true(p->connects > p->binds);
		assert_ptr_equal(link_between(p->connects, p->binds), p);
		assert_ptr_equal(link_between(p->binds, p->connects), p);
		assert_memory_equal(p->endpoint, "ipc://run/", 10);
	}
	assert_null(link_between(SERVICE_VIEWER, SERVICE_RENDEZVOUS));
	assert_null(link_between(SERVICE_VIEWER, SERVICE_VIEWER));
	assert_null(link_between(SERVICE_SUPERVISOR, SERVICE_TRANSPORT));
}

static void test_protocols(void **state)
{
	(void)state;
	for (unsigned i = 1; i < PROTOCOL_COUNT; i++) {
		const char *id = protocol_id((enum protocol)i);

		assert_non_null(id);
		assert_int_equal(protocol_by_id(id, strlen(id)), i);
		assert_int_equal(protocol_by_id(id, strlen(id) - 1), PROTOCOL_NONE);
		assert_true(protocol_owner((enum protocol)i) < SERVICE_COUNT);
		assert_true(protocol_limit((enum protocol)i) > 0);
	}
	assert_null(protocol_id(PROTOCOL_NONE));
	assert_null(protocol_id(PROTOCOL_COUNT));
	assert_int_equal(protocol_by_id("", 0), PROTOCOL_NONE);
	assert_int_equal(protocol_owner(PROTOCOL_NONE), SERVICE_COUNT);
	assert_int_equal(protocol_owner(PROTOCOL_GOOP_DATA), SERVICE_DB);
	assert_int_equal(protocol_limit(PROTOCOL_COUNT), 0);
}

static void test_messages(void **state)
{
	(void)state;
	assert_string_equal(msg_name(MSG_STREAM_DATA), "STREAM_DATA");
	assert_string_equal(msg_name(0), "?");
	assert_string_equal(msg_name(19), "?");
	assert_string_equal(msg_name(99999), "?");
	assert_int_equal(msg_max(MSG_STREAM_DATA), STREAM_PAYLOAD + 64);
	assert_int_equal(msg_max(19), 0);
	assert_int_equal(msg_max(99999), 0);
	assert_true(msg_allowed(MSG_PERSON, SERVICE_DISCOVERY, SERVICE_VIEWER));
	assert_false(msg_allowed(MSG_PERSON, SERVICE_VIEWER, SERVICE_DISCOVERY));
	assert_false(msg_allowed(MSG_PERSON, SERVICE_DISCOVERY, SERVICE_TRANSPORT));
	assert_false(msg_allowed(MSG_CONFIG, SERVICE_VIEWER, SERVICE_DB));
	assert_false(msg_allowed(13, SERVICE_VIEWER, SERVICE_DB));
	assert_false(msg_allowed(99999, SERVICE_VIEWER, SERVICE_DB));
	assert_false(msg_allowed(MSG_PERSON, SERVICE_COUNT, SERVICE_VIEWER));
	assert_false(msg_allowed(MSG_PERSON, SERVICE_DISCOVERY, (enum service_id)40));
}

/* The key signs two things, and for discovery alone. */
static void test_who_may_ask_for_signatures(void **state)
{
	(void)state;
	for (unsigned from = 0; from < SERVICE_COUNT; from++)
		for (unsigned type = MSG_SIGN_PUBLISH; type <= MSG_SIGN_PRESENCE; type++)
			assert_int_equal(
			    msg_allowed(type, (enum service_id)from, SERVICE_TRANSPORT),
			    from == SERVICE_DISCOVERY);
}

static void test_stream_codes_have_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i <= STREAM_NO_MEMORY; i++)
		assert_true(strlen(stream_code_name((enum stream_code)i)) > 1);
	assert_string_equal(stream_code_name((enum stream_code)99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_services),
	    cmocka_unit_test(test_links_follow_the_start_order),
	    cmocka_unit_test(test_protocols),
	    cmocka_unit_test(test_messages),
	    cmocka_unit_test(test_who_may_ask_for_signatures),
	    cmocka_unit_test(test_stream_codes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

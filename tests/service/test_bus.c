/* The bus as docs/PROTOCOL.md describes it, spoken by a neighbour that shares no code with the
 * house: CZMQ's sockets and frames, and every byte put by hand. It plays svc-viewer to the real
 * svc-db. */
#include <stdio.h>
#include <string.h>

#include <czmq.h>

#include "tests/service/puppet.h"
#include "tests/unit/testing.h"

#define ANSWER_MS 10000
#define SILENT_MS 300

/* Numbers of the document, not of its source. */
enum { HELLO = 20, HELLO_BACK = 21, OPEN = 30, OPENED = 31, DATA = 32, SIGN = 50, UNKNOWN = 999 };
enum { VERSION = 3, VIEWER = 4, GOOP_DATA = 10 };

static const char token[] = "sixteen letters.";
static const char other[] = "SIXTEEN LETTERS.";

struct bytes_out {
	byte data[70000];
	size_t len;
};

static void put(struct bytes_out *b, uint64_t v, size_t width)
{
	while (width-- > 0)
		b->data[b->len++] = (byte)(v >> (8 * width));
}

static void put_text(struct bytes_out *b, const char *s)
{
	put(b, strlen(s), 2);
	memcpy(b->data + b->len, s, strlen(s));
	b->len += strlen(s);
}

static void say(zsock_t *bus, const struct bytes_out *b)
{
	zframe_t *frame = zframe_new(b->data, b->len);

	assert_int_equal(zframe_send(&frame, bus, 0), 0);
}

/* The next message of the service, or NULL when `ms` have passed. */
static zframe_t *hear(zsock_t *bus, int ms)
{
	zsock_set_rcvtimeo(bus, ms);
	return zframe_recv(bus);
}

static unsigned type_of(zframe_t *frame)
{
	assert_non_null(frame);
	assert_true(zframe_size(frame) >= 2);
	return (unsigned)zframe_data(frame)[0] << 8 | zframe_data(frame)[1];
}

/* What the supervisor says to svc-db of a svc-viewer of that generation. */
static void pair(struct puppet *p, unsigned generation, const char *secret)
{
	struct msg m;

	msg_begin(&m, MSG_LINK_SET, 0);
	msg_put_u8(&m, VIEWER);
	msg_put_u32(&m, generation);
	msg_put_bytes(&m, secret, 16);
	puppet_tell(p, &m);
}

/* A link's routing id is the letter g and the token. */
static zsock_t *connect_as(struct puppet *p, const char *secret)
{
	zsock_t *bus = zsock_new(ZMQ_DEALER);
	char id[18];

	snprintf(id, sizeof(id), "g%s", secret);
	zsock_set_identity(bus, id);
	zsock_set_linger(bus, 0);
	assert_int_equal(zsock_connect(bus, "ipc://%s/run/viewer-db.ipc", puppet_dir(p)), 0);
	return bus;
}

static void say_hello(
    zsock_t *bus, unsigned version, unsigned service, unsigned generation, unsigned greeting)
{
	struct bytes_out b = {.len = 0};

	put(&b, HELLO, 2);
	put(&b, version, 2);
	put(&b, service, 1);
	put(&b, generation, 4);
	put(&b, greeting, 4);
	say(bus, &b);
}

/* Greets, and sees itself greeted back with the same number. */
static void greet(zsock_t *bus, unsigned generation, unsigned greeting)
{
	const byte want[] = {0, HELLO_BACK, 0, VERSION, 3};
	zframe_t *back;

	say_hello(bus, VERSION, VIEWER, generation, greeting);
	do { /* a link that was broken off asks for a greeting first: greeting 0 */
		back = hear(bus, ANSWER_MS);
		assert_int_equal(type_of(back), HELLO_BACK);
		assert_int_equal(zframe_size(back), 13);
		assert_memory_equal(zframe_data(back), want, sizeof(want));
	} while (zframe_data(back)[12] != greeting && (zframe_destroy(&back), true));
	zframe_destroy(&back);
}

/* Asks the database for its tables, as the owner, and hears the answer. */
static void tables_are_answered(zsock_t *bus, unsigned stream)
{
	static const char question[] = "{\"op\":\"tables\"}\n";
	struct bytes_out open = {.len = 0}, data = {.len = 0};
	zframe_t *frame;

	put(&open, OPEN, 2);
	put(&open, stream, 4);
	put(&open, 1, 2);
	put(&open, GOOP_DATA, 1);
	put_text(&open, "");
	put_text(&open, "");
	put(&open, 5000, 4);
	say(bus, &open);
	put(&data, DATA, 2);
	put(&data, stream, 4);
	put(&data, 1, 1);
	memcpy(data.data + data.len, question, strlen(question));
	data.len += strlen(question);
	say(bus, &data);
	frame = hear(bus, ANSWER_MS);
	assert_int_equal(type_of(frame), OPENED);
	zframe_destroy(&frame);
	do {
		zframe_destroy(&frame);
		frame = hear(bus, ANSWER_MS);
	} while (type_of(frame) != DATA);
	assert_true(zframe_size(frame) > 8);
	assert_int_equal(zframe_data(frame)[7], '{');
	assert_non_null(memmem(zframe_data(frame), zframe_size(frame), "\"ok\":true", 9));
	zframe_destroy(&frame);
}

static struct puppet *stage(zsock_t **bus)
{
	struct puppet *p = puppet_new(SERVICE_DB);

	puppet_config(p, "paths.db", "data/data.db");
	puppet_spawn(p);
	pair(p, 7, token);
	puppet_send_start(p);
	*bus = connect_as(p, token);
	greet(*bus, 7, 1);
	PUPPET_UNTIL(p, puppet_is_ready(p));
	return p;
}

static void strike(struct puppet *p, zsock_t **bus)
{
	zsock_destroy(bus);
	puppet_free(p);
}

static void test_a_neighbour_by_the_document(void **state)
{
	zsock_t *bus;
	struct puppet *p = stage(&bus);

	(void)state;
	tables_are_answered(bus, 1);
	strike(p, &bus);
}

/* Each is told to the supervisor, breaks the link, and a new greeting mends it. */
static void nonsense_breaks_only_the_link(const struct bytes_out *nonsense, const char *said)
{
	zsock_t *bus;
	struct puppet *p = stage(&bus);
	zframe_t *frame;
	struct msg m;
	struct bytes text;

	say(bus, nonsense);
	puppet_told(p, MSG_ALARM, &m);
	text = msg_get_str(&m);
	if (memmem(text.data, text.len, said, strlen(said)) == NULL)
		fail_msg("the alarm says: %.*s", (int)text.len, (const char *)text.data);
	frame = hear(bus, ANSWER_MS); /* it wants to be greeted anew */
	assert_int_equal(type_of(frame), HELLO_BACK);
	zframe_destroy(&frame);
	greet(bus, 7, 2);
	tables_are_answered(bus, 3);
	strike(p, &bus);
}

static void test_an_unknown_message(void **state)
{
	struct bytes_out b = {.len = 0};

	(void)state;
	put(&b, UNKNOWN, 2);
	nonsense_breaks_only_the_link(&b, "bad message");
}

static void test_a_message_that_is_not_the_neighbours_to_send(void **state)
{
	struct bytes_out b = {.len = 0};

	(void)state;
	put(&b, SIGN, 2);
	put(&b, 1, 4);
	nonsense_breaks_only_the_link(&b, "SIGN_PUBLISH");
}

static void test_a_message_that_is_too_long(void **state)
{
	struct bytes_out b = {.len = 0};

	(void)state;
	put(&b, OPEN, 2);
	b.len = 2049;
	nonsense_breaks_only_the_link(&b, "STREAM_OPEN of 2049 bytes");
}

static void test_a_message_that_is_too_short(void **state)
{
	struct bytes_out b = {.len = 0};

	(void)state;
	put(&b, OPEN, 2);
	put(&b, 1, 4);
	nonsense_breaks_only_the_link(&b, "STREAM_OPEN");
}

static void nobody_answers(zsock_t *bus)
{
	zframe_t *frame = hear(bus, SILENT_MS);

	if (frame != NULL)
		fail_msg("was answered with message %u", type_of(frame));
}

static void test_a_name_that_is_not_the_pairings(void **state)
{
	zsock_t *bus, *stranger;
	struct puppet *p = stage(&bus);

	(void)state;
	stranger = connect_as(p, other);
	say_hello(stranger, VERSION, VIEWER, 7, 1);
	nobody_answers(stranger);
	tables_are_answered(bus, 1);
	zsock_destroy(&stranger);
	strike(p, &bus);
}

static void test_an_old_generation_is_not_heard(void **state)
{
	zsock_t *old, *bus;
	struct puppet *p = stage(&old);

	(void)state;
	pair(p, 8, other);
	bus = connect_as(p, other);
	greet(bus, 8, 1);
	say_hello(old, VERSION, VIEWER, 7, 2);
	nobody_answers(old);
	tables_are_answered(bus, 1);
	zsock_destroy(&old);
	strike(p, &bus);
}

static void test_another_version_is_said(void **state)
{
	zsock_t *bus;
	struct puppet *p = stage(&bus);
	struct msg m;

	(void)state;
	say_hello(bus, VERSION + 1, VIEWER, 7, 2);
	puppet_told(p, MSG_ALARM, &m);
	assert_non_null(strstr(puppet_log(p), "programs of different builds are mixed"));
	strike(p, &bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_a_neighbour_by_the_document),
	    cmocka_unit_test(test_an_unknown_message),
	    cmocka_unit_test(test_a_message_that_is_not_the_neighbours_to_send),
	    cmocka_unit_test(test_a_message_that_is_too_long),
	    cmocka_unit_test(test_a_message_that_is_too_short),
	    cmocka_unit_test(test_a_name_that_is_not_the_pairings),
	    cmocka_unit_test(test_an_old_generation_is_not_heard),
	    cmocka_unit_test(test_another_version_is_said),
	};

	zsys_handler_set(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

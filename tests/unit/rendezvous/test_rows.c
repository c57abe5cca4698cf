/* The administrator's table, whatever strangers write into it. */
#include "svc-rendezvous/rows.h"

#include "tests/unit/rendezvous/hub_testing.h"

#define PEERS 50
#define ROOM  100000
#define REST  20000

static void test_long_rows_leave_room_for_the_page(void **state)
{
	struct stage s;
	struct buf out;
	struct key k;
	char label[4001], *text;
	size_t rows;

	(void)state;
	stage_open(&s);
	/* Each of them becomes six. */
	memset(label, '"', 4000);
	label[4000] = '\0';
	for (uint32_t i = 0; i < PEERS; i++) {
		key_make(&k, i);
		assert_int_equal(say(&s, ADDR, &k, PRESENCE_ONLINE, label, 1, true, NOW + i), 204);
	}
	buf_init(&out, ROOM);
	rows_put_html(s.hub, PEERS, REST, &out);
	assert_true(buf_room(&out) >= REST);
	buf_puts(&out, "</tbody>");
	buf_put(&out, "", 1);
	text = (char *)buf_data(&out);
	rows = occurrences(text, "<tr>");
	assert_in_range(rows, 2, PEERS / 2);
	assert_int_equal(occurrences(text, "</tr>"), rows);
	assert_non_null(strstr(text, "</tr>\n</tbody>"));
	/* The latest heard is the first. */
	assert_non_null(strstr(text, k.text));
	buf_clear(&out);
	stage_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_long_rows_leave_room_for_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

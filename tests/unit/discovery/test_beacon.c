#include "tests/unit/testing.h"

#include "svc-discovery/beacon.h"

#define HEARTBEAT 5000
#define PEER_A    "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

struct seen {
	unsigned asked, published;
	int refuse; /* nobody signs */
	uint32_t request;
	int64_t ts;
	enum presence_type asked_type, type;
	size_t addr_count, label_len;
	char json[2048];
};

static int on_sign(void *arg, uint32_t request, const struct presence *p)
{
	struct seen *s = arg;

	s->asked++;
	s->request = request;
	s->asked_type = p->type;
	assert_true(p->ts > s->ts);
	s->ts = p->ts;
	s->addr_count = p->addr_count;
	s->label_len = strlen(p->content);
	return s->refuse ? -1 : 0;
}

static void on_publish(void *arg, enum presence_type type, const char *json)
{
	struct seen *s = arg;

	s->published++;
	s->type = type;
	snprintf(s->json, sizeof s->json, "%s", json);
}

static const struct beacon_events events = {on_sign, on_publish};

/* There is somebody who signs, perhaps a new one. */
static void signer_comes(struct beacon *b, uint64_t now)
{
	struct peer_id self;

	assert_int_equal(peer_id_from_text(&self, PEER_A, strlen(PEER_A)), 0);
	beacon_set_self(b, &self, now);
}

static struct beacon *beacon_at(struct seen *s, uint64_t now)
{
	struct beacon *b = beacon_new("Ann", "ann@example.org", HEARTBEAT, &events, s);

	memset(s, 0, sizeof *s);
	signer_comes(b, now);
	return b;
}

static uint64_t run(struct beacon *b, uint64_t now)
{
	return beacon_run(b, now, 1700000000000 + (int64_t)now);
}

static void sign(struct beacon *b, const struct seen *s)
{
	uint8_t sig[PRESENCE_SIG];

	memset(sig, 7, sizeof sig);
	beacon_signed(b, s->request, sig);
}

static void test_online_then_update_every_heartbeat(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);
	struct presence p;
	const char *why;

	(void)state;
	run(b, 1000);
	assert_int_equal(s.asked, 1);
	assert_int_equal(s.published, 0);
	sign(b, &s);
	assert_int_equal(s.published, 1);
	assert_int_equal(s.type, PRESENCE_ONLINE);
	assert_int_equal(presence_parse(&p, s.json, strlen(s.json), &why), 0);
	assert_string_equal(p.peer_text, PEER_A);
	assert_string_equal(p.content, "Ann");
	assert_string_equal(p.email, "ann@example.org");
	assert_int_equal(p.ts, 1700000001000);
	assert_true(p.signed_);
	assert_int_equal(p.sig[63], 7);
	presence_clear(&p);
	assert_int_equal(run(b, 1001), 1000 + HEARTBEAT);
	run(b, 1000 + HEARTBEAT);
	assert_int_equal(s.asked_type, PRESENCE_UPDATE);
	sign(b, &s);
	assert_int_equal(s.published, 2);
	beacon_free(b);
}

static void test_nothing_is_said_before_we_know_who_we_are(void **state)
{
	struct seen s = {0};
	struct beacon *b = beacon_new("Ann", "", HEARTBEAT, &events, &s);

	(void)state;
	beacon_again(b, 1);
	assert_int_equal(run(b, 1), UINT64_MAX);
	assert_int_equal(s.asked, 0);
	beacon_free(b);
}

static void test_new_addresses_are_said_at_once(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);
	char *addrs[] = {"/ip4/10.0.0.1/tcp/1", "/ip4/10.0.0.2/tcp/1"};

	(void)state;
	run(b, 1000);
	sign(b, &s);
	beacon_set_addrs(b, addrs, 2, 2000);
	run(b, 2000);
	assert_int_equal(s.asked, 2);
	assert_int_equal(s.addr_count, 2);
	sign(b, &s);
	assert_non_null(strstr(s.json, "10.0.0.2"));
	beacon_set_addrs(b, addrs, 2, 3000);
	run(b, 3000);
	assert_int_equal(s.asked, 2);
	beacon_free(b);
}

static void test_what_is_being_signed_gives_way_to_news(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);
	char *addrs[] = {"/ip4/10.0.0.1/tcp/1"};
	uint32_t old;

	(void)state;
	run(b, 1000);
	old = s.request;
	beacon_set_addrs(b, addrs, 1, 1001);
	run(b, 1000 + BEACON_GAP_MS);
	assert_int_equal(s.asked, 2);
	beacon_signed(b, old, (const uint8_t[PRESENCE_SIG]){0});
	assert_int_equal(s.published, 0);
	sign(b, &s);
	assert_int_equal(s.published, 1);
	assert_int_equal(s.type, PRESENCE_ONLINE);
	assert_non_null(strstr(s.json, "10.0.0.1"));
	beacon_free(b);
}

static void test_a_newcomer_hears_it_at_once(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	run(b, 1000);
	sign(b, &s);
	beacon_again(b, 1100);
	run(b, 1100);
	assert_int_equal(s.asked, 2);
	/* The next one while this is being signed hears it as well. */
	beacon_again(b, 1101);
	sign(b, &s);
	assert_int_equal(run(b, 1102), 1100 + HEARTBEAT);
	beacon_again(b, 1103);
	assert_int_equal(run(b, 1103), 1100 + BEACON_GAP_MS);
	beacon_free(b);
}

static void test_the_first_newcomer_after_the_start_does_not_wait(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	run(b, 1000);
	sign(b, &s);
	beacon_again(b, 1002);
	run(b, 1002);
	assert_int_equal(s.asked, 2);
	sign(b, &s);
	beacon_again(b, 1003);
	assert_int_equal(run(b, 1003), 1002 + BEACON_GAP_MS);
	assert_int_equal(s.asked, 2);
	beacon_free(b);
}

static void test_nobody_makes_us_talk_all_the_time(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	for (uint64_t now = 1000; now < 11000; now++) {
		beacon_again(b, now);
		run(b, now);
		sign(b, &s);
	}
	assert_in_range(s.published, 2 * 10, 10 * (BEACON_BURST + 1));
	beacon_free(b);
}

static void test_a_signature_that_does_not_come_is_asked_for_again(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	assert_int_equal(run(b, 1000), 1000 + BEACON_SIGN_MS);
	run(b, 1000 + BEACON_SIGN_MS);
	assert_int_equal(s.asked, 2);
	sign(b, &s);
	assert_int_equal(s.published, 1);
	beacon_free(b);
}

/* The heartbeat may be shorter than the wait for a signature: the loop would turn in between. */
static void test_who_waits_for_a_signature_is_not_woken_before(void **state)
{
	struct seen s;
	struct beacon *b = beacon_new("Ann", "", BEACON_SIGN_MS / 2, &events, &s);

	(void)state;
	memset(&s, 0, sizeof s);
	signer_comes(b, 1000);
	assert_int_equal(run(b, 1000), 1000 + BEACON_SIGN_MS);
	assert_int_equal(run(b, 1000 + BEACON_SIGN_MS / 2), 1000 + BEACON_SIGN_MS);
	assert_int_equal(s.asked, 1);
	beacon_free(b);
}

static void test_without_a_signer_it_is_tried_when_there_is_one(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	s.refuse = 1;
	assert_int_equal(run(b, 1000), 1000 + HEARTBEAT);
	s.refuse = 0;
	signer_comes(b, 2000);
	run(b, 2000);
	sign(b, &s);
	assert_int_equal(s.published, 1);
	assert_int_equal(s.type, PRESENCE_ONLINE);
	beacon_free(b);
}

static void test_offline_is_the_last_word(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	run(b, 1000);
	sign(b, &s);
	beacon_leave(b, 1001);
	run(b, 1001);
	assert_int_equal(s.asked_type, PRESENCE_OFFLINE);
	assert_false(beacon_left(b));
	sign(b, &s);
	assert_int_equal(s.type, PRESENCE_OFFLINE);
	assert_true(beacon_left(b));
	beacon_again(b, 2000);
	assert_int_equal(run(b, 100000), UINT64_MAX);
	assert_int_equal(s.published, 2);
	beacon_free(b);
}

/* A receiver refuses what is not newer, so the clock may stand still or jump back. */
static void test_time_never_goes_back(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	for (int i = 0; i < 5; i++) {
		signer_comes(b, 1000);
		beacon_run(b, 1000 + (uint64_t)i, 1700000000000 - i);
		sign(b, &s);
	}
	assert_int_equal(s.published, 5);
	beacon_free(b);
}

static void test_long_labels_are_cut_between_letters(void **state)
{
	char label[PRESENCE_CONTENT_MAX + 2];
	struct peer_id self;
	struct beacon *b;
	struct seen s;

	(void)state;
	memset(&s, 0, sizeof s);
	memset(label, 'x', sizeof label);
	/* A letter of two bytes across the border. */
	memcpy(label + PRESENCE_CONTENT_MAX - 1, "\xc3\xa4", 3);
	b = beacon_new(label, "", HEARTBEAT, &events, &s);
	peer_id_from_text(&self, PEER_A, strlen(PEER_A));
	beacon_set_self(b, &self, 0);
	run(b, 0);
	assert_int_equal(s.label_len, PRESENCE_CONTENT_MAX - 1);
	beacon_free(b);
}

/* The clock was set back by an hour and we were started anew: others have heard later words of us.
 */
static void test_we_go_on_after_what_others_have_heard_of_us(void **state)
{
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);
	int64_t heard = 1700000000000 + 3600000;

	(void)state;
	run(b, 1000);
	sign(b, &s);
	beacon_heard(b, heard, 2000);
	run(b, 2000);
	assert_int_equal(s.asked, 2);
	assert_true(s.ts == heard + 1);
	sign(b, &s);
	/* Ourselves of just now, or older. */
	beacon_heard(b, heard + 1, 2500);
	beacon_heard(b, 5, 2500);
	assert_int_equal(run(b, 2500), 2000 + HEARTBEAT);
	assert_int_equal(s.asked, 2);
	/* Heard while a message is with the signer: that one is given up. */
	run(b, 7000);
	assert_int_equal(s.asked, 3);
	beacon_heard(b, heard + 1000, 7100);
	run(b, 7100);
	assert_int_equal(s.asked, 4);
	assert_true(s.ts == heard + 1001);
	beacon_free(b);
}

static void test_no_more_addresses_than_servers_take(void **state)
{
	char *many[BEACON_ADDRS_MAX + 5], text[BEACON_ADDRS_MAX + 5][32];
	struct seen s;
	struct beacon *b = beacon_at(&s, 1000);

	(void)state;
	for (int i = 0; i < BEACON_ADDRS_MAX + 5; i++) {
		snprintf(text[i], sizeof text[i], "/ip4/10.0.0.%d/tcp/1", i);
		many[i] = text[i];
	}
	beacon_set_addrs(b, many, BEACON_ADDRS_MAX + 5, 1000);
	run(b, 1000);
	assert_int_equal(s.addr_count, BEACON_ADDRS_MAX);
	beacon_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_online_then_update_every_heartbeat),
	    cmocka_unit_test(test_nothing_is_said_before_we_know_who_we_are),
	    cmocka_unit_test(test_new_addresses_are_said_at_once),
	    cmocka_unit_test(test_what_is_being_signed_gives_way_to_news),
	    cmocka_unit_test(test_a_newcomer_hears_it_at_once),
	    cmocka_unit_test(test_the_first_newcomer_after_the_start_does_not_wait),
	    cmocka_unit_test(test_nobody_makes_us_talk_all_the_time),
	    cmocka_unit_test(test_a_signature_that_does_not_come_is_asked_for_again),
	    cmocka_unit_test(test_who_waits_for_a_signature_is_not_woken_before),
	    cmocka_unit_test(test_without_a_signer_it_is_tried_when_there_is_one),
	    cmocka_unit_test(test_offline_is_the_last_word),
	    cmocka_unit_test(test_time_never_goes_back),
	    cmocka_unit_test(test_long_labels_are_cut_between_letters),
	    cmocka_unit_test(test_we_go_on_after_what_others_have_heard_of_us),
	    cmocka_unit_test(test_no_more_addresses_than_servers_take),
	};

	return cmocka_run_group_tests_name("beacon", tests, NULL, NULL);
}

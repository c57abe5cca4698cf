/* Questions and answers, with names that hang as long as the test wants: "hang..." is answered when
 * the test lets go of it. */
#include <netdb.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "tests/unit/testing.h"

#include "base/clock.h"
#include "svc-discovery/resolver.h"

static sem_t let_go;
static atomic_uint looked_up, hanging;

static void look_up(const char *name, struct resolver_answer *answer)
{
	looked_up++;
	if (strncmp(name, "hang", 4) == 0) {
		hanging++;
		sem_wait(&let_go);
		hanging--;
	}
	if (strcmp(name, "unknown") == 0) {
		answer->error = EAI_NONAME;
		return;
	}
	answer->count = 1;
	answer->address[0].family = AF_INET;
	answer->address[0].ip4.s_addr = (in_addr_t)strlen(name);
}

struct stage {
	struct loop *loop;
	struct resolver *r;
	struct resolver_user *users[RESOLVER_THREADS + 1];
};

static void begin(struct stage *s)
{
	*s = (struct stage){.loop = loop_new()};
	s->r = resolver_new(s->loop, look_up);
	for (size_t i = 0; i <= RESOLVER_THREADS; i++)
		s->users[i] = resolver_user_new(s->r);
	looked_up = 0;
	sem_init(&let_go, 0, 0);
}

static void end(struct stage *s)
{
	for (size_t i = 0; i <= RESOLVER_THREADS; i++)
		resolver_user_free(s->users[i]);
	resolver_free(s->r);
	loop_free(s->loop);
}

struct heard {
	unsigned times;
	struct resolver_answer answer;
};

static void on_answer(void *arg, const struct resolver_answer *answer)
{
	struct heard *h = arg;

	h->times++;
	h->answer = *answer;
}

#define UNTIL(s, condition)                                                                        \
	for (uint64_t end_ = clock_mono_ms() + 15000; !(condition); loop_turn((s)->loop, 5))       \
	assert_true(clock_mono_ms() < end_)

static void test_answers(void **state)
{
	struct stage s;
	struct heard a = {0}, b = {0}, none = {0};

	(void)state;
	begin(&s);
	assert_non_null(resolver_ask(s.users[0], "abc", on_answer, &a));
	assert_non_null(resolver_ask(s.users[0], "unknown", on_answer, &none));
	assert_non_null(resolver_ask(s.users[1], "ab", on_answer, &b));
	/* There are no threads yet: they wait. */
	loop_turn(s.loop, 0);
	loop_turn(s.loop, 0);
	assert_int_equal(looked_up, 0);
	resolver_start(s.r);
	UNTIL(&s, a.times + b.times + none.times == 3);
	assert_int_equal(a.answer.address[0].ip4.s_addr, 3);
	assert_int_equal(b.answer.address[0].ip4.s_addr, 2);
	assert_string_equal(resolver_why(&none.answer), "Name or service not known");
	/* Nothing is kept that somebody has heard. */
	resolver_ask(s.users[0], "abc", on_answer, &a);
	UNTIL(&s, a.times == 2);
	assert_int_equal(looked_up, 4);
	end(&s);
}

static void test_two_who_ask_the_same(void **state)
{
	struct stage s;
	struct heard a = {0}, b = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	resolver_ask(s.users[0], "hang", on_answer, &a);
	UNTIL(&s, hanging == 1);
	resolver_ask(s.users[0], "hang", on_answer, &b);
	sem_post(&let_go);
	UNTIL(&s, a.times == 1 && b.times == 1);
	assert_int_equal(looked_up, 1);
	end(&s);
}

static void test_one_that_hangs_keeps_nobody_else(void **state)
{
	struct stage s;
	struct heard hung = {0}, more = {0}, other = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	/* However many names hang for one of them: they take one thread. */
	for (unsigned i = 0; i < 2 * RESOLVER_THREADS; i++) {
		char name[16];

		snprintf(name, sizeof name, "hang%u", i);
		resolver_ask(s.users[0], name, on_answer, i == 0 ? &hung : &more);
	}
	UNTIL(&s, hanging == 1);
	resolver_ask(s.users[1], "abc", on_answer, &other);
	UNTIL(&s, other.times == 1);
	assert_int_equal(hanging, 1);
	assert_int_equal(hung.times, 0);
	for (unsigned i = 0; i < 2 * RESOLVER_THREADS; i++)
		sem_post(&let_go);
	UNTIL(&s, hung.times == 1 && more.times == 2 * RESOLVER_THREADS - 1);
	end(&s);
}

static void test_when_all_hang_the_next_has_its_turn(void **state)
{
	struct stage s;
	struct heard hung = {0}, other = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	for (unsigned i = 0; i < RESOLVER_THREADS; i++) {
		resolver_ask(s.users[i], "hang", on_answer, &hung);
		resolver_ask(s.users[i], "hang-again", on_answer, &hung);
	}
	resolver_ask(s.users[RESOLVER_THREADS], "abc", on_answer, &other);
	UNTIL(&s, hanging == RESOLVER_THREADS);
	assert_int_equal(other.times, 0);
	/* Before anybody who has had one. */
	sem_post(&let_go);
	UNTIL(&s, other.times == 1);
	assert_int_equal(hung.times, 1);
	for (unsigned i = 0; i < 2 * RESOLVER_THREADS; i++)
		sem_post(&let_go);
	UNTIL(&s, hung.times == 2 * RESOLVER_THREADS);
	end(&s);
}

static void test_who_gives_up_finds_the_answer_later(void **state)
{
	struct stage s;
	struct heard gone = {0}, later = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	resolver_withdraw(resolver_ask(s.users[0], "abc", on_answer, &gone));
	resolver_withdraw(NULL);
	struct resolver_question *q = resolver_ask(s.users[0], "hang", on_answer, &gone);
	UNTIL(&s, hanging == 1);
	resolver_withdraw(q);
	sem_post(&let_go);
	/* It is answered in between: the next look-up of this user comes after it. */
	resolver_ask(s.users[0], "ab", on_answer, &later);
	UNTIL(&s, later.times == 1);
	assert_int_equal(looked_up, 2);
	resolver_ask(s.users[0], "hang", on_answer, &later);
	UNTIL(&s, later.times == 2);
	assert_int_equal(later.answer.address[0].ip4.s_addr, 4);
	assert_int_equal(looked_up, 2);
	/* Once. */
	resolver_ask(s.users[0], "hang", on_answer, &later);
	sem_post(&let_go);
	UNTIL(&s, later.times == 3);
	assert_int_equal(looked_up, 3);
	assert_int_equal(gone.times, 0);
	end(&s);
}

/* Nobody waits for a thread: the end of all this is free of it. */
static void test_the_end_while_a_name_hangs(void **state)
{
	struct stage s;
	struct heard gone = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	struct resolver_question *q = resolver_ask(s.users[0], "hang", on_answer, &gone);
	UNTIL(&s, hanging == 1);
	resolver_withdraw(q);
	end(&s);
	assert_int_equal(hanging, 1);
	sem_post(&let_go);
	while (hanging > 0)
		sched_yield();
}

static void test_names_that_are_none(void **state)
{
	struct stage s;
	char name[RESOLVER_NAME + 1];
	struct heard a = {0};

	(void)state;
	begin(&s);
	resolver_start(s.r);
	memset(name, 'x', RESOLVER_NAME);
	name[RESOLVER_NAME] = '\0';
	assert_null(resolver_ask(s.users[0], "", on_answer, &a));
	assert_null(resolver_ask(s.users[0], name, on_answer, &a));
	assert_non_null(resolver_ask(s.users[0], name + 1, on_answer, &a));
	UNTIL(&s, a.times == 1);
	assert_int_equal(a.answer.address[0].ip4.s_addr, RESOLVER_NAME - 1);
	end(&s);
}

static void test_the_system(void **state)
{
	struct resolver_answer a = {0}, b = {0};
	bool loopback = false;

	(void)state;
	resolver_system("localhost", &a);
	assert_int_equal(a.error, 0);
	for (size_t i = 0; i < a.count; i++)
		loopback |= a.address[i].family == AF_INET &&
		            a.address[i].ip4.s_addr == htonl(INADDR_LOOPBACK);
	assert_true(loopback);
	resolver_system("fe80::1%1", &b);
	assert_int_equal(b.count, 0);
	assert_int_not_equal(b.error, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_two_who_ask_the_same),
	    cmocka_unit_test(test_one_that_hangs_keeps_nobody_else),
	    cmocka_unit_test(test_when_all_hang_the_next_has_its_turn),
	    cmocka_unit_test(test_who_gives_up_finds_the_answer_later),
	    cmocka_unit_test(test_the_end_while_a_name_hangs),
	    cmocka_unit_test(test_names_that_are_none),
	    cmocka_unit_test(test_the_system),
	};

	return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}

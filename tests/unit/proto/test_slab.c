/* Memory shared by two ends: what it lends, what it refuses, and streams that go through it. */
#include "proto/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/unit/proto/pair.h"
#include "tests/unit/testing.h"

#define MIB (1024 * 1024)

/* --- the memory ------------------------------------------------------------------------------- */

static int fd;
static struct slab *a, *b; /* the connecting end and the other */

static int open_both(void **state)
{
	(void)state;
	fd = slab_create();
	a = slab_open(fd, true);
	b = slab_open(fd, false);
	return fd >= 0 && a != NULL && b != NULL ? 0 : -1;
}

static int free_both(void **state)
{
	(void)state;
	slab_free(a);
	slab_free(b);
	close(fd);
	return 0;
}

static unsigned taken(struct slab *s)
{
	int slot = slab_take(s);

	assert_in_range(slot, 0, SLAB_SLOTS - 1);
	return (unsigned)slot;
}

static unsigned send_filled(struct slab *s, uint8_t with)
{
	unsigned slot = taken(s);

	memset(slab_room(s, slot), with, SLAB_SLOT);
	slab_sent(s, slot);
	return slot;
}

static void expect_filled(const struct slab *s, unsigned slot, uint8_t with)
{
	const uint8_t *p = slab_lent(s, slot, SLAB_SLOT);

	assert_non_null(p);
	assert_int_equal(p[0], with);
	assert_int_equal(p[SLAB_SLOT - 1], with);
}

static void test_what_is_written_is_read(void **state)
{
	unsigned mine, yours, more;

	(void)state;
	mine = send_filled(a, 1);
	yours = send_filled(b, 2);
	more = send_filled(a, 3);
	assert_int_not_equal(mine, more);
	expect_filled(b, mine, 1);
	expect_filled(b, more, 3);
	expect_filled(a, yours, 2);
}

static void test_a_slot_is_free_when_it_was_read(void **state)
{
	unsigned slots[SLAB_SLOTS];

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < SLAB_SLOTS; i++)
			slots[i] = send_filled(a, (uint8_t)i);
		assert_int_equal(slab_take(a), -1);
		/* The other direction has slots of its own. */
		slab_give_back(b, taken(b));
		for (unsigned i = 0; i < SLAB_SLOTS; i++) {
			expect_filled(b, slots[i], (uint8_t)i);
			slab_done(b, slots[i]);
		}
	}
	assert_int_equal(taken(a), 0);
	assert_int_equal(taken(a), 1);
	slab_give_back(a, 0);
	assert_int_equal(taken(a), 0);
}

static void test_not_before_the_other_end_is_there(void **state)
{
	int lonely = slab_create();
	struct slab *s = slab_open(lonely, true), *other;

	(void)state;
	assert_int_equal(slab_take(NULL), -1);
	assert_int_equal(slab_take(s), -1);
	other = slab_open(lonely, false);
	assert_int_equal(slab_take(s), 0);
	slab_free(s);
	slab_free(other);
	close(lonely);
}

static void test_descriptors_that_point_nowhere(void **state)
{
	(void)state;
	assert_non_null(slab_lent(a, SLAB_SLOTS - 1, SLAB_SLOT));
	assert_null(slab_lent(a, SLAB_SLOTS, 1));
	assert_null(slab_lent(a, UINT32_MAX, 1));
	assert_null(slab_lent(a, 0, SLAB_SLOT + 1));
	assert_null(slab_lent(a, 0, SIZE_MAX));
	assert_null(slab_lent(NULL, 0, 1));
}

static void expect_none(int of)
{
	assert_true(of >= 0);
	assert_null(slab_open(of, true));
	close(of);
}

static void test_what_is_no_slab(void **state)
{
	struct stat st;
	int other;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	expect_none(open("/dev/zero", O_RDWR));
	other = memfd_create("test", 0);
	assert_int_equal(ftruncate(other, st.st_size - 1), 0);
	expect_none(other);
	assert_null(slab_open(-1, true));
}

static void test_its_size_is_for_ever(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, st.st_size + 1), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

/* What the other end scribbles over our words about its slots is its own loss. */
static void test_nonsense_in_the_head(void **state)
{
	struct stat st;
	uint8_t *all;
	int slot;

	(void)state;
	assert_int_equal(fstat(fd, &st), 0);
	all = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(all != MAP_FAILED);
	send_filled(a, 1);
	memset(all, 0xff, (size_t)st.st_size);
	slot = slab_take(a);
	assert_in_range(slot, 1, SLAB_SLOTS - 1);
	slab_start_over(b);
	assert_in_range(slab_take(b), 0, SLAB_SLOTS - 1);
	slab_done(b, 0);
	assert_int_equal(munmap(all, (size_t)st.st_size), 0);
}

static void test_start_over(void **state)
{
	(void)state;
	slab_start_over(NULL);
	for (unsigned i = 0; i < SLAB_SLOTS; i++)
		send_filled(a, 1);
	slab_done(b, 0);
	slab_start_over(a);
	/* Read before the ends met again. */
	slab_done(b, 1);
	for (unsigned i = 0; i < SLAB_SLOTS; i++)
		assert_int_equal(send_filled(a, 2), i);
	assert_int_equal(slab_take(a), -1);
	slab_done(b, 1);
	assert_int_equal(taken(a), 1);
}

static void test_rest(void **state)
{
	unsigned slot = send_filled(a, 1);

	(void)state;
	assert_false(slab_rest(a));
	expect_filled(b, slot, 1);
	slab_done(b, slot);
	slot = taken(a);
	assert_false(slab_rest(a));
	slab_give_back(a, slot);
	assert_true(slab_rest(a));
	expect_filled(b, slot, 0);
	assert_int_equal(send_filled(a, 5), slot);
	expect_filled(b, slot, 5);
}

/* --- streams ---------------------------------------------------------------------------------- */

struct side {
	struct stream *s;
	size_t received;
	bool opened, was_reset, hold, reset_in_data;
};

static struct side in, out, others[SLAB_SLOTS];

static void on_opened(struct stream *s, void *user, enum protocol protocol, const char *address)
{
	struct side *d = user;

	(void)s, (void)protocol, (void)address;
	d->opened = true;
}

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct side *d = user;

	for (size_t i = 0; d->s != NULL && !d->hold && i < len; i += 997)
		assert_int_equal(p[i], (uint8_t)((d->received + i) % 251));
	d->received += len;
	(void)last;
	if (d->reset_in_data) {
		stream_reset(s, STREAM_CANCELLED, "enough");
		d->s = NULL;
	} else if (!d->hold) {
		stream_consumed(s, len);
	}
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	struct side *d = user;

	(void)s, (void)code, (void)text;
	d->was_reset = true;
	d->s = NULL;
}

static const struct stream_events events = {
    .opened = on_opened, .data = on_data, .reset = on_reset};

static const struct stream_events *on_incoming(void *arg, struct stream *s, enum protocol protocol,
    const char *peer, const char *address, void **user)
{
	(void)arg, (void)protocol, (void)peer, (void)address;
	in.s = s;
	*user = &in;
	return &events;
}

static struct pair p;

static int begin(void **state)
{
	(void)state;
	memset(&p, 0, sizeof(p));
	memset(&in, 0, sizeof(in));
	p.with_slab = true;
	p.viewer.incoming = on_incoming;
	pair_begin(&p);
	return 0;
}

static int end(void **state)
{
	(void)state;
	pair_end(&p);
	return 0;
}

static void open_down(struct side *d)
{
	const enum protocol site = PROTOCOL_GOOP_SITE;

	memset(d, 0, sizeof(*d));
	d->s = stream_open(p.transport.streams, &site, 1, "peer", "", 5000, &events, d);
	assert_non_null(d->s);
	PAIR_UNTIL(&p, d->opened);
}

static size_t write_some(struct side *d, size_t at, size_t len)
{
	size_t room;
	uint8_t *to = stream_room(d->s, len, &room);

	for (size_t i = 0; i < room; i++)
		to[i] = (uint8_t)((at + i) % 251);
	if (to != NULL)
		stream_wrote(d->s, room, false);
	return room;
}

/* One piece after the other, so that there is always a slot. */
static void write_all(struct side *to, size_t at, size_t len)
{
	uint64_t until = pair_deadline();
	size_t end = at + len, n;

	while (at < end) {
		n = write_some(to, at, end - at < 200000 ? end - at : 200000);
		at += n;
		if (n == 0)
			pair_turn(&p, until, "room", __FILE__, __LINE__);
		else
			PAIR_UNTIL(&p, in.received == at);
	}
}

static uint64_t bytes_on_the_link(void)
{
	return link_counted(p.transport.link).bytes_out;
}

static void test_large_writes_do_not_cross_the_link(void **state)
{
	uint64_t before;

	(void)state;
	open_down(&out);
	before = bytes_on_the_link();
	write_all(&out, 0, 16 * MIB);
	assert_in_range(bytes_on_the_link() - before, 16, MIB);
}

static void test_small_writes_do(void **state)
{
	uint64_t before;

	(void)state;
	open_down(&out);
	before = bytes_on_the_link();
	write_all(&out, 0, 1000);
	assert_in_range(bytes_on_the_link() - before, 1000, 2000);
}

/* Those who need a slot and get none write as if there were no slab. */
static void test_without_a_free_slot(void **state)
{
	uint64_t before;

	(void)state;
	for (size_t i = 0; i < SLAB_SLOTS; i++)
		open_down(&others[i]);
	open_down(&out);
	for (size_t i = 0; i < SLAB_SLOTS; i++)
		assert_non_null(stream_room(others[i].s, 100000, &(size_t){0}));
	before = bytes_on_the_link();
	write_all(&out, 0, 100000);
	assert_in_range(bytes_on_the_link() - before, 100000, 102000);
	for (size_t i = 0; i < SLAB_SLOTS; i++)
		stream_wrote(others[i].s, 0, false);
	write_all(&out, 100000, 100000);
	assert_in_range(bytes_on_the_link() - before, 100000, 103000);
}

static void expect_slots_for_all(void)
{
	uint64_t before;

	memset(&in, 0, sizeof(in));
	for (size_t i = 0; i < SLAB_SLOTS; i++)
		open_down(&others[i]);
	before = bytes_on_the_link();
	for (size_t i = 0; i < SLAB_SLOTS; i++)
		write_some(&others[i], 0, 50000);
	in.hold = true;
	PAIR_UNTIL(&p, in.received == SLAB_SLOTS * 50000);
	assert_in_range(bytes_on_the_link() - before, 16, 50000);
}

/* What comes for a stream that is reset meanwhile gives its slot back. */
static void test_slots_of_streams_that_were_reset(void **state)
{
	(void)state;
	for (size_t i = 0; i < SLAB_SLOTS; i++) {
		memset(&in, 0, sizeof(in));
		in.reset_in_data = true;
		open_down(&out);
		write_some(&out, 0, 50000);
		PAIR_UNTIL(&p, out.was_reset);
		/* A whole message leaves at once. */
		open_down(&out);
		assert_int_equal(write_some(&out, 0, SLAB_SLOT), SLAB_SLOT);
		stream_reset(in.s, STREAM_CANCELLED, "not wanted");
		PAIR_UNTIL(&p, out.was_reset);
		/* And one that does not. */
		open_down(&out);
		write_some(&out, 0, 50000);
		stream_reset(out.s, STREAM_CANCELLED, "not wanted");
	}
	expect_slots_for_all();
}

static void send_slot(uint32_t stream, unsigned flags, unsigned slot, uint32_t n)
{
	struct msg m;

	msg_begin(&m, MSG_STREAM_SLOT, 0);
	msg_put_u32(&m, stream);
	msg_put_u8(&m, (uint8_t)flags);
	msg_put_u8(&m, (uint8_t)slot);
	msg_put_u32(&m, n);
	assert_int_equal(link_send(p.transport.link, &m), 0);
}

static void expect_violation(uint32_t stream, unsigned flags, unsigned slot, uint32_t n)
{
	unsigned downs = p.viewer.downs, ups = p.transport.ups;

	memset(&in, 0, sizeof(in));
	open_down(&out);
	send_slot(stream, flags, slot, n);
	PAIR_UNTIL(&p,
	    p.viewer.downs == downs + 1 && p.transport.ups == ups + 1 && link_is_up(p.viewer.link));
	assert_true(in.was_reset && out.was_reset);
	assert_int_equal(in.received, 0);
}

static void test_violations(void **state)
{
	(void)state;
	expect_violation(2, 0, SLAB_SLOTS, 1);
	expect_violation(4, 0, 255, 1);
	expect_violation(6, 0, 0, SLAB_SLOT + 1);
	expect_violation(8, 0, 0, UINT32_MAX);
	expect_violation(10, 0, 0, 0);
	expect_violation(12, 2, 0, 1);
}

static void test_more_than_credit(void **state)
{

	(void)state;
	in.hold = true;
	open_down(&out);
	send_slot(2, 0, 0, STREAM_WINDOW);
	send_slot(2, 0, 0, 1);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
}

/* A sibling without a slab has no business with one. */
static void test_a_slot_without_a_slab(void **state)
{

	(void)state;
	open_down(&out);
	streams_down(p.viewer.streams, "test");
	streams_set_slab(p.viewer.streams, -1);
	send_slot(2, 0, 0, 1);
	PAIR_UNTIL(&p, p.viewer.downs == 1);
}

/* The link breaks while all slots are under way to an end that does not hear any more. */
static void test_a_link_that_breaks(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		for (size_t k = 0; k < SLAB_SLOTS; k++)
			open_down(&others[k]);
		send_slot(0, 0, 200, 1);
		for (size_t k = 0; k < SLAB_SLOTS; k++)
			assert_int_equal(write_some(&others[k], 0, SLAB_SLOT), SLAB_SLOT);
		PAIR_UNTIL(&p, p.viewer.downs == i && p.transport.downs == i);
		PAIR_UNTIL(&p, link_is_up(p.viewer.link) && link_is_up(p.transport.link));
		assert_int_equal(in.received, 0);
		expect_slots_for_all();
		memset(&in, 0, sizeof(in));
	}
}

/* An end restarts while it, or the other, has slots in its hands: both get a fresh slab. */
static void test_an_end_that_restarts(void **state)
{

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct pair_end *dies = i % 2 ? &p.viewer : &p.transport;
		struct pair_end *stays = i % 2 ? &p.transport : &p.viewer;

		memset(&in, 0, sizeof(in));
		open_down(&out);
		write_all(&out, 0, MIB);
		assert_int_equal(write_some(&out, MIB, 50000), 50000);
		if (i < 2) { /* the supervisor's word may come late */
			link_lost(stays->link, dies->generation, "killed");
			streams_set_slab(stays->streams, -1);
			PAIR_UNTIL(&p, (stays == &p.viewer ? in : out).was_reset);
		}
		streams_down(dies->streams, "killed");
		pair_free_end(dies);
		pair_new_end(dies);
		pair_link_set(&p);
		PAIR_UNTIL(&p, link_is_up(p.viewer.link) && link_is_up(p.transport.link));
		assert_true(in.was_reset && out.was_reset);
	}
	memset(&in, 0, sizeof(in));
	open_down(&out);
	write_all(&out, 0, 4 * MIB);
	assert_in_range(bytes_on_the_link(), 16, 2 * MIB);
}

int main(void)
{
#define MEMORY(test)  cmocka_unit_test_setup_teardown(test, open_both, free_both)
#define STREAMS(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
	    MEMORY(test_what_is_written_is_read),
	    MEMORY(test_a_slot_is_free_when_it_was_read),
	    cmocka_unit_test(test_not_before_the_other_end_is_there),
	    MEMORY(test_descriptors_that_point_nowhere),
	    MEMORY(test_what_is_no_slab),
	    MEMORY(test_its_size_is_for_ever),
	    MEMORY(test_nonsense_in_the_head),
	    MEMORY(test_start_over),
	    MEMORY(test_rest),
	    STREAMS(test_large_writes_do_not_cross_the_link),
	    STREAMS(test_small_writes_do),
	    STREAMS(test_without_a_free_slot),
	    STREAMS(test_slots_of_streams_that_were_reset),
	    STREAMS(test_violations),
	    STREAMS(test_more_than_credit),
	    STREAMS(test_a_slot_without_a_slab),
	    STREAMS(test_a_link_that_breaks),
	    STREAMS(test_an_end_that_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

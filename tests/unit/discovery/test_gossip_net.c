/* Several cores joined in memory: their streams lose nothing, connections and messages may. */
#include "gossip_lab.h"

#define NODES 5

struct net;

struct node {
	struct net *net;
	size_t index;
	struct gossip *g;
	struct someone who;
	unsigned heard[NODES]; /* messages by author */
};

/* One direction between two nodes. */
struct pipe {
	bool opening, open;
	struct buf bytes;
};

struct net {
	struct node node[NODES];
	struct pipe pipe[NODES][NODES];
	bool connected[NODES][NODES];
	bool deaf[NODES][NODES]; /* published messages do not arrive, all else does */
	unsigned copies;         /* how often each RPC arrives */
	uint64_t now;
};

static size_t node_of(const struct net *n, const struct peer_id *id)
{
	for (size_t i = 0; i < NODES; i++)
		if (peer_id_equal(&n->node[i].who.id, id))
			return i;
	fail_msg("unknown node");
	return 0;
}

static int on_open(void *arg, const struct peer_id *peer)
{
	struct node *a = arg;

	a->net->pipe[a->index][node_of(a->net, peer)].opening = true;
	return 0;
}

static size_t on_send(void *arg, const struct peer_id *peer, const uint8_t *p, size_t n)
{
	struct node *a = arg;
	struct pipe *pipe = &a->net->pipe[a->index][node_of(a->net, peer)];

	assert_true(pipe->open);
	assert_int_equal(buf_put(&pipe->bytes, p, n), 0);
	return n;
}

static void on_reset(void *arg, const struct peer_id *peer)
{
	(void)arg;
	(void)peer;
	fail_msg("nothing is stuck here");
}

static enum gossip_verdict on_message(void *arg, const struct peer_id *sender,
    const struct peer_id *from, const char *topic, struct bytes data)
{
	struct node *a = arg;

	(void)sender;
	(void)topic;
	(void)data;
	a->heard[node_of(a->net, from)]++;
	return GOSSIP_ACCEPT;
}

static struct net *net_new(void)
{
	static const struct gossip_events events = {
	    on_open, on_send, on_reset, on_reset, on_message, NULL};
	struct net *n = calloc(1, sizeof(*n));

	n->now = 1000;
	n->copies = 1;
	for (size_t i = 0; i < NODES; i++) {
		struct node *a = &n->node[i];
		struct gossip_config config = {.random = i, .events = &events, .arg = a};
		a->net = n;
		a->index = i;
		a->who = someone((unsigned)i);
		config.self = a->who.id;
		config.seqno = 1000 * i;
		a->g = gossip_new(&config);
		gossip_join(a->g, TOPIC, n->now);
		for (size_t j = 0; j < NODES; j++)
			buf_init(&n->pipe[i][j].bytes, 16 * 1024 * 1024);
	}
	return n;
}

static void net_free(struct net *n)
{
	for (size_t i = 0; i < NODES; i++) {
		gossip_free(n->node[i].g);
		for (size_t j = 0; j < NODES; j++)
			buf_clear(&n->pipe[i][j].bytes);
	}
	free(n);
}

static void finish_opening(struct net *n, size_t from, size_t to)
{
	struct pipe *pipe = &n->pipe[from][to];

	pipe->opening = false;
	pipe->open = true;
	assert_int_equal(gossip_in_opened(n->node[to].g, &n->node[from].who.id, n->now), 0);
	gossip_out_opened(n->node[from].g, &n->node[to].who.id, GOSSIP_MESHSUB_11, n->now);
}

/* The next RPC of the pipe arrives, or does not. */
static void carry(struct net *n, size_t from, size_t to)
{
	struct pipe *pipe = &n->pipe[from][to];
	struct bytes rpc;
	long used = gossip_rpc_frame(buf_data(&pipe->bytes), buf_len(&pipe->bytes), &rpc);
	bool published = rpc.len > 0 && rpc.data[0] == 0x12;
	uint8_t *copy = malloc((size_t)used);

	assert_true(used > 0);
	memcpy(copy, buf_data(&pipe->bytes), (size_t)used);
	buf_consume(&pipe->bytes, (size_t)used);
	for (unsigned i = 0; i < n->copies && !(published && n->deaf[from][to]); i++)
		assert_int_equal(gossip_in_data(n->node[to].g, &n->node[from].who.id, copy,
				     (size_t)used, n->now),
		    0);
	free(copy);
}

static bool step(struct net *n, size_t i, size_t j)
{
	if (n->pipe[i][j].opening && n->connected[i][j]) {
		finish_opening(n, i, j);
		return true;
	}
	if (!n->pipe[i][j].open || buf_len(&n->pipe[i][j].bytes) == 0)
		return false;
	carry(n, i, j);
	return true;
}

/* Until nothing is under way any more. */
static void settle(struct net *n)
{
	bool moved = true;

	while (moved) {
		moved = false;
		for (size_t i = 0; i < NODES; i++)
			for (size_t j = 0; j < NODES; j++)
				moved = (i != j && step(n, i, j)) || moved;
	}
}

static void beat(struct net *n)
{
	n->now += GOSSIP_HEARTBEAT_MS;
	for (size_t i = 0; i < NODES; i++)
		gossip_tick(n->node[i].g, n->now);
	settle(n);
}

static void join(struct net *n, size_t i, size_t j)
{
	n->connected[i][j] = n->connected[j][i] = true;
	gossip_peer_up(n->node[i].g, &n->node[j].who.id, n->now);
	gossip_peer_up(n->node[j].g, &n->node[i].who.id, n->now);
	settle(n);
}

static void part(struct net *n, size_t i, size_t j)
{
	n->connected[i][j] = n->connected[j][i] = false;
	gossip_peer_down(n->node[i].g, &n->node[j].who.id, n->now);
	gossip_peer_down(n->node[j].g, &n->node[i].who.id, n->now);
	for (int way = 0; way < 2; way++) {
		struct pipe *pipe = way == 0 ? &n->pipe[i][j] : &n->pipe[j][i];
		pipe->open = pipe->opening = false;
		buf_clear(&pipe->bytes);
	}
}

static void join_all(struct net *n)
{
	for (size_t i = 0; i < NODES; i++)
		for (size_t j = 0; j < i; j++)
			join(n, i, j);
}

static void publish(struct net *n, size_t i)
{
	struct node *a = &n->node[i];
	struct signed_message s;
	uint64_t seqno = gossip_next_seqno(a->g);

	sign(&s, &a->who, seqno, text("here"));
	assert_int_equal(
	    gossip_publish(a->g, TOPIC, seqno, text("here"), pb_bytes(&s.m.signature), n->now), 0);
	settle(n);
}

struct meshes {
	unsigned count;
};

static void count_meshes(void *arg, const struct gossip_peer_info *info)
{
	((struct meshes *)arg)->count += info->meshes;
}

static unsigned mesh_of(struct net *n, size_t i)
{
	struct meshes m = {0};

	gossip_each_peer(n->node[i].g, count_meshes, &m, n->now);
	return m.count;
}

static void two_cores_meet_and_talk(void **state)
{
	struct net *n = net_new();

	(void)state;
	join(n, 0, 1);
	assert_int_equal(mesh_of(n, 0), 1);
	assert_int_equal(mesh_of(n, 1), 1);
	publish(n, 0);
	publish(n, 1);
	publish(n, 0);
	assert_int_equal(n->node[1].heard[0], 2);
	assert_int_equal(n->node[0].heard[1], 1);
	assert_int_equal(n->node[0].heard[0], 0);
	net_free(n);
}

static void five_cores_hear_each_message_once(void **state)
{
	struct net *n = net_new();

	(void)state;
	join_all(n);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(mesh_of(n, i), NODES - 1);
		publish(n, i);
	}
	for (size_t i = 0; i < NODES; i++)
		for (size_t j = 0; j < NODES; j++)
			assert_int_equal(n->node[i].heard[j], i == j ? 0 : 1);
	net_free(n);
}

static void doubled_deliveries_are_heard_once(void **state)
{
	struct net *n = net_new();

	(void)state;
	n->copies = 3;
	join_all(n);
	for (int i = 0; i < 5; i++)
		beat(n);
	publish(n, 2);
	for (size_t i = 0; i < NODES; i++) {
		assert_int_equal(n->node[i].heard[2], i == 2 ? 0 : 1);
		assert_int_equal(mesh_of(n, i), NODES - 1);
	}
	net_free(n);
}

static void a_line_passes_messages_from_end_to_end(void **state)
{
	struct net *n = net_new();

	(void)state;
	for (size_t i = 0; i + 1 < NODES; i++)
		join(n, i, i + 1);
	publish(n, 0);
	for (size_t i = 1; i < NODES; i++)
		assert_int_equal(n->node[i].heard[0], 1);
	net_free(n);
}

/* 0 and 1 are joined, but pruned: only IHAVE and IWANT connect them. */
static void outside_the_mesh_gossip_brings_the_message(void **state)
{
	struct net *n = net_new();
	struct buf b;

	(void)state;
	join(n, 0, 1);
	join(n, 0, 2);
	buf_init(&b, 100);
	gossip_rpc_put_prune(&b, text(TOPIC), 60);
	gossip_in_data(n->node[0].g, &n->node[1].who.id, buf_data(&b), buf_len(&b), n->now);
	gossip_in_data(n->node[1].g, &n->node[0].who.id, buf_data(&b), buf_len(&b), n->now);
	buf_clear(&b);
	assert_int_equal(mesh_of(n, 1), 0);
	publish(n, 2);
	assert_int_equal(n->node[0].heard[2], 1);
	assert_int_equal(n->node[1].heard[2], 0);
	beat(n);
	assert_int_equal(n->node[1].heard[2], 1);
	for (int i = 0; i < 5; i++)
		beat(n);
	assert_int_equal(n->node[1].heard[2], 1);
	net_free(n);
}

/* Everything that 0 sends to 1 directly is lost; the others bring it. */
static void lost_messages_come_another_way(void **state)
{
	struct net *n = net_new();

	(void)state;
	join_all(n);
	n->deaf[0][1] = true;
	for (int i = 0; i < 10; i++)
		publish(n, 0);
	assert_int_equal(n->node[1].heard[0], 10);
	net_free(n);
}

static void who_comes_back_hears_again(void **state)
{
	struct net *n = net_new();

	(void)state;
	join_all(n);
	part(n, 0, 1);
	part(n, 0, 2);
	part(n, 0, 3);
	part(n, 0, 4);
	publish(n, 1);
	assert_int_equal(n->node[0].heard[1], 0);
	join(n, 0, 3);
	publish(n, 1);
	assert_int_equal(n->node[0].heard[1], 1);
	assert_int_equal(mesh_of(n, 0), 1);
	net_free(n);
}

static void who_leaves_and_returns_waits_out_the_back_off(void **state)
{
	struct net *n = net_new();

	(void)state;
	join(n, 0, 1);
	gossip_leave(n->node[0].g, TOPIC, n->now);
	settle(n);
	publish(n, 1);
	assert_int_equal(n->node[0].heard[1], 0);
	gossip_join(n->node[0].g, TOPIC, n->now);
	settle(n);
	for (int i = 1; i < 10; i++) {
		beat(n);
		assert_int_equal(mesh_of(n, 0) + mesh_of(n, 1), 0);
	}
	/* What it missed was offered by IHAVE; own messages do not wait for the mesh. */
	assert_int_equal(n->node[0].heard[1], 1);
	publish(n, 1);
	assert_int_equal(n->node[0].heard[1], 2);
	beat(n);
	assert_int_equal(mesh_of(n, 0) + mesh_of(n, 1), 2);
	net_free(n);
}

static void a_new_stream_of_one_side_mends_both(void **state)
{
	struct net *n = net_new();

	(void)state;
	join(n, 0, 1);
	/* 0's stream breaks; it opens another at a heartbeat. */
	n->pipe[0][1].open = false;
	gossip_out_closed(n->node[0].g, &n->node[1].who.id, n->now);
	gossip_in_closed(n->node[1].g, &n->node[0].who.id, n->now);
	publish(n, 0);
	assert_int_equal(n->node[1].heard[0], 0);
	beat(n);
	assert_int_equal(mesh_of(n, 0) + mesh_of(n, 1), 2);
	publish(n, 0);
	publish(n, 1);
	assert_int_equal(n->node[1].heard[0], 1);
	assert_int_equal(n->node[0].heard[1], 1);
	net_free(n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_cores_meet_and_talk),
	    cmocka_unit_test(five_cores_hear_each_message_once),
	    cmocka_unit_test(doubled_deliveries_are_heard_once),
	    cmocka_unit_test(a_line_passes_messages_from_end_to_end),
	    cmocka_unit_test(outside_the_mesh_gossip_brings_the_message),
	    cmocka_unit_test(lost_messages_come_another_way),
	    cmocka_unit_test(who_comes_back_hears_again),
	    cmocka_unit_test(who_leaves_and_returns_waits_out_the_back_off),
	    cmocka_unit_test(a_new_stream_of_one_side_mends_both),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "svc-rendezvous/metrics.h"

#include <stdio.h>

#define PREFIX "goop_rendezvous_"

static void family(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_putf(out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n", name, help, name, type);
}

static void one(
    struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
	family(out, name, type, help);
	buf_putf(out, PREFIX "%s %llu\n", name, (unsigned long long)value);
}

static void labelled(
    struct buf *out, const char *name, const char *label, const char *value, uint64_t n)
{
	buf_putf(out, PREFIX "%s{%s=\"%s\"} %llu\n", name, label, value, (unsigned long long)n);
}

static void put_publishes(struct buf *out, const struct metrics *m)
{
	static const char *const results[HUB_RESULTS] = {
	    "accepted", "malformed", "forged", "conflict", "limited", "full"};

	family(out, "publishes_total", "counter", "Messages published, by what became of them.");
	for (int i = 0; i < HUB_RESULTS; i++)
		labelled(out, "publishes_total", "result", results[i],
		    hub_counted(m->hub)->publishes[i]);
	labelled(out, "publishes_total", "result", "too_large", m->too_large);
}

static void put_answers(struct buf *out, const struct metrics *m)
{
	char code[8] = "none";

	family(out, "answers_total", "counter", "Requests that are over, by status of HTTP.");
	for (int i = 0; i < METRICS_STATUSES; i++) {
		if (i > 0)
			snprintf(code, sizeof(code), "%d", i);
		if (m->answers[i] > 0)
			labelled(out, "answers_total", "code", code, m->answers[i]);
	}
}

static void put_channels(struct buf *out, const struct metrics *m)
{
	static const char *const names[HUB_CHANNELS] = {"all", "changes"};

	family(out, "subscribers", "gauge", "Open event streams.");
	for (int i = 0; i < HUB_CHANNELS; i++)
		labelled(out, "subscribers", "stream", names[i], m->feed.subscribers[i]);
	family(out, "events_total", "counter", "Events made.");
	for (int i = 0; i < HUB_CHANNELS; i++)
		labelled(out, "events_total", "stream", names[i], hub_counted(m->hub)->events[i]);
	family(out, "queue_bytes", "gauge", "The most that a subscriber is behind.");
	for (int i = 0; i < HUB_CHANNELS; i++)
		labelled(out, "queue_bytes", "stream", names[i], m->feed.behind[i]);
}

static void put_histogram(
    struct buf *out, const char *name, const char *help, const struct histogram *h)
{
	uint64_t count = 0;

	family(out, name, "histogram", help);
	for (int i = 0; i < HISTOGRAM_CLASSES; i++) {
		count += h->counts[i];
		buf_putf(out, PREFIX "%s_bucket{le=\"%g\"} %llu\n", name,
		    histogram_bounds_us[i] / 1e6, (unsigned long long)count);
	}
	count += h->counts[HISTOGRAM_CLASSES];
	buf_putf(out,
	    PREFIX "%s_bucket{le=\"+Inf\"} %llu\n" PREFIX "%s_sum %.6f\n" PREFIX "%s_count %llu\n",
	    name, (unsigned long long)count, name, (double)h->sum_us / 1e6, name,
	    (unsigned long long)count);
}

void metrics_put(struct buf *out, const struct metrics *m)
{
	const struct hub_count *n = hub_counted(m->hub);

	one(out, "peers", "gauge", "Peers online.", hub_online(m->hub));
	one(out, "signers", "gauge", "Peers that have signed within a day.", hub_signers(m->hub));
	one(out, "addresses", "gauge", "Client addresses remembered.", hub_clients(m->hub));
	one(out, "connections", "gauge", "HTTP connections besides event streams.", m->connections);
	one(out, "connections_cut_total", "counter",
	    "Connections cut because a request, or the reading of an answer, was too slow.",
	    m->connections_cut);
	one(out, "connections_displaced_total", "counter",
	    "Connections closed to make room, of the address that kept the server waiting in the "
	    "most places.",
	    m->connections_displaced);
	one(out, "connections_refused_total", "counter",
	    "Connections refused because their address had too many.", m->connections_refused);
	put_publishes(out, m);
	put_answers(out, m);
	put_channels(out, m);
	one(out, "joined_total", "counter", "Peers that came.", n->joined);
	one(out, "left_total", "counter", "Peers that said offline.", n->left);
	one(out, "expired_total", "counter", "Peers that fell silent.", n->expired);
	one(out, "evicted_total", "counter", "Peers that had to make room.", n->evicted);
	one(out, "events_delivered_total", "counter", "Events sent, counted once a subscriber.",
	    m->feed.delivered - m->feed.dropped);
	one(out, "events_dropped_total", "counter", "Events that dropped subscribers missed.",
	    m->feed.dropped);
	one(out, "subscribers_dropped_total", "counter", "Subscribers that did not read.",
	    m->feed.slow);
	one(out, "db_pending_rows", "gauge", "Rows not yet written to the peer database.",
	    m->db_pending);
	put_histogram(
	    out, "publish_seconds", "Time to judge a message and hand it on.", m->publish);
	put_histogram(out, "delivery_seconds",
	    "Time from a message to its being written to a subscriber, once a subscriber and "
	    "write.",
	    m->delivery);
}

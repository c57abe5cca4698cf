#include "svc-discovery/rendezvous_client.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-discovery/hop.h"

struct rendezvous_client {
	const struct rendezvous_client_events *events;
	void *arg;
	char *shown;
	struct resolver_user *names;
	struct transfer *events_get, *publish_post;
};

static void on_opened(void *arg)
{
	struct rendezvous_client *c = arg;

	c->events->opened(c->arg);
}

static void on_bytes(void *arg, const void *p, size_t n)
{
	struct rendezvous_client *c = arg;

	c->events->bytes(c->arg, p, n);
}

static void on_events_over(void *arg, unsigned status, const char *why, uint32_t retry_s)
{
	struct rendezvous_client *c = arg;

	(void)status;
	c->events->lost(c->arg, why, retry_s);
}

static void on_publish_over(void *arg, unsigned status, const char *why, uint32_t retry_s)
{
	struct rendezvous_client *c = arg;

	c->events->published(c->arg, status, why, retry_s);
}

static const struct transfer_events events_of_get = {on_opened, on_bytes, on_events_over};
static const struct transfer_events events_of_post = {.over = on_publish_over};

void rendezvous_client_subscribe(struct rendezvous_client *c, const char *last_id)
{
	char *line = last_id[0] != '\0' ? xasprintf("Last-Event-ID: %s", last_id) : NULL;
	const char *const headers[] = {"Accept: text/event-stream", line, NULL};

	transfer_start(c->events_get, headers, NULL);
	free(line);
}

void rendezvous_client_hang_up(struct rendezvous_client *c)
{
	transfer_stop(c->events_get);
}

void rendezvous_client_publish(struct rendezvous_client *c, const char *json)
{
	/* No round trip to ask whether so little may be sent. */
	static const char *const headers[] = {"Content-Type: application/json", "Expect:", NULL};

	transfer_start(c->publish_post, headers, json);
}

static void add_transfers(
    struct rendezvous_client *c, struct transfers *all, const char *text, bool direct)
{
	char *get = hop_route(text, "/events", "changes=1"),
	     *post = hop_route(text, "/publish", NULL);
	const struct transfer_request of_get = {
	    .url = get, .streams = true, .direct = direct, .user = c->names};
	const struct transfer_request of_post = {
	    .url = post, .direct = direct, .whole_ms = RENDEZVOUS_PUBLISH_MS, .user = c->names};

	if (get != NULL)
		c->events_get = transfer_new(all, &of_get, &events_of_get, c);
	if (post != NULL)
		c->publish_post = transfer_new(all, &of_post, &events_of_post, c);
	free(get);
	free(post);
}

struct rendezvous_client *rendezvous_client_new(struct transfers *all, const char *text,
    bool direct, const struct rendezvous_client_events *events, void *arg)
{
	struct rendezvous_client *c = xcalloc(1, sizeof *c);

	c->events = events;
	c->arg = arg;
	c->names = resolver_user_new(transfers_resolver(all));
	c->shown = hop_shown(text);
	add_transfers(c, all, text, direct);
	if (c->events_get != NULL && c->publish_post != NULL)
		return c;
	rendezvous_client_free(c);
	return NULL;
}

void rendezvous_client_free(struct rendezvous_client *c)
{
	if (c == NULL)
		return;
	transfer_free(c->events_get);
	transfer_free(c->publish_post);
	resolver_user_free(c->names);
	free(c->shown);
	free(c);
}

const char *rendezvous_client_url(const struct rendezvous_client *c)
{
	return c->shown;
}

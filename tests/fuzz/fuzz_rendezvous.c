/* Everything that strangers write to the rendezvous server, but HTTP itself: the first byte says
 * what the rest is. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "svc-rendezvous/hub.h"
#include "svc-rendezvous/password.h"
#include "svc-rendezvous/proxy.h"

static void ignore_event(void *arg, enum hub_channel c, const char *p, size_t n)
{
	(void)arg, (void)c;
	/* An event is one id, one line of data, and a blank line. */
	if (p[0] == ':')
		return;
	for (size_t i = 0, lines = 0; i < n; i++)
		if (p[i] == '\n' && ++lines > 3)
			abort();
}

static void ignore_note(void *arg, int64_t now, const char *text)
{
	(void)arg, (void)now, (void)text;
}

static void publish(const char *text, size_t n)
{
	const struct hub_config config = {
	    .limits = {.peers_max = 4, .peer_bytes_max = 4096, .signers_max = 4, .clients_max = 4},
	    .events = {.send = ignore_event, .note = ignore_note},
	    .epoch = "00",
	    .ring = 1 << 20};
	struct hub *hub = hub_new(&config);
	struct hub_answer a;
	struct hub_row row = {.id = "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq",
	    .client = "a",
	    .json = text,
	    .len = n,
	    .signer_ts = 5,
	    .heard = 1000};

	hub_publish(hub, "a", text, n, 1000, &a);
	hub_publish(hub, "b", text, n, 2000, &a);
	hub_import(hub, &row, 3000);
	hub_tick(hub, 60000);
	hub_free(hub);
}

static void resume(const char *id)
{
	const struct hub_config config = {
	    .limits = {.peers_max = 4, .peer_bytes_max = 4096, .signers_max = 4, .clients_max = 4},
	    .events = {.send = ignore_event, .note = ignore_note},
	    .epoch = "00",
	    .ring = 1 << 20};
	struct hub *hub = hub_new(&config);
	uint64_t place = 0;

	hub_ping(hub);
	if (hub_resume(hub, HUB_ALL, id, &place) && place > hub_place(hub, HUB_ALL))
		abort();
	hub_free(hub);
}

static void forwarded(const char *text)
{
	struct proxy_list list;
	char key[PROXY_KEY];
	bool proxied;

	proxy_list_parse(&list, text);
	proxy_client(&list, "127.0.0.1", text, key, &proxied);
	proxy_client(&list, text, text, key, &proxied);
	if (strlen(key) >= sizeof(key))
		abort();
}

static void authorize(const char *text)
{
	struct password *p = password_new("a long password that nobody has");
	uint32_t wait;

	if (password_check(p, text, "a", 1, &wait) == PASSWORD_RIGHT)
		abort();
	password_free(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (size == 0)
		return 0;
	text = xstrndup((const char *)data + 1, size - 1);
	switch (data[0] % 4) {
	case 0: publish((const char *)data + 1, size - 1); break;
	case 1: resume(text); break;
	case 2: forwarded(text); break;
	default: authorize(text);
	}
	free(text);
	return 0;
}

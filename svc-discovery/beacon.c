#include "svc-discovery/beacon.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

struct beacon {
	const struct beacon_events *events;
	void *arg;
	uint64_t heartbeat;
	bool ready; /* we know who we are */
	bool online, leaving, left;
	uint64_t due;
	uint64_t said;   /* the last time */
	uint64_t second; /* in which `burst` messages were said */
	unsigned burst;
	struct presence draft; /* ourselves; the message under way */
	int64_t heard_ts;      /* the greatest that others know of us */
	bool signing;
	uint32_t request;
	uint64_t deadline;
};

/* At most `max` bytes, without half a character at the end. */
static char *copy_text(const char *text, size_t max)
{
	size_t n = strnlen(text, max);

	while (text[n] != '\0' && n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	return xstrndup(text, n);
}

struct beacon *beacon_new(const char *label, const char *email, uint64_t heartbeat_ms,
    const struct beacon_events *events, void *arg)
{
	struct beacon *b = xcalloc(1, sizeof *b);

	b->heartbeat = heartbeat_ms;
	b->events = events;
	b->arg = arg;
	b->draft.content = copy_text(label, PRESENCE_CONTENT_MAX);
	b->draft.email = copy_text(email, PRESENCE_EMAIL_MAX);
	b->draft.avatar_hash = xstrdup("");
	b->draft.target = xstrdup("");
	return b;
}

void beacon_free(struct beacon *b)
{
	if (b == NULL)
		return;
	presence_clear(&b->draft);
	free(b);
}

/* What was sent to be signed is not what we want to say any more. */
static void due_at(struct beacon *b, uint64_t at)
{
	b->signing = false;
	if (at < b->due)
		b->due = at;
}

static void due_soon(struct beacon *b, uint64_t now)
{
	unsigned burst = now / 1000 == b->second ? b->burst : 0;
	uint64_t at = b->said;

	if (burst >= BEACON_BURST)
		at += BEACON_REST_MS;
	else if (burst >= BEACON_PROMPT)
		at += BEACON_GAP_MS;
	due_at(b, at > now ? at : now);
}

void beacon_set_self(struct beacon *b, const struct peer_id *self, uint64_t now)
{
	char text[PEER_ID_TEXT];

	peer_id_to_text(self, text);
	free(b->draft.peer_text);
	b->draft.peer = *self;
	b->draft.peer_text = xstrdup(text);
	b->ready = true;
	b->signing = false;
	b->due = now;
}

static bool same_addrs(const struct presence *p, char *const *addrs, size_t count)
{
	if (p->addr_count != count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (strcmp(p->addrs[i], addrs[i]) != 0)
			return false;
	return true;
}

void beacon_set_addrs(struct beacon *b, char *const *addrs, size_t count, uint64_t now)
{
	if (count > BEACON_ADDRS_MAX)
		count = BEACON_ADDRS_MAX;
	if (same_addrs(&b->draft, addrs, count))
		return;
	for (size_t i = 0; i < b->draft.addr_count; i++)
		free(b->draft.addrs[i]);
	for (size_t i = 0; i < count; i++)
		b->draft.addrs[i] = xstrdup(addrs[i]);
	b->draft.addr_count = count;
	due_soon(b, now);
}

void beacon_again(struct beacon *b, uint64_t now)
{
	/* What is being signed will reach the newcomer, too. */
	if (!b->signing)
		due_soon(b, now);
}

void beacon_heard(struct beacon *b, int64_t ts, uint64_t now)
{
	if (ts <= b->draft.ts || ts <= b->heard_ts || ts == INT64_MAX)
		return;
	b->heard_ts = ts;
	due_soon(b, now);
}

void beacon_leave(struct beacon *b, uint64_t now)
{
	b->leaving = true;
	due_at(b, now);
}

bool beacon_left(const struct beacon *b)
{
	return b->left;
}

void beacon_signed(struct beacon *b, uint32_t request, const uint8_t sig[PRESENCE_SIG])
{
	char *json;

	if (!b->signing || request != b->request)
		return;
	b->signing = false;
	b->draft.signed_ = true;
	memcpy(b->draft.sig, sig, PRESENCE_SIG);
	json = presence_to_json(&b->draft);
	b->online = true;
	b->left = b->draft.type == PRESENCE_OFFLINE;
	b->events->publish(b->arg, b->draft.type, json);
	free(json);
}

static enum presence_type next_type(const struct beacon *b)
{
	if (b->leaving)
		return PRESENCE_OFFLINE;
	return b->online ? PRESENCE_UPDATE : PRESENCE_ONLINE;
}

static void say(struct beacon *b, uint64_t now, int64_t wall)
{
	/* Always newer than the last one, whatever the clock does: receivers refuse what is not. */
	b->draft.ts = b->draft.ts > b->heard_ts ? b->draft.ts : b->heard_ts;
	b->draft.ts = wall > b->draft.ts ? wall : b->draft.ts + 1;
	b->draft.type = next_type(b);
	b->draft.signed_ = false;
	b->due = now + b->heartbeat;
	if (b->events->sign(b->arg, ++b->request, &b->draft) < 0)
		return;
	b->signing = true;
	b->deadline = now + BEACON_SIGN_MS;
	b->said = now;
	b->burst = now / 1000 == b->second ? b->burst + 1 : 1;
	b->second = now / 1000;
}

uint64_t beacon_run(struct beacon *b, uint64_t now, int64_t wall)
{
	if (!b->ready || b->left)
		return UINT64_MAX;
	if (b->signing && b->deadline <= now) {
		b->signing = false;
		b->due = now;
	}
	if (!b->signing && b->due <= now)
		say(b, now, wall);
	/* What is due meanwhile waits for the signature, too. */
	return b->signing ? b->deadline : b->due;
}

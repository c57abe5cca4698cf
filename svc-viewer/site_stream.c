#include "svc-viewer/site_stream.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/map.h"
#include "svc-viewer/site_line.h"

struct site_stream_table {
	struct loop *loop;
	struct site_stream_config config;
	TAILQ_HEAD(, visitor) visitors; /* who moved least recently comes first */
	size_t open;
	struct map *by_peer; /* peer id -> streams open, as a number */
	uint64_t served;
	struct log_limit trouble;
};

/* One exchange. Until the request line is complete `line` holds it; then `file` is sent, or a short
 * answer; then the stream only waits for the visitor to have taken it all. */
struct visitor {
	TAILQ_ENTRY(visitor) entry;
	struct site_stream_table *table;
	struct stream *stream;
	struct timer *deadline;
	struct buf line;
	struct site_file file;
	uint64_t sent;
	uint64_t paced; /* of these, when the deadline was set */
	bool asked;     /* the request is complete */
};

struct site_stream_table *site_stream_table_new(
    struct loop *loop, const struct site_stream_config *config)
{
	struct site_stream_table *t = xcalloc(1, sizeof(*t));

	t->loop = loop;
	t->config = *config;
	t->by_peer = map_new();
	TAILQ_INIT(&t->visitors);
	return t;
}

void site_stream_table_free(struct site_stream_table *t)
{
	if (t != NULL && t->open != 0)
		panic("site_stream", "freed while %zu streams are open", t->open);
	if (t != NULL)
		map_free(t->by_peer);
	free(t);
}

static void release(struct site_stream_table *t, const char *peer)
{
	uintptr_t n = (uintptr_t)map_gets(t->by_peer, peer);

	t->open--;
	if (n > 1)
		map_sets(t->by_peer, peer, (void *)(n - 1));
	else
		map_removes(t->by_peer, peer);
}

static void visitor_free(struct visitor *v)
{
	release(v->table, stream_peer(v->stream));
	TAILQ_REMOVE(&v->table->visitors, v, entry);
	timer_free(v->deadline);
	buf_clear(&v->line);
	site_close(&v->file);
	free(v);
}

static void give_up(struct visitor *v, enum stream_code code, const char *why)
{
	struct stream *stream = v->stream;

	if (log_allowed(&v->table->trouble, 10, "site_stream"))
		log_info("site_stream", "%s: %s", stream_peer(stream), why);
	visitor_free(v); /* first: it asks the stream whose it is */
	stream_reset(stream, code, why);
}

static void on_deadline(void *arg)
{
	struct visitor *v = arg;

	if (!v->asked)
		give_up(v, STREAM_TIMEOUT, "no request line in time");
	else
		give_up(v, STREAM_TIMEOUT, "next to nothing was taken for too long");
}

/* The visitor has done what is expected of it: the time runs anew. */
static void moved(struct visitor *v, uint32_t ms)
{
	v->paced = v->sent;
	timer_start(v->deadline, ms);
	TAILQ_REMOVE(&v->table->visitors, v, entry);
	TAILQ_INSERT_TAIL(&v->table->visitors, v, entry);
}

/* --- who may come ----------------------------------------------------------------------------- */

static uintptr_t count_of(const struct site_stream_table *t, const char *peer)
{
	return (uintptr_t)map_gets(t->by_peer, peer);
}

/* The least recently moved stream of whoever has the most. */
static struct visitor *most_expendable(const struct site_stream_table *t)
{
	struct visitor *v, *found = NULL;
	uintptr_t most = 0;

	TAILQ_FOREACH (v, &t->visitors, entry) {
		uintptr_t n = count_of(t, stream_peer(v->stream));
		if (n > most) {
			most = n;
			found = v;
		}
	}
	return found;
}

/* Is there room for one more of this peer's? */
static bool make_room(struct site_stream_table *t, const char *peer)
{
	uintptr_t n = count_of(t, peer);
	struct visitor *v;

	if (n >= SITE_STREAM_BY_PEER)
		return false;
	if (t->open < SITE_STREAM_OPEN)
		return true;
	v = most_expendable(t);
	if (count_of(t, stream_peer(v->stream)) <= n + 1)
		return false;
	give_up(v, STREAM_NO_MEMORY, "gave way to another visitor");
	return true;
}

/* --- answers ---------------------------------------------------------------------------------- */

/* The initial credit is larger than any of these lines. */
static void say(struct visitor *v, const char *line, bool last)
{
	stream_write(v->stream, line, strlen(line), last);
}

/* Sends as far as credit goes. */
static void pump(struct visitor *v)
{
	size_t room;
	uint8_t *to;
	ssize_t n;

	while (v->sent < v->file.size) {
		uint64_t left = v->file.size - v->sent;
		to = stream_room(v->stream, left < STREAM_PAYLOAD ? left : STREAM_PAYLOAD, &room);
		if (to == NULL)
			return;
		n = site_read(&v->file, v->sent, to, room);
		if (n <= 0) {
			/* The size is promised: better no file than a wrong one. */
			stream_wrote(v->stream, 0, false);
			give_up(v, STREAM_BROKEN, "the file changed while it was sent");
			return;
		}
		v->sent += (uint64_t)n;
		stream_wrote(v->stream, (size_t)n, v->sent == v->file.size);
		if (v->sent - v->paced >= SITE_STREAM_PACE || v->sent == v->file.size)
			moved(v, v->table->config.stall_ms);
	}
	site_close(&v->file);
}

static void send_file(struct visitor *v)
{
	char line[256];

	v->table->served++;
	snprintf(line, sizeof(line), "OK %s %" PRIu64 "\n", v->file.mime, v->file.size);
	say(v, line, v->file.size == 0);
	moved(v, v->table->config.stall_ms);
	pump(v);
}

static void refuse(struct visitor *v, const char *why)
{
	char line[64];

	snprintf(line, sizeof(line), "ERR %s\n", why);
	say(v, line, true);
	moved(v, v->table->config.stall_ms);
}

static void answer(struct visitor *v, const char *path)
{
	enum site_result result = site_open(v->table->config.site, path, &v->file);

	log_debug("site_stream", "%s asks for %s: %s", stream_peer(v->stream), path,
	    site_result_text(result));
	if (result == SITE_OK)
		send_file(v);
	else if (result == SITE_BUSY)
		give_up(v, STREAM_NO_MEMORY, "too many open files");
	else
		refuse(v, site_result_text(result));
}

static void read_request(struct visitor *v, bool last)
{
	char path[SITE_LINE_REQUEST_MAX];
	enum site_line line = site_line_request(buf_data(&v->line), buf_len(&v->line), path);

	if (line == SITE_LINE_MORE && !last)
		return;
	v->asked = true;
	buf_clear(&v->line);
	if (line == SITE_LINE_DONE)
		answer(v, path);
	else
		refuse(v, "bad request");
}

/* --- events ----------------------------------------------------------------------------------- */

static void on_data(struct stream *s, void *user, const uint8_t *p, size_t len, bool last)
{
	struct visitor *v = user;
	size_t room = buf_room(&v->line);

	stream_consumed(s, len);
	/* What follows a request is nobody's. */
	if (v->asked)
		return;
	buf_put(&v->line, p, len < room ? len : room);
	read_request(v, last);
}

static void on_writable(struct stream *s, void *user)
{
	struct visitor *v = user;

	(void)s;
	if (v->asked && v->file.fd >= 0)
		pump(v);
}

static void on_reset(struct stream *s, void *user, enum stream_code code, const char *text)
{
	(void)s, (void)code, (void)text;
	visitor_free(user);
}

static void on_closed(struct stream *s, void *user)
{
	(void)s;
	visitor_free(user);
}

static const struct stream_events events = {
    .data = on_data, .writable = on_writable, .reset = on_reset, .closed = on_closed};

static void say_label(struct visitor *v)
{
	char *line = xasprintf("%s\n", v->table->config.label);

	/* One line: a label never holds a line break of its own. */
	for (char *c = line; c[1] != '\0'; c++)
		if (*c == '\n' || *c == '\r')
			*c = ' ';
	say(v, line, true);
	free(line);
}

const struct stream_events *site_stream_take(struct site_stream_table *t, struct stream *s,
    enum protocol protocol, const char *peer, void **user)
{
	struct visitor *v;

	if (protocol != PROTOCOL_GOOP_SITE && protocol != PROTOCOL_GOOP_CONTENT &&
	    protocol != PROTOCOL_GOOP_AVATAR)
		return NULL;
	if (!make_room(t, peer)) {
		if (log_allowed(&t->trouble, 10, "site_stream"))
			log_info("site_stream", "%s: too many visits at a time", peer);
		return NULL;
	}
	log_debug("site_stream", "%s opens %s", peer, protocol_id(protocol));
	v = xcalloc(1, sizeof(*v));
	v->table = t;
	v->stream = s;
	v->file.fd = -1;
	v->asked = protocol != PROTOCOL_GOOP_SITE;
	buf_init(&v->line, SITE_LINE_REQUEST_MAX);
	v->deadline = timer_new(t->loop, on_deadline, v);
	TAILQ_INSERT_TAIL(&t->visitors, v, entry);
	t->open++;
	map_sets(t->by_peer, peer, (void *)(count_of(t, peer) + 1));
	moved(v, v->asked ? t->config.stall_ms : t->config.request_ms);
	*user = v;
	if (protocol == PROTOCOL_GOOP_CONTENT)
		say_label(v);
	else if (protocol == PROTOCOL_GOOP_AVATAR)
		say(v, "NONE\n", true);
	return &events;
}

size_t site_stream_open(const struct site_stream_table *t)
{
	return t->open;
}

uint64_t site_stream_served(const struct site_stream_table *t)
{
	return t->served;
}

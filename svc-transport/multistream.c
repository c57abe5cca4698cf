#include "svc-transport/multistream.h"

#include <string.h>

#include "base/log.h"
#include "codec/varint.h"

#define HEADER "/multistream/1.0.0"
#define NA     "na"

/* One message: length with the newline, text, newline. 0 or -1. */
static int put_line(struct buf *out, const char *text, size_t len)
{
	uint8_t size[VARINT_MAX];
	size_t size_len = varint_put(size, len + 1);

	if (size_len + len + 1 > buf_room(out))
		return -1;
	buf_put(out, size, size_len);
	buf_put(out, text, len);
	buf_put_u8(out, '\n');
	return 0;
}

static int put_text(struct buf *out, const char *text)
{
	return put_line(out, text, strlen(text));
}

void multistream_respond(struct multistream *m, multistream_accept_fn *accept, void *arg)
{
	m->state = MULTISTREAM_MORE;
	m->accept = accept;
	m->arg = arg;
	m->id_count = m->id = 0;
	m->rounds = 0;
	m->got_header = false;
	m->line_len = 0;
}

int multistream_propose(
    struct multistream *m, const char *const *ids, size_t count, struct buf *out)
{
	size_t before = buf_len(out);

	if (count == 0 || count > MULTISTREAM_IDS_MAX)
		panic("multistream", "%zu ids to propose", count);
	multistream_respond(m, NULL, NULL);
	memcpy(m->ids, ids, count * sizeof(*ids));
	m->id_count = count;
	if (put_text(out, HEADER) == 0 && put_text(out, m->ids[0]) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

int multistream_propose_lazy(struct multistream *m, const char *id, struct buf *out)
{
	return multistream_propose(m, &id, 1, out);
}

/* The text of the complete message in `line`: without its length and newline. */
static struct bytes line_text(const struct multistream *m)
{
	uint64_t size;
	int n = varint_get(m->line, m->line_len, &size);

	return (struct bytes){m->line + n, (size_t)size - 1};
}

static bool is_text(struct bytes line, const char *text)
{
	return line.len == strlen(text) && memcmp(line.data, text, line.len) == 0;
}

static enum multistream_result answer(struct multistream *m, struct bytes line, struct buf *out)
{
	const char *id = (const char *)line.data;

	if (m->accept(m->arg, id, line.len))
		return put_line(out, id, line.len) == 0 ? MULTISTREAM_DONE : MULTISTREAM_BAD;
	if (++m->rounds >= MULTISTREAM_ROUNDS_MAX || put_text(out, NA) != 0)
		return MULTISTREAM_BAD;
	return MULTISTREAM_MORE;
}

static enum multistream_result hear_answer(
    struct multistream *m, struct bytes line, struct buf *out)
{
	if (is_text(line, m->ids[m->id]))
		return MULTISTREAM_DONE;
	if (!is_text(line, NA))
		return MULTISTREAM_BAD;
	if (m->id + 1 == m->id_count)
		return MULTISTREAM_REFUSED;
	m->id++;
	return put_text(out, m->ids[m->id]) == 0 ? MULTISTREAM_MORE : MULTISTREAM_BAD;
}

static enum multistream_result hear(struct multistream *m, struct buf *out)
{
	struct bytes line = line_text(m);

	if (line.data[line.len] != '\n')
		return MULTISTREAM_BAD;
	if (!m->got_header) {
		m->got_header = true;
		if (!is_text(line, HEADER))
			return MULTISTREAM_BAD;
		if (m->accept != NULL && put_text(out, HEADER) != 0)
			return MULTISTREAM_BAD;
		return MULTISTREAM_MORE;
	}
	return m->accept != NULL ? answer(m, line, out) : hear_answer(m, line, out);
}

/* How many bytes the present message still lacks, as far as can be told; -1 when it is malformed.
 */
static long lacking(const struct multistream *m)
{
	uint64_t size;
	int n = varint_get(m->line, m->line_len, &size);

	if (n < 0 || (n == 0 && m->line_len >= 2))
		return -1;
	if (n == 0)
		return 1;
	if (size == 0 || size > MULTISTREAM_LINE_MAX)
		return -1;
	return (long)((size_t)n + size - m->line_len);
}

enum multistream_result multistream_input(
    struct multistream *m, const uint8_t *p, size_t n, size_t *consumed, struct buf *out)
{
	*consumed = 0;
	while (m->state == MULTISTREAM_MORE) {
		long lack = lacking(m);
		size_t take = n - *consumed;

		if (lack < 0) {
			m->state = MULTISTREAM_BAD;
			break;
		}
		if (lack == 0) {
			m->state = hear(m, out);
			if (m->state == MULTISTREAM_MORE)
				m->line_len = 0;
			continue;
		}
		if (take == 0)
			break;
		if (take > (size_t)lack)
			take = (size_t)lack;
		memcpy(m->line + m->line_len, p + *consumed, take);
		m->line_len = (uint16_t)(m->line_len + take);
		*consumed += take;
	}
	return m->state;
}

struct bytes multistream_chosen(const struct multistream *m)
{
	if (m->accept != NULL)
		return line_text(m);
	return (struct bytes){(const uint8_t *)m->ids[m->id], strlen(m->ids[m->id])};
}

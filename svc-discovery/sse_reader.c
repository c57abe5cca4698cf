#include "svc-discovery/sse_reader.h"

#include <string.h>

#include "base/str.h"

void sse_reader_init(struct sse_reader *r, const struct sse_reader_events *events, void *arg)
{
	*r = (struct sse_reader){.events = events, .arg = arg};
	buf_init(&r->line, SSE_EVENT_MAX);
	buf_init(&r->data, SSE_EVENT_MAX + 1);
}

void sse_reader_clear(struct sse_reader *r)
{
	buf_clear(&r->line);
	buf_clear(&r->data);
}

static void next_event(struct sse_reader *r)
{
	buf_truncate(&r->data, 0);
	r->type[0] = '\0';
	r->has_data = false;
	r->spoiled = false;
}

void sse_reader_restart(struct sse_reader *r)
{
	buf_clear(&r->line);
	buf_clear(&r->data);
	next_event(r);
	str_copy(r->id, sizeof r->id, r->last_id);
	r->begun = r->after_cr = r->too_long = false;
}

const char *sse_reader_last_id(const struct sse_reader *r)
{
	return r->last_id;
}

void sse_reader_forget(struct sse_reader *r)
{
	r->id[0] = r->last_id[0] = '\0';
}

uint64_t sse_reader_left_out(const struct sse_reader *r)
{
	return r->left_out;
}

/* --- fields ----------------------------------------------------------------------------------- */

/* The event is not to be had any more; its id still counts, so that it is not sent again. */
static void spoil(struct sse_reader *r)
{
	if (!r->spoiled)
		r->left_out++;
	r->spoiled = true;
	buf_clear(&r->data);
}

static void add_data(struct sse_reader *r, const char *value, size_t n)
{
	if (r->spoiled)
		return;
	if (n + r->has_data > SSE_EVENT_MAX - buf_len(&r->data)) {
		spoil(r);
		return;
	}
	if (r->has_data)
		buf_put_u8(&r->data, '\n');
	buf_put(&r->data, value, n);
	r->has_data = true;
}

/* A value that does not fit, or would not fit into a header, is as if it had not been there. */
static void set_text(char *to, size_t size, const char *value, size_t n)
{
	if (n >= size)
		return;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)value[i] < 0x20 || value[i] == 0x7f)
			return;
	memcpy(to, value, n);
	to[n] = '\0';
}

static void set_retry(struct sse_reader *r, const char *value, size_t n)
{
	char text[16] = "";
	uint64_t ms;

	set_text(text, sizeof text, value, n);
	if (str_to_u64(text, 0, UINT64_MAX, &ms))
		r->events->retry(r->arg, ms < SSE_RETRY_MAX ? (uint32_t)ms : SSE_RETRY_MAX);
}

static bool named(const char *name, size_t n, const char *want)
{
	return n == strlen(want) && memcmp(name, want, n) == 0;
}

static void take_field(
    struct sse_reader *r, const char *name, size_t name_len, const char *value, size_t n)
{
	if (named(name, name_len, "data"))
		add_data(r, value, n);
	else if (named(name, name_len, "event"))
		set_text(r->type, sizeof r->type, value, n);
	else if (named(name, name_len, "id"))
		set_text(r->id, sizeof r->id, value, n);
	else if (named(name, name_len, "retry"))
		set_retry(r, value, n);
}

static void end_event(struct sse_reader *r)
{
	memcpy(r->last_id, r->id, sizeof r->last_id);
	if (r->has_data && !r->spoiled) {
		size_t n = buf_len(&r->data);

		buf_put_u8(&r->data, '\0');
		r->events->event(r->arg, r->type[0] != '\0' ? r->type : "message",
		    (const char *)buf_data(&r->data), n);
	}
	next_event(r);
}

static void end_line(struct sse_reader *r)
{
	const char *line = (const char *)buf_data(&r->line), *colon, *value;
	size_t n = buf_len(&r->line), name_len;

	if (!r->begun && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
		line += 3;
		n -= 3;
	}
	r->begun = true;
	if (n == 0) {
		end_event(r);
		return;
	}
	colon = memchr(line, ':', n);
	name_len = colon != NULL ? (size_t)(colon - line) : n;
	if (name_len == 0) /* a comment */
		return;
	value = line + name_len + (colon != NULL);
	value += value < line + n && *value == ' ';
	take_field(r, line, name_len, value, (size_t)(line + n - value));
}

/* --- lines ------------------------------------------------------------------------------------ */

static void break_line(struct sse_reader *r)
{
	if (r->too_long)
		r->begun = true;
	else
		end_line(r);
	r->too_long = false;
	buf_truncate(&r->line, 0);
}

static void add_to_line(struct sse_reader *r, const char *p, size_t n)
{
	if (r->too_long || buf_put(&r->line, p, n) == 0)
		return;
	/* Whatever it would have been, the event is not whole without it. */
	r->too_long = true;
	buf_clear(&r->line);
	spoil(r);
}

void sse_reader_feed(struct sse_reader *r, const void *bytes, size_t n)
{
	const char *p = bytes, *end = p + n;

	while (p < end) {
		const char *stop = p;

		if (r->after_cr && *p == '\n')
			p++, stop++;
		r->after_cr = false;
		while (stop < end && *stop != '\r' && *stop != '\n')
			stop++;
		add_to_line(r, p, (size_t)(stop - p));
		if (stop == end)
			return;
		r->after_cr = *stop == '\r';
		break_line(r);
		p = stop + 1;
	}
}

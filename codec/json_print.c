/* json_print(): cJSON's own printer compares doubles with a tolerance and so loses the last digits
 * of integers past 10^15, row ids and times in microseconds among them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

static void print_value(struct buf *out, const cJSON *value);

static void print_number(struct buf *out, double v)
{
	char text[40];

	if (!isfinite(v)) {
		buf_puts(out, "null");
		return;
	}
	if (v == floor(v) && fabs(v) <= EXACT_MAX) {
		buf_putf(out, "%lld", (long long)v);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_puts(out, text);
}

/* Without quotes; c is a control character, a quote or a backslash. */
static void print_escape(struct buf *out, unsigned char c)
{
	static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
	const char *at = strchr(plain, c);

	if (at != NULL)
		buf_putf(out, "\\%c", letter[at - plain]);
	else
		buf_putf(out, "\\u%04x", c);
}

static void print_string(struct buf *out, const char *s)
{
	const char *from = s;

	buf_put_u8(out, '"');
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_put(out, from, (size_t)(s - from));
		print_escape(out, c);
		from = s + 1;
	}
	buf_put(out, from, (size_t)(s - from));
	buf_put_u8(out, '"');
}

static void print_entries(struct buf *out, const cJSON *value, const char *brackets)
{
	const cJSON *child;

	buf_put_u8(out, (uint8_t)brackets[0]);
	cJSON_ArrayForEach (child, value) {
		if (child != value->child)
			buf_put_u8(out, ',');
		if (cJSON_IsObject(value)) {
			print_string(out, child->string);
			buf_put_u8(out, ':');
		}
		print_value(out, child);
	}
	buf_put_u8(out, (uint8_t)brackets[1]);
}

static void print_value(struct buf *out, const cJSON *value)
{
	if (cJSON_IsObject(value))
		print_entries(out, value, "{}");
	else if (cJSON_IsArray(value))
		print_entries(out, value, "[]");
	else if (cJSON_IsString(value))
		print_string(out, value->valuestring);
	else if (cJSON_IsNumber(value))
		print_number(out, value->valuedouble);
	else if (cJSON_IsRaw(value))
		buf_puts(out, value->valuestring);
	else if (cJSON_IsBool(value))
		buf_puts(out, cJSON_IsTrue(value) ? "true" : "false");
	else
		buf_puts(out, "null");
}

char *json_print(const cJSON *value)
{
	struct buf out;
	size_t n;

	buf_init(&out, SIZE_MAX);
	print_value(&out, value);
	buf_put_u8(&out, 0);
	return (char *)buf_take(&out, &n);
}

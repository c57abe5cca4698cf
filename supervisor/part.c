#include "supervisor/part.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/walls.h"

#define MOST 65536 /* CONFIG */

void part_init(struct part *p)
{
	buf_init(&p->told, MOST);
}

void part_clear(struct part *p)
{
	buf_clear(&p->told);
}

/* Key and value of each, as the fields of the message. Returns how many bytes. */
static size_t put_settings(
    struct msg *msg, const struct roster_row *row, const struct config *config)
{
	char *walls = walls_of(row, config);
	size_t from = msg->size;

	for (size_t i = 0; row->keys[i] != NULL; i++) {
		msg_put_str(msg, row->keys[i]);
		msg_put_str(msg, config_get(config, row->keys[i]));
	}
	msg_put_str(msg, "walls");
	msg_put_str(msg, walls);
	free(walls);
	return msg->size - from;
}

void part_tell(struct part *p, const struct roster_row *row, const struct config *config,
    uint32_t generation, struct msg *out)
{
	char number[16];
	uint16_t keys = 0;
	size_t n;

	while (row->keys[keys] != NULL)
		keys++;
	snprintf(number, sizeof(number), "%u", generation);
	msg_begin(out, MSG_CONFIG, 1024);
	msg_put_u16(out, (uint16_t)(keys + 2));
	msg_put_str(out, "generation");
	msg_put_str(out, number);
	n = put_settings(out, row, config);
	buf_clear(&p->told);
	buf_put(&p->told, out->base + out->size - n, n);
}

bool part_has_news(const struct part *p, const struct roster_row *row, const struct config *config)
{
	struct msg now;
	size_t n;
	bool same;

	msg_begin(&now, MSG_CONFIG, 1024);
	n = put_settings(&now, row, config);
	same =
	    n == buf_len(&p->told) && memcmp(buf_data(&p->told), now.base + now.size - n, n) == 0;
	msg_drop(&now);
	return !same;
}

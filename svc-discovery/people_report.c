#include "svc-discovery/people_report.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/json.h"

static cJSON *person_json(const struct person *p, bool connected)
{
	cJSON *o = cJSON_CreateObject(), *addresses;

	cJSON_AddStringToObject(o, "id", p->id);
	cJSON_AddStringToObject(o, "label", p->label);
	cJSON_AddStringToObject(o, "email", p->email);
	cJSON_AddStringToObject(o, "avatar_hash", p->avatar_hash);
	cJSON_AddNumberToObject(o, "last_seen", (double)p->last_seen);
	cJSON_AddStringToObject(o, "via", people_via_name(p->via));
	addresses = cJSON_AddArrayToObject(o, "addresses");
	for (size_t i = 0; i < p->addr_count; i++)
		cJSON_AddItemToArray(addresses, cJSON_CreateString(p->addrs[i]));
	cJSON_AddBoolToObject(o, "connected", connected);
	return o;
}

char *people_report(const struct people *people, const struct pubsub *pubsub)
{
	const struct person *p = NULL;
	struct buf out;
	size_t n;

	buf_init(&out, PEOPLE_REPORT_MAX);
	buf_puts(&out, "[");
	while ((p = people_next(people, p)) != NULL) {
		cJSON *o = person_json(p, pubsub_connected(pubsub, &p->peer));
		char *text = json_print(o);

		if (strlen(text) + 3 <= buf_room(&out)) {
			if (buf_len(&out) > 1)
				buf_puts(&out, ",");
			buf_puts(&out, text);
		}
		free(text);
		cJSON_Delete(o);
	}
	buf_put(&out, "]", 2);
	return (char *)buf_take(&out, &n);
}

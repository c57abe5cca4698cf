#include "svc-rendezvous/hub_message.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "codec/json.h"

#define NODES_MAX 256 /* as codec/presence.c accepts */

void hub_message_clear(struct hub_message *m)
{
	presence_clear(&m->p);
	free(m->json);
	*m = (struct hub_message){0};
}

static void digest(struct hub_message *m, cJSON *tree)
{
	static const char *const passing[] = {"type", "ts", "sig"};
	char *lasting;

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++)
		cJSON_DeleteItemFromObjectCaseSensitive(tree, passing[i]);
	lasting = json_print(tree);
	crypto_generichash(
	    m->digest, sizeof(m->digest), (const unsigned char *)lasting, strlen(lasting), NULL, 0);
	free(lasting);
}

int hub_message_parse(struct hub_message *m, const void *json, size_t n, const char **why)
{
	cJSON *tree;

	*m = (struct hub_message){0};
	if (presence_parse(&m->p, json, n, why) != 0)
		return -1;
	tree = json_parse(json, n, NODES_MAX, NULL);
	*why = "expected JSON";
	if (tree != NULL && m->p.type == PRESENCE_PUNCH)
		*why = "type: expected \"online\", \"update\" or \"offline\"";
	if (tree == NULL || m->p.type == PRESENCE_PUNCH) {
		cJSON_Delete(tree);
		presence_clear(&m->p);
		return -1;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "verificationToken");
	m->json = json_print(tree);
	m->len = strlen(m->json);
	digest(m, tree);
	cJSON_Delete(tree);
	return 0;
}

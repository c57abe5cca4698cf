#include "svc-rendezvous/hub_message.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "codec/json.h"

#define TOO_LONG "expected at most 65536 bytes"

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

/* What is wrong with the message, or NULL. */
static const char *read_tree(struct hub_message *m, const cJSON *tree)
{
	const char *why;

	if (tree == NULL)
		return "expected JSON";
	if (presence_read(&m->p, tree, &why) != 0)
		return why;
	return m->p.type == PRESENCE_PUNCH ? "type: expected \"online\", \"update\" or \"offline\""
	                                   : NULL;
}

/* What is passed on may be longer than what came (1e9 becomes 1000000000): others have the same
 * limit as we have, and would not read it. */
static const char *print(struct hub_message *m, cJSON *tree)
{
	cJSON_DeleteItemFromObjectCaseSensitive(tree, "verificationToken");
	m->json = json_print(tree);
	m->len = strlen(m->json);
	return m->len > PRESENCE_JSON_MAX ? TOO_LONG : NULL;
}

int hub_message_parse(struct hub_message *m, const void *json, size_t n, const char **why)
{
	cJSON *tree;

	*m = (struct hub_message){0};
	*why = TOO_LONG;
	if (n > PRESENCE_JSON_MAX)
		return -1;
	tree = json_parse(json, n, PRESENCE_NODES_MAX, NULL);
	*why = read_tree(m, tree);
	if (*why == NULL)
		*why = print(m, tree);
	if (*why == NULL)
		digest(m, tree);
	else
		hub_message_clear(m);
	cJSON_Delete(tree);
	return *why == NULL ? 0 : -1;
}

#include "codec/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/alloc.h"
#include "codec/pubkey.h"

static const char *const TYPES[] = {"online", "update", "offline", "punch"};

const char *presence_type_name(enum presence_type type)
{
	return TYPES[type];
}

void presence_clear(struct presence *p)
{
	free(p->peer_text);
	free(p->content);
	free(p->email);
	free(p->avatar_hash);
	free(p->target);
	for (size_t i = 0; i < p->addr_count; i++)
		free(p->addrs[i]);
	*p = (struct presence){0};
}

/* A field that may be left out or null: then "". False for another type or too many bytes. */
static bool take_text(const cJSON *o, const char *name, size_t max, char **out)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, name);
	const char *text = item == NULL || cJSON_IsNull(item) ? "" : cJSON_GetStringValue(item);

	if (text == NULL || strlen(text) > max)
		return false;
	*out = xstrdup(text);
	return true;
}

static bool take_type(const cJSON *o, enum presence_type *out)
{
	const char *text = json_str(o, "type");

	for (size_t i = 0; text != NULL && i < sizeof(TYPES) / sizeof(TYPES[0]); i++) {
		if (strcmp(text, TYPES[i]) != 0)
			continue;
		*out = (enum presence_type)i;
		return true;
	}
	return false;
}

/* Only the one base58 form: the text is signed, and compared by other programs. */
static bool take_peer(const cJSON *o, struct presence *p)
{
	const char *text = json_str(o, "peerId");
	char canonical[PEER_ID_TEXT];

	if (text == NULL || peer_id_from_text(&p->peer, text, strlen(text)) != 0)
		return false;
	peer_id_to_text(&p->peer, canonical);
	if (strcmp(text, canonical) != 0)
		return false;
	p->peer_text = xstrdup(text);
	return true;
}

static bool take_addrs(const cJSON *o, struct presence *p)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(o, "addrs");
	const cJSON *item;

	if (list == NULL || cJSON_IsNull(list))
		return true;
	if (!cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach (item, list) {
		const char *text = cJSON_GetStringValue(item);
		if (text == NULL || strlen(text) > PRESENCE_ADDR_MAX ||
		    p->addr_count == PRESENCE_ADDRS_MAX)
			return false;
		p->addrs[p->addr_count++] = xstrdup(text);
	}
	return true;
}

static bool take_sig(const cJSON *o, struct presence *p)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, "sig");
	const char *text = cJSON_GetStringValue(item), *end;
	size_t len;

	if (item == NULL || cJSON_IsNull(item))
		return true;
	if (text == NULL || sodium_base642bin(p->sig, sizeof(p->sig), text, strlen(text), NULL,
				&len, &end, sodium_base64_VARIANT_ORIGINAL) != 0)
		return false;
	p->signed_ = true;
	return len == PRESENCE_SIG && *end == '\0';
}

/* What is wrong with the object, or NULL. */
static const char *take_fields(struct presence *p, const cJSON *o)
{
	if (!cJSON_IsObject(o))
		return "expected a JSON object";
	if (!take_type(o, &p->type))
		return "type: expected \"online\", \"update\", \"offline\" or \"punch\"";
	if (!take_peer(o, p))
		return "peerId: expected a base58 peer id";
	if (!take_text(o, "content", PRESENCE_CONTENT_MAX, &p->content))
		return "content: expected a string of at most 4096 bytes";
	if (!take_text(o, "email", PRESENCE_EMAIL_MAX, &p->email))
		return "email: expected a string of at most 320 bytes";
	if (!take_text(o, "avatarHash", PRESENCE_AVATAR_MAX, &p->avatar_hash))
		return "avatarHash: expected a string of at most 128 bytes";
	if (!take_text(o, "target", PRESENCE_ADDR_MAX, &p->target))
		return "target: expected a string of at most 256 bytes";
	if (!json_int(o, "ts", 0, INT64_MAX, &p->ts))
		return "ts: expected Unix time in milliseconds";
	if (!take_addrs(o, p))
		return "addrs: expected an array of at most 32 strings of at most 256 bytes";
	if (!take_sig(o, p))
		return "sig: expected 64 bytes in base64";
	return NULL;
}

int presence_read(struct presence *p, const cJSON *tree, const char **why)
{
	*p = (struct presence){0};
	*why = take_fields(p, tree);
	if (*why == NULL)
		return 0;
	presence_clear(p);
	return -1;
}

int presence_parse(struct presence *p, const char *json, size_t n, const char **why)
{
	cJSON *tree;
	int result;

	*p = (struct presence){0};
	*why = "expected at most 65536 bytes";
	if (n > PRESENCE_JSON_MAX)
		return -1;
	*why = "expected JSON";
	tree = json_parse(json, n, PRESENCE_NODES_MAX, NULL);
	if (tree == NULL)
		return -1;
	result = presence_read(p, tree, why);
	cJSON_Delete(tree);
	return result;
}

static void add_text(cJSON *o, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		cJSON_AddStringToObject(o, name, text);
}

char *presence_to_json(const struct presence *p)
{
	char sig[sodium_base64_ENCODED_LEN(PRESENCE_SIG, sodium_base64_VARIANT_ORIGINAL)];
	cJSON *o = cJSON_CreateObject(), *list;
	char *text;

	cJSON_AddStringToObject(o, "type", TYPES[p->type]);
	cJSON_AddStringToObject(o, "peerId", p->peer_text);
	add_text(o, "content", p->content);
	add_text(o, "email", p->email);
	add_text(o, "avatarHash", p->avatar_hash);
	add_text(o, "target", p->target);
	if (p->addr_count > 0) {
		list = cJSON_AddArrayToObject(o, "addrs");
		for (size_t i = 0; i < p->addr_count; i++)
			cJSON_AddItemToArray(list, cJSON_CreateString(p->addrs[i]));
	}
	cJSON_AddNumberToObject(o, "ts", (double)p->ts);
	if (p->signed_)
		cJSON_AddStringToObject(o, "sig",
		    sodium_bin2base64(
			sig, sizeof(sig), p->sig, sizeof(p->sig), sodium_base64_VARIANT_ORIGINAL));
	text = json_print(o);
	cJSON_Delete(o);
	return text;
}

/* With its zero byte; a field that is not there counts as empty. */
static int put_text(struct buf *out, const char *text)
{
	return text == NULL ? buf_put_u8(out, 0) : buf_put(out, text, strlen(text) + 1);
}

static int put_fields(struct buf *out, const struct presence *p)
{
	char ts[24];

	snprintf(ts, sizeof(ts), "%lld", (long long)p->ts);
	if (put_text(out, "goop-presence-v1") != 0 || put_text(out, TYPES[p->type]) != 0 ||
	    put_text(out, p->peer_text) != 0 || put_text(out, p->content) != 0 ||
	    put_text(out, p->email) != 0 || put_text(out, p->avatar_hash) != 0 ||
	    put_text(out, ts) != 0)
		return -1;
	for (size_t i = 0; i < p->addr_count; i++)
		if (put_text(out, p->addrs[i]) != 0)
			return -1;
	return 0;
}

int presence_preimage(struct buf *out, const struct presence *p)
{
	size_t before = buf_len(out);

	if (put_fields(out, p) == 0)
		return 0;
	buf_truncate(out, before);
	return -1;
}

int presence_verify(const struct presence *p)
{
	struct bytes inlined = peer_id_key(&p->peer);
	struct pubkey key;
	struct buf preimage;
	int result = -1;

	if (!p->signed_ || pubkey_parse(&key, inlined.data, inlined.len) != 0 ||
	    key.type != PUBKEY_ED25519)
		return -1;
	buf_init(&preimage, PRESENCE_JSON_MAX);
	if (presence_preimage(&preimage, p) == 0)
		result = pubkey_verify(
		    &key, buf_data(&preimage), buf_len(&preimage), p->sig, sizeof(p->sig));
	buf_clear(&preimage);
	return result;
}

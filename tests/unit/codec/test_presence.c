#include "../testing.h"

#include "codec/json.h"
#include "codec/presence.h"
#include "keys.h"

/* Signed with A's seed by another implementation of Ed25519. */
#define SIG                                                                                        \
	"GdfaG426cxO6vjrP2KGdFYvpRaZHRVnL4EDSAJWwrylhJij3s/WU2xPoak/0FZlHiYVf0/sD4+xDX36jEhdlAQ=="
#define UNSIGNED                                                                                   \
	"{\"type\":\"update\",\"peerId\":\"" TEXT_A                                                \
	"\",\"content\":\"hello\",\"email\":\"a@b.c\","                                            \
	"\"addrs\":[\"/ip4/192.168.1.5/tcp/4001\",\"/ip6/fd00::1/tcp/4001\"],\"ts\":1700000000000"
#define SIGNED UNSIGNED ",\"sig\":\"" SIG "\"}"

static void parse(struct presence *p, const char *text)
{
	const char *why;

	if (presence_parse(p, text, strlen(text), &why) != 0)
		fail_msg("%s", why);
}

static void refuses(const char *text, const char *reason)
{
	struct presence p;
	const char *why = NULL;

	assert_int_equal(presence_parse(&p, text, strlen(text), &why), -1);
	assert_string_equal(why, reason);
	presence_clear(&p);
}

static void a_signed_message_parses_and_verifies(void **state)
{
	struct presence p;

	(void)state;
	parse(&p, SIGNED);
	assert_int_equal(p.type, PRESENCE_UPDATE);
	assert_string_equal(p.peer_text, TEXT_A);
	assert_string_equal(p.content, "hello");
	assert_string_equal(p.email, "a@b.c");
	assert_string_equal(p.avatar_hash, "");
	assert_string_equal(p.target, "");
	assert_int_equal(p.addr_count, 2);
	assert_string_equal(p.addrs[1], "/ip6/fd00::1/tcp/4001");
	assert_true(p.ts == 1700000000000);
	assert_true(p.signed_);
	assert_int_equal(presence_verify(&p), 0);
	presence_clear(&p);
	presence_clear(&p);
}

static void the_preimage_is_every_field_with_its_zero(void **state)
{
	static const char want[] = "goop-presence-v1\0update\0" TEXT_A "\0hello\0a@b.c\0\0"
				   "1700000000000\0"
				   "/ip4/192.168.1.5/tcp/4001\0/ip6/fd00::1/tcp/4001";
	struct presence p;
	struct buf out;

	(void)state;
	parse(&p, SIGNED);
	buf_init(&out, sizeof(want));
	assert_int_equal(presence_preimage(&out, &p), 0);
	assert_int_equal(buf_len(&out), sizeof(want));
	assert_memory_equal(buf_data(&out), want, sizeof(want));
	buf_clear(&out);
	out.max = sizeof(want) - 1;
	assert_int_equal(presence_preimage(&out, &p), -1);
	assert_int_equal(buf_len(&out), 0);
	buf_clear(&out);
	presence_clear(&p);
}

static void a_change_of_any_signed_field_does_not_verify(void **state)
{
	struct presence p;

	(void)state;
	parse(&p, SIGNED);
	p.type = PRESENCE_OFFLINE;
	assert_int_equal(presence_verify(&p), -1);
	p.type = PRESENCE_UPDATE;
	p.content[0] ^= 1;
	assert_int_equal(presence_verify(&p), -1);
	p.content[0] ^= 1;
	p.email[0] ^= 1;
	assert_int_equal(presence_verify(&p), -1);
	p.email[0] ^= 1;
	p.ts++;
	assert_int_equal(presence_verify(&p), -1);
	p.ts--;
	p.addrs[1][3] ^= 1;
	assert_int_equal(presence_verify(&p), -1);
	p.addrs[1][3] ^= 1;
	p.sig[63] ^= 1;
	assert_int_equal(presence_verify(&p), -1);
	p.sig[63] ^= 1;
	assert_int_equal(presence_verify(&p), 0);
	p.signed_ = false;
	assert_int_equal(presence_verify(&p), -1);
	presence_clear(&p);
}

static void an_id_without_a_key_does_not_verify(void **state)
{
	struct presence p;

	(void)state;
	parse(&p, "{\"type\":\"online\",\"peerId\":\"" TEXT_EC "\",\"ts\":1,\"sig\":\"" SIG "\"}");
	assert_int_equal(presence_verify(&p), -1);
	presence_clear(&p);
	parse(&p, "{\"type\":\"online\",\"peerId\":\"" TEXT_K1 "\",\"ts\":1,\"sig\":\"" SIG "\"}");
	assert_int_equal(presence_verify(&p), -1);
	presence_clear(&p);
}

static void what_deployed_peers_send_parses(void **state)
{
	struct presence p;

	(void)state;
	parse(&p, "{\"type\":\"online\",\"peerId\":\"" TEXT_B
		  "\",\"content\":\"x\",\"videoDisabled\":true,"
		  "\"activeTemplate\":\"blog\",\"verificationToken\":\"t\",\"publicKey\":\"k\","
		  "\"encryptionSupported\":true,\"goopClientVersion\":\"2.4\",\"ts\":5,"
		  "\"verified\":true}");
	assert_int_equal(p.type, PRESENCE_ONLINE);
	assert_false(p.signed_);
	assert_int_equal(p.addr_count, 0);
	presence_clear(&p);
	parse(&p, "{\"type\":\"punch\",\"peerId\":\"" TEXT_B "\",\"target\":\"" TEXT_A
		  "\",\"addrs\":null,"
		  "\"email\":null,\"ts\":0}");
	assert_string_equal(p.target, TEXT_A);
	assert_string_equal(p.email, "");
	presence_clear(&p);
}

#define HEAD "{\"type\":\"online\",\"peerId\":\"" TEXT_A "\",\"ts\":1"

static void wrong_fields_are_refused_with_a_reason(void **state)
{
	static const char type[] =
	    "type: expected \"online\", \"update\", \"offline\" or \"punch\"";
	static const char peer[] = "peerId: expected a base58 peer id";
	static const char ts[] = "ts: expected Unix time in milliseconds";
	static const char addrs[] =
	    "addrs: expected an array of at most 32 strings of at most 256 bytes";

	(void)state;
	refuses("", "expected JSON");
	refuses("[]", "expected a JSON object");
	refuses("{}", type);
	refuses("{\"type\":\"Online\"}", type);
	refuses("{\"type\":1}", type);
	refuses("{\"type\":\"online\"}", peer);
	refuses("{\"type\":\"online\",\"peerId\":\"x\"}", peer);
	refuses("{\"type\":\"online\",\"peerId\":\"" CID36_A "\",\"ts\":1}", peer);
	refuses("{\"type\":\"online\",\"peerId\":\"" TEXT_A "\"}", ts);
	refuses("{\"type\":\"online\",\"peerId\":\"" TEXT_A "\",\"ts\":-1}", ts);
	refuses("{\"type\":\"online\",\"peerId\":\"" TEXT_A "\",\"ts\":1.5}", ts);
	refuses("{\"type\":\"online\",\"peerId\":\"" TEXT_A "\",\"ts\":\"1\"}", ts);
	refuses(HEAD ",\"content\":1}", "content: expected a string of at most 4096 bytes");
	refuses(HEAD ",\"email\":[]}", "email: expected a string of at most 320 bytes");
	refuses(HEAD ",\"avatarHash\":{}}", "avatarHash: expected a string of at most 128 bytes");
	refuses(HEAD ",\"target\":0}", "target: expected a string of at most 256 bytes");
	refuses(HEAD ",\"addrs\":\"x\"}", addrs);
	refuses(HEAD ",\"addrs\":[1]}", addrs);
	refuses(HEAD ",\"sig\":\"x\"}", "sig: expected 64 bytes in base64");
	refuses(HEAD ",\"sig\":1}", "sig: expected 64 bytes in base64");
	refuses(HEAD ",\"sig\":\"AAAA\"}", "sig: expected 64 bytes in base64");
	refuses(HEAD ",\"ts\":2}", "expected JSON");
}

/* A message with a content of `content` bytes and `addrs` addresses of `addr` bytes. */
static char *sized(size_t content, size_t addrs, size_t addr)
{
	char *text = malloc(200 + content + addrs * (addr + 4));
	char *p = text + sprintf(text, "%s,\"content\":\"", HEAD);

	p += sprintf(p, "%0*d\",\"addrs\":[", (int)content, 0);
	for (size_t i = 0; i < addrs; i++)
		p += sprintf(p, "%s\"%0*d\"", i > 0 ? "," : "", (int)addr, 0);
	strcpy(p, "]}");
	return text;
}

static void bounds_are_exact(void **state)
{
	static const struct {
		size_t content, addrs, addr;
		bool good;
	} rows[] = {
	    {4096, 32, 256, true}, {4097, 1, 1, false}, {1, 33, 1, false}, {1, 1, 257, false}};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		char *text = sized(rows[i].content, rows[i].addrs, rows[i].addr);
		struct presence p;
		const char *why;
		int got = presence_parse(&p, text, strlen(text), &why);
		assert_int_equal(got, rows[i].good ? 0 : -1);
		presence_clear(&p);
		free(text);
	}
	char *huge = malloc(PRESENCE_JSON_MAX + 2);
	memset(huge, ' ', PRESENCE_JSON_MAX + 1);
	huge[PRESENCE_JSON_MAX + 1] = '\0';
	refuses(huge, "expected at most 65536 bytes");
	free(huge);
}

static void written_text_is_read_back(void **state)
{
	struct presence p, back;
	char *text;

	(void)state;
	parse(&p, SIGNED);
	text = presence_to_json(&p);
	assert_string_equal(text, SIGNED);
	parse(&back, text);
	assert_int_equal(presence_verify(&back), 0);
	presence_clear(&back);
	free(text);
	p.signed_ = false;
	text = presence_to_json(&p);
	assert_string_equal(text, UNSIGNED "}");
	free(text);
	presence_clear(&p);
	parse(&p, HEAD "}");
	text = presence_to_json(&p);
	assert_string_equal(text, HEAD "}");
	free(text);
	presence_clear(&p);
}

static void cut(const uint8_t *p, size_t n, void *arg)
{
	struct presence presence;
	const char *why = NULL;

	(void)arg;
	assert_int_equal(presence_parse(&presence, (const char *)p, n, &why), -1);
	assert_non_null(why);
}

static void flipped(const uint8_t *p, size_t n, void *arg)
{
	struct presence presence;
	const char *why = NULL;
	bool *verified = arg;

	if (presence_parse(&presence, (const char *)p, n, &why) == 0)
		*verified = *verified || presence_verify(&presence) == 0;
	presence_clear(&presence);
}

static void cut_or_flipped_text_never_verifies(void **state)
{
	bool verified = false;

	(void)state;
	cut_every_length((const uint8_t *)SIGNED, strlen(SIGNED), cut, NULL);
	flip_every_bit((const uint8_t *)SIGNED, strlen(SIGNED), flipped, &verified);
	assert_false(verified);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_signed_message_parses_and_verifies),
	    cmocka_unit_test(the_preimage_is_every_field_with_its_zero),
	    cmocka_unit_test(a_change_of_any_signed_field_does_not_verify),
	    cmocka_unit_test(an_id_without_a_key_does_not_verify),
	    cmocka_unit_test(what_deployed_peers_send_parses),
	    cmocka_unit_test(wrong_fields_are_refused_with_a_reason),
	    cmocka_unit_test(bounds_are_exact),
	    cmocka_unit_test(written_text_is_read_back),
	    cmocka_unit_test(cut_or_flipped_text_never_verifies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The key file in all its states, and the signatures against vectors made by js-libp2p. */
#include "tests/unit/testing.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "codec/pubkey.h"
#include "svc-transport/identity.h"

#define SEED   "7e0830617c4a7de83925dfb2694556b12936c477a0e1feb2e148ec9da60fee7d"
#define PUBLIC "1ed1e8fae2c4a144b8be8fd4b47bf3d3b34b871c3cacf6010f0e42d474fce27e"
#define PEER   "12D3KooWBtg3aaRMjxwedh83aGiUkwSxDwUZkzuJcfaqUmo7R3pq"

static char folder[] = "/tmp/goop-identity-XXXXXX";
static char *path;

static int setup(void **state)
{
	(void)state;
	strcpy(folder + sizeof folder - 7, "XXXXXX");
	assert_non_null(mkdtemp(folder));
	path = xasprintf("%s/data/identity.key", folder);
	return 0;
}

static int teardown(void **state)
{
	char *command = xasprintf("rm -rf %s", folder);
	int r = system(command);

	(void)state;
	free(command);
	free(path);
	return r;
}

static void write_key(const void *p, size_t n)
{
	char *data = xasprintf("%s/data", folder);
	FILE *f;

	mkdir(data, 0700);
	free(data);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	fclose(f);
	chmod(path, 0600);
}

static void write_hex(const char *hex)
{
	size_t n;
	uint8_t *p = unhex(hex, &n);

	write_key(p, n);
	free(p);
}

static size_t read_key(uint8_t *out, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t n;

	assert_non_null(f);
	n = fread(out, 1, size, f);
	fclose(f);
	return n;
}

static struct identity *load(void)
{
	char why[IDENTITY_WHY] = "";
	struct identity *id = identity_load(path, why, sizeof why);

	if (id == NULL)
		fail_msg("%s", why);
	return id;
}

/* Loads a file that is refused; the error names the file and says `what`; the file is unchanged. */
static void refused(const char *what)
{
	char why[IDENTITY_WHY] = "";
	uint8_t before[256], after[256];
	size_t n = read_key(before, sizeof before);

	assert_null(identity_load(path, why, sizeof why));
	if (strstr(why, path) == NULL || strstr(why, what) == NULL)
		fail_msg("\"%s\" should name %s and \"%s\"", why, path, what);
	assert_int_equal(read_key(after, sizeof after), n);
	assert_memory_equal(before, after, n);
}

static void the_vector_loads(void **state)
{
	struct identity *id;

	(void)state;
	write_hex("08011240" SEED PUBLIC);
	id = load();
	assert_string_equal(identity_peer_text(id), PEER);
	assert_int_equal(identity_public_key(id).len, 36);
	identity_free(id);
}

static void the_legacy_form_loads(void **state)
{
	struct identity *id;

	(void)state;
	write_hex("08011260" SEED PUBLIC PUBLIC);
	id = load();
	assert_string_equal(identity_peer_text(id), PEER);
	identity_free(id);
}

static void a_missing_file_is_made_once(void **state)
{
	struct identity *id = load();
	uint8_t bytes[128];
	char *first = xstrdup(identity_peer_text(id));
	struct stat st;

	(void)state;
	identity_free(id);
	assert_int_equal(read_key(bytes, sizeof bytes), 68);
	assert_memory_equal(bytes, "\x08\x01\x12\x40", 4);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	id = load();
	assert_string_equal(identity_peer_text(id), first);
	identity_free(id);
	free(first);
}

static void what_an_earlier_crash_left_does_not_hinder(void **state)
{
	char *fresh = xasprintf("%s.new", path);
	struct stat st;

	(void)state;
	write_key("x", 1);
	assert_int_equal(rename(path, fresh), 0);
	identity_free(load());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 68);
	assert_int_not_equal(access(fresh, F_OK), 0);
	free(fresh);
}

static void every_damage_is_told_and_kept(void **state)
{
	(void)state;
	write_key("", 0);
	refused("it is empty");
	write_key("\n", 1);
	refused("its size is wrong (1 bytes found; expected 68");
	write_hex("08011240" SEED PUBLIC "00");
	refused("its size is wrong (69 bytes");
	write_hex("08001240" SEED PUBLIC);
	refused("does not begin with 08 01 12 40");
	write_hex("08011240" PUBLIC SEED);
	refused("its public key does not belong to its seed");
	write_hex("08011260" SEED PUBLIC SEED);
	refused("its two copies of the public key differ");
	write_hex("08011260" PUBLIC SEED SEED);
	refused("its public key does not belong to its seed");
	write_hex("08011260" SEED PUBLIC PUBLIC "00");
	refused("its size is wrong (101 bytes");
}

static void refuse_bytes(const uint8_t *p, size_t n, void *arg)
{
	(void)arg;
	write_key(p, n);
	refused("is damaged");
}

static void no_cut_and_no_flipped_bit_is_accepted(void **state)
{
	size_t n;
	uint8_t *p = unhex("08011240" SEED PUBLIC, &n);

	(void)state;
	cut_every_length(p, n, refuse_bytes, NULL);
	flip_every_bit(p, n, refuse_bytes, NULL);
	free(p);
}

static void what_is_no_file_is_told(void **state)
{
	char why[IDENTITY_WHY];
	char *deep = xasprintf("%s/no/such/folder/identity.key", folder);

	(void)state;
	assert_null(identity_load(folder, why, sizeof why));
	assert_non_null(strstr(why, "is not a regular file"));
	assert_null(identity_load(deep, why, sizeof why));
	assert_non_null(strstr(why, "cannot make its folder"));
	free(deep);
}

static struct identity *vector_identity(void)
{
	write_hex("08011240" SEED PUBLIC);
	return load();
}

static void assert_signature(const uint8_t *signature, const char *hex)
{
	size_t n;
	uint8_t *want = unhex(hex, &n);

	assert_int_equal(n, IDENTITY_SIGNATURE);
	assert_memory_equal(signature, want, n);
	free(want);
}

static void the_noise_signature_is_that_of_the_vector(void **state)
{
	struct identity *id = vector_identity();
	uint8_t out[IDENTITY_SIGNATURE];
	size_t n;
	uint8_t *key =
	    unhex("8f40c5adb68f25624ae5b214ea767a6ec94d829d3d7b5e1ad1ba6f3e2138285f", &n);

	(void)state;
	identity_sign_noise(id, key, out);
	assert_signature(out, "a0381ec5f8954ac607c1059e453ca7d6bf2456009e8b7c262b06a418f3685dfc"
			      "951b443e04084e41bbc282b6387462059ee65bc28d5b286d804a25f5c0916507");
	free(key);
	identity_free(id);
}

static void the_publish_signature_is_that_of_the_vector(void **state)
{
	struct identity *id = vector_identity();
	uint8_t out[IDENTITY_SIGNATURE];

	(void)state;
	identity_sign_publish(id, (struct bytes){(const uint8_t *)"test", 4},
	    UINT64_C(0x17c0ffee00000001), (struct bytes){(const uint8_t *)"hello", 5}, out);
	assert_signature(out, "2c5221ed31420312f90238a59f18ee266d57ec84a464b4769886f614c0db05d6"
			      "90d658605efc83d2a33cf6845b1cbbb68c7fe1836721b119dedd8e625e564708");
	identity_free(id);
}

static void the_peer_record_is_that_of_the_vector(void **state)
{
	struct identity *id = vector_identity();
	struct multiaddr addr;
	struct buf out, small;
	size_t n;
	uint8_t *want =
	    unhex("0a2408011220" PUBLIC "120203011a3e0a26002408011220" PUBLIC
		  "108080a8b1e39fe7cb171a0a0a0804c0a80105060fa12a4012974994438c010132b5b7b0c9acc7"
		  "81f3c733093a9d044a346bcdf1befd52dfa41dc4bf27a9002dbf1afab6594686b78d2e1d3a7494"
		  "f9ac09f4a733a824d20c",
		&n);

	(void)state;
	assert_int_equal(multiaddr_from_text(&addr, "/ip4/192.168.1.5/tcp/4001", 25), 0);
	buf_init(&out, 1024);
	assert_int_equal(
	    identity_peer_record(id, UINT64_C(1700000000000000000), &addr, 1, &out), 0);
	assert_int_equal(buf_len(&out), n);
	assert_memory_equal(buf_data(&out), want, n);
	buf_init(&small, n - 1);
	assert_int_equal(
	    identity_peer_record(id, UINT64_C(1700000000000000000), &addr, 1, &small), -1);
	buf_clear(&small);
	buf_clear(&out);
	free(want);
	identity_free(id);
}

static void a_presence_of_ours_is_signed_and_of_others_refused(void **state)
{
	struct identity *id = vector_identity();
	struct presence p = {.type = PRESENCE_ONLINE, .ts = 1, .signed_ = true};

	(void)state;
	p.peer = *identity_peer(id);
	p.peer_text = xstrdup(PEER);
	p.content = xstrdup("hello");
	p.email = xstrdup("");
	p.avatar_hash = xstrdup("");
	p.target = xstrdup("");
	assert_int_equal(identity_sign_presence(id, &p, p.sig), 0);
	assert_int_equal(presence_verify(&p), 0);
	p.ts = 2;
	assert_int_equal(presence_verify(&p), -1);
	p.peer.bytes[10] ^= 1;
	assert_int_equal(identity_sign_presence(id, &p, p.sig), -1);
	presence_clear(&p);
	identity_free(id);
}

/* In the place of the C library's, for libsodium too: looks at what goes back. */
static const uint8_t *secret;
static bool given_back, wiped;

int munmap(void *p, size_t n)
{
	static const uint8_t zeros[crypto_sign_SECRETKEYBYTES];
	const uint8_t *from = p;

	if (secret != NULL && secret >= from && secret < from + n) {
		given_back = true;
		wiped = memcmp(secret, zeros, sizeof zeros) == 0;
	}
	return (int)syscall(SYS_munmap, p, n);
}

static void the_key_is_wiped_before_its_memory_goes_back(void **state)
{
	struct identity *id;

	(void)state;
	write_hex("08011240" SEED PUBLIC);
	id = load();
	/* The first field of the struct. */
	memcpy(&secret, id, sizeof secret);
	assert_int_equal(secret[0], 0x7e);
	identity_free(id);
	assert_true(given_back);
	assert_true(wiped);
	secret = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(the_vector_loads, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_legacy_form_loads, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_missing_file_is_made_once, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		what_an_earlier_crash_left_does_not_hinder, setup, teardown),
	    cmocka_unit_test_setup_teardown(every_damage_is_told_and_kept, setup, teardown),
	    cmocka_unit_test_setup_teardown(no_cut_and_no_flipped_bit_is_accepted, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_no_file_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_noise_signature_is_that_of_the_vector, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_publish_signature_is_that_of_the_vector, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_peer_record_is_that_of_the_vector, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		the_key_is_wiped_before_its_memory_goes_back, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		a_presence_of_ours_is_signed_and_of_others_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

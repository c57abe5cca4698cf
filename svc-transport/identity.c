#include "svc-transport/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/owner.h"
#include "codec/envelope.h"
#include "codec/gossip.pb-c.h"
#include "codec/pb.h"
#include "codec/pubkey.h"

#define SEED        crypto_sign_SEEDBYTES
#define SECRET      crypto_sign_SECRETKEYBYTES /* seed and public key, as in the file */
#define FILE_SIZE   (4 + SECRET)
#define LEGACY_SIZE (4 + SECRET + 32)

static const uint8_t file_head[4] = {0x08, 0x01, 0x12, 0x40};
static const uint8_t legacy_head[4] = {0x08, 0x01, 0x12, 0x60};

struct identity {
	uint8_t *secret; /* SECRET bytes between pages that cannot be touched, locked in memory,
	                  * left out of core files; read-only once it is there */
	uint8_t key[PUBKEY_ED25519_SIZE];
	struct peer_id peer;
	char text[PEER_ID_TEXT];
};

struct why {
	char *text;
	size_t size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct why why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why.text, why.size, format, ap);
	va_end(ap);
	return -1;
}

/* -------------------------------------------------------------------------------------- reading */

/* What is wrong with the bytes of a key file, or NULL. Fills the secret when nothing is. */
static const char *parse(const uint8_t *p, size_t n, uint8_t secret[SECRET])
{
	uint8_t public[32], again[SECRET];
	const char *wrong = NULL;

	if (n == LEGACY_SIZE && memcmp(p, legacy_head, 4) == 0) {
		if (memcmp(p + 4 + SEED, p + 4 + SECRET, 32) != 0)
			return "its two copies of the public key differ";
	} else if (n != FILE_SIZE) {
		return n == 0 ? "it is empty" : "its size is wrong";
	} else if (memcmp(p, file_head, 4) != 0) {
		return "it does not begin with 08 01 12 40";
	}
	crypto_sign_seed_keypair(public, again, p + 4);
	if (memcmp(public, p + 4 + SEED, sizeof public) != 0)
		wrong = "its public key does not belong to its seed";
	else
		memcpy(secret, p + 4, SECRET);
	sodium_memzero(again, sizeof again);
	return wrong;
}

/* Reads up to `size` bytes; returns how many, or -1 with errno. */
static ssize_t read_all(int fd, uint8_t *p, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t r = read(fd, p + n, size - n);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return -1;
		if (r == 0)
			break;
		n += (size_t)r;
	}
	return (ssize_t)n;
}

static int load_open(struct identity *id, int fd, const char *path, struct why why)
{
	uint8_t bytes[LEGACY_SIZE + 1];
	struct stat st;
	const char *wrong = NULL;
	ssize_t n;

	if (fstat(fd, &st) != 0)
		return fail(why, "identity key %s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(why, "identity key %s: is not a regular file", path);
	if ((st.st_mode & 077) != 0)
		log_warn("identity", "%s may be read by others (mode %03o): chmod 600 it", path,
		    (unsigned)(st.st_mode & 0777));
	n = read_all(fd, bytes, sizeof bytes);
	if (n < 0)
		return fail(why, "identity key %s: cannot be read: %s", path, strerror(errno));
	wrong = parse(bytes, (size_t)n, id->secret);
	sodium_memzero(bytes, sizeof bytes);
	if (wrong == NULL)
		return 0;
	return fail(why,
	    "identity key %s is damaged: %s (%lld bytes found; expected 68: 08 01 12 40, 32 of "
	    "seed, "
	    "32 of public key; or 100 in the legacy form). It was left untouched: put back a copy "
	    "of "
	    "it, or move it away to begin with a new identity",
	    path, wrong, (long long)st.st_size);
}

/* -------------------------------------------------------------------------------------- writing */

static int write_all(int fd, const uint8_t *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* "a/b" of "a/b/c", "." of "c"; the caller owns it. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

static int sync_folder(const char *folder)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -1;
	r = fsync(fd);
	close(fd);
	return r;
}

/* Renames without ever replacing a file that appeared meanwhile, where the file system can. */
static int rename_new(const char *from, const char *to)
{
	if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	return rename(from, to);
}

static int save_bytes(const char *fresh, const uint8_t *bytes, size_t n)
{
	int fd, r;

	if (unlink(fresh) != 0 && errno != ENOENT)
		return -1;
	fd = owner_open(fresh, O_WRONLY | O_EXCL, 0600);
	if (fd < 0)
		return -1;
	r = write_all(fd, bytes, n) == 0 && fsync(fd) == 0 ? 0 : -1;
	if (close(fd) != 0)
		r = -1;
	return r;
}

static int save(const struct identity *id, const char *path, struct why why)
{
	char *folder = folder_of(path);
	char *fresh = xasprintf("%s.new", path);
	uint8_t bytes[FILE_SIZE];
	int r = -1;

	memcpy(bytes, file_head, sizeof file_head);
	memcpy(bytes + 4, id->secret, SECRET);
	if (owner_mkdir(folder, 0700) != 0 && errno != EEXIST)
		fail(why, "identity key %s: cannot make its folder: %s", path, strerror(errno));
	else if (save_bytes(fresh, bytes, sizeof bytes) != 0)
		fail(why, "identity key %s: cannot write %s: %s", path, fresh, strerror(errno));
	else if (rename_new(fresh, path) != 0 || sync_folder(folder) != 0)
		fail(why, "identity key %s: cannot be created: %s", path, strerror(errno));
	else
		r = 0;
	sodium_memzero(bytes, sizeof bytes);
	free(fresh);
	free(folder);
	return r;
}

static int create(struct identity *id, const char *path, struct why why)
{
	uint8_t public[32];

	crypto_sign_keypair(public, id->secret);
	if (save(id, path, why) != 0)
		return -1;
	log_info("identity", "made a new identity key: %s", path);
	return 0;
}

/* --------------------------------------------------------------------------------------- public */

static int load_or_create(struct identity *id, const char *path, struct why why)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r;

	if (fd < 0 && errno == ENOENT)
		return create(id, path, why);
	if (fd < 0)
		return fail(why, "identity key %s: cannot be opened: %s", path, strerror(errno));
	r = load_open(id, fd, path, why);
	close(fd);
	return r;
}

struct identity *identity_load(const char *path, char *why, size_t size)
{
	struct identity *id;

	if (sodium_init() < 0)
		panic("identity", "libsodium does not start");
	id = xcalloc(1, sizeof *id);
	id->secret = sodium_malloc(SECRET);
	if (id->secret == NULL)
		fatal("identity", "no memory for the key: %m");
	/* It was tried already; this tells whether it worked. */
	if (mlock(id->secret, SECRET) != 0)
		log_warn("identity", "the key cannot be kept out of swap: %s", strerror(errno));
	if (load_or_create(id, path, (struct why){why, size}) != 0) {
		identity_free(id);
		return NULL;
	}
	pubkey_from_ed25519(id->secret + SEED, id->key);
	if (peer_id_from_key(&id->peer, id->key, sizeof id->key) != 0)
		panic("identity", "no peer id from an Ed25519 key");
	sodium_mprotect_readonly(id->secret);
	peer_id_to_text(&id->peer, id->text);
	return id;
}

void identity_free(struct identity *id)
{
	if (id == NULL)
		return;
	sodium_free(id->secret); /* wipes, too */
	free(id);
}

const struct peer_id *identity_peer(const struct identity *id)
{
	return &id->peer;
}

const char *identity_peer_text(const struct identity *id)
{
	return id->text;
}

struct bytes identity_public_key(const struct identity *id)
{
	return (struct bytes){id->key, sizeof id->key};
}

/* ------------------------------------------------------------------------------------- signing */

static void sign(
    const struct identity *id, const void *p, size_t n, uint8_t out[IDENTITY_SIGNATURE])
{
	crypto_sign_detached(out, NULL, p, n, id->secret);
}

void identity_sign_noise(
    const struct identity *id, const uint8_t static_key[32], uint8_t out[IDENTITY_SIGNATURE])
{
	static const char prefix[] = "noise-libp2p-static-key:";
	uint8_t message[sizeof prefix - 1 + 32];

	memcpy(message, prefix, sizeof prefix - 1);
	memcpy(message + sizeof prefix - 1, static_key, 32);
	sign(id, message, sizeof message, out);
}

void identity_sign_publish(const struct identity *id, struct bytes topic, uint64_t seqno,
    struct bytes data, uint8_t out[IDENTITY_SIGNATURE])
{
	Gossip__Message message = GOSSIP__MESSAGE__INIT;
	uint8_t number[8];
	struct buf preimage;

	for (int i = 0; i < 8; i++)
		number[i] = (uint8_t)(seqno >> (8 * (7 - i)));
	message.has_from = message.has_data = message.has_seqno = message.has_topic = true;
	message.from = pb_data(id->peer.bytes, id->peer.len);
	message.data = pb_data(data.data, data.len);
	message.seqno = pb_data(number, sizeof number);
	message.topic = pb_data(topic.data, topic.len);
	buf_init(&preimage, topic.len + data.len + 256);
	if (buf_puts(&preimage, "libp2p-pubsub:") != 0 || pb_pack(&preimage, &message.base) != 0)
		panic("identity", "a publish does not fit into its own size");
	sign(id, buf_data(&preimage), buf_len(&preimage), out);
	buf_clear(&preimage);
}

int identity_sign_presence(
    const struct identity *id, const struct presence *p, uint8_t out[IDENTITY_SIGNATURE])
{
	struct buf preimage;
	int r = -1;

	if (!peer_id_equal(&p->peer, &id->peer) || strcmp(p->peer_text, id->text) != 0)
		return -1;
	buf_init(&preimage, PRESENCE_JSON_MAX);
	if (presence_preimage(&preimage, p) == 0) {
		sign(id, buf_data(&preimage), buf_len(&preimage), out);
		r = 0;
	}
	buf_clear(&preimage);
	return r;
}

int identity_peer_record(const struct identity *id, uint64_t seq, const struct multiaddr *addrs,
    size_t count, struct buf *out)
{
	static const uint8_t type[2] = {0x03, 0x01};
	uint8_t signature[IDENTITY_SIGNATURE];
	struct buf record, preimage;
	int r = -1;

	buf_init(&record, 8192);
	buf_init(&preimage, 9000);
	if (envelope_peer_record(&record, &id->peer, seq, addrs, count) != 0 ||
	    envelope_preimage(&preimage, "libp2p-peer-record", type, sizeof type, buf_data(&record),
		buf_len(&record)) != 0)
		goto out;
	sign(id, buf_data(&preimage), buf_len(&preimage), signature);
	r = envelope_seal(out, id->key, sizeof id->key, type, sizeof type, buf_data(&record),
	    buf_len(&record), signature, sizeof signature);
out:
	buf_clear(&preimage);
	buf_clear(&record);
	return r;
}

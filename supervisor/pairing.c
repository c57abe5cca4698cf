#include "supervisor/pairing.h"

#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"
#include "proto/links.h"
#include "proto/slab.h"

#define TOKEN_SIZE 16
#define WHY_MAX    256

/* The next neighbour of `m` that runs, from *i on; NULL at the end. */
static struct minder *next_neighbour(
    struct minder *const all[], size_t n, const struct minder *m, size_t *i)
{
	while (*i < n) {
		struct minder *other = all[(*i)++];

		if (other != m && minder_pid(other) != 0 &&
		    link_between(minder_id(m), minder_id(other)) != NULL)
			return other;
	}
	return NULL;
}

static void introduce(
    struct minder *to, const struct minder *sibling, const uint8_t *token, int slab)
{
	struct msg msg;

	msg_begin(&msg, MSG_LINK_SET, 0);
	msg_put_u8(&msg, (uint8_t)minder_id(sibling));
	msg_put_u32(&msg, minder_generation(sibling));
	msg_put_bytes(&msg, token, TOKEN_SIZE);
	minder_send_fd(to, &msg, slab);
}

/* -1 where none belongs, or when there is no memory for one: it goes without. */
static int slab_between(const struct minder *a, const struct minder *b)
{
	int fd;

	if (!link_between(minder_id(a), minder_id(b))->slab)
		return -1;
	fd = slab_create();
	if (fd < 0)
		log_warn("pairing", "no shared memory, transfers will be slower: %m");
	return fd;
}

void pairing_up(struct minder *const all[], size_t n, struct minder *m)
{
	uint8_t token[TOKEN_SIZE];
	struct minder *other;
	size_t i = 0;
	int slab;

	while ((other = next_neighbour(all, n, m, &i)) != NULL) {
		if (getrandom(token, sizeof(token), 0) != sizeof(token))
			fatal("pairing", "no random bytes: %m");
		slab = slab_between(m, other);
		introduce(m, other, token, slab);
		introduce(other, m, token, slab);
		if (slab >= 0)
			close(slab);
	}
}

void pairing_down(
    struct minder *const all[], size_t n, struct minder *m, uint32_t generation, const char *why)
{
	struct minder *other;
	struct msg msg;
	size_t i = 0;

	while ((other = next_neighbour(all, n, m, &i)) != NULL) {
		msg_begin(&msg, MSG_LINK_DOWN, 0);
		msg_put_u8(&msg, (uint8_t)minder_id(m));
		msg_put_u32(&msg, generation);
		msg_put_strn(&msg, why, strnlen(why, WHY_MAX));
		minder_send(other, &msg);
	}
}

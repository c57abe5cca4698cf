#include "proto/slab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/log.h"

/* What an end tells the other about the other's slots, in front of its own. A word that makes no
 * sense only keeps slots from being used. */
struct head {
	atomic_uint is_open;
	atomic_uint done[SLAB_SLOTS]; /* how often the slot was read */
};

#define HEAD      4096 /* a page: our half is mapped for writing, theirs for reading */
#define AREA      (HEAD + (size_t)SLAB_SLOTS * SLAB_SLOT)
#define SLAB_SIZE (2 * AREA)

enum slot { SLOT_FREE, SLOT_TAKEN, SLOT_SENT };

struct slab {
	uint8_t *ours;
	const uint8_t *theirs;
	enum slot slots[SLAB_SLOTS];
	unsigned sent[SLAB_SLOTS]; /* how often; when it was read as often, the slot is free */
	bool stale;                /* the counts are to be taken over from the other end */
};

_Static_assert(sizeof(struct head) <= HEAD, "the head fits its page");
_Static_assert(AREA % HEAD == 0, "areas begin on a page");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "atomics work between processes");

int slab_create(void)
{
	int fd = memfd_create("goop-slab", MFD_CLOEXEC | MFD_ALLOW_SEALING), saved;

	if (fd < 0)
		return -1;
	/* Memory that shrinks would kill who reads it; and nobody shall forbid the other end to
	 * write, which F_SEAL_SEAL is for. */
	if (ftruncate(fd, (off_t)SLAB_SIZE) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static struct head *our_head(const struct slab *s)
{
	return (struct head *)(void *)s->ours;
}

static const struct head *their_head(const struct slab *s)
{
	return (const struct head *)(const void *)s->theirs;
}

/* That it stays so large is the word of the supervisor, who alone gives descriptors: asking for the
 * seals would be one more system call that a service may make. */
static bool is_slab(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)SLAB_SIZE;
}

struct slab *slab_open(int fd, bool connects)
{
	off_t first = 0, second = (off_t)AREA;
	void *ours, *theirs;
	struct slab *s;

	if (!is_slab(fd)) {
		log_error("slab", "descriptor %d is no slab", fd);
		return NULL;
	}
	ours = mmap(NULL, AREA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, connects ? first : second);
	theirs = mmap(NULL, AREA, PROT_READ, MAP_SHARED, fd, connects ? second : first);
	if (ours == MAP_FAILED || theirs == MAP_FAILED) {
		log_error("slab", "mmap: %m");
		if (ours != MAP_FAILED)
			munmap(ours, AREA);
		if (theirs != MAP_FAILED)
			munmap(theirs, AREA);
		return NULL;
	}
	s = xcalloc(1, sizeof(*s));
	s->ours = ours;
	s->theirs = theirs;
	atomic_store(&our_head(s)->is_open, 1);
	return s;
}

void slab_free(struct slab *s)
{
	if (s == NULL)
		return;
	munmap(s->ours, AREA);
	munmap((void *)(uintptr_t)s->theirs, AREA);
	free(s);
}

/* --- writing ---------------------------------------------------------------------------------- */

static unsigned done_by_them(const struct slab *s, unsigned slot)
{
	return atomic_load_explicit(&their_head(s)->done[slot], memory_order_acquire);
}

static bool is_free(const struct slab *s, unsigned slot)
{
	return s->slots[slot] == SLOT_FREE ||
	       (s->slots[slot] == SLOT_SENT && done_by_them(s, slot) == s->sent[slot]);
}

/* What was sent when the link broke has been read by now or never will be. */
static void take_over_counts(struct slab *s)
{
	for (unsigned i = 0; i < SLAB_SLOTS; i++) {
		s->slots[i] = SLOT_FREE;
		s->sent[i] = done_by_them(s, i);
	}
	s->stale = false;
}

/* The first that is free: what was used last is still in the processor's cache. */
int slab_take(struct slab *s)
{
	if (s == NULL || atomic_load(&their_head(s)->is_open) == 0)
		return -1;
	if (s->stale)
		take_over_counts(s);
	for (unsigned i = 0; i < SLAB_SLOTS; i++) {
		if (!is_free(s, i))
			continue;
		s->slots[i] = SLOT_TAKEN;
		return (int)i;
	}
	return -1;
}

uint8_t *slab_room(const struct slab *s, unsigned slot)
{
	if (slot >= SLAB_SLOTS || s->slots[slot] != SLOT_TAKEN)
		panic("slab", "slot %u was not taken", slot);
	return s->ours + HEAD + (size_t)slot * SLAB_SLOT;
}

void slab_give_back(struct slab *s, unsigned slot)
{
	s->slots[slot] = SLOT_FREE;
}

void slab_sent(struct slab *s, unsigned slot)
{
	s->slots[slot] = SLOT_SENT;
	s->sent[slot]++;
}

void slab_start_over(struct slab *s)
{
	if (s != NULL)
		s->stale = true;
}

bool slab_rest(struct slab *s)
{
	for (unsigned i = 0; i < SLAB_SLOTS; i++)
		if (!s->stale && !is_free(s, i))
			return false;
	return madvise(s->ours + HEAD, AREA - HEAD, MADV_REMOVE) == 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

const uint8_t *slab_lent(const struct slab *s, unsigned slot, size_t n)
{
	if (s == NULL || slot >= SLAB_SLOTS || n > SLAB_SLOT)
		return NULL;
	return s->theirs + HEAD + (size_t)slot * SLAB_SLOT;
}

void slab_done(struct slab *s, unsigned slot)
{
	atomic_fetch_add_explicit(&our_head(s)->done[slot], 1, memory_order_release);
}

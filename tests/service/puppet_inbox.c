#include "tests/service/puppet_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

void puppet_inbox_keep(struct puppet_inbox *inbox, const struct msg *m)
{
	struct puppet_kept *k = xmalloc(sizeof(*k) + m->size);

	k->type = m->type;
	k->size = m->size;
	memcpy(k->bytes, m->base, m->size);
	STAILQ_INSERT_TAIL(inbox, k, entry);
}

static struct puppet_kept *take(struct puppet_inbox *inbox, unsigned type)
{
	struct puppet_kept *k;

	STAILQ_FOREACH (k, inbox, entry)
		if (k->type == type)
			break;
	if (k != NULL)
		STAILQ_REMOVE(inbox, k, puppet_kept, entry);
	return k;
}

void puppet_inbox_empty(struct puppet_inbox *inbox)
{
	struct puppet_kept *k;

	while ((k = STAILQ_FIRST(inbox)) != NULL) {
		STAILQ_REMOVE_HEAD(inbox, entry);
		free(k);
	}
}

/* Takes the message out of line and lends it; false when there is none. */
bool puppet_inbox_lend(
    struct puppet_inbox *inbox, struct puppet_kept **lent, unsigned type, struct msg *m)
{
	struct puppet_kept *k = take(inbox, type);

	if (k == NULL)
		return false;
	free(*lent);
	*lent = k;
	return msg_open(m, k->bytes, k->size) == 0;
}

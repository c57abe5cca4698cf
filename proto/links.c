#include "proto/links.h"

static const struct link_place places[] = {
#define L(CONNECTS, BINDS, endpoint, slab) {SERVICE_##CONNECTS, SERVICE_##BINDS, endpoint, slab},
    LINKS(L)
#undef L
};

const struct link_place *link_between(enum service_id a, enum service_id b)
{
	for (size_t i = 0; i < link_places(); i++) {
		const struct link_place *p = &places[i];

		if ((p->connects == a && p->binds == b) || (p->connects == b && p->binds == a))
			return p;
	}
	return NULL;
}

size_t link_places(void)
{
	return sizeof(places) / sizeof(places[0]);
}

const struct link_place *link_place(size_t i)
{
	return &places[i];
}

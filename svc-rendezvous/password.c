#include "svc-rendezvous/password.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include <sodium.h>

#include "base/alloc.h"
#include "base/map.h"
#include "base/str.h"

#define CLIENTS_MAX 4096
#define LONGEST_S   60
#define FORGET_MS   (15 * 60 * 1000)
#define GIVEN_MAX   1200 /* "admin:" and the longest password that goop.json takes */

struct guesser {
	TAILQ_ENTRY(guesser) entry; /* by the last wrong try */
	char client[52];
	unsigned tries;
	int64_t last, until;
};

struct password {
	uint8_t digest[crypto_generichash_BYTES]; /* of "admin:password" */
	bool set;
	struct map *guessers;
	TAILQ_HEAD(, guesser) list;
};

/* Digests of equal length are compared, so that not even the length shows. */
static void digest_of(const void *text, size_t n, uint8_t out[crypto_generichash_BYTES])
{
	crypto_generichash(out, crypto_generichash_BYTES, text, n, NULL, 0);
}

struct password *password_new(const char *password)
{
	struct password *p = xcalloc(1, sizeof(*p));
	char *all = xasprintf("admin:%s", password);

	digest_of(all, strlen(all), p->digest);
	sodium_memzero(all, strlen(all));
	free(all);
	p->set = password[0] != '\0';
	p->guessers = map_new();
	TAILQ_INIT(&p->list);
	return p;
}

static void forget(struct password *p, struct guesser *g)
{
	map_removes(p->guessers, g->client);
	TAILQ_REMOVE(&p->list, g, entry);
	free(g);
}

void password_free(struct password *p)
{
	struct guesser *g;

	if (p == NULL)
		return;
	while ((g = TAILQ_FIRST(&p->list)) != NULL)
		forget(p, g);
	map_free(p->guessers);
	free(p);
}

static bool is_right(const struct password *p, const char *authorization)
{
	uint8_t given[GIVEN_MAX], digest[crypto_generichash_BYTES];
	size_t n = 0;
	const char *end;

	if (strncasecmp(authorization, "Basic ", 6) != 0)
		return false;
	authorization += 6 + strspn(authorization + 6, " ");
	if (sodium_base642bin(given, sizeof(given), authorization, strlen(authorization), NULL, &n,
		&end, sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    *end != '\0')
		return false;
	digest_of(given, n, digest);
	sodium_memzero(given, sizeof(given));
	return sodium_memcmp(digest, p->digest, sizeof(digest)) == 0;
}

static void note_wrong(struct password *p, const char *client, int64_t now)
{
	struct guesser *g = map_gets(p->guessers, client);
	uint32_t s;

	if (g == NULL) {
		if (map_count(p->guessers) >= CLIENTS_MAX)
			forget(p, TAILQ_FIRST(&p->list));
		g = xcalloc(1, sizeof(*g));
		str_copy(g->client, sizeof(g->client), client);
		map_sets(p->guessers, g->client, g);
	} else {
		TAILQ_REMOVE(&p->list, g, entry);
	}
	TAILQ_INSERT_TAIL(&p->list, g, entry);
	g->last = now;
	if (++g->tries <= PASSWORD_FREE_TRIES)
		return;
	s = g->tries - PASSWORD_FREE_TRIES > 6 ? LONGEST_S
	                                       : 1u << (g->tries - PASSWORD_FREE_TRIES - 1);
	g->until = now + 1000LL * s;
}

enum password_result password_check(struct password *p, const char *authorization,
    const char *client, int64_t now, uint32_t *wait_s)
{
	struct guesser *g;

	if (!p->set)
		return PASSWORD_DISABLED;
	if (authorization == NULL)
		return PASSWORD_WRONG;
	while ((g = TAILQ_FIRST(&p->list)) != NULL && now - g->last >= FORGET_MS)
		forget(p, g);
	g = map_gets(p->guessers, client);
	if (g != NULL && now < g->until) {
		*wait_s = (uint32_t)((g->until - now + 999) / 1000);
		return PASSWORD_SLOW;
	}
	if (!is_right(p, authorization)) {
		note_wrong(p, client, now);
		return PASSWORD_WRONG;
	}
	if (g != NULL)
		forget(p, g);
	return PASSWORD_RIGHT;
}

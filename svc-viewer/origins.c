#include "svc-viewer/origins.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/str.h"

/* Longest id text that is tried: base58 and base36 forms are shorter. */
#define ID_TEXT_MAX 128

void origins_init(struct origins *o, const char *host, uint16_t port, bool any, bool sandbox)
{
	uint8_t random[(ORIGINS_TOKEN - 1) / 2];

	*o = (struct origins){.port = port, .any = any, .sandbox = sandbox};
	str_copy(o->host, sizeof(o->host), host);
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		fatal("origins", "no random numbers");
	str_to_hex(random, sizeof(random), o->token);
}

/* --- hosts ------------------------------------------------------------------------------------ */

enum host_kind { HOST_OWN, HOST_SITE, HOST_OTHER };

/* Splits "name:port" or "[v6]:port"; without a port it is 80. */
static bool split_host(const char *text, char *name, size_t size, uint16_t *port)
{
	const char *end, *after;
	uint64_t v = 80;

	if (*text == '[') {
		text++;
		end = strchr(text, ']');
		if (end == NULL)
			return false;
		after = end + 1;
	} else {
		end = after = text + strcspn(text, ":");
	}
	if (*after == ':' ? !str_to_u64(after + 1, 1, UINT16_MAX, &v) : *after != '\0')
		return false;
	if (end == text || (size_t)(end - text) >= size)
		return false;
	memcpy(name, text, (size_t)(end - text));
	name[end - text] = '\0';
	*port = (uint16_t)v;
	return true;
}

static bool is_literal(const char *name)
{
	struct in_addr v4;
	struct in6_addr v6;

	return inet_pton(AF_INET, name, &v4) == 1 || inet_pton(AF_INET6, name, &v6) == 1;
}

/* A name that an attacker resolves to this machine is never an address, so every address will do
 * when the viewer listens on all of them. */
static bool is_own(const struct origins *o, const char *name)
{
	return strcasecmp(name, "localhost") == 0 || strcasecmp(name, o->host) == 0 ||
	       (o->any && is_literal(name));
}

static bool is_site(const char *name, struct peer_id *peer)
{
	const char *dot = strchr(name, '.');
	char cid[PEER_ID_CID];

	if (dot == NULL || strcasecmp(dot, ".localhost") != 0 ||
	    peer_id_from_text(peer, name, (size_t)(dot - name)) != 0)
		return false;
	/* One origin a site: other spellings of the id are not served. */
	peer_id_to_cid36(peer, cid);
	return strlen(cid) == (size_t)(dot - name) && strncmp(cid, name, strlen(cid)) == 0;
}

static enum host_kind host_of(const struct origins *o, const char *host, struct peer_id *peer)
{
	char name[ORIGINS_HOST];
	uint16_t port;

	if (host == NULL || !split_host(host, name, sizeof(name), &port) || port != o->port)
		return HOST_OTHER;
	if (is_own(o, name))
		return HOST_OWN;
	for (char *c = name; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return is_site(name, peer) ? HOST_SITE : HOST_OTHER;
}

void origins_site_host(const struct origins *o, const struct peer_id *peer, char out[ORIGINS_HOST])
{
	char cid[PEER_ID_CID];

	peer_id_to_cid36(peer, cid);
	snprintf(out, ORIGINS_HOST, "%s.localhost:%u", cid, o->port);
}

bool origins_path_peer(
    const char *path, const char *prefix, struct peer_id *peer, const char **rest)
{
	size_t n;

	if (!str_starts(path, prefix))
		return false;
	path += strlen(prefix);
	n = strcspn(path, "/");
	*rest = path + n;
	return n <= ID_TEXT_MAX && peer_id_from_text(peer, path, n) == 0;
}

/* --- who asks --------------------------------------------------------------------------------- */

static bool is_read(const char *method)
{
	return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

/* Browsers say where a request comes from; programs do not say anything. */
static bool comes_from_here(const struct origins_request *r)
{
	return r->fetch_site == NULL || strcmp(r->fetch_site, "same-origin") == 0 ||
	       strcmp(r->fetch_site, "none") == 0;
}

static bool token_is_right(const struct origins *o, const char *token)
{
	unsigned char differs = 0;

	if (token == NULL || strlen(token) != ORIGINS_TOKEN - 1)
		return false;
	for (size_t i = 0; i < ORIGINS_TOKEN - 1; i++)
		differs |= (unsigned char)(token[i] ^ o->token[i]);
	return differs == 0;
}

/* A call that changes something: its Origin is this very host, or there is none and the caller has
 * read the token from one of the viewer's pages. */
static bool may_change(const struct origins *o, const struct origins_request *r)
{
	if (!comes_from_here(r))
		return false;
	if (r->origin == NULL || r->token != NULL)
		if (!token_is_right(o, r->token))
			return false;
	return r->origin == NULL || (str_starts(r->origin, "http://") &&
					strcasecmp(r->origin + strlen("http://"), r->host) == 0);
}

static bool is_document(const struct origins_request *r)
{
	static const char *const dests[] = {
	    "document", "iframe", "frame", "embed", "object", "fencedframe"};

	for (size_t i = 0; r->fetch_dest != NULL && i < sizeof(dests) / sizeof(dests[0]); i++)
		if (strcmp(r->fetch_dest, dests[i]) == 0)
			return true;
	return false;
}

/* --- verdicts --------------------------------------------------------------------------------- */

static enum origins_verdict judge_content_at_own_host(
    const struct origins *o, const struct origins_request *r, struct peer_id *peer)
{
	const char *rest;

	if (!is_read(r->method) || r->service_worker != NULL)
		return ORIGINS_FOREIGN;
	/* Without an origin of its own, even what a page itself loads comes from elsewhere. */
	if (o->sandbox)
		return ORIGINS_SANDBOXED;
	if (is_document(r) && origins_path_peer(r->path, "/p/", peer, &rest))
		return ORIGINS_MOVED;
	return comes_from_here(r) || is_document(r) ? ORIGINS_SANDBOXED : ORIGINS_FOREIGN;
}

static enum origins_verdict judge_own(
    const struct origins *o, const struct origins_request *r, struct peer_id *peer)
{
	if (str_starts(r->path, "/p/"))
		return judge_content_at_own_host(o, r, peer);
	if (!is_read(r->method))
		return may_change(o, r) ? ORIGINS_OWN : ORIGINS_FOREIGN;
	/* Pages may be linked to from anywhere, answers of the API are for the viewer's own. */
	if (str_starts(r->path, "/api/") && !comes_from_here(r))
		return ORIGINS_FOREIGN;
	return ORIGINS_OWN;
}

static bool is_same_peer(
    const char *path, const char *prefix, const struct peer_id *peer, const char **rest)
{
	struct peer_id named;

	return origins_path_peer(path, prefix, &named, rest) && peer_id_equal(&named, peer);
}

static bool exists_at_site(const struct origins_request *r, const struct peer_id *peer)
{
	const char *rest;

	if (is_same_peer(r->path, "/api/p/", peer, &rest))
		return str_starts(rest, "/data/");
	return is_read(r->method) &&
	       (is_same_peer(r->path, "/p/", peer, &rest) || str_starts(r->path, "/assets/js/") ||
		   str_starts(r->path, "/sdk/") || strcmp(r->path, "/api/self") == 0 ||
		   strcmp(r->path, "/api/peers") == 0 || strcmp(r->path, "/api/peers/events") == 0);
}

static enum origins_verdict judge_site(
    const struct origins *o, const struct origins_request *r, const struct peer_id *peer)
{
	bool visits =
	    r->fetch_dest != NULL && strcmp(r->fetch_dest, "document") == 0 && is_read(r->method);

	if (!exists_at_site(r, peer))
		return ORIGINS_ABSENT;
	/* Others may link to a site; what a page loads of it, only its own pages may. */
	if (!comes_from_here(r) && !(visits && str_starts(r->path, "/p/")))
		return ORIGINS_FOREIGN;
	if (!is_read(r->method) && !may_change(o, r))
		return ORIGINS_FOREIGN;
	return ORIGINS_SITE;
}

enum origins_verdict origins_judge(
    const struct origins *o, const struct origins_request *r, struct peer_id *peer)
{
	switch (host_of(o, r->host, peer)) {
	case HOST_OWN: return judge_own(o, r, peer);
	case HOST_SITE: return judge_site(o, r, peer);
	case HOST_OTHER: break;
	}
	return ORIGINS_WRONG_HOST;
}

/* --- headers ---------------------------------------------------------------------------------- */

#define CSP_CONTENT                                                                                \
	"default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "        \
	"base-uri 'self'; form-action 'self'; frame-ancestors 'none'"

void origins_csp(enum origins_verdict verdict, const char *host, char out[ORIGINS_CSP])
{
	switch (verdict) {
	case ORIGINS_OWN:
		/* A site's files are at this host too: only the viewer's own may run. */
		snprintf(out, ORIGINS_CSP,
		    "default-src 'none'; script-src http://%s/assets/; style-src "
		    "http://%s/assets/; "
		    "img-src http://%s/assets/; connect-src 'self'; form-action 'none'; "
		    "base-uri 'none'; frame-ancestors 'none'",
		    host, host, host);
		break;
	case ORIGINS_SITE: str_copy(out, ORIGINS_CSP, CSP_CONTENT); break;
	case ORIGINS_SANDBOXED: str_copy(out, ORIGINS_CSP, "sandbox; " CSP_CONTENT); break;
	default: str_copy(out, ORIGINS_CSP, "default-src 'none'; frame-ancestors 'none'"); break;
	}
}

#include "svc-discovery/hop.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "svc-discovery/curl_late.h"
#include "svc-discovery/proxy_env.h"
#include "svc-discovery/public_address.h"

/* What libcurl takes when a proxy names no port. */
#define PROXY_PORT       "1080"
#define PROXY_PORT_HTTPS "443"

/* A part of the URL, owned by the caller; NULL when it has none. */
static char *part(CURLU *url, CURLUPart which, unsigned flags)
{
	const struct curl_late *curl = curl_late();
	char *lent = NULL, *text = NULL;

	if (curl->url_get(url, which, &lent, flags) == CURLUE_OK && lent != NULL)
		text = xstrdup(lent);
	curl->free(lent);
	return text;
}

static bool parse(CURLU *url, const char *text)
{
	char *scheme = NULL;
	bool good = curl_late()->url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	            (scheme = part(url, CURLUPART_SCHEME, 0)) != NULL &&
	            (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0);

	free(scheme);
	return good;
}

char *hop_shown(const char *text)
{
	const struct curl_late *curl = curl_late();
	CURLU *url = curl->url();
	char *without = NULL;

	if (strchr(text, '@') != NULL && parse(url, text)) {
		curl->url_set(url, CURLUPART_USER, NULL, 0);
		curl->url_set(url, CURLUPART_PASSWORD, NULL, 0);
		without = part(url, CURLUPART_URL, 0);
	}
	curl->url_cleanup(url);
	return without != NULL ? without : xstrdup(text);
}

bool hop_is_url(const char *text)
{
	CURLU *url = curl_late()->url();
	bool good = parse(url, text);

	curl_late()->url_cleanup(url);
	return good;
}

char *hop_route(const char *text, const char *route, const char *query)
{
	const struct curl_late *curl = curl_late();
	CURLU *url = curl->url();
	char *path = NULL, *full = NULL;
	size_t n;

	if (parse(url, text)) {
		path = part(url, CURLUPART_PATH, 0);
		n = path != NULL ? strlen(path) : 0;
		while (n > 0 && path[n - 1] == '/')
			n--;
		full = xasprintf("%.*s%s", (int)n, n > 0 ? path : "", route);
		curl->url_set(url, CURLUPART_PATH, full, 0);
		curl->url_set(url, CURLUPART_QUERY, query, 0);
		curl->url_set(url, CURLUPART_FRAGMENT, NULL, 0);
		free(full);
		full = part(url, CURLUPART_URL, 0);
	}
	free(path);
	curl->url_cleanup(url);
	return full;
}

static bool is_literal(const char *host)
{
	struct in_addr ip;

	return host[0] == '[' || inet_pton(AF_INET, host, &ip) == 1;
}

static uint16_t port_of(CURLU *url, const char *absent)
{
	char *text = part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
	uint64_t port = 0;

	str_to_u64(text != NULL ? text : absent, 0, UINT16_MAX, &port);
	free(text);
	return (uint16_t)port;
}

/* Names are for a SOCKS proxy to look up, in whatever version: otherwise libcurl would. */
static void let_it_resolve(CURLU *proxy, char **scheme)
{
	const char *instead = NULL;

	if (strcmp(*scheme, "socks5") == 0)
		instead = "socks5h";
	else if (strcmp(*scheme, "socks4") == 0 || strcmp(*scheme, "socks") == 0)
		instead = "socks4a";
	if (instead == NULL)
		return;
	curl_late()->url_set(proxy, CURLUPART_SCHEME, instead, CURLU_NON_SUPPORT_SCHEME);
	free(*scheme);
	*scheme = xstrdup(instead);
}

/* With the port in it, so that there is no doubt what libcurl will look for. */
static char *set_proxy(struct hop *h, const char *text)
{
	const struct curl_late *curl = curl_late();
	CURLU *url = curl->url();
	char *scheme = NULL, *port = NULL, *why = NULL;

	if (curl->url_set(url, CURLUPART_URL, text,
		CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME) == CURLUE_OK)
		scheme = part(url, CURLUPART_SCHEME, 0);
	if (scheme != NULL) {
		port = part(url, CURLUPART_PORT, 0);
		if (port == NULL)
			port =
			    xstrdup(strcmp(scheme, "https") == 0 ? PROXY_PORT_HTTPS : PROXY_PORT);
		let_it_resolve(url, &scheme);
		curl->url_set(url, CURLUPART_PORT, port, 0);
		h->dial_host = part(url, CURLUPART_HOST, CURLU_PUNYCODE);
		h->dial_port = port_of(url, port);
		h->proxy = part(url, CURLUPART_URL, CURLU_NON_SUPPORT_SCHEME);
	}
	if (h->dial_host == NULL || h->proxy == NULL)
		why = xstrdup("the proxy of the environment cannot be used");
	else
		h->dial_literal = is_literal(h->dial_host);
	free(scheme);
	free(port);
	curl->url_cleanup(url);
	return why;
}

static char *take(struct hop *h, CURLU *url, bool direct)
{
	const char *proxy;

	h->url = part(url, CURLUPART_URL, 0);
	h->scheme = part(url, CURLUPART_SCHEME, 0);
	h->host = part(url, CURLUPART_HOST, CURLU_PUNYCODE);
	h->user = part(url, CURLUPART_USER, 0);
	h->password = part(url, CURLUPART_PASSWORD, 0);
	h->port = port_of(url, "");
	if (h->url == NULL || h->scheme == NULL || h->host == NULL || h->host[0] == '\0')
		return xstrdup("the URL names no server");
	proxy = direct ? NULL : proxy_env(h->scheme, h->host);
	if (proxy != NULL)
		return set_proxy(h, proxy);
	h->dial_host = xstrdup(h->host);
	h->dial_port = h->port;
	h->dial_literal = is_literal(h->host);
	return NULL;
}

void hop_clear(struct hop *h)
{
	free(h->url);
	free(h->scheme);
	free(h->host);
	free(h->user);
	free(h->password);
	free(h->proxy);
	free(h->dial_host);
	*h = (struct hop){0};
}

static char *replace(struct hop *h, CURLU *url, bool direct)
{
	struct hop next = {0};
	char *why = take(&next, url, direct);

	if (why != NULL) {
		hop_clear(&next);
		return why;
	}
	hop_clear(h);
	*h = next;
	return NULL;
}

char *hop_to(struct hop *h, const char *text, bool direct)
{
	CURLU *url = curl_late()->url();
	char *why =
	    parse(url, text) ? replace(h, url, direct) : xstrdup("this is no http or https URL");

	curl_late()->url_cleanup(url);
	return why;
}

/* --- redirects -------------------------------------------------------------------------------- */

/* "[::1]" without brackets. */
static bool names_no_public_address(const char *host)
{
	char text[INET6_ADDRSTRLEN] = "";
	size_t n = strlen(host);

	if (!is_literal(host))
		return false;
	if (host[0] == '[' && n >= 2 && n - 2 < sizeof text)
		memcpy(text, host + 1, n - 2);
	return !public_address(host[0] == '[' ? text : host);
}

static char *refusal(const struct hop *from, const struct hop *to, bool guarded)
{
	if (strcmp(from->scheme, "https") == 0 && strcmp(to->scheme, "https") != 0)
		return xstrdup("a redirect from https to http is not followed");
	if (guarded && names_no_public_address(to->host))
		return xasprintf("a redirect to the private address %s is not followed", to->host);
	return NULL;
}

/* The name and password are for the same server only. */
static void keep_login(const struct hop *from, CURLU *url)
{
	struct hop to = {0};
	char *why = take(&to, url, true);

	if (why == NULL && to.user == NULL && strcmp(from->scheme, to.scheme) == 0 &&
	    strcasecmp(from->host, to.host) == 0 && from->port == to.port) {
		curl_late()->url_set(url, CURLUPART_USER, from->user, 0);
		curl_late()->url_set(url, CURLUPART_PASSWORD, from->password, 0);
	}
	free(why);
	hop_clear(&to);
}

char *hop_follow(struct hop *h, const char *text, bool direct, bool guarded)
{
	CURLU *url = curl_late()->url();
	struct hop next = {0};
	char *why;

	if (parse(url, text)) {
		keep_login(h, url);
		why = replace(&next, url, direct);
		if (why == NULL)
			why = refusal(h, &next, guarded);
	} else {
		why = xstrdup("a redirect to what is no http or https URL is not followed");
	}
	if (why == NULL) {
		hop_clear(h);
		*h = next;
	} else {
		hop_clear(&next);
	}
	curl_late()->url_cleanup(url);
	return why;
}

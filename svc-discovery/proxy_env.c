#include "svc-discovery/proxy_env.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define TOKEN 256

static const char *get(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

static const char *either(const char *name, const char *otherwise)
{
	const char *value = get(name);

	return value != NULL ? value : get(otherwise);
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (rest == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - rest)) == 0);
}

/* "10.0.0.0/8", "fd00::/8", or an address alone; `token` is taken apart. */
static bool is_in_network(int family, const uint8_t *ip, char *token)
{
	uint64_t bits = family == AF_INET ? 32 : 128, most = bits;
	char *slash = strchr(token, '/');
	uint8_t network[16];

	if (slash != NULL)
		*slash = '\0';
	return inet_pton(family, token, network) == 1 &&
	       (slash == NULL || str_to_u64(slash + 1, 0, most, &bits)) &&
	       same_bits(ip, network, (unsigned)bits);
}

static size_t without_dot(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && name[n - 1] == '.' ? n - 1 : n;
}

/* The host itself or one below it; a dot in front and one at the end make no difference. */
static bool is_below(const char *host, const char *token)
{
	size_t n = without_dot(host), m;

	token += token[0] == '.';
	m = without_dot(token);
	return m > 0 && m <= n && strncasecmp(host + n - m, token, m) == 0 &&
	       (m == n || host[n - m - 1] == '.');
}

static bool matches(const char *host, char *token)
{
	char address[INET6_ADDRSTRLEN] = "";
	size_t n = strlen(host);
	uint8_t ip[16];

	if (host[0] == '[') {
		if (n >= 2 && n - 2 < sizeof address)
			memcpy(address, host + 1, n - 2);
		return inet_pton(AF_INET6, address, ip) == 1 && is_in_network(AF_INET6, ip, token);
	}
	if (inet_pton(AF_INET, host, ip) == 1)
		return is_in_network(AF_INET, ip, token);
	return is_below(host, token);
}

static bool is_excepted(const char *host)
{
	static const char between[] = ", \t";
	const char *p = either("no_proxy", "NO_PROXY");
	char token[TOKEN];

	if (p == NULL)
		return false;
	if (strcmp(p, "*") == 0)
		return true;
	for (size_t n; *p != '\0'; p += n + strspn(p + n, between)) {
		n = strcspn(p, between);
		if (n == 0 || n >= sizeof token)
			continue;
		memcpy(token, p, n);
		token[n] = '\0';
		if (matches(host, token))
			return true;
	}
	return false;
}

const char *proxy_env(const char *scheme, const char *host)
{
	const char *proxy =
	    strcmp(scheme, "https") == 0 ? either("https_proxy", "HTTPS_PROXY") : get("http_proxy");

	if (proxy == NULL)
		proxy = either("all_proxy", "ALL_PROXY");
	return proxy == NULL || is_excepted(host) ? NULL : proxy;
}

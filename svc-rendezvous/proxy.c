#include "svc-rendezvous/proxy.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

static void map_v4(struct in6_addr *out, const struct in_addr *v4)
{
	*out = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(out->s6_addr + 12, v4, 4);
}

/* With blanks around it, brackets, or (IPv4 and brackets) a port behind it, as proxies write. */
static bool parse(const char *text, size_t n, struct in6_addr *out)
{
	char copy[INET6_ADDRSTRLEN + 16], *p = copy, *end;
	struct in_addr v4;

	while (n > 0 && (*text == ' ' || *text == '\t'))
		text++, n--;
	while (n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		n--;
	if (n == 0 || n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	if (*p == '[' && (end = strchr(p, ']')) != NULL) {
		p++;
		*end = '\0';
	} else if ((end = strchr(p, ':')) != NULL && strchr(end + 1, ':') == NULL) {
		*end = '\0';
	}
	if (inet_pton(AF_INET6, p, out) == 1)
		return true;
	if (inet_pton(AF_INET, p, &v4) != 1)
		return false;
	map_v4(out, &v4);
	return true;
}

int proxy_list_parse(struct proxy_list *list, const char *text)
{
	*list = (struct proxy_list){0};
	while (*(text += strspn(text, ", ")) != '\0') {
		size_t n = strcspn(text, ",");
		if (list->count == PROXY_MAX || !parse(text, n, &list->trusted[list->count++]))
			return -1;
		text += n;
	}
	return 0;
}

static bool is_loopback(const struct in6_addr *a)
{
	return IN6_IS_ADDR_LOOPBACK(a) || (IN6_IS_ADDR_V4MAPPED(a) && a->s6_addr[12] == 127);
}

static bool is_trusted(const struct proxy_list *list, const struct in6_addr *a)
{
	for (size_t i = 0; i < list->count; i++)
		if (memcmp(&list->trusted[i], a, sizeof(*a)) == 0)
			return true;
	return is_loopback(a);
}

static void key_of(const struct in6_addr *a, char key[PROXY_KEY])
{
	struct in6_addr net = *a;
	size_t n;

	if (IN6_IS_ADDR_V4MAPPED(a)) {
		inet_ntop(AF_INET, a->s6_addr + 12, key, PROXY_KEY);
		return;
	}
	if (is_loopback(a)) {
		str_copy(key, PROXY_KEY, "::1");
		return;
	}
	memset(net.s6_addr + 8, 0, 8);
	inet_ntop(AF_INET6, &net, key, PROXY_KEY);
	n = strlen(key);
	snprintf(key + n, PROXY_KEY - n, "/64");
}

static bool from_sockaddr(const struct sockaddr *sa, struct in6_addr *out)
{
	if (sa != NULL && sa->sa_family == AF_INET6)
		*out = ((const struct sockaddr_in6 *)sa)->sin6_addr;
	else if (sa != NULL && sa->sa_family == AF_INET)
		map_v4(out, &((const struct sockaddr_in *)sa)->sin_addr);
	else
		return false;
	return true;
}

bool proxy_is_trusted(const struct proxy_list *list, const struct sockaddr *peer)
{
	struct in6_addr a;

	return from_sockaddr(peer, &a) && is_trusted(list, &a);
}

bool proxy_is_loopback(const char *peer)
{
	struct in6_addr a;

	return parse(peer, strlen(peer), &a) && is_loopback(&a);
}

bool proxy_names_loopback(const char *host)
{
	static const char local[] = "localhost";
	const size_t n = sizeof(local) - 1;

	if (host == NULL)
		return true;
	if (strncasecmp(host, local, n) == 0 && (host[n] == '\0' || host[n] == ':'))
		return true;
	return proxy_is_loopback(host);
}

void proxy_key(const struct sockaddr *peer, char key[PROXY_KEY])
{
	struct in6_addr a;

	key[0] = '\0';
	if (from_sockaddr(peer, &a))
		key_of(&a, key);
}

void proxy_client(const struct proxy_list *list, const char *peer, const char *forwarded,
    char key[PROXY_KEY], bool *proxied)
{
	const char *last;
	struct in6_addr a, hop;

	key[0] = '\0';
	*proxied = false;
	if (!parse(peer, strlen(peer), &a))
		return;
	if (forwarded != NULL && is_trusted(list, &a)) {
		last = strrchr(forwarded, ',');
		last = last == NULL ? forwarded : last + 1;
		*proxied = true;
		if (parse(last, strlen(last), &hop))
			a = hop;
	}
	key_of(&a, key);
}

#include "svc-rendezvous/urls.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

bool urls_interface_is_real(const char *name)
{
	static const char *const others[] = {"docker", "br-", "virbr", "vmnet", "vboxnet", "cni",
	    "flannel", "cali", "podman", "lxc", "lxd", "kube", "dummy"};

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		if (str_starts(name, others[i]))
			return false;
	return true;
}

static void add(struct urls *urls, const char *host, unsigned port)
{
	if (urls->count < URLS_MAX)
		snprintf(urls->text[urls->count++], URL_MAX,
		    strchr(host, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u", host, port);
}

/* The address as text when others can reach it. */
static bool reachable(const struct ifaddrs *i, bool with_v6, char host[INET6_ADDRSTRLEN])
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)i->ifa_addr;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)i->ifa_addr;

	if (i->ifa_addr == NULL || (i->ifa_flags & IFF_UP) == 0 ||
	    (i->ifa_flags & IFF_LOOPBACK) != 0 || !urls_interface_is_real(i->ifa_name))
		return false;
	if (in->sin_family == AF_INET)
		return inet_ntop(AF_INET, &in->sin_addr, host, INET6_ADDRSTRLEN) != NULL;
	if (in6->sin6_family != AF_INET6 || !with_v6 || IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
		return false;
	return inet_ntop(AF_INET6, &in6->sin6_addr, host, INET6_ADDRSTRLEN) != NULL;
}

static void add_interfaces(struct urls *urls, const struct http_address *address)
{
	bool with_v6 = address->sa.ss_family == AF_INET6;
	char host[INET6_ADDRSTRLEN];
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i != NULL; i = i->ifa_next)
		if (reachable(i, with_v6, host))
			add(urls, host, address->port);
	freeifaddrs(all);
}

void urls_find(struct urls *urls, const char *external, const struct http_address *address)
{
	size_t n;

	urls->count = 0;
	if (external[0] != '\0') {
		str_copy(urls->text[urls->count++], URL_MAX, external);
		for (n = strlen(urls->text[0]); n > 0 && urls->text[0][n - 1] == '/';)
			urls->text[0][--n] = '\0';
		return;
	}
	if (!address->any)
		add(urls, address->host, address->port);
	else
		add_interfaces(urls, address);
	if (urls->count == 0)
		add(urls, "127.0.0.1", address->port);
}

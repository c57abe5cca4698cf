#include "supervisor/roster.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/sandbox.h"

#define KEYS(...)                                                                                  \
	(const char *const[])                                                                      \
	{                                                                                          \
		__VA_ARGS__, NULL                                                                  \
	}

/* What the C library's resolver and TLS read at any time, the modules of nsswitch.conf among it. */
#define RESOLVER                                                                                   \
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", \
	    "/etc/services", "/etc/protocols", "/etc/ssl", "/usr/lib/ssl",                         \
	    "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/etc/pki",          \
	    "/run/systemd/resolve", "/run/avahi-daemon", "/etc/ld.so.cache", "/usr/lib", "/lib",   \
	    "/lib64"

const struct roster_row roster[] = {
    {SERVICE_TRANSPORT, 0, KEYS("identity.key_file", "p2p.listen_port", "viewer.debug"), 0,
	SANDBOX_INET | SANDBOX_CONNECT_ANY | SANDBOX_SECRET, NULL, NULL, 2048, 8192},
    {SERVICE_DISCOVERY, 1,
	KEYS("p2p.mdns_tag", "presence.topic", "presence.ttl_seconds", "presence.heartbeat_seconds",
	    "presence.rendezvous_wan", "rendezvous.own_url", "profile.label", "profile.email",
	    "viewer.debug"),
	ROSTER_PROXIES, SANDBOX_INET | SANDBOX_NETLINK | SANDBOX_BIND | SANDBOX_OPEN,
	KEYS(RESOLVER), KEYS("presence.rendezvous_wan", "rendezvous.own_url"), 1024, 1024},
    {SERVICE_DB, 1, KEYS("profile.label", "profile.email", "database.visitors_mib", "viewer.debug"),
	0, SANDBOX_DATABASE | SANDBOX_NO_NETWORK, NULL, NULL, 1024, 1024},
    {SERVICE_VIEWER, 2,
	KEYS("paths.site_root", "p2p.mdns_tag", "presence.rendezvous_wan",
	    "presence.rendezvous_host", "presence.rendezvous_only", "profile.label",
	    "profile.email", "viewer.http_addr", "viewer.theme", "viewer.debug",
	    "viewer.site_origin"),
	0, SANDBOX_OPEN | SANDBOX_OWNERS_FILES, KEYS("paths.site_root"), NULL, 1024, 4096},
    {SERVICE_RENDEZVOUS, 0,
	KEYS("presence.rendezvous_port", "presence.rendezvous_bind", "presence.admin_password",
	    "presence.external_url", "presence.peer_db_path", "rendezvous.trusted_proxies",
	    "rendezvous.limits.unsigned_per_minute", "rendezvous.limits.signed_per_minute",
	    "rendezvous.limits.signed_per_peer", "rendezvous.limits.new_ids_per_hour",
	    "rendezvous.limits.bytes_per_minute", "rendezvous.limits.subscribers_per_address",
	    "rendezvous.limits.connections_per_address", "rendezvous.limits.peers",
	    "rendezvous.limits.signers", "rendezvous.limits.subscribers",
	    "rendezvous.limits.body_bytes", "rendezvous.limits.header_bytes",
	    "rendezvous.limits.request_seconds", "rendezvous.listen_fd", "viewer.debug"),
	ROSTER_LISTENS, SANDBOX_DATABASE, NULL, NULL, 8192, 0},
};

const size_t roster_size = sizeof(roster) / sizeof(roster[0]);

unsigned roster_levels(void)
{
	unsigned levels = 0;

	for (size_t i = 0; i < roster_size; i++)
		if (roster[i].level >= levels)
			levels = roster[i].level + 1;
	return levels;
}

/* The folder of our own program; the working folder where that cannot be told. */
static char *own_folder(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	const char *slash;

	path[n > 0 ? n : 0] = '\0';
	slash = strrchr(path, '/');
	return slash != NULL ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
}

static bool may_run(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

char *roster_program(enum service_id id, char **looked)
{
	char *folder = own_folder();
	char *beside = xasprintf("%s/%s", folder, service_name(id));
	char *libexec = xasprintf("%s/../libexec/goop/%s", folder, service_name(id));
	char *found = may_run(beside) ? beside : may_run(libexec) ? libexec : NULL;

	*looked = xasprintf("%s nor %s", beside, libexec);
	if (found != beside)
		free(beside);
	if (found != libexec)
		free(libexec);
	free(folder);
	return found;
}

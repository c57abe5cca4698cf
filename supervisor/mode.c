#include "supervisor/mode.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static bool is_true(const struct config *config, const char *key)
{
	return strcmp(config_get(config, key), "true") == 0;
}

enum mode mode_of(const struct config *config)
{
	if (!is_true(config, "presence.rendezvous_host"))
		return MODE_PEER;
	return is_true(config, "presence.rendezvous_only") ? MODE_RENDEZVOUS : MODE_HOST;
}

const char *mode_name(enum mode mode)
{
	static const char *const names[] = {"peer", "host", "rendezvous"};

	return names[mode];
}

bool mode_runs(enum mode mode, const struct config *config, const struct roster_row *row)
{
	if (row->id == SERVICE_RENDEZVOUS)
		return mode != MODE_PEER;
	/* A page on a port that nobody has asked for is no part of a server. */
	if (mode == MODE_RENDEZVOUS)
		return row->id == SERVICE_VIEWER && config_is_given(config, "viewer.http_addr");
	return true;
}

void mode_set_own_url(enum mode mode, struct config *config, const char *host, const char *port)
{
	const char *at = strcmp(host, "0.0.0.0") == 0 ? "127.0.0.1"
	                 : strcmp(host, "::") == 0    ? "::1"
	                                              : host;
	char *url;

	if (mode != MODE_HOST) {
		config_derive(config, "rendezvous.own_url", "");
		return;
	}
	url = xasprintf(strchr(at, ':') != NULL ? "http://[%s]:%s" : "http://%s:%s", at, port);
	config_derive(config, "rendezvous.own_url", url);
	free(url);
}

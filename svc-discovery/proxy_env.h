/* The proxies of the environment: http_proxy for http (never HTTP_PROXY: a web server may have set
 * that from a request's header), https_proxy and HTTPS_PROXY for https, all_proxy and ALL_PROXY
 * when there is none of those; no_proxy and NO_PROXY name who is not asked through one, separated
 * by commas or blanks: a host, with all below it; an address; a network, "10.0.0.0/8"; "*" alone
 * for everybody.
 * Source: curl(1), "ENVIRONMENT". */
#ifndef SVC_DISCOVERY_PROXY_ENV_H
#define SVC_DISCOVERY_PROXY_ENV_H

/* The proxy for that server, as it stands in the environment; NULL: none. `scheme` is "http" or
 * "https", `host` a name or an address, IPv6 in brackets. */
const char *proxy_env(const char *scheme, const char *host);

#endif

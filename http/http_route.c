#include "http/http_route.h"

#include <stdio.h>
#include <string.h>

static bool path_matches(const char *pattern, const char *path)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, path, n - 1) == 0;
	return strcmp(pattern, path) == 0;
}

static bool method_matches(const char *route, const char *method)
{
	return strcmp(route, method) == 0 ||
	       (strcmp(method, "HEAD") == 0 && strcmp(route, "GET") == 0);
}

const struct http_route *http_route_find(const struct http_route *routes, size_t count,
    const char *method, const char *path, bool *path_known)
{
	*path_known = false;
	for (size_t i = 0; i < count; i++) {
		if (!path_matches(routes[i].path, path))
			continue;
		*path_known = true;
		if (method_matches(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}

static void add(char out[HTTP_ROUTE_ALLOW], const char *method)
{
	size_t len = strlen(out);

	if (strstr(out, method) == NULL)
		snprintf(out + len, HTTP_ROUTE_ALLOW - len, "%s%s", len > 0 ? ", " : "", method);
}

void http_route_allow(
    const struct http_route *routes, size_t count, const char *path, char out[HTTP_ROUTE_ALLOW])
{
	out[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		if (!path_matches(routes[i].path, path))
			continue;
		add(out, routes[i].method);
		if (strcmp(routes[i].method, "GET") == 0)
			add(out, "HEAD");
	}
}

#include "http/http_route.h"

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

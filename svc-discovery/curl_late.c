#include "svc-discovery/curl_late.h"

#include <dlfcn.h>
#include <string.h>

#include "base/log.h"

#define LIBRARY "libcurl.so.4" /* the name of its interface, the same in every Debian */

/* By way of memory: C knows no conversion from an object's address to a function's. */
static void find(void *library, const char *name, void *function)
{
	void *address = dlsym(library, name);

	if (address == NULL)
		fatal("rendezvous", "%s cannot be used: %s", LIBRARY, dlerror());
	memcpy(function, &address, sizeof address);
}

static void load(struct curl_late *curl)
{
	void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		fatal("rendezvous", "a rendezvous server is configured, but %s", dlerror());
#define CURL_LATE_FIND(name) find(library, "curl_" #name, &curl->name);
	CURL_LATE_FUNCTIONS(CURL_LATE_FIND)
#undef CURL_LATE_FIND
}

const struct curl_late *curl_late(void)
{
	static struct curl_late curl;

	if (curl.global_init == NULL)
		load(&curl);
	return &curl;
}

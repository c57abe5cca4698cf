/* libcurl, loaded when it is needed and not with the program: with the two dozen libraries that it
 * brings it costs more than the rest of svc-discovery's start, and most peers have no rendezvous
 * server. Functions are called as curl->easy_init() for curl_easy_init().
 *
 * Only the files of HTTP requests include this: see transfer_private.h. */
#ifndef SVC_DISCOVERY_CURL_LATE_H
#define SVC_DISCOVERY_CURL_LATE_H

#include <curl/curl.h>

#define CURL_LATE_FUNCTIONS(f)                                                                     \
	f(global_init) f(global_cleanup) f(free) f(easy_init) f(easy_cleanup) f(easy_setopt)       \
	    f(easy_pause) f(easy_getinfo) f(easy_strerror) f(multi_init) f(multi_cleanup)          \
		f(multi_setopt) f(multi_assign) f(multi_socket_action) f(multi_add_handle)         \
		    f(multi_remove_handle) f(multi_info_read) f(slist_append) f(slist_free_all)    \
			f(url) f(url_cleanup) f(url_get) f(url_set)

struct curl_late {
#define CURL_LATE_POINTER(name) __typeof__(curl_##name) *name;
	CURL_LATE_FUNCTIONS(CURL_LATE_POINTER)
#undef CURL_LATE_POINTER
};

/* Loads it the first time, for the rest of the process's life. Ends the process with the reason
 * when there is no libcurl. */
const struct curl_late *curl_late(void);

#endif

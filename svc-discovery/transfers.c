#include <stdlib.h>

#include "base/alloc.h"
#include "base/log.h"
#include "svc-discovery/name_service.h"
#include "svc-discovery/transfer_private.h"

struct socket_watch {
	struct transfers *all;
	struct watch *watch;
	curl_socket_t fd;
};

static void settle(struct transfers *all)
{
	struct transfer *t;
	CURLMsg *m;
	int left;

	while ((m = all->curl->multi_info_read(all->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		all->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		t->over = true;
		t->result = m->data.result;
	}
	TAILQ_FOREACH (t, &all->list, entry)
		transfer_settle(t);
}

static void on_ready(void *arg, int events)
{
	struct socket_watch *s = arg;
	struct transfers *all = s->all;
	int ready = (events & WATCH_READ ? CURL_CSELECT_IN : 0) |
	            (events & WATCH_WRITE ? CURL_CSELECT_OUT : 0),
	    running;

	all->curl->multi_socket_action(all->multi, s->fd, ready, &running);
	settle(all);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct transfers *all = arg;
	struct socket_watch *s = of_socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s != NULL)
			watch_free(s->watch);
		free(s);
		all->curl->multi_assign(all->multi, fd, NULL);
		return 0;
	}
	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		s->all = all;
		s->fd = fd;
		s->watch = watch_new(all->loop, fd, on_ready, s);
		all->curl->multi_assign(all->multi, fd, s);
	}
	watch_set(s->watch,
	    (what & CURL_POLL_IN ? WATCH_READ : 0) | (what & CURL_POLL_OUT ? WATCH_WRITE : 0));
	return 0;
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
	struct transfers *all = arg;

	(void)multi;
	if (ms < 0)
		timer_stop(all->timer);
	else
		timer_start(all->timer, (uint64_t)ms);
	return 0;
}

static void on_timer(void *arg)
{
	struct transfers *all = arg;
	int running;

	all->curl->multi_socket_action(all->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	settle(all);
}

struct transfers *transfers_new(struct loop *loop, resolver_look_up_fn *look_up)
{
	struct transfers *all = xcalloc(1, sizeof *all);
	const struct curl_late *curl = curl_late();

	name_service_load(NAME_SERVICE_CONF);
	if (curl->global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		fatal("rendezvous", "libcurl cannot start");
	TAILQ_INIT(&all->list);
	all->curl = curl;
	all->loop = loop;
	all->resolver = resolver_new(loop, look_up);
	all->timer = timer_new(loop, on_timer, all);
	all->multi = curl->multi_init();
	if (all->multi == NULL)
		fatal("rendezvous", "libcurl cannot start");
	curl->multi_setopt(all->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl->multi_setopt(all->multi, CURLMOPT_SOCKETDATA, all);
	curl->multi_setopt(all->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
	curl->multi_setopt(all->multi, CURLMOPT_TIMERDATA, all);
	return all;
}

void transfers_start_threads(struct transfers *all)
{
	resolver_start(all->resolver);
}

struct resolver *transfers_resolver(struct transfers *all)
{
	return all->resolver;
}

void transfers_free(struct transfers *all)
{
	if (all == NULL)
		return;
	all->curl->multi_cleanup(all->multi);
	timer_free(all->timer);
	resolver_free(all->resolver);
	all->curl->global_cleanup();
	free(all);
}

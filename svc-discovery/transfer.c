#include "svc-discovery/transfer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "svc-discovery/public_address.h"
#include "svc-discovery/transfer_private.h"

static void go(struct transfer *t);

/* --- the end ---------------------------------------------------------------------------------- */

static void leave(struct transfer *t)
{
	if (t->active)
		t->curl->multi_remove_handle(t->all->multi, t->easy);
	t->active = t->over = false;
	resolver_withdraw(t->question);
	t->question = NULL;
	timer_stop(t->limit);
	t->curl->slist_free_all(t->addresses);
	t->addresses = NULL;
}

void transfer_stop(struct transfer *t)
{
	leave(t);
	t->curl->slist_free_all(t->headers);
	t->headers = NULL;
	buf_clear(&t->body);
	hop_clear(&t->hop);
	free(t->failed);
	t->failed = NULL;
}

static void end_with(struct transfer *t, const char *text)
{
	char why[TRANSFER_WHY];

	str_escape(text, strlen(text), why, sizeof why);
	transfer_stop(t);
	t->events->over(t->arg, 0, why, 0);
}

static void tell_end(struct transfer *t)
{
	unsigned status = (unsigned)transfer_answer_status(t);
	uint32_t retry_s = transfer_answer_retry(t);
	char why[TRANSFER_WHY];

	transfer_answer_explain(t, why);
	transfer_stop(t);
	t->events->over(t->arg, t->refused[0] != '\0' ? 0 : status, why, retry_s);
}

/* --- addresses -------------------------------------------------------------------------------- */

static uint64_t left_of(const struct transfer *t, uint32_t limit_ms)
{
	uint64_t spent = loop_now(t->all->loop) - t->began;

	/* For libcurl 0 would be no limit at all. */
	return spent < limit_ms ? limit_ms - spent : 1;
}

static void end_unknown(struct transfer *t, const char *why)
{
	char *text = xasprintf(
	    "could not resolve %s %s: %s", t->hop.proxy ? "proxy" : "host", t->hop.dial_host, why);

	end_with(t, text);
	free(text);
}

static void on_limit(void *arg)
{
	struct transfer *t = arg;

	if (t->failed == NULL)
		end_unknown(t, "no answer in time");
	else
		end_with(t, t->failed);
}

/* "+host:port:1.2.3.4,[2001:db8::1]": CURLOPT_RESOLVE(3), for as long as libcurl keeps such. */
static void give(struct transfer *t, const struct resolver_answer *answer)
{
	char text[INET6_ADDRSTRLEN];
	struct buf line;

	buf_init(&line, 4096);
	buf_putf(&line, "+%s:%u:", t->hop.dial_host, t->hop.dial_port);
	for (size_t i = 0; i < answer->count; i++) {
		const struct resolver_address *a = &answer->address[i];

		inet_ntop(a->family, &a->ip6, text, sizeof text);
		buf_putf(&line, a->family == AF_INET ? "%s%s" : "%s[%s]", i > 0 ? "," : "", text);
	}
	buf_put(&line, "", 1);
	t->addresses = t->curl->slist_append(NULL, (const char *)buf_data(&line));
	buf_clear(&line);
	t->given = true;
}

static void on_answer(void *arg, const struct resolver_answer *answer)
{
	struct transfer *t = arg;

	t->question = NULL;
	timer_stop(t->limit);
	if (answer->error != 0) {
		end_unknown(t, resolver_why(answer));
		return;
	}
	give(t, answer);
	go(t);
}

static void look_up(struct transfer *t)
{
	leave(t);
	t->question = resolver_ask(t->request.user, t->hop.dial_host, on_answer, t);
	if (t->question == NULL)
		end_unknown(t, "this is no name");
	else
		timer_start(t->limit, left_of(t, TRANSFER_CONNECT_MS));
}

/* --- redirects -------------------------------------------------------------------------------- */

/* Whether whoever answered is to send us to public addresses only. */
static bool is_public(const struct transfer *t)
{
	const char *ip = NULL;

	if (t->hop.proxy != NULL)
		return true;
	t->curl->easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip);
	return ip == NULL || ip[0] == '\0' || public_address(ip);
}

static char *next_of(const struct transfer *t)
{
	const char *lent = NULL;

	t->curl->easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &lent);
	return t->result == CURLE_OK && lent != NULL ? xstrdup(lent) : NULL;
}

static void follow(struct transfer *t, const char *url)
{
	char *why = NULL;

	t->guarded = t->guarded || is_public(t);
	if (t->redirects++ == TRANSFER_REDIRECTS)
		why = xasprintf("more than %d redirects are not followed", TRANSFER_REDIRECTS);
	else
		why = hop_follow(&t->hop, url, t->request.direct, t->guarded);
	if (why != NULL) {
		end_with(t, why);
		free(why);
		return;
	}
	leave(t);
	t->given = false;
	go(t);
}

/* --- at libcurl ------------------------------------------------------------------------------- */

/* Refuses to look up any name itself; an address it only reads. */
static int on_resolve(void *state, void *reserved, void *arg)
{
	struct transfer *t = arg;

	(void)state;
	(void)reserved;
	t->asked = !t->hop.dial_literal;
	return t->asked;
}

static bool may_reach(struct transfer *t, const char *ip)
{
	if (!t->guarded || t->hop.proxy != NULL || public_address(ip))
		return true;
	str_copy(t->refused, sizeof t->refused, ip);
	return false;
}

static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	const struct sockaddr_in *four = (const struct sockaddr_in *)(void *)&to->addr;
	const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(void *)&to->addr;
	const void *ip = to->family == AF_INET ? (const void *)&four->sin_addr : &six->sin6_addr;
	char text[INET6_ADDRSTRLEN];

	(void)purpose;
	if (inet_ntop(to->family, ip, text, sizeof text) == NULL || !may_reach(arg, text))
		return CURL_SOCKET_BAD;
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Also of a connection that was made for another. */
static int on_use(void *arg, char *ip, char *own_ip, int port, int own_port)
{
	(void)own_ip;
	(void)port;
	(void)own_port;
	return may_reach(arg, ip) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* What libcurl still knows of the name is not used: it is looked up anew when an address is needed.
 */
static void forget_address(struct transfer *t)
{
	char *line = xasprintf("-%s:%u", t->hop.dial_host, t->hop.dial_port);

	t->addresses = t->curl->slist_append(NULL, line);
	free(line);
}

static void go(struct transfer *t)
{
	const struct curl_late *curl = t->curl;

	transfer_answer_begin(t);
	t->asked = t->over = false;
	t->refused[0] = '\0';
	if (!t->given && !t->hop.dial_literal)
		forget_address(t);
	curl->easy_setopt(t->easy, CURLOPT_URL, t->hop.url);
	/* "" keeps it from looking into the environment. */
	curl->easy_setopt(t->easy, CURLOPT_PROXY, t->hop.proxy != NULL ? t->hop.proxy : "");
	curl->easy_setopt(t->easy, CURLOPT_RESOLVE, t->addresses);
	curl->easy_setopt(
	    t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)left_of(t, TRANSFER_CONNECT_MS));
	if (t->request.whole_ms > 0)
		curl->easy_setopt(
		    t->easy, CURLOPT_TIMEOUT_MS, (long)left_of(t, t->request.whole_ms));
	curl->easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
	t->active = true;
	curl->multi_add_handle(t->all->multi, t->easy);
}

void transfer_settle(struct transfer *t)
{
	char *url;

	transfer_answer_tell(t);
	if (!t->over)
		return;
	if (t->asked && !t->given && t->result != CURLE_OK) {
		look_up(t);
		return;
	}
	url = next_of(t);
	if (url != NULL)
		follow(t, url);
	else
		tell_end(t);
	free(url);
}

/* --- from outside ----------------------------------------------------------------------------- */

static void prepare(struct transfer *t)
{
	const struct curl_late *curl = t->curl;
	CURL *e = curl->easy_init();

	if (e == NULL)
		fatal("rendezvous", "libcurl cannot start");
	t->easy = e;
	curl->easy_setopt(e, CURLOPT_PRIVATE, t);
	curl->easy_setopt(e, CURLOPT_ERRORBUFFER, t->error);
	curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(e, CURLOPT_USERAGENT, "goop/" GOOP_VERSION);
	curl->easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(e, CURLOPT_NOPROXY, "");
	curl->easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl->easy_setopt(e, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
	curl->easy_setopt(e, CURLOPT_RESOLVER_START_DATA, t);
	curl->easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl->easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
	curl->easy_setopt(e, CURLOPT_PREREQFUNCTION, on_use);
	curl->easy_setopt(e, CURLOPT_PREREQDATA, t);
	transfer_answer_prepare(t);
}

struct transfer *transfer_new(struct transfers *all, const struct transfer_request *request,
    const struct transfer_events *events, void *arg)
{
	struct transfer *t;

	if (!hop_is_url(request->url))
		return NULL;
	t = xcalloc(1, sizeof *t);
	t->all = all;
	t->curl = all->curl;
	t->events = events;
	t->arg = arg;
	t->request = *request;
	t->request.url = xstrdup(request->url);
	t->limit = timer_new(all->loop, on_limit, t);
	prepare(t);
	TAILQ_INSERT_TAIL(&all->list, t, entry);
	return t;
}

void transfer_free(struct transfer *t)
{
	if (t == NULL)
		return;
	transfer_stop(t);
	t->curl->easy_cleanup(t->easy);
	TAILQ_REMOVE(&t->all->list, t, entry);
	timer_free(t->limit);
	free((char *)(uintptr_t)t->request.url);
	free(t);
}

static void set_body(struct transfer *t, const char *body)
{
	if (body == NULL)
		return;
	t->curl->easy_setopt(t->easy, CURLOPT_POST, 1L);
	t->curl->easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
	t->curl->easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, body);
}

void transfer_start(struct transfer *t, const char *const *headers, const char *body)
{
	transfer_stop(t);
	for (; *headers != NULL; headers++)
		t->headers = t->curl->slist_append(t->headers, *headers);
	set_body(t, body);
	t->began = loop_now(t->all->loop);
	t->redirects = 0;
	t->guarded = t->given = false;
	t->failed = hop_to(&t->hop, t->request.url, t->request.direct);
	if (t->failed == NULL)
		go(t);
	else
		timer_start(t->limit, 0); /* to be told from the loop */
}

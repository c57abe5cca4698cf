/* svc-viewer on a stage: puppets play transport, discovery and the database, a browser is played
 * over HTTP. */
#ifndef TESTS_SERVICE_VIEWER_STAGE_H
#define TESTS_SERVICE_VIEWER_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "codec/peer_id.h"
#include "tests/service/puppet.h"
#include "tests/service/web.h"
#include "tests/service/word.h"

#define ME  "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"
#define YOU "12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"
#define MIB (1024 * 1024)
#define GIB (1024ull * MIB)

struct stage {
	struct puppet *p; /* first: web_tear_down() */
	struct puppet_end *transport, *discovery, *db;
	uint16_t port;
	char host[64];                                         /* "127.0.0.1:PORT" */
	char my_host[128], your_host[128];                     /* the origins of the two sites */
	char my_origin[160], your_origin[160], own_origin[96]; /* as header lines */
};

static inline void cid_host(const char *peer, uint16_t port, char out[128])
{
	char cid[PEER_ID_CID];
	struct peer_id id;

	assert_int_equal(peer_id_from_text(&id, peer, strlen(peer)), 0);
	peer_id_to_cid36(&id, cid);
	snprintf(out, 128, "%s.localhost:%u", cid, port);
}

static inline void prepare(struct stage *t)
{
	t->p = puppet_new(SERVICE_VIEWER);
	t->transport = puppet_neighbour(t->p, SERVICE_TRANSPORT);
	t->discovery = puppet_neighbour(t->p, SERVICE_DISCOVERY);
	t->db = puppet_neighbour(t->p, SERVICE_DB);
	puppet_config(t->p, "viewer.http_addr", "127.0.0.1:0");
	puppet_config(t->p, "viewer.theme", "dark");
	puppet_config(t->p, "paths.site_root", "site");
	puppet_config(t->p, "profile.label", "Me <b>& you</b>");
	puppet_config(t->p, "profile.email", "me@example.org");
}

static inline void begin(struct stage *t)
{
	puppet_start(t->p);
	puppet_wait_up(t->transport);
	puppet_wait_up(t->discovery);
	puppet_wait_up(t->db);
	word_self(t->transport, ME);
	assert_non_null(strstr(puppet_fact(t->p, "viewer_url"), "http://127.0.0.1:"));
	t->port = web_port(t->p, "viewer_url");
	snprintf(t->host, sizeof(t->host), "127.0.0.1:%u", t->port);
	cid_host(ME, t->port, t->my_host);
	cid_host(YOU, t->port, t->your_host);
	snprintf(t->my_origin, sizeof(t->my_origin), "Origin: http://%s\r\n", t->my_host);
	snprintf(t->your_origin, sizeof(t->your_origin), "Origin: http://%s\r\n", t->your_host);
	snprintf(t->own_origin, sizeof(t->own_origin), "Origin: http://%s\r\n", t->host);
	/* The service has its own end of the link, and hears a moment later than is said. */
	web_ask_until(t->p, t->port, t->host, "/api/self", ME);
}

static inline int set_up(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	prepare(t);
	puppet_put_file(t->p, "site/index.html", "<h1>home</h1>", 13);
	puppet_put_file(t->p, "site/docs/index.html", "docs", 4);
	puppet_put_file(t->p, "site/lua/x.lua", "SECRET", 6);
	puppet_put_file(t->p, "site/.env", "SECRET", 6);
	puppet_put_file(t->p, "secret.txt", "SECRET", 6);
	assert_int_equal(symlink("../secret.txt", "site/link.txt"), 0);
	begin(t);
	*state = t;
	return 0;
}

static inline struct web *get(
    struct stage *t, const char *host, const char *path, const char *headers)
{
	return web_ask(t->p, t->port, "GET", host, path, headers, NULL);
}

/* Asks and compares status and body (NULL for any). */
static inline void answers(struct stage *t, const char *method, const char *host, const char *path,
    const char *headers, const char *body, int status, const char *expect)
{
	struct web *w = web_ask(t->p, t->port, method, host, path, headers, body);

	if (w->status != status)
		fail_msg("%s %s at %s: %d: %s", method, path, host, w->status, w->body);
	if (expect != NULL)
		assert_string_equal(w->body, expect);
	web_close(w);
}

static inline void has_header(const struct web *w, const char *name, const char *expect)
{
	char value[1024];

	web_header(w, name, value, sizeof(value));
	if (strstr(value, expect) == NULL)
		fail_msg("%s is \"%s\", without \"%s\"", name, value, expect);
}

static inline void serves(
    struct stage *t, enum protocol protocol, const char *request, const char *expect)
{
	struct puppet_stream *s = puppet_open(t->transport, protocol, YOU, 5000);

	if (request[0] != '\0')
		puppet_write(s, request, strlen(request), false);
	puppet_read_end(s);
	if (strcmp((char *)s->data, expect) != 0)
		fail_msg("%s gives %s instead of %s", request, (char *)s->data, expect);
	stream_finish(s->s);
	assert_int_equal(puppet_wait_over(s), STREAM_OK);
}

/* The visit that the service makes next, whose request is this line. */
static inline struct puppet_stream *asked_for(struct stage *t, const char *line)
{
	struct puppet_stream *s = puppet_next_stream(t->transport);

	assert_int_equal(s->asked_count, 1);
	assert_int_equal(s->asked[0], PROTOCOL_GOOP_SITE);
	assert_string_equal(s->peer, YOU);
	puppet_accept(s, PROTOCOL_GOOP_SITE, "/ip4/192.0.2.1/tcp/1");
	puppet_read_end(s);
	assert_string_equal((char *)s->data, line);
	return s;
}

#endif

/* svc-rendezvous on a stage, alone: HTTP against the real program. */
#ifndef TESTS_SERVICE_RENDEZVOUS_STAGE_H
#define TESTS_SERVICE_RENDEZVOUS_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "proto/parent.h"
#include "tests/service/actor.h"
#include "tests/service/puppet.h"
#include "tests/service/web.h"

#define SLOW_MS 60000
#define AUTH    "Authorization: Basic YWRtaW46c2VjcmV0\r\n" /* admin:secret */
#define WRONG   "Authorization: Basic YWRtaW46d3Jvbmc=\r\n"

struct stage {
	struct puppet *p; /* first: web_tear_down() */
	uint16_t port;
	struct actor alice, bob;
};

static inline void prepare(struct stage *t)
{
	t->p = puppet_new(SERVICE_RENDEZVOUS);
	puppet_config(t->p, "presence.rendezvous_port", "0");
	puppet_config(t->p, "presence.rendezvous_bind", "127.0.0.1");
	puppet_config(t->p, "presence.admin_password", "secret");
	actor_init(&t->alice, 1);
	actor_init(&t->bob, 2);
}

static inline void go(struct stage *t)
{
	puppet_start(t->p);
	t->port = web_port(t->p, "rendezvous_url");
}

static inline int set_up(void **state)
{
	struct stage *t = xcalloc(1, sizeof(*t));

	*state = t;
	prepare(t);
	return 0;
}

/* The status of one request. */
static inline int ask(
    struct stage *t, const char *method, const char *path, const char *headers, const char *body)
{
	struct web *w = web_ask(t->p, t->port, method, "x", path, headers, body);
	int status = w->status;

	web_close(w);
	return status;
}

static inline int ask_host(struct stage *t, const char *host, const char *path, const char *headers)
{
	struct web *w = web_ask(t->p, t->port, "GET", host, path, headers, NULL);
	int status = w->status;

	web_close(w);
	return status;
}

static inline int publish(struct stage *t, const char *json)
{
	return ask(t, "POST", "/publish", "", json);
}

/* A signed or unsigned message. */
static inline int says(
    struct stage *t, struct actor *a, enum presence_type type, const char *label, bool sign)
{
	char *json = actor_presence(a, type, label, NULL, sign);
	int status = publish(t, json);

	free(json);
	return status;
}

static inline struct web *subscribe(struct stage *t, const char *path, const char *headers)
{
	struct web *w = web_begin(t->p, t->port, "GET", "x", path, headers, NULL);

	web_until(w, ": ok\n\n");
	return w;
}

static inline bool has(const struct web *w, const char *text)
{
	return memmem(w->got, w->len, text, strlen(text)) != NULL;
}

/* What /metrics says of that name, labels included; -1 for nothing. */
static inline double metric(struct stage *t, const char *name)
{
	struct web *w = web_ask(t->p, t->port, "GET", "127.0.0.1", "/metrics", "", NULL);
	char *line = xasprintf("\n%s ", name);
	const char *at = w->status == 200 ? strstr(w->body, line) : NULL;
	double value = at == NULL ? -1 : atof(at + strlen(line));

	free(line);
	web_close(w);
	return value;
}

#define METRIC(t, name) metric(t, "goop_rendezvous_" name)

static inline struct web *get(struct stage *t, const char *path, const char *headers)
{
	struct web *w = web_ask(t->p, t->port, "GET", "x", path, headers, NULL);

	assert_int_equal(w->status, 200);
	return w;
}

#endif

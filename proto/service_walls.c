/* The skeleton's part in the walls: they close around a service when its init has opened what it
 * needs, and before it hears anybody but the supervisor. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "proto/crash.h"
#include "proto/service_private.h"

#define RULES "walls" /* in CONFIG: base/sandbox.h, as text */

static void tell_walls(struct service *svc)
{
	char text[128];

	sandbox_walls(&svc->sandbox, text, sizeof(text));
	service_fact(svc, "walls", text);
	if (svc->sandbox.lacks[0] != '\0') {
		log_warn("walls", "lacking here: %s", svc->sandbox.lacks);
		service_fact(svc, "walls_lacking", svc->sandbox.lacks);
	}
}

/* What would otherwise read a file at some later time, once in the life of a process. */
static void read_ahead(void)
{
	tzset();
}

/* Of two users, only the one that is to connect gets through to a socket. */
static void share_sockets(const struct service *svc)
{
	uid_t base = svc->rules.user - svc->spec->id;

	for (size_t i = 0; svc->rules.user != 0 && i < svc->spec->desk_count; i++) {
		const struct link *l = svc->neighbours[i].link;

		if (!link_connects(l) && link_set_user(l, base + link_peer(l)) != 0)
			log_error("walls", "socket for %s: %m", service_name(link_peer(l)));
	}
}

/* The siblings that it connects to. */
static void know_siblings(struct service *svc)
{
	for (size_t i = 0; i < svc->spec->desk_count; i++)
		if (link_connects(svc->neighbours[i].link))
			sandbox_meet(&svc->rules, link_path(svc->neighbours[i].link));
}

static void start_threads(struct service *svc)
{
	if (svc->spec->desk_count > 0)
		link_start_threads();
	if (svc->spec->threads != NULL)
		svc->spec->threads(svc);
}

int service_close_walls(struct service *svc)
{
	const char *rules = service_config(svc, RULES);

	if (rules[0] == '\0') {
		service_fact(svc, "walls", "none");
		start_threads(svc);
		return 0;
	}
	if (sandbox_parse(rules, &svc->rules) != 0) {
		log_error("walls", "the supervisor's rules make no sense");
		return -1;
	}
	read_ahead();
	share_sockets(svc);
	know_siblings(svc);
	sandbox_on_refusal(crash_refused);
	if (sandbox_close(&svc->rules, &svc->sandbox) != 0)
		return -1;
	/* Landlock holds for threads that are made from now on. */
	start_threads(svc);
	if (sandbox_lock(&svc->rules, &svc->sandbox) != 0)
		return -1;
	tell_walls(svc);
	return 0;
}

void service_tell_refusals(struct service *svc)
{
	const char *last;
	unsigned n = sandbox_refusals(&last);
	char text[256];

	if (n == svc->refusals)
		return;
	svc->refusals = n;
	snprintf(text, sizeof(text), "%u, the last: %s", n, last);
	service_fact(svc, "refused", text);
	service_alarm(svc, "was refused %s", last);
}

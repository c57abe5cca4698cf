#include "supervisor/reports.h"

#include <stdlib.h>
#include <sys/queue.h>

#include "base/alloc.h"
#include "base/log.h"

#define NODES_MAX 65536

struct asked {
	TAILQ_ENTRY(asked) entry;
	uint32_t request, client;
	uint64_t until;
	cJSON *reports;
	bool waiting[SERVICE_COUNT];
};

struct reports {
	struct control *control;
	uint32_t last_request;
	TAILQ_HEAD(, asked) asked; /* no more than the control socket has clients */
	struct log_limit bad;
};

struct reports *reports_new(struct control *control)
{
	struct reports *r = xcalloc(1, sizeof(*r));

	r->control = control;
	TAILQ_INIT(&r->asked);
	return r;
}

static void forget(struct reports *r, struct asked *a)
{
	TAILQ_REMOVE(&r->asked, a, entry);
	cJSON_Delete(a->reports);
	free(a);
}

void reports_free(struct reports *r)
{
	struct asked *a, *next;

	if (r == NULL)
		return;
	for (a = TAILQ_FIRST(&r->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		forget(r, a);
	}
	free(r);
}

static bool is_waiting(const struct asked *a)
{
	for (int i = 0; i < SERVICE_COUNT; i++)
		if (a->waiting[i])
			return true;
	return false;
}

static void answer(struct reports *r, struct asked *a)
{
	cJSON *object = cJSON_CreateObject();

	for (int i = 0; i < SERVICE_COUNT; i++)
		if (a->waiting[i])
			cJSON_AddNullToObject(a->reports, service_name((enum service_id)i));
	cJSON_AddBoolToObject(object, "ok", true);
	cJSON_AddItemToObject(object, "reports", a->reports);
	a->reports = NULL;
	control_answer(r->control, a->client, object);
	forget(r, a);
}

void reports_ask(struct reports *r, uint32_t client, struct minder *const of[], size_t n,
    const char *what, uint64_t now)
{
	struct asked *a = xcalloc(1, sizeof(*a));

	a->request = ++r->last_request;
	a->client = client;
	a->until = now + REPORTS_LIMIT;
	a->reports = cJSON_CreateObject();
	TAILQ_INSERT_TAIL(&r->asked, a, entry);
	for (size_t i = 0; i < n; i++) {
		struct msg msg;

		msg_begin(&msg, MSG_REPORT_GET, 0);
		msg_put_u32(&msg, a->request);
		msg_put_str(&msg, what);
		a->waiting[minder_id(of[i])] = minder_send(of[i], &msg) == 0;
	}
	if (is_waiting(a))
		return;
	forget(r, a);
	control_refuse(
	    r->control, client, 3, "%s is not running", n == 1 ? minder_name(of[0]) : "no service");
}

void reports_take(
    struct reports *r, const struct minder *m, uint32_t request, const uint8_t *json, size_t n)
{
	struct asked *a;
	struct json_error error;
	cJSON *value;

	TAILQ_FOREACH (a, &r->asked, entry)
		if (a->request == request)
			break;
	/* Too late for the one who asked, or made up. */
	if (a == NULL || !a->waiting[minder_id(m)])
		return;
	value = json_parse((const char *)json, n, NODES_MAX, &error);
	if (value == NULL && log_allowed(&r->bad, 5, "reports"))
		log_warn("reports", "%s answers with bad JSON at %u:%u: %s", minder_name(m),
		    error.line, error.column, error.what);
	a->waiting[minder_id(m)] = false;
	cJSON_AddItemToObject(
	    a->reports, minder_name(m), value != NULL ? value : cJSON_CreateNull());
	if (!is_waiting(a))
		answer(r, a);
}

void reports_lost(struct reports *r, const struct minder *m)
{
	struct asked *a, *next;

	for (a = TAILQ_FIRST(&r->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (!a->waiting[minder_id(m)])
			continue;
		a->waiting[minder_id(m)] = false;
		cJSON_AddNullToObject(a->reports, minder_name(m));
		if (!is_waiting(a))
			answer(r, a);
	}
}

void reports_tick(struct reports *r, uint64_t now)
{
	struct asked *a, *next;

	for (a = TAILQ_FIRST(&r->asked); a != NULL; a = next) {
		next = TAILQ_NEXT(a, entry);
		if (now >= a->until)
			answer(r, a);
	}
}

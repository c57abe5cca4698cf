/* The desk of the control socket: {"ask":"status"}, {"ask":"stop"},
 * {"ask":"restart","service":...}, {"ask":"reload"}, {"ask":"upgrade"},
 * {"ask":"report","what":...,"service":...}, {"ask":"trace","service":...,"subject":...}. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "supervisor/status.h"
#include "supervisor/supervisor_private.h"

/* Without a peer there is nobody whose label it would be. */
static const char *label(const struct supervisor *s)
{
	if (s->mode == MODE_RENDEZVOUS && !config_is_given(s->config, "profile.label"))
		return "rendezvous server";
	return config_get(s->config, "profile.label");
}

static void ask_status(struct supervisor *s, uint32_t client, const cJSON *request)
{
	static const char *const states[] = {"starting", "running", "stopping"};
	char *folder = getcwd(NULL, 0);
	struct status_about about = {
	    .state = states[s->phase],
	    .mode = mode_name(s->mode),
	    .folder = folder != NULL ? folder : "",
	    .label = label(s),
	    .began = s->began,
	};

	(void)request;
	control_answer(
	    s->control, client, status_build(&about, s->minders, s->count, clock_mono_ms()));
	free(folder);
}

static void wait_for(struct supervisor *s, uint32_t client, struct minder *m)
{
	/* Each waiter is a client that the control socket still holds. */
	if (s->waiter_count == CONTROL_CLIENTS) {
		control_refuse(s->control, client, EXIT_FAILURE, "too many wait already");
		return;
	}
	s->waiters[s->waiter_count++] = (struct waiter){
	    .client = client,
	    .minder = m,
	    .generation = m != NULL ? minder_generation(m) : 0,
	    .since = clock_mono_ms(),
	};
}

static void ask_stop(struct supervisor *s, uint32_t client, const cJSON *request)
{
	(void)request;
	wait_for(s, client, NULL);
	supervisor_stop(s);
}

/* The service that the request names, or NULL after refusing. */
static struct minder *named_service(struct supervisor *s, uint32_t client, const cJSON *request)
{
	const char *name = json_str(request, "service");
	enum service_id id = name != NULL ? service_by_name(name) : SERVICE_COUNT;

	for (size_t i = 0; i < s->count; i++)
		if (minder_id(s->minders[i]) == id)
			return s->minders[i];
	if (id != SERVICE_COUNT && id != SERVICE_SUPERVISOR)
		control_refuse(s->control, client, STATUS_BAD_USAGE, "%s does not run in mode %s",
		    service_name(id), mode_name(s->mode));
	else
		control_refuse(s->control, client, STATUS_BAD_USAGE, "there is no service %s",
		    name != NULL ? name : "without a name");
	return NULL;
}

/* What was mended in goop.json since the start counts for the new process. */
static bool read_config(struct supervisor *s, uint32_t client)
{
	char *why;
	struct config *config = supervisor_read_config(s, &why);

	if (config != NULL)
		supervisor_set_config(s, config);
	else
		control_refuse(
		    s->control, client, STATUS_BAD_CONFIG, "nothing was restarted: %s", why);
	free(why);
	return config != NULL;
}

static void ask_restart(struct supervisor *s, uint32_t client, const cJSON *request)
{
	struct minder *m = named_service(s, client, request);

	if (m == NULL)
		return;
	if (s->phase == PHASE_STOPPING) {
		control_refuse(s->control, client, STATUS_NOT_RUNNING, "the peer is stopping");
		return;
	}
	if (s->round.kind != ROUND_NONE) {
		control_refuse(s->control, client, EXIT_FAILURE,
		    "a reload or an upgrade is under way already");
		return;
	}
	if (!read_config(s, client))
		return;
	logs_say(s->logs, LOG_LEVEL_INFO, "%s is restarted by hand", minder_name(m));
	wait_for(s, client, m);
	minder_restart(m);
}

static void ask_reload(struct supervisor *s, uint32_t client, const cJSON *request)
{
	(void)request;
	supervisor_reload(s, client);
}

static void ask_upgrade(struct supervisor *s, uint32_t client, const cJSON *request)
{
	(void)request;
	supervisor_upgrade(s, client);
}

static void ask_report(struct supervisor *s, uint32_t client, const cJSON *request)
{
	const char *what = json_str(request, "what");
	struct minder *one;

	if (what == NULL || what[0] == '\0' || strlen(what) > 200) {
		control_refuse(s->control, client, STATUS_BAD_USAGE, "a report on what?");
	} else if (json_str(request, "service") == NULL) {
		reports_ask(s->reports, client, s->minders, s->count, what, clock_mono_ms());
	} else {
		one = named_service(s, client, request);
		if (one != NULL)
			reports_ask(s->reports, client, &one, 1, what, clock_mono_ms());
	}
}

static void ask_trace(struct supervisor *s, uint32_t client, const cJSON *request)
{
	const char *subject = json_str(request, "subject");
	struct minder *m = named_service(s, client, request);

	if (m != NULL)
		traces_ask(s->traces, client, m, subject != NULL ? subject : "");
}

void supervisor_request(void *arg, uint32_t client, const cJSON *request)
{
	static const struct {
		const char *name;
		void (*answer)(struct supervisor *s, uint32_t client, const cJSON *request);
	} desk[] = {
	    {"status", ask_status},
	    {"stop", ask_stop},
	    {"restart", ask_restart},
	    {"reload", ask_reload},
	    {"upgrade", ask_upgrade},
	    {"report", ask_report},
	    {"trace", ask_trace},
	};
	struct supervisor *s = arg;
	const char *ask = json_str(request, "ask");

	for (size_t i = 0; ask != NULL && i < sizeof(desk) / sizeof(desk[0]); i++)
		if (strcmp(ask, desk[i].name) == 0) {
			desk[i].answer(s, client, request);
			return;
		}
	control_refuse(s->control, client, STATUS_BAD_USAGE, "nobody here answers that");
}

/* Returns true when the waiter has been answered. */
static bool serve(struct supervisor *s, const struct waiter *w, uint64_t now)
{
	const struct child *c;
	const struct child_death *death;
	cJSON *answer;

	if (w->minder == NULL)
		return false;
	c = minder_child(w->minder);
	if (c->state == CHILD_UP && minder_generation(w->minder) > w->generation) {
		answer = cJSON_CreateObject();
		cJSON_AddBoolToObject(answer, "ok", true);
		cJSON_AddStringToObject(answer, "service", minder_name(w->minder));
		cJSON_AddNumberToObject(answer, "took_ms", (double)(c->since - w->since));
		control_answer(s->control, w->client, answer);
		return true;
	}
	if (c->state == CHILD_HELD || s->phase == PHASE_STOPPING) {
		control_refuse(s->control, w->client, EXIT_FAILURE, "%s: %s",
		    minder_name(w->minder),
		    c->state == CHILD_HELD ? c->held : "the peer is stopping");
		return true;
	}
	if (now - w->since < RESTART_LIMIT)
		return false;
	death = child_death(c, 0);
	control_refuse(s->control, w->client, EXIT_FAILURE, "%s is not ready after %d s%s%s",
	    minder_name(w->minder), RESTART_LIMIT / 1000,
	    death != NULL ? "; it died last of: " : "", death != NULL ? death->why : "");
	return true;
}

void supervisor_serve_waiters(struct supervisor *s)
{
	uint64_t now = clock_mono_ms();
	size_t left = 0;

	for (size_t i = 0; i < s->waiter_count; i++)
		if (!serve(s, &s->waiters[i], now))
			s->waiters[left++] = s->waiters[i];
	s->waiter_count = left;
}

void supervisor_dismiss_waiters(struct supervisor *s)
{
	for (size_t i = 0; i < s->waiter_count; i++) {
		cJSON *answer = cJSON_CreateObject();

		cJSON_AddBoolToObject(answer, "ok", true);
		control_answer(s->control, s->waiters[i].client, answer);
	}
	s->waiter_count = 0;
}

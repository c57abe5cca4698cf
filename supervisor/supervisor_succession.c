/* What a new program of the supervisor is told of all of this, and how it goes on: succession.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/str.h"
#include "supervisor/notify.h"
#include "supervisor/succession.h"
#include "supervisor/supervisor_private.h"

/* --- the old one ------------------------------------------------------------------------------ */

/* Does nothing come or go, and would goop.json be understood? */
static bool may_be_saved(struct supervisor *s, char why[SUCCESSION_WHY])
{
	char *wrong = NULL;
	struct config *config;

	for (size_t i = 0; i < s->count; i++)
		if (!minder_may_be_saved(s->minders[i]) || s->waiter_count > 0) {
			snprintf(why, SUCCESSION_WHY, "%s is busy; try again",
			    minder_name(s->minders[i]));
			return false;
		}
	config = supervisor_read_config(s, &wrong);
	if (config == NULL)
		snprintf(why, SUCCESSION_WHY, "%s", wrong);
	config_free(config);
	free(wrong);
	return config != NULL;
}

static cJSON *save(const struct supervisor *s)
{
	cJSON *o = cJSON_CreateObject(), *services;

	cJSON_AddNumberToObject(o, "version", SUCCESSION_VERSION);
	cJSON_AddStringToObject(o, "shown", s->options.shown);
	cJSON_AddBoolToObject(o, "rendezvous", s->options.rendezvous);
	cJSON_AddBoolToObject(o, "verbose", s->options.verbose);
	cJSON_AddBoolToObject(o, "background", s->options.ready_fd >= 0);
	cJSON_AddBoolToObject(o, "had_terminal", s->had_terminal);
	cJSON_AddBoolToObject(o, "reload_due", s->reload_due);
	cJSON_AddNumberToObject(o, "began", (double)s->began);
	cJSON_AddNumberToObject(o, "generation", s->house.generation);
	cJSON_AddNumberToObject(o, "lock_fd", s->lock);
	cJSON_AddNumberToObject(o, "control_fd", control_fd(s->control));
	cJSON_AddNumberToObject(o, "listening_fd", s->activation.fd);
	cJSON_AddStringToObject(o, "listening_host", s->activation.host);
	cJSON_AddStringToObject(o, "listening_port", s->activation.port);
	services = cJSON_AddArrayToObject(o, "services");
	for (size_t i = 0; i < s->count; i++)
		cJSON_AddItemToArray(services, minder_save(s->minders[i]));
	return o;
}

/* The services have new programs, we have not. Consumes the answer. */
static void stay(struct supervisor *s, uint32_t client, const char *why, cJSON *answer)
{
	logs_say(s->logs, LOG_LEVEL_ERROR, "the supervisor goes on with its old program: %s", why);
	control_refuse(s->control, client, EXIT_FAILURE,
	    "every service runs the program that is there; the supervisor goes on with its old "
	    "one: %s",
	    why);
	cJSON_Delete(answer);
}

void supervisor_end_upgrade(struct supervisor *s, uint32_t client, cJSON *answer)
{
	bool due = succession_is_due();
	char why[SUCCESSION_WHY];
	cJSON *state = due && may_be_saved(s, why) ? save(s) : NULL;
	int memfd = state != NULL ? succession_prepare(state, why) : -1;

	cJSON_AddBoolToObject(answer, "supervisor", due);
	if (due && memfd < 0)
		stay(s, client, why, answer);
	else
		control_answer(s->control, client, answer);
	if (memfd >= 0) {
		logs_say(s->logs, LOG_LEVEL_INFO, "the new supervisor takes over");
		notify_hand_over();
		succession_go(memfd, state);
		logs_say(s->logs, LOG_LEVEL_ERROR, "the new supervisor cannot be run: %m");
	}
	succession_hold_signals(false);
	cJSON_Delete(state);
}

/* --- the new one ------------------------------------------------------------------------------ */

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static int descriptor(const cJSON *o, const char *name)
{
	int64_t fd = -1;

	json_int(o, name, 0, INT32_MAX, &fd);
	return (int)fd;
}

/* What set_up() builds on. False when goop.json is not good. */
static bool take_options(struct supervisor *s, const cJSON *o)
{
	const char *shown = json_str(o, "shown"), *host = json_str(o, "listening_host");
	const char *port = json_str(o, "listening_port");
	char *file;

	if (shown == NULL || host == NULL || port == NULL)
		return false;
	/* In the background its output is nobody's, as is this descriptor. */
	s->options = (struct supervisor_options){.shown = shown,
	    .rendezvous = is_true(o, "rendezvous"),
	    .verbose = is_true(o, "verbose"),
	    .ready_fd = is_true(o, "background") ? STDOUT_FILENO : -1};
	s->activation.fd = descriptor(o, "listening_fd");
	str_copy(s->activation.host, sizeof(s->activation.host), host);
	str_copy(s->activation.port, sizeof(s->activation.port), port);
	file = xasprintf("%s/goop.json", shown);
	s->options.config = config_load("goop.json", file);
	free(file);
	return config_good(s->options.config);
}

static bool take_service(const struct supervisor *s, const cJSON *saved)
{
	const char *name = json_str(saved, "name");

	for (size_t i = 0; name != NULL && i < s->count; i++)
		if (strcmp(minder_name(s->minders[i]), name) == 0)
			return minder_load(s->minders[i], saved);
	return false;
}

static bool take_rest(struct supervisor *s, const cJSON *o)
{
	const cJSON *services = cJSON_GetObjectItemCaseSensitive(o, "services"), *service;
	int64_t began, generation;

	if (!json_int(o, "began", 1, INT64_MAX, &began) ||
	    !json_int(o, "generation", 1, UINT32_MAX, &generation) ||
	    cJSON_GetArraySize(services) != (int)s->count)
		return false;
	cJSON_ArrayForEach (service, services)
		if (!take_service(s, service))
			return false;
	s->phase = PHASE_RUNNING;
	s->began = (uint64_t)began;
	s->house.generation = (uint32_t)generation;
	s->had_terminal = is_true(o, "had_terminal");
	s->reload_due = is_true(o, "reload_due");
	s->lock = descriptor(o, "lock_fd");
	return s->lock >= 0 && descriptor(o, "control_fd") >= 0;
}

int supervisor_succeed(int memfd, bool try)
{
	struct supervisor s = {0};
	cJSON *state;
	int status;

	log_init("goop-supervisor", LOG_LEVEL_INFO);
	state = succession_read(memfd);
	if (state == NULL || !take_options(&s, state))
		return EXIT_FAILURE;
	supervisor_set_up(&s);
	if (!take_rest(&s, state)) {
		log_error("succession", "what the supervisor that runs hands over is not complete");
		return EXIT_FAILURE;
	}
	/* What was made here is of no use to anybody. */
	if (try)
		_exit(EXIT_SUCCESS);
	close(memfd);
	notify_init();
	succession_init();
	if (s.options.ready_fd >= 0)
		logs_detach(s.logs);
	logs_say(s.logs, LOG_LEVEL_INFO, "this is the new supervisor, " GOOP_VERSION);
	for (size_t i = 0; i < s.count; i++)
		minder_resume(s.minders[i]);
	supervisor_tell_manager(&s);
	status = supervisor_live(&s, descriptor(state, "control_fd"));
	cJSON_Delete(state);
	return status;
}

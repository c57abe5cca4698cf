#include "supervisor/status.h"

#include <unistd.h>

#include "base/clock.h"
#include "supervisor/succession.h"
#include "supervisor/usage.h"

static void add_usage(cJSON *to, pid_t pid)
{
	bool proportional;
	uint64_t bytes = usage_memory(pid, &proportional);
	int64_t cpu = usage_cpu_ms(pid);

	cJSON_AddNumberToObject(to, "memory_bytes", (double)bytes);
	cJSON_AddStringToObject(to, "memory_kind", proportional ? "pss" : "rss");
	if (cpu >= 0)
		cJSON_AddNumberToObject(to, "cpu_ms", (double)cpu);
}

static cJSON *death_json(const struct child_death *d, uint64_t now)
{
	cJSON *o = cJSON_CreateObject();
	char stamp[25];

	clock_format(d->wall_ms, stamp);
	cJSON_AddStringToObject(o, "time", stamp);
	cJSON_AddNumberToObject(o, "ago_ms", (double)(now - d->at));
	cJSON_AddStringToObject(o, "why", d->why);
	cJSON_AddBoolToObject(o, "was_ready", d->was_ready);
	return o;
}

static void add_deaths(cJSON *to, const struct child *c, uint64_t now)
{
	const struct child_death *last = child_death(c, 0);
	cJSON *deaths = cJSON_CreateArray();

	if (last != NULL)
		cJSON_AddStringToObject(to, "last_death", last->why);
	else
		cJSON_AddNullToObject(to, "last_death");
	for (unsigned i = 0; i < CHILD_DEATHS_KEPT && child_death(c, i) != NULL; i++)
		cJSON_AddItemToArray(deaths, death_json(child_death(c, i), now));
	cJSON_AddItemToObject(to, "deaths", deaths);
}

static void add_facts(cJSON *to, const struct minder *m)
{
	cJSON *facts = cJSON_AddObjectToObject(to, "facts");
	const struct facts *all = minder_facts(m);

	for (size_t i = 0; i < all->count; i++)
		cJSON_AddStringToObject(facts, all->all[i].key, all->all[i].value);
}

/* What a wall let through or kept back, and what a neighbour did that it may not, are no facts like
 * others: they stand where they are seen. */
static void add_walls(cJSON *to, const struct minder *m)
{
	static const char *const names[] = {"walls", "walls_lacking", "refused", "alarm"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (facts_get(minder_facts(m), names[i]) != NULL)
			cJSON_AddStringToObject(to, names[i], facts_get(minder_facts(m), names[i]));
}

static cJSON *service_json(const struct minder *m, uint64_t now)
{
	const struct child *c = minder_child(m);
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", minder_name(m));
	cJSON_AddStringToObject(o, "state", child_state_name(c->state));
	cJSON_AddNumberToObject(o, "since_ms", (double)(now - c->since));
	cJSON_AddNumberToObject(o, "restarts", c->starts > 0 ? c->starts - 1 : 0);
	cJSON_AddNumberToObject(o, "generation", minder_generation(m));
	if (minder_pid(m) != 0) {
		cJSON_AddNumberToObject(o, "pid", minder_pid(m));
		cJSON_AddBoolToObject(o, "outdated", minder_has_new_program(m));
		add_usage(o, minder_pid(m));
	}
	if (c->held[0] != '\0')
		cJSON_AddStringToObject(o, "reason", c->held);
	if (c->state == CHILD_BACKOFF)
		cJSON_AddNumberToObject(
		    o, "next_start_ms", (double)(c->deadline > now ? c->deadline - now : 0));
	add_walls(o, m);
	add_deaths(o, c, now);
	add_facts(o, m);
	return o;
}

/* The facts that people look for first, and who may state them. */
static void add_headlines(cJSON *to, struct minder *const all[], size_t n)
{
	static const struct {
		const char *key;
		enum service_id from;
	} headlines[] = {
	    {"peer_id", SERVICE_TRANSPORT},
	    {"listen", SERVICE_TRANSPORT},
	    {"viewer_url", SERVICE_VIEWER},
	    {"rendezvous_url", SERVICE_RENDEZVOUS},
	    {"rendezvous_urls", SERVICE_RENDEZVOUS},
	    {"rendezvous", SERVICE_DISCOVERY},
	    {"database", SERVICE_DB},
	};

	for (size_t h = 0; h < sizeof(headlines) / sizeof(headlines[0]); h++)
		for (size_t i = 0; i < n; i++) {
			const char *value = facts_get(minder_facts(all[i]), headlines[h].key);

			if (value != NULL && minder_id(all[i]) == headlines[h].from)
				cJSON_AddStringToObject(to, headlines[h].key, value);
		}
}

cJSON *status_build(
    const struct status_about *about, struct minder *const all[], size_t n, uint64_t now)
{
	cJSON *o = cJSON_CreateObject(), *services;

	cJSON_AddBoolToObject(o, "ok", true);
	cJSON_AddStringToObject(o, "state", about->state);
	cJSON_AddStringToObject(o, "mode", about->mode);
	cJSON_AddStringToObject(o, "label", about->label);
	cJSON_AddStringToObject(o, "folder", about->folder);
	cJSON_AddStringToObject(o, "version", GOOP_VERSION);
	add_headlines(o, all, n);
	cJSON_AddNumberToObject(o, "pid", getpid());
	cJSON_AddBoolToObject(o, "outdated", succession_is_due());
	cJSON_AddNumberToObject(o, "uptime_ms", (double)(now - about->began));
	add_usage(o, getpid());
	services = cJSON_AddArrayToObject(o, "services");
	for (size_t i = 0; i < n; i++)
		cJSON_AddItemToArray(services, service_json(all[i], now));
	return o;
}

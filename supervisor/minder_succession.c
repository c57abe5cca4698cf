/* A service handed over from one program of the supervisor to the next: succession.h. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "supervisor/minder_private.h"

bool minder_may_be_saved(const struct minder *m)
{
	if (!m->running)
		return m->child.state != CHILD_STARTING && m->child.state != CHILD_STOPPING;
	return m->child.state == CHILD_UP && !m->closed && m->child.blame[0] == '\0' &&
	       parent_waiting(m->parent) == 0;
}

static void add_bytes(cJSON *o, const char *name, const void *p, size_t n)
{
	char *hex = xmalloc(2 * n + 1);

	str_to_hex(p, n, hex);
	cJSON_AddStringToObject(o, name, hex);
	free(hex);
}

static void add_process(cJSON *o, const struct minder *m)
{
	cJSON *facts = cJSON_AddObjectToObject(o, "facts");

	cJSON_AddNumberToObject(o, "pid", m->process.pid);
	cJSON_AddNumberToObject(o, "pidfd", m->process.pidfd);
	cJSON_AddNumberToObject(o, "parent_fd", m->process.parent);
	cJSON_AddNumberToObject(o, "words_fd", log_source_fd(m->log));
	cJSON_AddNumberToObject(o, "pulse", m->pulse);
	for (size_t i = 0; i < m->facts.count; i++)
		cJSON_AddStringToObject(facts, m->facts.all[i].key, m->facts.all[i].value);
}

/* The latest first. */
static void add_deaths(cJSON *o, const struct child *c)
{
	cJSON *deaths = cJSON_AddArrayToObject(o, "deaths");
	const struct child_death *d;

	for (unsigned i = 0; (d = child_death(c, i)) != NULL; i++) {
		cJSON *death = cJSON_CreateObject();

		cJSON_AddNumberToObject(death, "at", (double)d->at);
		cJSON_AddNumberToObject(death, "wall_ms", (double)d->wall_ms);
		cJSON_AddBoolToObject(death, "was_ready", d->was_ready);
		cJSON_AddStringToObject(death, "why", d->why);
		cJSON_AddItemToArray(deaths, death);
	}
}

/* What is not here belongs to states that are not handed over. */
static void add_child(cJSON *o, const struct child *c)
{
	cJSON_AddStringToObject(o, "state", child_state_name(c->state));
	cJSON_AddBoolToObject(o, "wanted", c->wanted);
	cJSON_AddNumberToObject(o, "since", (double)c->since);
	cJSON_AddNumberToObject(o, "deadline", (double)c->deadline);
	cJSON_AddNumberToObject(o, "backoff", (double)c->backoff);
	cJSON_AddNumberToObject(o, "starts", c->starts);
	cJSON_AddNumberToObject(o, "died", c->died);
	cJSON_AddNumberToObject(o, "forgiven", c->forgiven);
	cJSON_AddBoolToObject(o, "hopeless", c->hopeless);
	cJSON_AddStringToObject(o, "held", c->held);
	add_deaths(o, c);
}

cJSON *minder_save(const struct minder *m)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", minder_name(m));
	cJSON_AddNumberToObject(o, "generation", m->generation);
	add_child(o, &m->child);
	add_bytes(o, "told", buf_data(&m->part.told), buf_len(&m->part.told));
	cJSON_AddNumberToObject(o, "now_fd", m->program.now);
	cJSON_AddNumberToObject(o, "proven_fd", m->program.proven);
	cJSON_AddBoolToObject(o, "fallen_back", m->program.fallen_back);
	if (m->running)
		add_process(o, m);
	return o;
}

static int number(const cJSON *o, const char *name, int absent)
{
	int64_t v = absent;

	json_int(o, name, 0, INT32_MAX, &v);
	return (int)v;
}

static uint64_t stamp(const cJSON *o, const char *name)
{
	int64_t v = 0;

	json_int(o, name, 0, INT64_MAX, &v);
	return (uint64_t)v;
}

static bool is_true(const cJSON *o, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void take_text(const cJSON *o, const char *name, char *to, size_t size)
{
	const char *text = json_str(o, name);

	str_copy(to, size, text != NULL ? text : "");
}

static void take_deaths(struct child *c, const cJSON *deaths)
{
	const cJSON *death;
	unsigned i = 0;

	cJSON_ArrayForEach (death, deaths) {
		struct child_death *d;

		if (i == CHILD_DEATHS_KEPT || i == c->died)
			return;
		d = &c->deaths[(c->died - 1 - i++) % CHILD_DEATHS_KEPT];
		d->at = stamp(death, "at");
		d->wall_ms = (int64_t)stamp(death, "wall_ms");
		d->was_ready = is_true(death, "was_ready");
		take_text(death, "why", d->why, sizeof(d->why));
	}
}

static bool take_state(struct child *c, const char *name)
{
	for (int i = 0; name != NULL && i < CHILD_STATES; i++)
		if (strcmp(child_state_name((enum child_state)i), name) == 0) {
			c->state = (enum child_state)i;
			return true;
		}
	return false;
}

static bool take_child(struct child *c, const cJSON *o)
{
	*c = (struct child){
	    .wanted = is_true(o, "wanted"),
	    .since = stamp(o, "since"),
	    .deadline = stamp(o, "deadline"),
	    .backoff = stamp(o, "backoff"),
	    .starts = (unsigned)number(o, "starts", 0),
	    .died = (unsigned)number(o, "died", 0),
	    .forgiven = (unsigned)number(o, "forgiven", 0),
	    .hopeless = is_true(o, "hopeless"),
	};
	take_text(o, "held", c->held, sizeof(c->held));
	take_deaths(c, cJSON_GetObjectItemCaseSensitive(o, "deaths"));
	return take_state(c, json_str(o, "state")) && (c->since > 0 || c->state == CHILD_DOWN) &&
	       c->forgiven <= c->died;
}

static bool take_told(struct minder *m, const cJSON *o)
{
	const char *hex = json_str(o, "told");
	size_t n = hex != NULL ? strlen(hex) / 2 : 0;
	uint8_t *bytes = xmalloc(n + 1);
	bool good = hex != NULL && str_from_hex(hex, bytes, n + 1) == (long)n &&
	            (n == 0 || buf_put(&m->part.told, bytes, n) == 0);

	free(bytes);
	return good;
}

static bool take_process(struct minder *m, const cJSON *o)
{
	const cJSON *facts = cJSON_GetObjectItemCaseSensitive(o, "facts"), *fact;

	m->process = (struct spawned){
	    .pid = number(o, "pid", 0),
	    .pidfd = number(o, "pidfd", -1),
	    .parent = number(o, "parent_fd", -1),
	    .words = number(o, "words_fd", -1),
	};
	m->pulse = (uint32_t)number(o, "pulse", 0);
	cJSON_ArrayForEach (fact, facts)
		if (cJSON_IsString(fact))
			facts_set(&m->facts, fact->string, fact->valuestring);
	return m->process.pidfd >= 0 && m->process.parent >= 0;
}

bool minder_load(struct minder *m, const cJSON *o)
{
	m->generation = (uint32_t)number(o, "generation", 0);
	m->program = (struct program){
	    .now = number(o, "now_fd", 0),
	    .proven = number(o, "proven_fd", 0),
	    .fallen_back = is_true(o, "fallen_back"),
	};
	return take_child(&m->child, o) && take_told(m, o) &&
	       (number(o, "pid", 0) == 0 ? !child_runs(&m->child) : take_process(m, o));
}

void minder_resume(struct minder *m)
{
	char *walls;

	minder_arm(m);
	if (m->process.pid == 0)
		return;
	minder_attach(m);
	walls = walls_of(m->row, m->config);
	walls_look(&m->seen, walls);
	free(walls);
}

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

cJSON *minder_save(const struct minder *m)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", minder_name(m));
	cJSON_AddNumberToObject(o, "generation", m->generation);
	add_bytes(o, "child", &m->child, sizeof(m->child));
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

static bool take_child(struct minder *m, const cJSON *o)
{
	const char *hex = json_str(o, "child");

	/* That of another build is no child of ours. */
	return hex != NULL &&
	       str_from_hex(hex, &m->child, sizeof(m->child)) == (long)sizeof(m->child) &&
	       m->child.state < CHILD_STATES;
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
	    .fallen_back = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "fallen_back")),
	};
	return take_child(m, o) && take_told(m, o) &&
	       (number(o, "pid", 0) == 0 || take_process(m, o));
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

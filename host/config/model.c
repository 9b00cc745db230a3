/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/model.h"

#include "host/base/check.h"
#include "host/base/crc32c.h"
#include "host/config/connect_clients.h"
#include "host/config/connect_spelling.h"
#include "host/config/host_schema.h"
#include "host/config/model_internal.h"
#include "host/config/schema.h"
#include "host/journal/journal.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

#define MODEL_MAGIC 0x6d6f6465u
#define NS_PER_MS INT64_C(1000000)

char *model_text(const outflow_config *c, const char *key)
{
	outflow_str s;

	return instance_config_api.str(c, key, &s) == OUTFLOW_OK ? strndup(s.ptr, s.len) : NULL;
}

int64_t model_number(const outflow_config *c, const char *key)
{
	int64_t n = 0;

	(void)instance_config_api.i64(c, key, &n);
	return n;
}

int model_flag(const outflow_config *c, const char *key)
{
	int32_t flag = 0;

	(void)instance_config_api.boolean(c, key, &flag);
	return flag;
}

/* Where key's value stands among choices that are in the order of an enum. */
int model_choice(const outflow_config *c, const char *key, const char *const *choices)
{
	outflow_str s = { "", 0 };

	(void)instance_config_api.str(c, key, &s);
	for (int i = 0; choices[i] != NULL; i++)
		if (outflow_equal(s, choices[i]))
			return i;
	return 0;
}

void making_complain(struct making *mk, const char *key, const char *message)
{
	const struct setting *it = settings_find(&mk->model->settings, key);
	struct place where = { it ? it->file : mk->model->file, it ? it->line : mk->model->line, mk->model->name, key };

	problems_add(mk->problems, &where, "%s", message);
}

const char *making_get(const struct making *mk, const char *prefix, const char *name)
{
	char key[300];

	snprintf(key, sizeof key, "%s%s", prefix, name);
	return settings_get(&mk->model->settings, key);
}

const char *making_class(const struct making *mk, const char *prefix)
{
	const char *class = making_get(mk, prefix, "class");

	return class ? class : making_get(mk, prefix, "type");
}

static void take_own_keys(struct pipeline_model *m, const outflow_config *c)
{
	static const char *const states[] = { "stopped", "running", NULL };
	static const char *const tolerances[] = { "none", "all", NULL };
	static const char *const sync_modes[] = { "none", "interval", "always", NULL };
	static const char *const on_full[] = { "block", "drop_oldest", "drop_newest", NULL };

	m->running = model_choice(c, "state", states);
	m->tasks_max = (uint32_t)model_number(c, "tasks.max");
	m->tolerance = (enum tolerance)model_choice(c, "errors.tolerance", tolerances);
	m->log_errors = model_flag(c, "errors.log.enable");
	m->log_messages = model_flag(c, "errors.log.include.messages");
	m->batch_messages = (uint32_t)model_number(c, "batch.messages");
	m->batch_bytes = (uint64_t)model_number(c, "batch.bytes");
	m->batch_interval_ns = model_number(c, "batch.interval") * NS_PER_MS;
	m->throttle_per_second = model_number(c, "throttle.records.per.second");
	m->inflight_records = (uint32_t)model_number(c, "inflight.records");
	m->inflight_bytes = (uint64_t)model_number(c, "inflight.bytes");
	m->journal.sync = model_choice(c, "journal.sync", sync_modes);
	m->journal.sync_interval_ns = model_number(c, "journal.sync.interval") * NS_PER_MS;
	m->journal.segment_bytes = (uint64_t)model_number(c, "journal.segment.bytes");
	m->journal.soft_bytes = (uint64_t)model_number(c, "journal.soft.bytes");
	m->journal.hard_bytes = (uint64_t)model_number(c, "journal.hard.bytes");
	m->journal.retain_bytes = (uint64_t)model_number(c, "journal.retain.bytes");
	m->journal.on_full = model_choice(c, "journal.on.full", on_full);
}

/* The pipeline's own keys: all but those of its components. */
static outflow_config *make_own(struct making *mk)
{
	static const char *const components[] = { "source.", "sink.",       "deadletter.",
		                                  "filter.", "transforms.", "predicates." };
	const outflow_cfg_def *const schemas[] = { &pipeline_schema };
	struct pipeline_model *m = mk->model;
	struct instance_place where = {
		.pipeline = m->name, .prefix = "", .schemas = schemas, .n_schemas = 1, .file = m->file, .line = m->line
	};
	struct settings own = { 0 };
	outflow_config *c = NULL;

	for (size_t i = 0; i < m->settings.n && mk->status == OUTFLOW_OK; i++) {
		const struct setting *it = &m->settings.list[i];
		int elsewhere = 0;

		for (size_t k = 0; k < sizeof components / sizeof components[0]; k++)
			elsewhere |= strncmp(it->key, components[k], strlen(components[k])) == 0;
		if (!elsewhere)
			mk->status = settings_set(&own, it->key, it->value, it->file, it->line);
	}
	if (mk->status == OUTFLOW_OK)
		mk->status = instance_config_new(&where, &own, mk->problems, &c);
	settings_clear(&own);
	return c;
}

static void check_own_keys(struct making *mk)
{
	const struct pipeline_model *m = mk->model;

	if (m->journal.soft_bytes > m->journal.hard_bytes)
		making_complain(mk, "journal.soft.bytes", "is above journal.hard.bytes");
	/* What is dropped is whole segments, and neither the one being read nor the one being written. */
	if (m->journal.on_full == JOURNAL_FULL_DROP_OLDEST && m->journal.hard_bytes / 4 < m->journal.segment_bytes)
		making_complain(mk, "journal.on.full",
		                "drop_oldest drops segments as a whole: journal.segment.bytes must be at most a "
		                "quarter of journal.hard.bytes");
	if (m->log_messages && !m->log_errors)
		making_complain(mk, "errors.log.include.messages", "has no effect without errors.log.enable");
	if (settings_find(&m->settings, "batch.interval") != NULL && m->batch_messages == 0)
		making_complain(mk, "batch.interval", "has no effect without batch.messages");
	if (strlen(m->name) > 127)
		making_complain(mk, "name", "is longer than 127 characters");
	for (const char *c = m->name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			making_complain(mk, "name", "holds a control character");
}

static void make_version(struct pipeline_model *m)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < m->settings.n; i++) {
		const struct setting *it = &m->settings.list[i];

		/* With their ends, so that a byte moved from one text to the next counts. */
		sum = crc32c(sum, it->key, strlen(it->key) + 1);
		sum = crc32c(sum, it->value, strlen(it->value) + 1);
	}
	snprintf(m->version, sizeof m->version, "%08x", sum);
}

/* Who may create pipelines over the API is not thereby one who may have the daemon read files and load code: a client acts on
 * some properties when they are only checked. Returns 0: one is not allowed, and the rest is not looked at. */
static int may_set_clients(struct making *mk, const struct host_model *host)
{
	const struct settings *s = &mk->model->settings;
	int allowed = 1;

	for (size_t i = 0; i < s->n; i++) {
		const char *property = s->list[i].file == NULL ? connect_client_property(s->list[i].key) : NULL;
		outflow_error err = { .size = sizeof err };

		if (property == NULL || connect_client_check(&host->connect, property, &err) == OUTFLOW_OK)
			continue;
		making_complain(mk, s->list[i].key, err.msg);
		allowed = 0;
	}
	return allowed;
}

static void make(struct making *mk, const struct host_model *host)
{
	static const char *const deadletter_modes[] = { "full", "raw", NULL };
	static const char *const ends[] = { "source.", "sink.", "deadletter." };
	struct pipeline_model *m = mk->model;
	outflow_config *own;

	m->name = strdup(mk->declaration->name);
	m->file = mk->declaration->file;
	m->line = mk->declaration->line;
	if (m->name == NULL || settings_merge(&m->settings, "", &mk->declaration->settings, "", 1) != OUTFLOW_OK) {
		mk->status = OUTFLOW_E_NOMEM;
		return;
	}
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		making_merge_connection(mk, ends[i]);
	if (!mk->translated && !may_set_clients(mk, host))
		return;
	own = make_own(mk);
	if (own == NULL)
		return;
	take_own_keys(m, own);
	check_own_keys(mk);
	making_read_policies(mk, own);
	making_add_stages(mk, own, host->cluster);
	if (m->deadletter.config != NULL) {
		m->deadletter_topic = model_text(m->deadletter.config, "topic");
		m->deadletter_raw = model_choice(m->deadletter.config, "mode", deadletter_modes);
	}
	make_version(m);
	instance_config_free(&own);
}

static outflow_status make_native(const struct declaration *d, const struct declarations *connections,
                                  const struct host_model *host, const struct inventory *inv, struct problems *problems,
                                  int translated, struct pipeline_model **result)
{
	struct making mk = { .declaration = d,
		             .connections = connections,
		             .inventory = inv,
		             .problems = problems,
		             .translated = translated };
	size_t before = problems->reported;

	mk.model = calloc(1, sizeof *mk.model);
	if (mk.model == NULL)
		return OUTFLOW_E_NOMEM;
	mk.model->magic = MODEL_MAGIC;
	make(&mk, host);
	settings_clear(&mk.inherited);
	if (mk.status != OUTFLOW_OK || problems->reported > before)
		pipeline_model_free(&mk.model);
	*result = mk.model;
	return mk.status;
}

/* What is wrong with the translation is wrong with what it was made from. */
static void report_as_spelled(const struct problems *found, const struct connect_translation *t, struct problems *to)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct problem *it = &found->list[i];
		struct place where = { it->file, it->line, it->pipeline, it->key ? connect_spelled(t, it->key) : NULL };

		problems_add(to, &where, "%s", it->message ? it->message : "no memory");
	}
	to->out_of_memory |= found->out_of_memory;
}

/* A pipeline in Kafka Connect's spelling. */
static outflow_status make_translated(const struct declaration *d, const struct declarations *connections,
                                      const struct host_model *host, const struct inventory *inv,
                                      struct problems *problems, struct pipeline_model **result)
{
	struct connect_translation t;
	struct declaration native = *d;
	struct problems found = { 0 };
	size_t before = problems->reported;
	outflow_status status = connect_translate(d, host, inv, problems, &t);

	if (status != OUTFLOW_OK || t.class.component.what == NULL)
		return status;
	native.settings = t.native;
	status = make_native(&native, connections, host, inv, &found, 1, result);
	report_as_spelled(&found, &t, problems);
	if (problems->reported > before)
		pipeline_model_free(result);
	problems_clear(&found);
	connect_translation_clear(&t);
	return status;
}

outflow_status pipeline_model_new(const struct declaration *d, const struct declarations *connections,
                                  const struct host_model *host, const struct inventory *inv, struct problems *problems,
                                  struct pipeline_model **result)
{
	*result = NULL;
	return connect_is_spelling(&d->settings) ? make_translated(d, connections, host, inv, problems, result)
	                                         : make_native(d, connections, host, inv, problems, 0, result);
}

static void clear_stage(struct stage_model *s)
{
	free(s->name);
	instance_config_free(&s->config);
}

void pipeline_model_free(struct pipeline_model **pm)
{
	struct pipeline_model *m = *pm;

	*pm = NULL;
	if (m == NULL)
		return;
	CHECK_OBJ(m, MODEL_MAGIC);
	clear_stage(&m->source);
	clear_stage(&m->sink);
	clear_stage(&m->deadletter);
	for (size_t i = 0; i < m->n_stages; i++)
		clear_stage(&m->stages[i]);
	free(m->stages);
	for (size_t i = 0; i < m->n_predicates; i++)
		clear_stage(&m->predicates[i]);
	free(m->predicates);
	free(m->deadletter_topic);
	free(m->name);
	settings_clear(&m->settings);
	m->magic = 0;
	free(m);
}

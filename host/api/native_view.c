/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/native.h"

#include "host/config/nested.h"

/* The sums of all tasks. */
struct sums {
	struct account account;
	uint64_t retried;
	uint64_t lag_records;
	int64_t lag_bytes; /* -1: of no task */
	int64_t oldest_ms;
};

static void add(struct sums *sums, const struct task_snapshot *t)
{
	sums->account.received += t->account.received;
	sums->account.filtered += t->account.filtered;
	sums->account.delivered += t->account.delivered;
	sums->account.dead_lettered += t->account.dead_lettered;
	sums->account.dropped += t->account.dropped;
	sums->account.in_flight += t->account.in_flight;
	sums->retried += t->retried;
	sums->lag_records += t->lag_records;
	if (t->lag.unit == LAG_BYTES)
		sums->lag_bytes = (sums->lag_bytes > 0 ? sums->lag_bytes : 0) + (int64_t)t->lag.sum;
	if (t->oldest_ms > sums->oldest_ms)
		sums->oldest_ms = t->oldest_ms;
}

static json_t *sums_json(const struct sums *s)
{
	const struct account *a = &s->account;

	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:I}", "received", (json_int_t)a->received, "filtered",
		(json_int_t)a->filtered, "delivered", (json_int_t)a->delivered, "dead_lettered",
		(json_int_t)a->dead_lettered, "dropped", (json_int_t)a->dropped, "in_flight", (json_int_t)a->in_flight,
		"retried", (json_int_t)s->retried, "lag_records", (json_int_t)s->lag_records, "lag_bytes",
		s->lag_bytes >= 0 ? json_integer(s->lag_bytes) : json_null(), "delay_ms", (json_int_t)s->oldest_ms);
}

json_t *native_figures(struct api *api, const struct pipeline_snapshot *s)
{
	struct rate rate = rates_look(api->rates, s);
	struct sums sums = { .lag_bytes = -1 };
	json_t *o;

	for (size_t i = 0; i < s->n_tasks; i++)
		add(&sums, &s->tasks[i]);
	o = sums_json(&sums);
	if (o == NULL)
		return NULL;
	json_object_set_new(o, "tps", json_real(rate.delivered));
	json_object_set_new(o, "received_per_second", json_real(rate.received));
	json_object_set_new(o, "interval_ms", json_integer(rate.interval_ms));
	return o;
}

static json_t *declared_json(const struct pipeline_snapshot *s)
{
	if (!s->declared)
		return json_null();
	return json_pack("{s:o, s:i}", "file", native_text(s->file), "line", s->line);
}

json_t *native_summary(struct api *api, const struct pipeline_snapshot *s)
{
	return json_pack("{s:o, s:o, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", native_text(s->name),
	                 "description", native_text(settings_get(&s->settings, "description")), "state",
	                 pipeline_state_name(s->state), "reason", native_text(s->reason), "target",
	                 pipeline_target_name(s->target), "source", native_text(s->source_class), "sink",
	                 native_text(s->sink_class), "version", native_text(s->version), "declared", declared_json(s),
	                 "created", native_time(s->created_ms), "changed", native_time(s->changed_ms), "figures",
	                 native_figures(api, s));
}

/* By partition, in the source's unit; null: not known. */
static json_t *lag_json(const struct lag *lag)
{
	const char *unit = lag->unit == LAG_BYTES ? "bytes" : "records";
	json_t *list = lag->unit != LAG_UNKNOWN ? json_array() : json_null();

	for (size_t i = 0; i < lag->n; i++) {
		json_t *partition = json_loads(lag->list[i].partition, JSON_DECODE_ANY, NULL);

		if (partition == NULL)
			partition = json_string(lag->list[i].partition);
		json_array_append_new(
			list, json_pack("{s:o, s:I}", "partition", partition, unit, (json_int_t)lag->list[i].behind));
	}
	return list;
}

static json_t *task_json(const struct task_snapshot *t)
{
	struct sums sums = { .lag_bytes = -1 };

	add(&sums, t);
	return json_pack("{s:I, s:s, s:o, s:b, s:I, s:o, s:o, s:o, s:o}", "task", (json_int_t)t->number, "state",
	                 task_state_name(t->state), "reason", native_text(t->reason), "retired", t->retired, "restarts",
	                 (json_int_t)t->restarts, "next_try_ms",
	                 t->next_try_ms >= 0 ? json_integer(t->next_try_ms) : json_null(), "started",
	                 native_time(t->started_ms), "figures", sums_json(&sums), "lag", lag_json(&t->lag));
}

static json_t *flat_json(const struct settings *s)
{
	json_t *o = json_object();

	for (size_t i = 0; i < s->n && o != NULL; i++)
		json_object_set_new(o, s->list[i].key, json_string(s->list[i].value));
	return o;
}

json_t *native_settings(struct api *api, enum mask_of what, const struct settings *s, json_t **nested)
{
	struct settings shown = { 0 };
	json_t *flat = NULL;

	if (mask_settings(api->host, api->environment->inventory, what, s, &shown) == OUTFLOW_OK) {
		flat = flat_json(&shown);
		if (nested != NULL)
			*nested = nested_from_settings(&shown);
	}
	settings_clear(&shown);
	return flat;
}

json_t *native_detail(struct api *api, const struct pipeline_snapshot *s)
{
	json_t *o = native_summary(api, s), *tasks = json_array(), *nested = NULL;

	for (size_t i = 0; i < s->n_tasks; i++)
		json_array_append_new(tasks, task_json(&s->tasks[i]));
	if (json_object_set_new(o, "tasks", tasks) != 0 ||
	    json_object_set_new(o, "config", native_settings(api, MASK_PIPELINE, &s->settings, &nested)) != 0 ||
	    json_object_set_new(o, "pipeline", nested) != 0) {
		json_decref(o);
		return NULL;
	}
	return o;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/trial_json.h"

#include "host/config/json_value.h"
#include "host/pipeline/explanation.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

json_t *trial_record_json(const outflow_record *r)
{
	json_t *headers = json_array();

	for (uint32_t i = 0; i < r->n_headers; i++)
		json_array_append_new(headers,
		                      json_pack("[o, o]", json_value_bytes(outflow_text_bytes(r->headers[i].name)),
		                                json_value_bytes(r->headers[i].value)));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "topic", json_value_bytes(outflow_text_bytes(r->topic)),
	                 "key", json_value_bytes(r->key), "value", json_value_bytes(r->value), "headers", headers,
	                 "partition", r->partition >= 0 ? json_integer(r->partition) : json_null(), "timestamp",
	                 r->timestamp_ms >= 0 ? json_integer(r->timestamp_ms) : json_null());
}

/* ---- stages ---- */

/* Why an input was not let through; NULL: the stage does not say, or it was. It holds JSON of the message as it stands there:
 * numbers may be larger than jansson's. */
static json_t *explanation(struct trial *t, struct instance *stage, const outflow_record *in)
{
	outflow_error err = { .size = sizeof err };
	outflow_bytes text;
	char *reason;
	json_t *o;

	if (trial_explain(t, stage, in, &text, &err) != OUTFLOW_OK)
		return NULL;
	reason = explanation_reason((outflow_str){ text.ptr, text.len });
	if (reason == NULL)
		return NULL;
	free(reason);
	o = json_loadb(text.ptr, text.len, 0, NULL);
	return o ? o : json_value_bytes(text);
}

json_t *trial_stage_json(struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                         const outflow_record *out, uint32_t n_out)
{
	json_t *inputs = json_array(), *outputs = json_array(), *reasons = json_array();
	char class[200];
	json_t *o;

	snprintf(class, sizeof class, "%.80s/%.80s", stage->component.module->plugin->id, stage->component.what->name);
	for (uint32_t i = 0; i < n; i++) {
		json_t *input = trial_record_json(&in[i]);
		json_t *reason = n_out < n ? explanation(t, stage, &in[i]) : NULL;

		if (reason != NULL)
			json_array_append_new(reasons, reason);
		if (stage->predicate != NULL)
			json_object_set_new(input, "chosen", json_boolean(trial_chooses(t, stage, &in[i]) == 1));
		json_array_append_new(inputs, input);
	}
	for (uint32_t i = 0; i < n_out; i++)
		json_array_append_new(outputs, trial_record_json(&out[i]));
	o = json_pack("{s:s, s:s, s:o, s:o, s:o}", "stage", stage->model->name, "component", class, "inputs", inputs,
	              "outputs", outputs, "explanations", reasons);
	if (stage->predicate != NULL)
		json_object_set_new(o, "predicate", json_string(stage->predicate->model->name));
	return o;
}

/* ---- outcomes ---- */

const char *trial_outcome_name(const struct trial_outcome *o)
{
	if (o->postponed)
		return "postponed";
	if (o->unknown)
		return "unknown";
	if (o->n_failures > 0)
		return "rejected";
	return o->n_outputs > 0 ? "output" : "filtered";
}

static json_t *list_changes(const outflow_record *r, const outflow_record *input)
{
	static const struct {
		unsigned part;
		const char *name;
	} parts[] = { { CHANGED_TOPIC, "topic" },         { CHANGED_KEY, "key" },
		      { CHANGED_VALUE, "value" },         { CHANGED_HEADERS, "headers" },
		      { CHANGED_PARTITION, "partition" }, { CHANGED_TIMESTAMP, "timestamp" } };
	unsigned changes = trial_changes(r, input);
	json_t *changed = json_array();

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		if (changes & parts[i].part)
			json_array_append_new(changed, json_string(parts[i].name));
	return changed;
}

static json_t *failure_json(const struct trial_failure *f)
{
	json_t *o = json_pack("{s:s, s:o}", "stage", f->stage, "reason", json_value_sentence(f->reason.msg));

	if (f->dead_letter != NULL)
		json_object_set_new(o, "dead_letter", trial_record_json(f->dead_letter));
	return o;
}

json_t *trial_outcome_json(const struct trial_outcome *o, const outflow_record *input)
{
	json_t *outputs = json_array(), *failures = json_array();

	for (uint32_t i = 0; i < o->n_outputs; i++) {
		json_t *r = trial_record_json(&o->outputs[i]);

		json_object_set_new(r, "changed", list_changes(&o->outputs[i], input));
		json_array_append_new(outputs, r);
	}
	for (size_t i = 0; i < o->n_failures; i++)
		json_array_append_new(failures, failure_json(&o->failures[i]));
	return json_pack("{s:s, s:o, s:o}", "result", trial_outcome_name(o), "outputs", outputs, "failures", failures);
}

json_t *trial_json(const struct pipeline_model *m, const struct trial_outcome *o, const outflow_record *input,
                   json_t *stages)
{
	json_t *answer = trial_outcome_json(o, input);

	json_object_set_new(answer, "pipeline", json_string(m->name));
	json_object_set_new(answer, "source", trial_record_json(input));
	json_object_set(answer, "stages", stages);
	json_object_set_new(answer, "stopped", json_boolean(o->stopped));
	return answer;
}

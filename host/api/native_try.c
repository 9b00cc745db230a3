/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/try: what a pipeline would make of sample messages, stage by stage. Nothing is connected to, nothing is delivered. */
#include "host/api/messages.h"
#include "host/api/trial_json.h"
#include "host/base/clock.h"
#include "host/config/json_value.h"
#include "host/config/nested.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

/* What the records in an answer may have together, each with what its JSON costs in memory beside its bytes. */
#define RECORDS_MAX ((size_t)8 << 20)
#define RECORD_COST 1024u
#define HEADER_COST 256u
#define DEFAULT_NAME "try"

/* Everything that the thread of a trial needs. */
struct attempt {
	struct errand *errand;
	struct environment environment;
	struct pipeline_model *model;
	struct messages messages;
	int64_t deadline_ns;
	json_t *results;
	struct native_fault fault; /* status 0: none */
	json_t *stages;            /* of the message at work */
	size_t length;             /* of all records so far */
};

static void forget(void *ctx)
{
	struct attempt *a = ctx;

	json_decref(a->results);
	json_decref(a->stages);
	messages_clear(&a->messages);
	pipeline_model_free(&a->model);
	free(a);
}

/* ---- on the thread ---- */

static size_t length_of(const outflow_record *r)
{
	size_t length = RECORD_COST + r->topic.len + r->key.len + r->value.len;

	for (uint32_t i = 0; i < r->n_headers; i++)
		length += HEADER_COST + r->headers[i].name.len + r->headers[i].value.len;
	return length;
}

static void on_stage(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                     const outflow_record *out, uint32_t n_out)
{
	struct attempt *a = ctx;

	for (uint32_t i = 0; i < n; i++)
		a->length += length_of(&in[i]);
	for (uint32_t i = 0; i < n_out; i++)
		a->length += length_of(&out[i]);
	if (a->length <= RECORDS_MAX)
		json_array_append_new(a->stages, trial_stage_json(t, stage, in, n, out, n_out));
}

/* The last records were counted as outputs of the last stage, if there is one. */
static int is_too_long(struct attempt *a, const struct trial_outcome *o, size_t i)
{
	for (uint32_t k = 0; k < o->n_outputs; k++)
		a->length += length_of(&o->outputs[k]);
	for (size_t k = 0; k < o->n_failures; k++)
		a->length += o->failures[k].dead_letter ? length_of(o->failures[k].dead_letter) : 0;
	if (a->length <= RECORDS_MAX)
		return 0;
	a->fault.status = 422;
	native_fault(&a->fault, "", NULL,
	             "what the stages make of the first %zu messages has more than %zu MiB: try fewer or smaller ones",
	             i + 1, RECORDS_MAX >> 20);
	return 1;
}

/* A pipeline that would fail, as a task fails: nothing is known of the messages behind. */
static json_t *failed_json(struct attempt *a, const outflow_record *input, const outflow_error *err)
{
	return json_pack("{s:s, s:o, s:s, s:o, s:O}", "result", "failed", "reason", json_value_sentence(err->msg),
	                 "pipeline", a->model->name, "source", trial_record_json(input), "stages", a->stages);
}

/* Returns 0: that was the last one. */
static int try_one(struct attempt *a, struct trial *t, size_t i)
{
	outflow_error err = { .size = sizeof err };
	const struct trial_outcome *outcome;
	outflow_record input;
	outflow_status status;

	if (message_record(&a->messages.list[i], &a->model->source, &input) != OUTFLOW_OK) {
		a->fault.status = 500;
		native_fault(&a->fault, "", NULL, "no memory");
		return 0;
	}
	json_decref(a->stages);
	a->stages = json_array();
	status = trial_run(t, &input, &outcome, &err);
	if (is_too_long(a, outcome, i))
		return 0;
	json_array_append_new(a->results, status == OUTFLOW_OK ? trial_json(a->model, outcome, &input, a->stages)
	                                                       : failed_json(a, &input, &err));
	return status == OUTFLOW_OK;
}

/* What a reference leads to is not shown as a topic either. */
static int has_reference(const struct pipeline_model *m)
{
	static const char *const keys[] = { "source.topics",      "source.topics.value", "source.topic",
		                            "source.topic.value", "source.path",         "source.path.value" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = settings_get(&m->settings, keys[i]);

		if (value != NULL && strstr(value, "${") != NULL)
			return 1;
	}
	return 0;
}

static int give_topics(struct attempt *a)
{
	outflow_error err = { .size = sizeof err };

	for (size_t i = 0; i < a->messages.n; i++) {
		struct message *m = &a->messages.list[i];
		char pointer[40];

		if (m->topic == NULL && has_reference(a->model))
			outflow_fail(&err, OUTFLOW_E_CONFIG,
			             "on which topic did the message come? That of the source is "
			             "hidden behind a reference");
		else if (message_default_topic(m, &a->model->source, &err) == OUTFLOW_OK)
			continue;
		snprintf(pointer, sizeof pointer, a->messages.is_single ? "/message" : "/messages/%zu", i);
		a->fault.status = 400;
		return native_fault(&a->fault, pointer, "topic", "is required: %s", err.msg);
	}
	return 0;
}

static void attempt_all(void *ctx)
{
	struct attempt *a = ctx;
	outflow_error err = { .size = sizeof err };
	struct trial t = { .model = NULL };

	if (give_topics(a) != 0)
		return;
	if (trial_open(&t, a->environment.host, a->environment.inventory, a->model, TRIAL_FOR_CLIENT, &err) !=
	    OUTFLOW_OK) {
		a->fault.status = 400;
		native_fault(&a->fault, "/pipeline", NULL, "its stages cannot be made: %s", err.msg);
	} else {
		t.on_stage = on_stage;
		t.ctx = a;
		for (size_t i = 0; i < a->messages.n && clock_mono_ns() < a->deadline_ns && try_one(a, &t, i); i++)
			;
	}
	trial_close(&t);
}

/* ---- what is asked for ---- */

/* The settings of a pipeline that there is. 0, or -1: r says why not. */
static int look_up(struct api *api, const char *name, struct settings *settings, struct response *r)
{
	struct pipeline_snapshot *s;
	enum fleet_answer answer = fleet_look(api->fleet, name, &s);
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	if (answer != FLEET_OK) {
		outflow_fail(&err, OUTFLOW_E_CONFIG,
		             answer == FLEET_UNKNOWN ? "there is no pipeline '%.200s'" : "no memory for '%.200s'",
		             name);
		native_fail(r, answer, &err, NULL, NULL);
		return -1;
	}
	status = settings_merge(settings, "", &s->settings, "", 1);
	pipeline_snapshot_free(&s);
	if (status != OUTFLOW_OK)
		native_refuse(r, 500, "no memory", NULL, NULL);
	return status == OUTFLOW_OK ? 0 : -1;
}

/* A pipeline of the request's own. 0, or -1: r says why not. */
static int read_own(const json_t *pipeline, struct settings *settings, struct problems *problems, struct response *r)
{
	const json_t *config = json_object_get(pipeline, "config");
	outflow_status status = nested_flatten(json_is_object(config) ? config : pipeline, settings, problems);

	if (status == OUTFLOW_OK && settings_get(settings, "name") == NULL)
		status = settings_set(settings, "name", DEFAULT_NAME, NULL, 0);
	if (status != OUTFLOW_OK)
		native_refuse(r, 500, "no memory", NULL, NULL);
	else if (problems->reported > 0)
		native_refuse_below(r, 400, "the pipeline cannot be understood", problems, pipeline, "/pipeline");
	return status == OUTFLOW_OK && problems->reported == 0 ? 0 : -1;
}

/* The model of the pipeline that is named or described. NULL: r says why not. */
static struct pipeline_model *make_model(struct api *api, const struct request *q, const json_t *pipeline,
                                         struct response *r)
{
	outflow_error err = { .size = sizeof err };
	struct settings settings = { 0 };
	struct problems problems = { 0 };
	struct pipeline_model *model = NULL;
	const char *name = json_string_value(pipeline);
	int known = name ? look_up(api, name, &settings, r) : read_own(pipeline, &settings, &problems, r);

	if (known == 0) {
		enum fleet_answer answer =
			fleet_model_for_trial(api->fleet, name ? name : settings_get(&settings, "name"), &settings,
		                              request_time_left_ns(q), &model, &problems, &err);

		if (answer == FLEET_INVALID)
			native_refuse_below(r, 400, err.msg, &problems, name ? NULL : pipeline, "/pipeline");
		else if (answer != FLEET_OK)
			native_fail(r, answer, &err, &problems, NULL);
	}
	settings_clear(&settings);
	problems_clear(&problems);
	return model;
}

static int read_request(const struct request *q, json_t *body, struct messages *messages, struct native_fault *fault)
{
	static const char *const members[] = { "pipeline", MESSAGES_MEMBERS, NULL };
	const json_t *pipeline = json_object_get(body, "pipeline");
	outflow_error err = { .size = sizeof err };
	outflow_json *tape = NULL;
	int result;

	if (messages_check_members(body, "", members, fault) != 0)
		return -1;
	if (!json_is_string(pipeline) && !json_is_object(pipeline))
		return native_fault(fault, "", "pipeline",
		                    "is required: the name of one, or one as POST /v1/pipelines takes it");
	if (json_is_object(pipeline) && q->read_only) {
		fault->status = 403;
		return native_fault(
			fault, "", "pipeline",
			"is the name of one: %.100s may look, and one of its own could read files of this machine",
			q->user ? q->user : "this user");
	}
	if (outflow_json_parse((outflow_str){ q->body, q->body_length }, &tape, &err) != OUTFLOW_OK)
		return native_fault(fault, "", NULL, "the body is not JSON: %s", err.msg);
	result = messages_read(body, tape, 0, messages, fault);
	outflow_json_free(&tape);
	return result;
}

static struct attempt *attempt_new(struct api *api, const struct request *q, struct pipeline_model *model,
                                   struct messages *messages)
{
	struct attempt *a = calloc(1, sizeof *a);

	if (a == NULL || (a->errand = errand_new(attempt_all, forget, a)) == NULL) {
		free(a);
		return NULL;
	}
	/* What becomes of a message is the answer's to say, not the log's. */
	model->log_errors = 0;
	a->environment = *api->environment;
	a->model = model;
	a->messages = *messages;
	a->deadline_ns = q->deadline_ns;
	a->results = json_array();
	return a;
}

static void run(struct api *api, const struct request *q, struct response *r, struct pipeline_model *model,
                struct messages *messages)
{
	struct attempt *a = attempt_new(api, q, model, messages);
	struct errand *e;

	if (a == NULL) {
		pipeline_model_free(&model);
		messages_clear(messages);
		native_refuse(r, 500, "no memory", NULL, NULL);
		return;
	}
	e = a->errand;
	if (native_wait(e, q, r, "the trial") == 0) {
		if (a->fault.status != 0)
			native_refuse_fault(r, &a->fault);
		else
			response_json(r, 200,
			              json_pack("{s:s, s:O}", "pipeline", a->model->name, "results", a->results));
	}
	errand_free(&e);
}

static void try_it(struct api *api, const struct request *q, struct response *r)
{
	struct native_fault fault = { .status = 0 };
	struct messages messages = { .body = NULL };
	json_t *body = native_body(q, r);
	struct pipeline_model *model = NULL;

	if (body == NULL)
		return;
	if (read_request(q, body, &messages, &fault) != 0)
		native_refuse_fault(r, &fault);
	else
		model = make_model(api, q, json_object_get(body, "pipeline"), r);
	json_decref(body);
	if (model != NULL)
		run(api, q, r, model, &messages);
	else
		messages_clear(&messages);
}

const struct route native_try_routes[] = {
	{ "POST", "/v1/try", ACCESS_READ, .handle = try_it },
	{ 0 },
};

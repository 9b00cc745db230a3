/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/test.h"

#include "host/cli/message_options.h"
#include "host/pipeline/trial_ends.h"
#include "host/config/schema.h"
#include "host/pipeline/explanation.h"

#include <outflow/util.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void test_findings_add(struct test_findings *f, const char *format, ...)
{
	char **list = realloc(f->list, (f->n + 1) * sizeof *list);
	char text[1000];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (list != NULL)
		f->list = list;
	if (list == NULL || (list[f->n] = strdup(text)) == NULL)
		f->no_memory = 1;
	else
		f->n++;
}

void test_findings_clear(struct test_findings *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->list[i]);
	free(f->list);
	*f = (struct test_findings){ .n = 0 };
}

/* One case at work. */
struct running {
	const struct test_case *test;
	struct trial trial;
	struct test_findings *findings;
	size_t n_records, n_rejections; /* that came out so far */
	char *filtered_by;              /* the last stage that let something not through, and why */
};

/* ---- the message ---- */

/* -1: a finding says why. */
static int read_message(struct running *r, const outflow_config *c, struct message *m)
{
	outflow_error err = { .size = sizeof err };
	outflow_str text = { NULL, 0 }, name;
	int is_event = instance_config_api.str(c, "event", &text) == OUTFLOW_OK;
	outflow_status status = test_text(r->test, c, is_event ? "event" : "payload", &m->payload, &err);

	m->has_payload = 1;
	m->is_event = is_event;
	if (instance_config_api.str(c, "topic", &text) == OUTFLOW_OK)
		m->topic = text.ptr;
	if (instance_config_api.str(c, "key", &text) == OUTFLOW_OK)
		m->key = text.ptr;
	if (status == OUTFLOW_OK && instance_config_api.str(c, "timestamp", &text) == OUTFLOW_OK &&
	    message_options_take(m, OPTION_TIMESTAMP, text.ptr, &err) < 0)
		status = OUTFLOW_E_CONFIG;
	for (size_t i = 0; status == OUTFLOW_OK && i < instance_config_api.prefix(c, "headers.", i, &name, &text); i++)
		status = message_add_header(m, name, text);
	if (status == OUTFLOW_OK)
		status = message_default_topic(m, &r->test->model->source, &err);
	if (status != OUTFLOW_OK)
		test_findings_add(r->findings, "%s", err.msg[0] ? err.msg : "no memory for the message");
	return status == OUTFLOW_OK ? 0 : -1;
}

/* ---- what comes out ---- */

/* Number i of the expected records (rejections 0) or of the expected rejections (1); NULL: there are not so many. */
static const outflow_config *expected(const struct test_case *t, int rejections, size_t i)
{
	for (size_t k = 0; k < t->n_expected; k++) {
		outflow_str text;
		int is_rejection = instance_config_api.str(t->expected[k], "rejected", &text) == OUTFLOW_OK;

		if (is_rejection == rejections && i-- == 0)
			return t->expected[k];
	}
	return NULL;
}

static void check_rejection(struct running *r, const struct trial_failure *f)
{
	const outflow_config *c = expected(r->test, 1, r->n_rejections++);
	outflow_str reason, stage;

	if (c == NULL) {
		test_findings_add(r->findings, "%s: rejected: %s", f->stage, f->reason.msg);
		return;
	}
	if (instance_config_api.str(c, "rejected", &reason) == OUTFLOW_OK && strstr(f->reason.msg, reason.ptr) == NULL)
		test_findings_add(r->findings, "rejected, but not for '%.200s': %s", reason.ptr, f->reason.msg);
	if (instance_config_api.str(c, "stage", &stage) == OUTFLOW_OK && !outflow_equal(stage, f->stage))
		test_findings_add(r->findings, "rejected by %s, not by %.100s", f->stage, stage.ptr);
}

static void check_record(struct running *r, const outflow_record *record)
{
	size_t number = ++r->n_records;
	const outflow_config *c = expected(r->test, 0, number - 1);
	int shown = record->value.len > 200 ? 200 : (int)record->value.len;

	if (c != NULL)
		test_compare(r->test, c, record, number, r->findings);
	else
		test_findings_add(r->findings, "one more record came out, with the value %.*s", shown,
		                  record->value.ptr ? (const char *)record->value.ptr : "");
}

static void check_end(struct running *r)
{
	size_t n_records = 0, n_rejections = 0;

	while (expected(r->test, 0, n_records) != NULL)
		n_records++;
	while (expected(r->test, 1, n_rejections) != NULL)
		n_rejections++;
	if (r->n_records < n_records)
		test_findings_add(r->findings, "%zu of %zu records came out%s%s", r->n_records, n_records,
		                  r->filtered_by ? "; " : "", r->filtered_by ? r->filtered_by : "");
	if (r->n_rejections < n_rejections)
		test_findings_add(r->findings, "%zu of %zu were rejected%s%s", r->n_rejections, n_rejections,
		                  r->filtered_by ? "; " : "", r->filtered_by ? r->filtered_by : "");
}

/* Remembers who let an input not through, for the sentence that says so. */
static void on_stage(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                     const outflow_record *out, uint32_t n_out)
{
	struct running *r = ctx;
	char *reason = NULL;

	(void)out;
	for (uint32_t i = 0; n_out < n && i < n && reason == NULL; i++) {
		outflow_error err = { .size = sizeof err };
		outflow_bytes json;

		if (trial_explain(t, stage, &in[i], &json, &err) == OUTFLOW_OK)
			reason = explanation_reason((outflow_str){ json.ptr, json.len });
	}
	if (n_out < n) {
		free(r->filtered_by);
		if (asprintf(&r->filtered_by, "filtered by %s%s%s", stage->model->name, reason ? ": " : "",
		             reason ? reason : "") < 0)
			r->filtered_by = NULL;
	}
	free(reason);
}

static void run_one(struct running *r, const outflow_config *c, uint64_t position)
{
	struct message m = { .timestamp_ms = -1, .position = position };
	outflow_error err = { .size = sizeof err };
	const struct trial_outcome *o;
	outflow_record input;

	if (read_message(r, c, &m) != 0) {
		message_clear(&m);
		return;
	}
	if (message_record(&m, &r->test->model->source, &input) != OUTFLOW_OK) {
		test_findings_add(r->findings, "no memory for the message");
	} else if (trial_run(&r->trial, &input, &o, &err) != OUTFLOW_OK) {
		test_findings_add(r->findings, "the pipeline would fail: %s", err.msg);
	} else {
		for (uint32_t i = 0; i < o->n_outputs; i++)
			check_record(r, &o->outputs[i]);
		for (size_t i = 0; i < o->n_failures; i++)
			check_rejection(r, &o->failures[i]);
	}
	message_clear(&m);
}

void test_case_run(const struct test_case *t, const struct configuration *c, struct test_findings *findings)
{
	struct running r = { .test = t, .findings = findings };
	outflow_error err = { .size = sizeof err };

	if (trial_open(&r.trial, &c->host, c->inventory, t->model, TRIAL_FOR_USER, &err) != OUTFLOW_OK) {
		test_findings_add(findings, "%s", err.msg);
	} else {
		r.trial.on_stage = on_stage;
		r.trial.ctx = &r;
		for (size_t i = 0; i < t->n_inputs; i++)
			run_one(&r, t->inputs[i], i);
		if (t->n_inputs == 0)
			run_one(&r, t->own, 0);
		check_end(&r);
	}
	trial_close(&r.trial);
	free(r.filtered_by);
}

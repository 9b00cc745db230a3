/* SPDX-License-Identifier: Apache-2.0 */
/* Many transforms and messages in one process, for tests: one JSON object a line. */
#include "host/cli/transform.h"

#include "host/api/trial_json.h"
#include "host/base/log.h"
#include "host/cli/batch.h"
#include "host/cli/envelope.h"
#include "host/cli/message_options.h"
#include "host/config/json_value.h"

#include <outflow/util.h>

static const char *const members[] = {
	"name", "config", "event", "payload", "topic", "key", "format", "headers", NULL
};

struct answering {
	struct configuration *configuration;
	const char *format;
};

static outflow_status read_keys(struct configuration *c, const json_t *request, struct transform_keys *k,
                                outflow_error *err)
{
	const char *config = json_string_value(json_object_get(request, "config"));
	const char *format = json_string_value(json_object_get(request, "format"));

	if (format != NULL && !message_format_is_known(format))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'format' is json, text or binary");
	if (format != NULL)
		k->format = format;
	if (config == NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the line has no 'config'");
	if (strlen(config) != json_string_length(json_object_get(request, "config")))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'config' holds a NUL byte");
	if (transform_keys_parse(k, "config", config, &c->problems) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a configuration");
	return OUTFLOW_OK;
}

/* All problems in one sentence. */
static outflow_status fail_with_problems(const struct problems *p, outflow_error *err)
{
	size_t n = 0;

	err->msg[0] = '\0';
	for (size_t i = 0; i < p->n && n < sizeof err->msg; i++)
		n += (size_t)snprintf(err->msg + n, sizeof err->msg - n, "%s%s%s%s", i > 0 ? "; " : "",
		                      p->list[i].key ? p->list[i].key : "", p->list[i].key ? ": " : "",
		                      p->list[i].message ? p->list[i].message : "no memory");
	return OUTFLOW_E_CONFIG;
}

static json_t *run(struct configuration *c, const struct pipeline_model *m, struct message *message, outflow_error *err)
{
	const struct trial_outcome *outcome;
	struct trial t;
	outflow_record input;
	json_t *a = NULL;
	outflow_status status = trial_open(&t, &c->host, c->inventory, m, TRIAL_FOR_USER, err);

	if (status == OUTFLOW_OK && message_record(message, NULL, &input) != OUTFLOW_OK)
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a message");
	if (status == OUTFLOW_OK)
		status = trial_run(&t, &input, &outcome, err);
	if (status == OUTFLOW_OK)
		a = trial_outcome_json(outcome, &input);
	trial_close(&t);
	return a;
}

static json_t *answer(void *ctx, const json_t *request, struct message *message)
{
	struct answering *answering = ctx;
	struct configuration *c = answering->configuration;
	struct transform_keys k = { .format = answering->format };
	outflow_error err = { .size = sizeof err };
	struct pipeline_model *m = NULL;
	json_t *a = NULL;

	if (batch_check(request, members, &err) == 0 && batch_read_message(request, message, &err) == 0 &&
	    read_keys(c, request, &k, &err) == OUTFLOW_OK) {
		if (c->problems.reported == 0)
			m = transform_pipeline(c, &k);
		if (m == NULL)
			fail_with_problems(&c->problems, &err);
		else
			a = run(c, m, message, &err);
	}
	pipeline_model_free(&m);
	settings_clear(&k.settings);
	problems_clear(&c->problems);
	return a ? a : json_pack("{s:s, s:o}", "result", "error", "reason", json_value_sentence(err.msg));
}

int transform_batch(struct configuration *c, const struct message *base, const char *format)
{
	struct answering a = { c, format };

	log_set_level(OUTFLOW_LOG_ERROR);
	return batch_run(base, answer, &a);
}

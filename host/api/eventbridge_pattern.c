/* SPDX-License-Identifier: Apache-2.0 */
/* TestEventPattern: the filter of pipelines says whether an event fits a pattern, on a thread that may hang. */
#include "host/api/eventbridge.h"
#include "host/api/eventbridge_table.h"
#include "host/pipeline/errand.h"
#include "host/pipeline/pattern_trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct test {
	struct pattern_setting setting;
	struct text pattern;
	struct message event;
	enum pattern_verdict verdict;
	const char *field; /* that is refused; NULL: none can be named */
	outflow_error err;
};

static void forget(void *ctx)
{
	struct test *t = ctx;

	text_clear(&t->pattern);
	message_clear(&t->event);
	free(t);
}

static void work(void *ctx)
{
	struct test *t = ctx;
	struct pattern_trial p = { .model = NULL };

	t->verdict = PATTERN_REFUSED;
	if (pattern_trial_open(&p, &t->setting, &t->err) != OUTFLOW_OK) {
		t->field = NULL;
	} else if (pattern_trial_use(&p, &t->pattern, STREAM_DIALECT, &t->err) != OUTFLOW_OK) {
		t->field = "EventPattern";
	} else {
		t->field = "Event";
		t->verdict = pattern_trial_ask(&p, &t->event, &t->err);
	}
	pattern_trial_close(&p);
}

static int copy(struct text *to, const char *text)
{
	to->ptr = strdup(text);
	to->n = strlen(text);
	to->room = to->n + 1;
	return to->ptr != NULL ? 0 : -1;
}

/* What an errand is about; its own from then on. NULL: no memory. */
static struct errand *make_test(const struct api *api, const char *pattern, const char *event, struct test **result)
{
	struct test *t = calloc(1, sizeof *t);
	struct errand *e = NULL;

	if (t == NULL)
		return NULL;
	t->setting = (struct pattern_setting){ api->host, api->environment->inventory, NULL, TRIAL_FOR_CLIENT };
	t->event = (struct message){ .has_payload = 1, .is_event = 1, .timestamp_ms = -1 };
	t->err = (outflow_error){ .size = sizeof t->err };
	if (copy(&t->pattern, pattern) == 0 && copy(&t->event.payload, event) == 0)
		e = errand_new(work, forget, t);
	*result = t;
	if (e == NULL)
		forget(t);
	return e;
}

static void answer(struct call *c, const struct test *t)
{
	if (t->verdict != PATTERN_REFUSED)
		call_succeed(c, json_pack("{s:b}", "Result", t->verdict == PATTERN_MATCH));
	else if (t->field != NULL)
		call_refuse(c, 400, "InvalidParameter", "%s: %s", t->field, t->err.msg);
	else
		call_refuse(c, 500, "InternalError", "%s", t->err.msg);
}

static void run(struct call *c, struct errand *e, const struct test *t)
{
	int rc = errands_abandoned() < ERRANDS_ABANDONED_MAX ? errand_run(e, request_time_left_ns(c->q)) : EAGAIN;

	if (rc == 0)
		answer(c, t);
	else
		call_refuse(c, rc == ETIMEDOUT ? 504 : 503, "ServiceUnavailable", "%s",
		            rc == ETIMEDOUT ? "The filter did not come back in time."
		                            : "There is no thread for the filter.");
}

static void test_pattern(struct call *c)
{
	const char *pattern = call_text(c, "EventPattern"), *event = call_text(c, "Event");
	struct errand *e;
	struct test *t;

	if (pattern == NULL || event == NULL) {
		call_refuse(c, 400, "MissingParameter", "%s: is required.", pattern ? "Event" : "EventPattern");
		return;
	}
	e = make_test(c->api, pattern, event, &t);
	if (e != NULL)
		run(c, e, t);
	else
		call_refuse(c, 500, "InternalError", "No memory.");
	errand_free(&e);
}

static const char *const of_test[] = { "Event", "EventPattern", NULL };

const struct action eventbridge_pattern_actions[] = {
	{ "TestEventPattern", 0, test_pattern, of_test },
	{ 0 },
};

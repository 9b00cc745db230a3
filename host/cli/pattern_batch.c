/* SPDX-License-Identifier: Apache-2.0 */
/* Many patterns and events in one process, for tests: one JSON object a line, in constant memory. */
#include "host/cli/pattern.h"

#include "host/cli/batch.h"
#include "host/cli/envelope.h"
#include "host/config/json_value.h"
#include "host/pipeline/explanation.h"

#include <outflow/util.h>

#include <stdlib.h>

/* What one line asks for; all of it is the request's. */
struct question {
	const char *dialect;
	struct text pattern;
};

static const char *const members[] = {
	"name", "dialect", "pattern", "event", "payload", "topic", "key", "headers", NULL
};

static int read_question(const json_t *request, struct question *q, struct message *m, outflow_error *err)
{
	const json_t *pattern = json_object_get(request, "pattern");

	if (batch_check(request, members, err) != 0 || batch_read_message(request, m, err) != 0)
		return -1;
	if (pattern == NULL) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "the line has no 'pattern'");
		return -1;
	}
	q->pattern =
		(struct text){ .ptr = (char *)(uintptr_t)json_string_value(pattern), .n = json_string_length(pattern) };
	q->dialect = json_string_value(json_object_get(request, "dialect"));
	return 0;
}

static json_t *answer(struct pattern_trial *p, const json_t *request, struct message *m, const char *dialect)
{
	static const char *const names[] = { "match", "no-match", "error" };
	outflow_error err = { .size = sizeof err };
	struct question q;
	enum pattern_verdict verdict = PATTERN_REFUSED;
	char *reason = NULL;
	json_t *a;

	if (read_question(request, &q, m, &err) == 0 &&
	    pattern_trial_use(p, &q.pattern, q.dialect ? q.dialect : dialect, &err) == OUTFLOW_OK)
		verdict = pattern_trial_ask(p, m, &err);
	a = json_pack("{s:s}", "result", names[verdict]);
	if (verdict == PATTERN_NO_MATCH && p->explanation != NULL)
		reason = explanation_reason(outflow_text(p->explanation));
	if (verdict == PATTERN_REFUSED || reason != NULL)
		json_object_set_new(a, "reason", json_value_sentence(reason ? reason : err.msg));
	free(reason);
	return a;
}

struct answering {
	struct pattern_trial *trial;
	const char *dialect;
};

static json_t *on_line(void *ctx, const json_t *request, struct message *m)
{
	struct answering *a = ctx;

	return answer(a->trial, request, m, a->dialect);
}

int pattern_batch(struct pattern_trial *p, const struct pattern_options *o)
{
	struct answering a = { p, o->dialect };

	p->wants_explanation = 1;
	return batch_run(&o->message, on_line, &a);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/pattern/test: does an event fit a pattern, and why? */
#include "host/api/messages.h"
#include "host/base/clock.h"
#include "host/config/json_value.h"
#include "host/pipeline/explanation.h"
#include "host/pipeline/pattern_trial.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

/* What all explanations together may have. */
#define EXPLANATIONS_MAX ((size_t)8 << 20)

/* What is asked. */
struct question {
	struct text pattern;
	int is_text;                  /* the request has it as a text: pointers end there */
	const char *dialect, *format; /* NULL: union, json; texts of messages.body */
	struct messages messages;
};

/* What the filter says to one event. */
struct answer {
	enum pattern_verdict verdict;
	char *reason;      /* why it does not fit, or why it is refused; NULL: none */
	char *explanation; /* as JSON; NULL: none */
};

struct test {
	struct errand *errand;
	struct question question;
	struct environment environment;
	int64_t deadline_ns;
	/* What came of it. */
	struct native_fault fault; /* status 0: none */
	struct answer *answers;
	size_t n; /* of answers: as many as there are messages */
};

/* ---- on the thread ---- */

static void forget(void *ctx)
{
	struct test *t = ctx;

	for (size_t i = 0; i < t->n; i++) {
		free(t->answers[i].reason);
		free(t->answers[i].explanation);
	}
	free(t->answers);
	text_clear(&t->question.pattern);
	messages_clear(&t->question.messages);
	free(t);
}

/* Where in the pattern: the filter says it with a pointer, which ends before " (line", and the byte. */
static void note_place(struct test *t, const outflow_error *err)
{
	const char *at = strstr(err->msg, " at /"), *end = at ? strstr(at, " (line ") : NULL;
	const struct text *pattern = &t->question.pattern;
	struct native_fault *f = &t->fault;

	if (strncmp(err->msg, "dialect:", strlen("dialect:")) == 0)
		snprintf(f->pointer, sizeof f->pointer, "/dialect");
	if (strcmp(err->domain, "pattern") != 0 || err->native < 0 || (size_t)err->native > pattern->n)
		return;
	if (end != NULL && !t->question.is_text)
		snprintf(f->pointer, sizeof f->pointer, "/pattern%.*s", (int)(end - at - 4), at + 4);
	f->line = f->column = 1;
	for (const char *p = pattern->ptr; p < pattern->ptr + err->native; p++) {
		f->column = *p == '\n' ? 1 : f->column + 1;
		f->line += *p == '\n';
	}
}

static void note_fault(struct test *t, const outflow_error *err)
{
	native_fault(&t->fault, "/pattern", NULL, "%s", err->msg);
	t->fault.status = 400;
	note_place(t, err);
}

static void ask(struct pattern_trial *p, struct message *m, struct answer *a)
{
	outflow_error err = { .size = sizeof err };

	a->verdict = pattern_trial_ask(p, m, &err);
	if (a->verdict == PATTERN_REFUSED)
		a->reason = strdup(err.msg);
	else if (a->verdict == PATTERN_NO_MATCH && p->explanation != NULL)
		a->reason = explanation_reason(outflow_text(p->explanation));
	a->explanation = p->explanation;
	p->explanation = NULL;
}

static void ask_all(struct test *t, struct pattern_trial *p)
{
	struct messages *m = &t->question.messages;
	size_t length = 0;

	t->answers = calloc(m->n + 1, sizeof *t->answers);
	if (t->answers == NULL) {
		native_fault(&t->fault, "", NULL, "no memory");
		t->fault.status = 500;
		return;
	}
	while (t->n < m->n && clock_mono_ns() < t->deadline_ns) {
		struct answer *a = &t->answers[t->n];

		ask(p, &m->list[t->n++], a);
		length += a->explanation ? strlen(a->explanation) : 0;
		if (length > EXPLANATIONS_MAX) {
			native_fault(&t->fault, "", NULL,
			             "the explanations of the first %zu events have more than %zu "
			             "MiB: ask for fewer",
			             t->n, EXPLANATIONS_MAX >> 20);
			t->fault.status = 422;
			return;
		}
	}
}

static void work(void *ctx)
{
	struct test *t = ctx;
	struct pattern_setting setting = { t->environment.host, t->environment.inventory, t->question.format,
		                           TRIAL_FOR_CLIENT };
	outflow_error err = { .size = sizeof err };
	struct pattern_trial p = { .wants_explanation = 1 };

	if (pattern_trial_open(&p, &setting, &err) != OUTFLOW_OK) {
		native_fault(&t->fault, "", NULL, "%s", err.msg);
		t->fault.status = 500;
	} else if (pattern_trial_use(&p, &t->question.pattern, t->question.dialect, &err) != OUTFLOW_OK) {
		note_fault(t, &err);
	} else {
		ask_all(t, &p);
	}
	pattern_trial_close(&p);
}

/* ---- what is asked for ---- */

static int read_options(const json_t *body, struct question *q, struct native_fault *fault)
{
	static const char *const members[] = { "pattern", "dialect", "format", MESSAGES_MEMBERS, MESSAGES_EVENT_MEMBERS,
		                               NULL };
	const json_t *dialect = json_object_get(body, "dialect"), *format = json_object_get(body, "format");

	if (messages_check_members(body, "", members, fault) != 0)
		return -1;
	if (json_object_get(body, "pattern") == NULL)
		return native_fault(fault, "", "pattern", "is required: JSON, or a text of it");
	if (dialect != NULL && !json_is_string(dialect))
		return native_fault(fault, "", "dialect", "is a text: union, alibaba or aws");
	if (format != NULL && (!json_is_string(format) || !message_format_is_known(json_string_value(format))))
		return native_fault(fault, "", "format", "is json, text or binary");
	q->dialect = json_string_value(dialect);
	q->format = json_string_value(format);
	return 0;
}

static int read_question(const struct request *q, json_t *body, struct question *question, struct native_fault *fault)
{
	outflow_error err = { .size = sizeof err };
	outflow_json *tape = NULL;
	int result = -1;

	if (read_options(body, question, fault) != 0)
		return -1;
	if (outflow_json_parse((outflow_str){ q->body, q->body_length }, &tape, &err) != OUTFLOW_OK)
		return native_fault(fault, "", NULL, "the body is not JSON: %s", err.msg);
	question->is_text = json_is_string(json_object_get(body, "pattern"));
	question->pattern = messages_text(tape, outflow_json_member(tape, 0, outflow_text("pattern")));
	if (question->pattern.ptr == NULL)
		native_fault(fault, "", NULL, "no memory");
	else
		result = messages_read(body, tape, 1, &question->messages, fault);
	outflow_json_free(&tape);
	return result;
}

/* Owns what the question holds from now on. NULL: no memory, and it is the caller's still. */
static struct test *test_new(struct api *api, const struct request *q, const struct question *question)
{
	struct test *t = calloc(1, sizeof *t);

	if (t == NULL || (t->errand = errand_new(work, forget, t)) == NULL) {
		free(t);
		return NULL;
	}
	t->question = *question;
	t->environment = *api->environment;
	t->deadline_ns = q->deadline_ns;
	return t;
}

/* ---- what is answered ---- */

/* The explanation goes out as it came: numbers keep their digits. */
static void print_answer(const struct answer *a, FILE *to)
{
	static const char *const verdicts[] = { "true", "false", "null" };
	json_t *reason = a->reason ? json_value_sentence(a->reason) : json_null();

	fprintf(to, "{\"matched\":%s,\"reason\":", verdicts[a->verdict]);
	json_dumpf(reason, to, JSON_ENCODE_ANY);
	fprintf(to, ",\"explanation\":%s}", a->explanation ? a->explanation : "null");
	json_decref(reason);
}

static void answer_with(const struct test *t, struct response *r)
{
	char *text = NULL;
	size_t n = 0;
	FILE *to = open_memstream(&text, &n);

	if (to != NULL) {
		fputs("{\"results\":[", to);
		for (size_t i = 0; i < t->n; i++) {
			fputs(i > 0 ? "," : "", to);
			print_answer(&t->answers[i], to);
		}
		fputs("]}", to);
		if (fclose(to) != 0) {
			free(text);
			text = NULL;
		}
	}
	response_bytes(r, 200, "application/json", text, n);
}

static void run(const struct request *q, struct response *r, struct test *t)
{
	struct errand *e = t->errand;

	if (native_wait(e, q, r, "the test of the pattern") == 0) {
		if (t->fault.status != 0)
			native_refuse_fault(r, &t->fault);
		else
			answer_with(t, r);
	}
	errand_free(&e);
}

static void test(struct api *api, const struct request *q, struct response *r)
{
	struct question question = { .dialect = NULL };
	struct native_fault fault = { .status = 0 };
	json_t *body = native_body(q, r);
	struct test *t = NULL;

	if (body == NULL)
		return;
	if (read_question(q, body, &question, &fault) != 0)
		native_refuse_fault(r, &fault);
	else if ((t = test_new(api, q, &question)) == NULL)
		native_refuse(r, 500, "no memory", NULL, NULL);
	json_decref(body);
	if (t != NULL) {
		run(q, r, t);
		return;
	}
	text_clear(&question.pattern);
	messages_clear(&question.messages);
}

const struct route native_pattern_routes[] = {
	{ "POST", "/v1/pattern/test", ACCESS_READ, .handle = test },
	{ 0 },
};

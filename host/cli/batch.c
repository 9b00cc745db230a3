/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/batch.h"

#include "host/cli/envelope.h"
#include "host/cli/options.h"
#include "host/config/suggest.h"
#include "host/config/json_value.h"

#include <outflow/util.h>

#include <stdlib.h>

int batch_check(const json_t *request, const char *const *names, outflow_error *err)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)request, name, value)
	{
		struct suggestion near = { .typed = name };
		const char *const *known = names;

		while (*known != NULL && strcmp(*known, name) != 0)
			suggestion_offer(&near, *known++);
		if (*known == NULL)
			outflow_fail(err, OUTFLOW_E_CONFIG, "the line has an unknown member '%.60s'%s%s%s", name,
			             near.best ? "; did you mean '" : "", near.best ? near.best : "",
			             near.best ? "'?" : "");
		else if (strcmp(name, "headers") == 0)
			continue;
		else if (!json_is_string(value))
			outflow_fail(err, OUTFLOW_E_CONFIG, "'%s' is not a text: JSON goes into a string", name);
		else
			continue;
		return -1;
	}
	return 0;
}

static int read_headers(const json_t *headers, struct message *m, outflow_error *err)
{
	const char *name;
	json_t *value;

	if (headers != NULL && !json_is_object(headers)) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "'headers' is not an object");
		return -1;
	}
	json_object_foreach((json_t *)(uintptr_t)headers, name, value)
	{
		if (!json_is_string(value))
			outflow_fail(err, OUTFLOW_E_CONFIG, "the header '%.60s' is not a text", name);
		else if (message_add_header(m, outflow_text(name), outflow_text(json_string_value(value))) !=
		         OUTFLOW_OK)
			outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the headers");
		else
			continue;
		return -1;
	}
	return 0;
}

int batch_read_message(const json_t *request, struct message *m, outflow_error *err)
{
	const json_t *event = json_object_get(request, "event"), *payload = json_object_get(request, "payload");
	const json_t *body = event ? event : payload;

	if ((event == NULL) == (payload == NULL)) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "the line needs either 'event' or 'payload'");
		return -1;
	}
	m->has_payload = 1;
	m->is_event = event != NULL;
	m->payload.n = json_string_length(body);
	m->payload.ptr = malloc(m->payload.n + 1);
	if (m->payload.ptr == NULL) {
		outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for an event");
		return -1;
	}
	memcpy(m->payload.ptr, json_string_value(body), m->payload.n + 1);
	if (json_object_get(request, "topic") != NULL)
		m->topic = json_string_value(json_object_get(request, "topic"));
	if (json_object_get(request, "key") != NULL)
		m->key = json_string_value(json_object_get(request, "key"));
	return read_headers(json_object_get(request, "headers"), m, err);
}

static json_t *refuse(const char *reason)
{
	return json_pack("{s:s, s:o}", "result", "error", "reason", json_value_sentence(reason));
}

/* NULL: it is none, err says why. */
static json_t *read_request(const struct text *line, uint64_t number, outflow_error *err)
{
	json_error_t cause;
	json_t *request = json_loadb(line->ptr, line->n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &cause);

	if (json_is_object(request))
		return request;
	outflow_fail(err, OUTFLOW_E_RECORD, "line %llu is not a JSON object%s%s", (unsigned long long)number,
	             request ? "" : ": ", request ? "" : cause.text);
	json_decref(request);
	return NULL;
}

static int print(json_t *a)
{
	int failed = json_dumpf(a, stdout, JSON_COMPACT) != 0;

	json_decref(a);
	putchar('\n');
	/* Whoever asks may wait for the answer before it asks again. */
	return failed || fflush(stdout) != 0 ? -1 : 0;
}

static outflow_status copy_headers(struct message *m, const struct message *base)
{
	outflow_status status = OUTFLOW_OK;

	*m = *base;
	m->headers = NULL;
	m->n_headers = 0;
	m->all = NULL;
	m->own_topic = NULL;
	m->payload = (struct text){ .ptr = NULL };
	for (size_t i = 0; i < base->n_headers && status == OUTFLOW_OK; i++)
		status = message_add_header(m, outflow_text(base->headers[i].name),
		                            outflow_text(base->headers[i].value));
	return status;
}

int batch_run(const struct message *base, json_t *(*answer)(void *ctx, const json_t *request, struct message *m),
              void *ctx)
{
	struct text line = { .ptr = NULL };
	outflow_error err = { .size = sizeof err };
	outflow_status status;
	uint64_t number = 0;
	int result = EXIT_OK;

	while ((status = text_read_line(&line, stdin, &err)) != OUTFLOW_EOF && status != OUTFLOW_E_TASK) {
		struct message m;
		json_t *request = NULL, *a = NULL, *name;

		number++;
		if (status == OUTFLOW_OK)
			request = read_request(&line, number, &err);
		if (copy_headers(&m, base) != OUTFLOW_OK)
			a = refuse("no memory for the headers");
		m.position = number;
		if (a == NULL)
			a = request ? answer(ctx, request, &m) : refuse(err.msg);
		name = json_object_get(request, "name");
		if (name != NULL)
			json_object_set(a, "name", name);
		if (request == NULL)
			result = EXIT_CONFIG;
		message_clear(&m);
		json_decref(request);
		if (print(a) != 0) {
			result = EXIT_ENVIRONMENT;
			break;
		}
	}
	if (status == OUTFLOW_E_TASK) {
		fprintf(stderr, "outflow: %s\n", err.msg);
		result = EXIT_ENVIRONMENT;
	}
	text_clear(&line);
	return result;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/dead_letter.h"

#include <outflow/util.h>

#include <stdarg.h>

#define N_HEADERS 10u

/* In the family's arena; a null header value stands for "no memory" as for "none". */
static outflow_bytes print(struct family_memory *m, const char *format, ...) OUTFLOW_PRINTF(2, 3);
static outflow_bytes print(struct family_memory *m, const char *format, ...)
{
	outflow_bytes text = { NULL, 0 };
	char buffer[1024];
	va_list args;
	size_t n;
	char *copy;

	va_start(args, format);
	vsnprintf(buffer, sizeof buffer, format, args);
	va_end(args);
	n = strlen(buffer);
	copy = family_alloc(m, n + 1, 1);
	if (copy == NULL)
		return text;
	memcpy(copy, buffer, n + 1);
	text.ptr = copy;
	text.len = n;
	return text;
}

/* Connect's names of the places where a record can fail, and FILTER, which Connect does not know. */
static const char *stage_name(const struct instance *where)
{
	switch (where->component.what->kind) {
	case OUTFLOW_CONVERTER:
		return "VALUE_CONVERTER";
	case OUTFLOW_SINK:
		return "TASK_PUT";
	default:
		return strcmp(where->model->name, "filter") == 0 ? "FILTER" : "TRANSFORMATION";
	}
}

static const char *class_of(outflow_status status)
{
	return status == OUTFLOW_E_NOMEM ? "OUTFLOW_E_NOMEM" : "OUTFLOW_E_RECORD";
}

static void fill_headers(outflow_header *to, struct family_memory *m, const struct services *s,
                         const outflow_record *origin, const struct instance *where, outflow_status status,
                         const outflow_error *err)
{
	const struct {
		const char *name;
		outflow_bytes value;
	} headers[N_HEADERS] = {
		{ "__connect.errors.topic", outflow_text_bytes(origin->topic) },
		{ "__connect.errors.partition", print(m, "%u", origin->stream) },
		{ "__connect.errors.offset", print(m, "%llu", (unsigned long long)origin->pos) },
		{ "__connect.errors.connector.name", print(m, "%s", s->model->name) },
		{ "__connect.errors.task.id", print(m, "%u", s->task) },
		{ "__connect.errors.stage", print(m, "%s", stage_name(where)) },
		{ "__connect.errors.class.name",
		  print(m, "%s/%s", where->component.module->plugin->id, where->component.what->name) },
		{ "__connect.errors.exception.class.name", print(m, "%s", class_of(status)) },
		{ "__connect.errors.exception.message", err ? print(m, "%s", err->msg) : (outflow_bytes){ NULL, 0 } },
		{ "__connect.errors.exception.stacktrace", { NULL, 0 } },
	};

	for (size_t i = 0; i < N_HEADERS; i++)
		to[i] = (outflow_header){ outflow_text(headers[i].name), headers[i].value };
}

outflow_record *dead_letter_new(const struct services *s, const struct slot *slot, const struct instance *where,
                                outflow_status status, const outflow_error *err)
{
	const outflow_record *origin =
		ledger_origin(&(outflow_record){ .slot = (struct outflow_slot *)(uintptr_t)&slot->cell });
	struct family_memory *m = &slot->family->memory;
	outflow_record *r = family_alloc(m, sizeof *r, _Alignof(outflow_record));
	size_t n = origin->n_headers + (size_t)N_HEADERS;
	outflow_header *headers = family_alloc(m, n * sizeof *headers, _Alignof(outflow_header));

	if (r == NULL || headers == NULL)
		return NULL;
	*r = *origin;
	r->partition = -1;
	r->view = NULL;
	r->view_tag = 0;
	r->flags = 0;
	if (s->model->deadletter_topic != NULL)
		r->topic = outflow_text(s->model->deadletter_topic);
	if (origin->n_headers > 0)
		memcpy(headers, origin->headers, origin->n_headers * sizeof *headers);
	fill_headers(headers + origin->n_headers, m, s, origin, where, status, err);
	r->headers = headers;
	r->n_headers = (uint32_t)n;
	return r;
}

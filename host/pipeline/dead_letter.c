/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/dead_letter.h"

#include "host/base/utc.h"

#include <outflow/util.h>

#include <stdarg.h>

#define N_HEADERS 16u

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
	case OUTFLOW_SOURCE:
		return "TASK_POLL";
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
	switch (status) {
	case OUTFLOW_E_RETRY:
		return "RETRY";
	case OUTFLOW_E_OUTAGE:
		return "OUTAGE";
	case OUTFLOW_E_NOMEM:
		return "NOMEM";
	default:
		return "RECORD";
	}
}

static outflow_bytes print_time(struct family_memory *m, int64_t wall_ms)
{
	return print(m, "%s", utc_text(wall_ms).text);
}

static void fill_headers(outflow_header *to, struct family_memory *m, const struct services *s,
                         const outflow_record *origin, const struct failure *f)
{
	const struct component *c = &f->where->component;
	const char *class = class_of(f->status);
	const struct {
		const char *name;
		outflow_bytes value;
	} headers[N_HEADERS] = {
		{ "__connect.errors.topic", outflow_text_bytes(origin->topic) },
		{ "__connect.errors.partition", print(m, "%u", origin->stream) },
		{ "__connect.errors.offset", print(m, "%llu", (unsigned long long)origin->pos) },
		{ "__connect.errors.connector.name", print(m, "%s", s->model->name) },
		{ "__connect.errors.task.id", print(m, "%u", s->task) },
		{ "__connect.errors.stage", print(m, "%s", stage_name(f->where)) },
		{ "__connect.errors.class.name", print(m, "%s/%s", c->module->plugin->id, c->what->name) },
		{ "__connect.errors.exception.class.name", print(m, "OUTFLOW_E_%s", class) },
		{ "__connect.errors.exception.message", print(m, "%s", f->reason->msg) },
		{ "__connect.errors.exception.stacktrace", { NULL, 0 } },
		{ "outflow.errors.stage", print(m, "%s", f->where->model->name) },
		{ "outflow.errors.class", print(m, "%s", class) },
		{ "outflow.errors.attempts", print(m, "%u", f->attempts) },
		{ "outflow.errors.first.time", print_time(m, f->first_ms) },
		{ "outflow.errors.last.time", print_time(m, f->last_ms) },
		{ "outflow.errors.config.version", print(m, "%s", s->model->version) },
	};

	for (size_t i = 0; i < N_HEADERS; i++)
		to[i] = (outflow_header){ outflow_text(headers[i].name), headers[i].value };
}

static int add_headers(outflow_record *r, struct family_memory *m, const struct services *s,
                       const outflow_record *origin, const struct failure *failure)
{
	size_t n = origin->n_headers + (size_t)N_HEADERS;
	outflow_header *headers = family_alloc(m, n * sizeof *headers, _Alignof(outflow_header));

	if (headers == NULL)
		return -1;
	if (origin->n_headers > 0)
		memcpy(headers, origin->headers, origin->n_headers * sizeof *headers);
	fill_headers(headers + origin->n_headers, m, s, origin, failure);
	r->headers = headers;
	r->n_headers = (uint32_t)n;
	return 0;
}

outflow_record *dead_letter_new(const struct services *s, const struct slot *slot, const struct failure *failure)
{
	const outflow_record *origin =
		ledger_origin(&(outflow_record){ .slot = (struct outflow_slot *)(uintptr_t)&slot->cell });
	struct family_memory *m = &slot->family->memory;
	outflow_record *r = family_alloc(m, sizeof *r, _Alignof(outflow_record));

	if (r == NULL)
		return NULL;
	*r = *origin;
	r->partition = -1;
	r->view = NULL;
	r->view_tag = 0;
	r->flags = 0;
	if (s->model->deadletter_topic != NULL)
		r->topic = outflow_text(s->model->deadletter_topic);
	if (!s->model->deadletter_raw && add_headers(r, m, s, origin, failure) != 0)
		return NULL;
	return r;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/outcome.h"

#include "host/cli/envelope.h"
#include "host/cli/show.h"
#include "host/cli/tool.h"
#include "host/config/json_value.h"

#include <outflow/util.h>

const char *outcome_name(const struct trial_outcome *o)
{
	if (o->postponed)
		return "postponed";
	if (o->n_failures > 0)
		return "rejected";
	return o->n_outputs > 0 ? "output" : "filtered";
}

static int same(outflow_bytes a, outflow_bytes b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int same_text(outflow_str a, outflow_str b)
{
	return same(outflow_text_bytes(a), outflow_text_bytes(b));
}

/* Is this header there, byte for byte? */
static int has_header(const outflow_record *r, const outflow_header *h)
{
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (same_text(r->headers[i].name, h->name) && same(r->headers[i].value, h->value))
			return 1;
	return 0;
}

static int same_headers(const outflow_record *a, const outflow_record *b)
{
	if (a->n_headers != b->n_headers)
		return 0;
	for (uint32_t i = 0; i < a->n_headers; i++)
		if (!same_text(a->headers[i].name, b->headers[i].name) ||
		    !same(a->headers[i].value, b->headers[i].value))
			return 0;
	return 1;
}

/* ---- for programs ---- */

static json_t *list_changes(const outflow_record *r, const outflow_record *input)
{
	json_t *changed = json_array();

	if (!same_text(r->topic, input->topic))
		json_array_append_new(changed, json_string("topic"));
	if (!same(r->key, input->key))
		json_array_append_new(changed, json_string("key"));
	if (!same(r->value, input->value))
		json_array_append_new(changed, json_string("value"));
	if (!same_headers(r, input))
		json_array_append_new(changed, json_string("headers"));
	if (r->partition != input->partition)
		json_array_append_new(changed, json_string("partition"));
	if (r->timestamp_ms != input->timestamp_ms)
		json_array_append_new(changed, json_string("timestamp"));
	return changed;
}

static json_t *failure_json(const struct trial_failure *f)
{
	json_t *o = json_pack("{s:s, s:o}", "stage", f->stage, "reason", json_value_sentence(f->reason.msg));

	if (f->dead_letter != NULL)
		json_object_set_new(o, "dead_letter", show_record(f->dead_letter));
	return o;
}

json_t *outcome_json(const struct trial_outcome *o, const outflow_record *input)
{
	json_t *outputs = json_array(), *failures = json_array();

	for (uint32_t i = 0; i < o->n_outputs; i++) {
		json_t *r = show_record(&o->outputs[i]);

		json_object_set_new(r, "changed", list_changes(&o->outputs[i], input));
		json_array_append_new(outputs, r);
	}
	for (size_t i = 0; i < o->n_failures; i++)
		json_array_append_new(failures, failure_json(&o->failures[i]));
	return json_pack("{s:s, s:o, s:o}", "result", outcome_name(o), "outputs", outputs, "failures", failures);
}

int outcome_is_unchanged(const outflow_record *r, const outflow_record *input)
{
	return same_text(r->topic, input->topic) && same(r->key, input->key) && same(r->value, input->value) &&
	       same_headers(r, input) && r->partition == input->partition && r->timestamp_ms == input->timestamp_ms;
}

/* ---- for people ---- */

static void print_part(const char *name, outflow_bytes part, FILE *to)
{
	fprintf(to, "  %-10s ", name);
	show_short(part, 0, to);
	putc('\n', to);
}

static void print_header(const char *what, const outflow_header *h, FILE *to)
{
	fprintf(to, "  %-10s ", what);
	show_short(outflow_text_bytes(h->name), 0, to);
	fputs(" = ", to);
	show_short(h->value, 0, to);
	putc('\n', to);
}

static void print_headers(const outflow_record *r, const outflow_record *input, FILE *to)
{
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (input == NULL || !has_header(input, &r->headers[i]))
			print_header("header", &r->headers[i], to);
	for (uint32_t i = 0; input != NULL && i < input->n_headers; i++)
		if (!has_header(r, &input->headers[i]))
			print_header("no header", &input->headers[i], to);
}

static void print_value(outflow_bytes value, FILE *to)
{
	if (value.ptr == NULL || (show_is_text(value) && memchr(value.ptr, '\n', value.len) == NULL)) {
		print_part("value", value, to);
		return;
	}
	fprintf(to, "  %-10s %zu bytes%s\n", "value", value.len, show_is_text(value) ? "" : ", hexadecimal");
	show_whole(value, to);
}

void outcome_print_record(const outflow_record *r, const outflow_record *input, FILE *to)
{
	if (input == NULL || !same_text(r->topic, input->topic))
		print_part("topic", outflow_text_bytes(r->topic), to);
	if (input == NULL || !same(r->key, input->key))
		print_part("key", r->key, to);
	if (input == NULL || !same(r->value, input->value))
		print_value(r->value, to);
	print_headers(r, input, to);
	if (r->partition >= 0 && (input == NULL || r->partition != input->partition))
		fprintf(to, "  %-10s %d\n", "partition", (int)r->partition);
	if (input == NULL || r->timestamp_ms != input->timestamp_ms)
		fprintf(to, "  %-10s %s\n", "timestamp", tool_time(r->timestamp_ms).text);
}

void outcome_print_failure(const struct trial_failure *f, FILE *to)
{
	fprintf(to, "%s: ", f->stage);
	show_short(outflow_text_bytes(outflow_text(f->reason.msg)), 0, to);
	putc('\n', to);
}

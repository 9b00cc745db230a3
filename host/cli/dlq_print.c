/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"
#include "host/cli/show.h"
#include "host/cli/tool.h"
#include "host/config/json_value.h"

#include <outflow/util.h>

#include <stdio.h>

/* ---- for people ---- */

static void print_padded(outflow_bytes b, int width)
{
	for (int i = show_short(b, show_is_text(b) ? 0 : 16, stdout); i < width; i++)
		putchar(' ');
	putchar(' ');
}

static void print_line(struct dlq_printer *p, const struct dlq_letter *l)
{
	if (p->n == 0)
		printf("%-12s %-24s %-14s %-7s %8s %-8s %-20s %s\n", "position", "time", "stage", "class", "size",
		       "replayed", "key", "reason");
	printf("%-12s %-24s ", l->position, tool_time(l->time_ms).text);
	print_padded(l->stage, 14);
	print_padded(l->class, 7);
	printf("%8zu %-8s ", l->record->value.len, l->replayed ? "yes" : "no");
	print_padded(l->record->key, 20);
	show_short(l->reason, 0, stdout);
	putchar('\n');
}

static void print_field(const char *name, outflow_bytes value)
{
	printf("%-12s ", name);
	show_short(value, 0, stdout);
	putchar('\n');
}

static void print_whole(struct dlq_printer *p, const struct dlq_letter *l)
{
	const outflow_record *r = l->record;

	if (p->n > 0)
		putchar('\n');
	printf("%-12s %s\n", "position", l->position);
	printf("%-12s %s\n", "time", tool_time(l->time_ms).text);
	print_field("stage", l->stage);
	print_field("class", l->class);
	print_field("reason", l->reason);
	print_field("topic", l->topic.ptr ? l->topic : outflow_text_bytes(r->topic));
	print_field("key", r->key);
	printf("%-12s %s\n%-12s %u, %s\n", "timestamp", tool_time(r->timestamp_ms).text, "replays", l->replays,
	       l->replayed ? "this letter has been sent again" : "this letter has not been sent again");
	for (uint32_t i = 0; i < r->n_headers; i++) {
		fputs(i == 0 ? "headers      " : "             ", stdout);
		show_short(outflow_text_bytes(r->headers[i].name), 0, stdout);
		fputs(" = ", stdout);
		show_short(r->headers[i].value, 0, stdout);
		putchar('\n');
	}
	if (r->value.ptr == NULL) {
		puts("value        null");
		return;
	}
	printf("value        %zu bytes%s\n", r->value.len, show_is_text(r->value) ? "" : ", hexadecimal");
	show_whole(r->value, stdout);
}

/* ---- for programs ---- */

static void print_json(struct dlq_printer *p, const struct dlq_letter *l)
{
	const outflow_record *r = l->record;
	json_t *o = json_object(), *headers;

	json_object_set_new(o, "position", json_string(l->position));
	json_object_set_new(o, "time", l->time_ms >= 0 ? json_string(tool_time(l->time_ms).text) : json_null());
	json_object_set_new(o, "stage", json_value_bytes(l->stage));
	json_object_set_new(o, "class", json_value_bytes(l->class));
	json_object_set_new(o, "reason", json_value_bytes(l->reason));
	json_object_set_new(o, "topic", json_value_bytes(l->topic.ptr ? l->topic : outflow_text_bytes(r->topic)));
	json_object_set_new(o, "key", json_value_bytes(r->key));
	json_object_set_new(o, "size", json_integer((json_int_t)r->value.len));
	json_object_set_new(o, "replays", json_integer(l->replays));
	json_object_set_new(o, "replayed", json_boolean(l->replayed));
	if (p->whole) {
		headers = json_array();
		for (uint32_t i = 0; i < r->n_headers; i++)
			json_array_append_new(
				headers, json_pack("[o, o]", json_value_bytes(outflow_text_bytes(r->headers[i].name)),
			                           json_value_bytes(r->headers[i].value)));
		json_object_set_new(o, "timestamp", r->timestamp_ms >= 0 ? json_integer(r->timestamp_ms) : json_null());
		json_object_set_new(o, "headers", headers);
		json_object_set_new(o, "value", json_value_bytes(r->value));
	}
	fputs(p->n == 0 ? "{\"data\": [\n" : ",\n", stdout);
	json_dumpf(o, stdout, JSON_COMPACT);
	json_decref(o);
}

void dlq_print_letter(struct dlq_printer *p, const struct dlq_letter *l)
{
	if (p->quiet)
		return;
	if (p->json)
		print_json(p, l);
	else if (p->whole)
		print_whole(p, l);
	else
		print_line(p, l);
	p->n++;
}

void dlq_print_end(struct dlq_printer *p, const char *error, int is_said)
{
	json_t *errors = json_array();

	if (p->json && error != NULL)
		json_array_append_new(errors, json_pack("{s:s}", "message", error));
	if (p->json) {
		fputs(p->n == 0 ? "{\"data\": [" : "\n", stdout);
		fputs("], \"errors\": ", stdout);
		json_dumpf(errors, stdout, JSON_COMPACT);
		printf(", \"ok\": %s}\n", error ? "false" : "true");
	} else if (error != NULL && !is_said) {
		fprintf(stderr, "outflow: %s\n", error);
	} else if (error == NULL && p->n == 0) {
		puts("no dead letters match");
	}
	json_decref(errors);
}

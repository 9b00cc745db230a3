/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/outcome.h"

#include "host/cli/show.h"
#include "host/cli/tool.h"

#include <outflow/util.h>

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
		if (input == NULL || !trial_has_header(input, &r->headers[i]))
			print_header("header", &r->headers[i], to);
	for (uint32_t i = 0; input != NULL && i < input->n_headers; i++)
		if (!trial_has_header(r, &input->headers[i]))
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
	unsigned changes = input ? trial_changes(r, input) : ~0u;

	if (changes & CHANGED_TOPIC)
		print_part("topic", outflow_text_bytes(r->topic), to);
	if (changes & CHANGED_KEY)
		print_part("key", r->key, to);
	if (changes & CHANGED_VALUE)
		print_value(r->value, to);
	print_headers(r, input, to);
	if (r->partition >= 0 && (changes & CHANGED_PARTITION))
		fprintf(to, "  %-10s %d\n", "partition", (int)r->partition);
	if (changes & CHANGED_TIMESTAMP)
		fprintf(to, "  %-10s %s\n", "timestamp", tool_time(r->timestamp_ms).text);
}

void outcome_print_failure(const struct trial_failure *f, FILE *to)
{
	fprintf(to, "%s: ", f->stage);
	show_short(outflow_text_bytes(outflow_text(f->reason.msg)), 0, to);
	putc('\n', to);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/explanation_print.h"

#include "host/cli/show.h"
#include "host/pipeline/explanation.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <stdlib.h>

#define WIDEST 48

enum column { PATH, OPERATOR, FOUND, VERDICT, N_COLUMNS };
static const char *const titles[N_COLUMNS] = { "path", "operator", "found", "verdict" };

static outflow_str cell(const outflow_json *j, uint32_t field, enum column column)
{
	uint32_t path = explanation_member(j, field, "path"), value;

	switch (column) {
	case PATH:
		return path ? outflow_json_text(j, path) : outflow_text("");
	case OPERATOR:
		value = explanation_member(j, field, "pattern");
		return value ? outflow_json_raw(j, value) : outflow_text("");
	case FOUND:
		value = explanation_member(j, field, "found");
		return value ? outflow_json_raw(j, value) : outflow_text("-");
	default:
		value = explanation_member(j, field, "fits");
		return outflow_text(value && outflow_json_type(j, value) == OUTFLOW_JSON_TRUE ? "fits"
		                                                                              : "does not fit");
	}
}

static void print_row(const outflow_str *cells, const int *widths, const char *indent, FILE *to)
{
	fputs(indent, to);
	for (int i = 0; i < N_COLUMNS; i++) {
		outflow_bytes text = outflow_text_bytes(cells[i]);
		int shown = show_short(text, WIDEST, to);

		for (; i + 1 < N_COLUMNS && shown < widths[i] + 2; shown++)
			fputc(' ', to);
	}
	fputc('\n', to);
}

static void print_fields(const outflow_json *j, uint32_t fields, const char *indent, FILE *to)
{
	uint32_t end = (j->tokens[fields].info >> 4) - 1;
	int widths[N_COLUMNS];
	outflow_str cells[N_COLUMNS];

	for (int i = 0; i < N_COLUMNS; i++) {
		cells[i] = outflow_text(titles[i]);
		widths[i] = (int)cells[i].len;
	}
	for (uint32_t f = fields + 1; f < end; f = outflow_json_next(j, f))
		for (int i = 0; i < N_COLUMNS; i++) {
			int width = show_short(outflow_text_bytes(cell(j, f, (enum column)i)), WIDEST, NULL);

			widths[i] = width > widths[i] ? width : widths[i];
		}
	print_row(cells, widths, indent, to);
	for (uint32_t f = fields + 1; f < end; f = outflow_json_next(j, f)) {
		for (int i = 0; i < N_COLUMNS; i++)
			cells[i] = cell(j, f, (enum column)i);
		print_row(cells, widths, indent, to);
	}
}

/* One pattern: the fields, and the reason when it does not fit. */
static void print_pattern(const outflow_json *j, uint32_t object, const char *indent, FILE *to)
{
	uint32_t fields = explanation_member(j, object, "fields");
	char *reason = explanation_text(j, object, "reason");

	if (fields != 0 && outflow_json_element(j, fields, 0) != 0)
		print_fields(j, fields, indent, to);
	if (reason != NULL) {
		fprintf(to, "%sreason: ", indent);
		show_short(outflow_text_bytes(outflow_text(reason)), 0, to);
		fputc('\n', to);
	}
	free(reason);
}

/* Several patterns, each by its name. */
static void print_patterns(const outflow_json *j, uint32_t patterns, const char *indent, FILE *to)
{
	uint32_t end = outflow_json_next(j, patterns) - 1;
	char deeper[40];

	snprintf(deeper, sizeof deeper, "%.30s  ", indent);
	for (uint32_t p = patterns + 1; p < end; p = outflow_json_next(j, p)) {
		uint32_t matched = explanation_member(j, p, "matched");
		char *name = explanation_text(j, p, "name");

		fputs(indent, to);
		show_short(outflow_text_bytes(outflow_text(name ? name : "")), 0, to);
		fprintf(to, ": %s\n",
		        matched && outflow_json_type(j, matched) == OUTFLOW_JSON_TRUE ? "fits" : "does not fit");
		print_pattern(j, p, deeper, to);
		free(name);
	}
}

void explanation_print(outflow_str json, const char *indent, FILE *to)
{
	outflow_json *j = NULL;
	uint32_t patterns;

	if (outflow_json_parse(json, &j, NULL) != OUTFLOW_OK)
		return;
	patterns = explanation_member(j, 0, "patterns");
	if (patterns != 0)
		print_patterns(j, patterns, indent, to);
	else
		print_pattern(j, 0, indent, to);
	outflow_json_free(&j);
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/explanation.h"

#include "host/cli/show.h"

#include <outflow/json.h>
#include <outflow/util.h>

#include <stdlib.h>

#define WIDEST 48

enum column { PATH, OPERATOR, FOUND, VERDICT, N_COLUMNS };
static const char *const titles[N_COLUMNS] = { "path", "operator", "found", "verdict" };

static uint32_t member(const outflow_json *j, uint32_t object, const char *name)
{
	return outflow_json_member(j, object, outflow_text(name));
}

static outflow_str cell(const outflow_json *j, uint32_t field, enum column column)
{
	uint32_t path = member(j, field, "path"), value;

	switch (column) {
	case PATH:
		return path ? outflow_json_text(j, path) : outflow_text("");
	case OPERATOR:
		value = member(j, field, "pattern");
		return value ? outflow_json_raw(j, value) : outflow_text("");
	case FOUND:
		value = member(j, field, "found");
		return value ? outflow_json_raw(j, value) : outflow_text("-");
	default:
		value = member(j, field, "fits");
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

char *explanation_reason(outflow_str json)
{
	outflow_json *j = NULL;
	char *reason = NULL;
	uint32_t at;

	if (outflow_json_parse(json, &j, NULL) != OUTFLOW_OK)
		return NULL;
	at = member(j, 0, "reason");
	if (at != 0 && outflow_json_type(j, at) == OUTFLOW_JSON_STRING) {
		outflow_str text = outflow_json_text(j, at);

		reason = malloc(text.len + 1);
		if (reason != NULL)
			reason[outflow_json_decode(text, reason)] = '\0';
	}
	outflow_json_free(&j);
	return reason;
}

void explanation_print(outflow_str json, const char *indent, FILE *to)
{
	outflow_json *j = NULL;
	char *reason = explanation_reason(json);
	uint32_t fields;

	if (outflow_json_parse(json, &j, NULL) == OUTFLOW_OK && (fields = member(j, 0, "fields")) != 0 &&
	    outflow_json_element(j, fields, 0) != 0)
		print_fields(j, fields, indent, to);
	if (reason != NULL) {
		fprintf(to, "%sreason: ", indent);
		show_short(outflow_text_bytes(outflow_text(reason)), 0, to);
		fputc('\n', to);
	}
	free(reason);
	outflow_json_free(&j);
}

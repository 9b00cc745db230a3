/* SPDX-License-Identifier: Apache-2.0 */
#include "readers.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdlib.h>

struct jsonl {
	const outflow_json *json; /* of the line */
	uint64_t line;
	outflow_str key;
	struct table_maker *maker;
	outflow_error *err;
	char *decoded; /* of one name or key, as large as the longest line so far */
	size_t room;
};

/* The value of a string; valid until the next call. */
static outflow_str text_of(struct jsonl *l, uint32_t token)
{
	outflow_str text = outflow_json_text(l->json, token);

	if (outflow_json_is_plain(l->json, token))
		return text;
	return (outflow_str){ l->decoded, outflow_json_decode(text, l->decoded) };
}

static outflow_status set_key(struct jsonl *l, uint32_t value)
{
	uint32_t type = outflow_json_type(l->json, value);

	if (type == OUTFLOW_JSON_STRING)
		table_set_key(l->maker, text_of(l, value));
	else if (type == OUTFLOW_JSON_NUMBER || type == OUTFLOW_JSON_TRUE || type == OUTFLOW_JSON_FALSE)
		table_set_key(l->maker, outflow_json_text(l->json, value));
	else
		return outflow_fail(l->err, OUTFLOW_E_TASK,
		                    "line %" PRIu64 ": the key is a text, a number, true or false", l->line);
	return OUTFLOW_OK;
}

static outflow_status set_member(struct jsonl *l, uint32_t name)
{
	outflow_status status = OUTFLOW_OK;
	uint32_t column;

	if (outflow_json_equal(l->json, name, l->key))
		status = set_key(l, name + 1);
	if (status == OUTFLOW_OK)
		status = table_column(l->maker, text_of(l, name), &column, l->err);
	if (status == OUTFLOW_OK)
		table_set_json(l->maker, column, outflow_json_raw(l->json, name + 1));
	return status;
}

static outflow_status read_object(struct jsonl *l)
{
	outflow_status status = OUTFLOW_OK;

	if (outflow_json_type(l->json, 0) != OUTFLOW_JSON_OBJECT)
		return outflow_fail(l->err, OUTFLOW_E_TASK, "line %" PRIu64 ": not a JSON object", l->line);
	for (uint32_t i = 1; status == OUTFLOW_OK && outflow_json_type(l->json, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(l->json, i + 1))
		status = set_member(l, i);
	return status == OUTFLOW_OK ? table_end_row(l->maker, "line", l->line, l->err) : status;
}

static outflow_status read_line(struct jsonl *l, outflow_str line)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_json *json = NULL;
	outflow_status status;
	char *larger;

	if (line.len > l->room) {
		larger = realloc(l->decoded, line.len);
		if (larger == NULL)
			return outflow_fail(l->err, OUTFLOW_E_NOMEM, "no memory for a line");
		l->decoded = larger;
		l->room = line.len;
	}
	status = outflow_json_parse(line, &json, &cause);
	if (status == OUTFLOW_E_NOMEM)
		return outflow_fail(l->err, status, "%s", cause.msg);
	if (status != OUTFLOW_OK)
		return outflow_fail(l->err, OUTFLOW_E_TASK, "line %" PRIu64 ": %s", l->line, cause.msg);
	l->json = json;
	status = read_object(l);
	outflow_json_free(&json);
	return status;
}

static bool is_blank(outflow_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
			return false;
	return true;
}

outflow_status jsonl_read(outflow_str text, outflow_str key, struct table_maker *m, outflow_error *err)
{
	struct jsonl l = { .line = 0, .key = key, .maker = m, .err = err };
	outflow_status status = OUTFLOW_OK;
	size_t at = text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (status == OUTFLOW_OK && at < text.len) {
		const char *feed = memchr(text.ptr + at, '\n', text.len - at);
		outflow_str line = { text.ptr + at, (feed ? (size_t)(feed - text.ptr) : text.len) - at };

		at += line.len + 1;
		l.line++;
		if (!is_blank(line))
			status = read_line(&l, line);
	}
	free(l.decoded);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "new_values.h"

#include <outflow/json.h>

#include <stdio.h>
#include <stdlib.h>

static const char list_key[] = "fields";
static const char *const names[] = { "field", "value", "type", "path", NULL };
enum part { FIELD, VALUE, TYPE, PATH, N_PARTS };

/* One field as it is spelled; ptr NULL: a part is not given. */
struct spelled {
	const char *key; /* its place, for problems */
	outflow_str parts[N_PARTS];
};

static void no_memory(struct reading *r)
{
	reading_problem(r, list_key, OUTFLOW_E_NOMEM, "no memory for the fields");
}

/* ---- the value as JSON ---- */

/* A malloc'd string literal; NULL: no memory. */
static char *quoted(outflow_str text)
{
	static const char hex[] = "0123456789abcdef";
	char *json = malloc(6 * text.len + 3), *to = json;

	if (json == NULL)
		return NULL;
	*to++ = '"';
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ') {
			memcpy(to, "\\u00", 4);
			to[4] = hex[c >> 4];
			to[5] = hex[c & 15];
			to += 6;
			continue;
		}
		if (c == '"' || c == '\\')
			*to++ = '\\';
		*to++ = (char)c;
	}
	memcpy(to, "\"", 2);
	return json;
}

/* A copy when text is JSON of that type; OUTFLOW_JSON_END: of any. */
static char *literal(struct reading *r, const struct spelled *s, outflow_str text, uint32_t type, const char *name)
{
	outflow_error err = { .size = sizeof err };
	outflow_json *j = NULL;
	outflow_status status = outflow_json_parse(text, &j, &err);
	uint32_t found = status == OUTFLOW_OK ? outflow_json_type(j, 0) : OUTFLOW_JSON_END;
	char *copy = NULL;

	if (found == OUTFLOW_JSON_TRUE)
		found = OUTFLOW_JSON_FALSE;
	outflow_json_free(&j);
	if (status == OUTFLOW_E_NOMEM || (status == OUTFLOW_OK && (type == OUTFLOW_JSON_END || found == type))) {
		copy = status == OUTFLOW_OK ? strndup(text.ptr, text.len) : NULL;
		if (copy == NULL)
			no_memory(r);
	} else if (status != OUTFLOW_OK && type == OUTFLOW_JSON_END) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG, "the value is %s", err.msg);
	} else {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG, "'%.*s' is not a %s",
		                (int)(text.len > 100 ? 100 : text.len), text.ptr, name);
	}
	return copy;
}

static char *value_json(struct reading *r, const struct spelled *s)
{
	outflow_str text = s->parts[VALUE], type = s->parts[TYPE];
	char *json;

	if (outflow_equal(type, "null"))
		return literal(r, s, outflow_text("null"), OUTFLOW_JSON_NULL, "null");
	if (text.ptr == NULL) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG,
		                "the field needs a value, or a path from which its value comes");
		return NULL;
	}
	if (outflow_equal(type, "number"))
		return literal(r, s, text, OUTFLOW_JSON_NUMBER, "number");
	if (outflow_equal(type, "boolean"))
		return literal(r, s, text, OUTFLOW_JSON_FALSE, "boolean");
	if (outflow_equal(type, "json"))
		return literal(r, s, text, OUTFLOW_JSON_END, "JSON");
	if (type.ptr != NULL && !outflow_equal(type, "string")) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG,
		                "type '%.*s' is not one of string, number, boolean, null, json",
		                (int)(type.len > 60 ? 60 : type.len), type.ptr);
		return NULL;
	}
	if (outflow_utf8_check(outflow_text_bytes(text)) < text.len) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG, "the value is not valid UTF-8");
		return NULL;
	}
	json = quoted(text);
	if (json == NULL)
		no_memory(r);
	return json;
}

/* ---- one field ---- */

static struct new_value *add(struct new_values *v, struct reading *r)
{
	struct new_value *larger = realloc(v->list, (v->n + 1) * sizeof *larger);

	if (larger == NULL) {
		no_memory(r);
		return NULL;
	}
	v->list = larger;
	v->list[v->n] = (struct new_value){ .where = NULL };
	return &v->list[v->n++];
}

static void read_source(struct new_value *to, const struct spelled *s, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	if (s->parts[PATH].ptr == NULL) {
		to->json = value_json(r, s);
		return;
	}
	if (s->parts[VALUE].ptr != NULL || s->parts[TYPE].ptr != NULL) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG,
		                "the value comes from 'path', or from 'value' and 'type', not from both");
		return;
	}
	status = path_compile(s->parts[PATH], &to->from, &err);
	if (status != OUTFLOW_OK)
		reading_problem(r, s->key, status, "%s", err.msg);
}

static void take(struct new_values *v, const struct spelled *s, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	struct new_value *to;
	outflow_status status;

	if (s->parts[FIELD].ptr == NULL) {
		reading_problem(r, s->key, OUTFLOW_E_CONFIG, "'field', the path of the field, is missing");
		return;
	}
	to = add(v, r);
	if (to == NULL)
		return;
	status = location_compile(s->parts[FIELD], &to->where, &err);
	if (status != OUTFLOW_OK) {
		reading_problem(r, s->key, status, "%s", err.msg);
		return;
	}
	if (!v->without)
		read_source(to, s, r);
	else if (s->parts[VALUE].ptr != NULL || s->parts[TYPE].ptr != NULL || s->parts[PATH].ptr != NULL)
		reading_problem(r, s->key, OUTFLOW_E_CONFIG, "a field to delete has no value");
}

/* ---- the JSON array ---- */

/* The text of value i: of a string its value, decoded into *buffer when it has escapes. */
static outflow_str json_text(const outflow_json *j, uint32_t i, char **buffer)
{
	outflow_str text = outflow_json_raw(j, i);

	if (outflow_json_type(j, i) != OUTFLOW_JSON_STRING)
		return text;
	text = outflow_json_text(j, i);
	text = (outflow_str){ *buffer, outflow_json_decode(text, *buffer) };
	*buffer += text.len;
	return text;
}

static void take_json(struct new_values *v, const outflow_json *j, uint32_t object, const char *key, char *buffer,
                      struct reading *r)
{
	struct spelled s = { .key = key };

	if (outflow_json_type(j, object) != OUTFLOW_JSON_OBJECT) {
		reading_problem(r, key, OUTFLOW_E_CONFIG, "should be an object such as {\"field\":\"$.data.body.a\"}");
		return;
	}
	for (uint32_t i = object + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		outflow_str name = outflow_json_text(j, i);
		enum part part = FIELD;

		while (part < N_PARTS && !outflow_json_equal(j, i, outflow_text(names[part])))
			part++;
		if (part == N_PARTS)
			reading_problem(r, key, OUTFLOW_E_CONFIG,
			                "unknown member '%.*s'; there are field, value, type, path",
			                (int)(name.len > 60 ? 60 : name.len), name.ptr);
		else
			s.parts[part] = json_text(j, i + 1, &buffer);
	}
	take(v, &s, r);
}

static void read_json(struct new_values *v, outflow_str text, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_json *j = NULL;
	outflow_status status = outflow_json_parse(text, &j, &err);
	char *buffer = malloc(text.len + 1), key[32];
	size_t n = 0;

	if (status != OUTFLOW_OK || buffer == NULL)
		reading_problem(r, list_key, status != OUTFLOW_OK ? status : OUTFLOW_E_NOMEM, "%s",
		                status != OUTFLOW_OK ? err.msg : "no memory for the fields");
	else
		for (uint32_t i = 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i)) {
			snprintf(key, sizeof key, "%s[%zu]", list_key, n++);
			take_json(v, j, i, key, buffer, r);
		}
	free(buffer);
	outflow_json_free(&j);
}

/* ---- groups and paths ---- */

static void read_list(struct new_values *v, struct reading *r)
{
	char key[READING_KEY_MAX];
	outflow_str item;

	for (size_t i = 0; i < r->host->config->list(r->config, list_key, i, &item); i++) {
		struct spelled s = { .key = list_key };

		if (item.len > 0 && item.ptr[0] == '$') {
			s.parts[FIELD] = item;
		} else {
			for (enum part part = FIELD; part < N_PARTS; part++)
				if (reading_group_key(r, list_key, i, names[part], key))
					(void)reading_text(r, key, false, &s.parts[part]);
			(void)reading_group_key(r, list_key, i, names[FIELD], key);
			s.key = key;
		}
		take(v, &s, r);
	}
	reading_only(r, list_key, names);
}

void new_values_read(struct new_values *v, struct reading *r)
{
	outflow_str text = { "", 0 };
	size_t i = 0;

	(void)reading_text(r, list_key, false, &text);
	while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\n'))
		i++;
	if (i < text.len && text.ptr[i] == '[')
		read_json(v, text, r);
	else
		read_list(v, r);
	if (v->n == 0 && r->status == OUTFLOW_OK)
		reading_problem(r, list_key, OUTFLOW_E_CONFIG, "at least one field is needed");
}

void new_values_clear(struct new_values *v)
{
	for (size_t i = 0; i < v->n; i++) {
		location_free(&v->list[i].where);
		path_free(&v->list[i].from);
		free(v->list[i].json);
	}
	free(v->list);
	*v = (struct new_values){ 0 };
}

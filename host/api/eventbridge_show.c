/* SPDX-License-Identifier: Apache-2.0 */
/* Settings, as a stream says them. */
#include "host/api/eventbridge_fields.h"
#include "host/api/eventbridge_table.h"
#include "host/config/schema.h"

#include <string.h>

/* A number that can be said there; NULL: it cannot. */
static json_t *show_number(const struct stream_field *f, const char *text)
{
	const outflow_cfg_key key = { .type = f->kind == SECONDS ? OUTFLOW_T_DURATION_MS : OUTFLOW_T_INT };
	const int64_t unit = f->kind == SECONDS ? 1000 : 1;
	outflow_error err = { .size = sizeof err };
	int64_t n;

	return schema_parse(&key, text, &n, &err) == OUTFLOW_OK && n % unit == 0 ? json_integer(n / unit) : NULL;
}

static json_t *show_choice(const struct stream_field *f, const char *text)
{
	for (const struct word *it = f->words; it->theirs != NULL; it++)
		if (strcmp(it->ours, text) == 0)
			return json_string(it->theirs);
	return NULL;
}

static void add_text(json_t *o, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(o, name, json_string(text));
}

/* A key without form: a path when it looks like one, as doc/transforms.md says. */
static json_t *show_form(const struct settings *s, const struct stream_field *f)
{
	const char *form = stream_setting(s, f->key, "form"), *value = stream_setting(s, f->key, "value");
	const char *template = stream_setting(s, f->key, "template");
	json_t *o;

	if (value == NULL)
		value = settings_get(s, f->key);
	if (form == NULL && value == NULL && template == NULL)
		return NULL;
	if (form == NULL)
		form = template ? "TEMPLATE" : *value == '$' ? "JSONPATH" : "CONSTANT";
	if (strcmp(f->key, "sink.topic") == 0 && strcmp(form, "CONSTANT") == 0)
		return NULL;
	o = json_pack("{s:s}", "Form", form);
	add_text(o, "Value", value);
	add_text(o, "Template", template);
	return o;
}

static json_t *show_constant(const struct settings *s, const struct stream_field *f)
{
	const char *form = stream_setting(s, f->key, "form"), *value = stream_setting(s, f->key, "value");

	if (form == NULL && value == NULL)
		value = settings_get(s, f->key);
	if (value == NULL || (form != NULL && strcmp(form, "CONSTANT") != 0) ||
	    (form == NULL && strcmp(f->key, "sink.topic") == 0 && *value == '$'))
		return NULL;
	return json_pack("{s:s, s:s}", "Form", "CONSTANT", "Value", value);
}

static json_t *show_arn(const struct settings *s, const struct stream_field *f)
{
	const char *class = stream_setting(s, f->key, "class"), *connection = stream_setting(s, f->key, "connection");
	const char *topic = stream_setting(s, f->key, "topic");

	if (class == NULL || strcmp(class, "kafka") != 0 || connection == NULL || topic == NULL)
		return NULL;
	return json_sprintf(STREAM_ARN_START "::instance/%s/topic/%s", connection, topic);
}

static json_t *show_functions(const struct settings *s, const struct stream_field *f)
{
	const char *at = settings_get(s, f->key);
	json_t *list = at ? json_array() : NULL;

	while (at != NULL && *at != '\0') {
		size_t n = strcspn(at, ",");
		char key[STREAM_PATH_MAX];
		const char *class, *url;

		snprintf(key, sizeof key, "%s.%.*s", f->key, (int)n, at);
		class = stream_setting(s, key, "class");
		url = stream_setting(s, key, "url");
		if (class != NULL && url != NULL && strncmp(class, "function", 8) == 0)
			json_array_append_new(list, json_pack("{s:s}", "Arn", url));
		at += n + (at[n] == ',');
		at += strspn(at, " ");
	}
	return list;
}

static json_t *show_field(const struct settings *s, const struct stream_field *f)
{
	const char *text = f->key ? settings_get(s, f->key) : NULL;

	switch (f->kind) {
	case FORM:
		return show_form(s, f);
	case CONSTANT:
		return show_constant(s, f);
	case ARN:
		return show_arn(s, f);
	case FUNCTIONS:
		return show_functions(s, f);
	case TEXT:
	case PATTERN:
		return text ? json_string(text) : NULL;
	case NUMBER:
	case SECONDS:
		return text ? show_number(f, text) : NULL;
	case CHOICE:
		return text ? show_choice(f, text) : NULL;
	case GROUP:
	case REFUSED:
		break;
	}
	return NULL;
}

/* Is the group about the component that there is? */
static int is_there(const struct stream_field *group, const char *source, const char *sink)
{
	const char *class = strncmp(group->path, "Source", 6) == 0 ? source : sink;
	size_t n = strlen(group->is);

	return class != NULL && strncmp(class, group->is, n) == 0 && (class[n] == '\0' || class[n] == '/');
}

/* Puts a value where path says, in objects that are made on the way. */
static void put(json_t *into, const char *path, json_t *value)
{
	const char *dot;

	while ((dot = strchr(path, '.')) != NULL) {
		char name[64];
		json_t *next;

		snprintf(name, sizeof name, "%.*s", (int)(dot - path), path);
		next = json_object_get(into, name);
		if (next == NULL) {
			json_object_set_new(into, name, json_object());
			next = json_object_get(into, name);
		}
		into = next;
		path = dot + 1;
	}
	json_object_set_new(into, path, value);
}

json_t *stream_json(const struct settings *s, const char *source, const char *sink)
{
	json_t *o = json_pack("{s:{}, s:{}, s:{}, s:s}", "Source", "Sink", "RunOptions", "FilterPattern", "");
	const struct stream_field *left_out = NULL;

	for (const struct stream_field *f = stream_fields; f->path != NULL && o != NULL; f++) {
		json_t *value;

		if (left_out != NULL && stream_path_is_within(f->path, left_out->path))
			continue;
		if (f->kind == GROUP) {
			left_out = f->key != NULL && !is_there(f, source, sink) ? f : NULL;
			continue;
		}
		value = show_field(s, f);
		if (value != NULL)
			put(o, f->path, value);
	}
	return o;
}

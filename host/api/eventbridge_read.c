/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream says, as settings. */
#include "host/api/eventbridge_fields.h"
#include "host/api/eventbridge_table.h"
#include "host/config/suggest.h"

#include <stdio.h>
#include <string.h>

struct reading {
	struct settings *to;
	struct problems *problems;
	outflow_status status;
};

static void complain(struct reading *rd, const char *path, const char *message)
{
	problems_add(rd->problems, &(struct place){ .key = path }, "%s", message);
}

static void set(struct reading *rd, const char *key, const char *value)
{
	if (rd->status == OUTFLOW_OK)
		rd->status = settings_set(rd->to, key, value, NULL, 0);
}

static void set_below(struct reading *rd, const char *key, const char *name, const char *value)
{
	char full[STREAM_PATH_MAX + 100];

	snprintf(full, sizeof full, "%s.%s", key, name);
	set(rd, full, value);
}

static void drop_below(struct settings *s, const char *key)
{
	size_t n = strlen(key);

	settings_remove(s, key);
	for (size_t i = 0; i < s->n;)
		if (strncmp(s->list[i].key, key, n) == 0 && s->list[i].key[n] == '.')
			settings_remove(s, s->list[i].key);
		else
			i++;
}

static int is_nothing(const json_t *value)
{
	return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0);
}

static void read_text(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	if (json_is_string(value))
		set(rd, f->key, json_string_value(value));
	else
		complain(rd, f->path, "is to be a text");
}

static void read_number(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	const char *text = json_string_value(value);
	char number[40];

	if (json_is_integer(value))
		snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
	else if (text != NULL && strlen(text) < 20 && strspn(text, "0123456789") == strlen(text))
		snprintf(number, sizeof number, "%s", text);
	else
		*number = '\0';
	if (*number == '\0') {
		complain(rd, f->path, "is to be a whole number");
		return;
	}
	if (f->kind == SECONDS)
		strcat(number, "s");
	set(rd, f->key, number);
}

static void read_choice(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	const char *text = json_string_value(value);
	char message[200] = "is one of";

	for (const struct word *it = f->words; it->theirs != NULL; it++) {
		size_t n = strlen(message);

		if (text != NULL && strcmp(it->theirs, text) == 0) {
			set(rd, f->key, it->ours);
			return;
		}
		snprintf(message + n, sizeof message - n, "%s %s", it == f->words ? "" : ",", it->theirs);
	}
	complain(rd, f->path, message);
}

/* What is wrong with a part of {Form, Value, Template}; NULL: nothing. */
static const char *form_problem(const struct stream_field *f, const char *name, const json_t *value)
{
	if (strcmp(name, "Form") != 0 && strcmp(name, "Value") != 0 && strcmp(name, "Template") != 0)
		return "unknown field; there are Form, Value and Template";
	if (!json_is_null(value) && !json_is_string(value))
		return "is to be a text";
	if (f->kind != CONSTANT || is_nothing(value))
		return NULL;
	if (strcmp(name, "Template") == 0)
		return "is refused: this field has the form CONSTANT";
	if (strcmp(name, "Form") == 0 && strcmp(json_string_value(value), "CONSTANT") != 0)
		return strcmp(f->key, "sink.topic") == 0 ? "is CONSTANT; DynamicTopic takes other forms"
		                                         : "is CONSTANT";
	return NULL;
}

static void set_part(struct reading *rd, const struct stream_field *f, const json_t *object, const char *part,
                     const char *name)
{
	const char *text = json_string_value(json_object_get(object, part));

	if (text != NULL && (*text != '\0' || strcmp(part, "Value") == 0))
		set_below(rd, f->key, name, text);
}

static void read_form(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	const json_t *form = json_object_get(value, "Form"), *text = json_object_get(value, "Value");
	const char *name;
	json_t *it;

	if (!json_is_object(value)) {
		complain(rd, f->path, "is to be an object of Form, Value and Template");
		return;
	}
	json_object_foreach((json_t *)(uintptr_t)value, name, it)
	{
		const char *problem = form_problem(f, name, it);
		char path[STREAM_PATH_MAX];

		snprintf(path, sizeof path, "%s.%.100s", f->path, name);
		if (problem != NULL)
			complain(rd, path, problem);
	}
	if (settings_find(rd->to, f->key) != NULL || stream_setting(rd->to, f->key, "form") != NULL)
		complain(rd, f->path, "Topic and DynamicTopic say the same: leave one of them out");
	if (f->kind == CONSTANT && (text == NULL || is_nothing(text)))
		complain(rd, f->path, "has no Value");
	else if (f->kind == CONSTANT && json_is_string(text))
		set(rd, f->key, json_string_value(text));
	if (f->kind == CONSTANT)
		return;
	if (form == NULL || is_nothing(form))
		set_below(rd, f->key, "form", "CONSTANT");
	set_part(rd, f, value, "Form", "form");
	set_part(rd, f, value, "Value", "value");
	set_part(rd, f, value, "Template", "template");
}

/* The part of text up to a delimiter; -1: it is empty, or does not fit, or nothing of it is there. */
static int take(const char **text, const char *delimiter, char *part, size_t size)
{
	const char *end = *delimiter ? strstr(*text, delimiter) : *text + strlen(*text);

	if (end == NULL || end == *text || (size_t)(end - *text) >= size)
		return -1;
	snprintf(part, size, "%.*s", (int)(end - *text), *text);
	*text = end + strlen(delimiter);
	return 0;
}

static void read_arn(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	const char *text = json_string_value(value), *at = text;
	char instance[STREAM_PATH_MAX], topic[260];

	if (text != NULL && strncmp(text, STREAM_ARN_START, strlen(STREAM_ARN_START)) == 0)
		at = strstr(text, ":instance/");
	else
		at = NULL;
	if (at != NULL)
		at += strlen(":instance/");
	if (at == NULL || take(&at, "/topic/", instance, sizeof instance) != 0 ||
	    take(&at, "", topic, sizeof topic) != 0) {
		complain(rd, f->path,
		         "is to be a Kafka topic, acs:alikafka:<region>:<account>:instance/<connection>/topic/<topic>");
		return;
	}
	set_below(rd, f->key, "class", "kafka");
	set_below(rd, f->key, "connection", instance);
	set_below(rd, f->key, "topic", topic);
	set_below(rd, f->key, "mode", "raw");
}

static int is_url(const char *text)
{
	return text != NULL && (strncmp(text, "http://", 7) == 0 || strncmp(text, "https://", 8) == 0);
}

static void read_functions(struct reading *rd, const struct stream_field *f, const json_t *list)
{
	char aliases[200] = "";

	if (!json_is_array(list) || json_array_size(list) > 16) {
		complain(rd, f->path, "is to be a list of at most 16 objects");
		return;
	}
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		const char *arn = json_string_value(json_object_get(item, "Arn"));
		char path[STREAM_PATH_MAX], key[40];
		const char *name;
		json_t *it;

		snprintf(path, sizeof path, "%s.%zu.Arn", f->path, i + 1);
		json_object_foreach((json_t *)(uintptr_t)item, name, it)
		{
			char other[STREAM_PATH_MAX];

			snprintf(other, sizeof other, "%s.%zu.%.100s", f->path, i + 1, name);
			if (strcmp(name, "Arn") != 0 && !is_nothing(it))
				complain(rd, other, "is refused: a transform is a function, Arn its URL");
		}
		if (!is_url(arn)) {
			complain(rd, path, "is to be the URL of a function, http:// or https://");
			continue;
		}
		snprintf(key, sizeof key, "%s.t%zu", f->key, i + 1);
		set_below(rd, key, "class", "function");
		set_below(rd, key, "url", arn);
		snprintf(aliases + strlen(aliases), sizeof aliases - strlen(aliases), "%st%zu", i > 0 ? "," : "",
		         i + 1);
	}
	if (*aliases != '\0')
		set(rd, f->key, aliases);
}

static void read_pattern(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	read_text(rd, f, value);
	set(rd, "filter.dialect", STREAM_DIALECT);
}

static void read_field(struct reading *rd, const struct stream_field *f, const json_t *value)
{
	switch (f->kind) {
	case TEXT:
		read_text(rd, f, value);
		break;
	case NUMBER:
	case SECONDS:
		read_number(rd, f, value);
		break;
	case CHOICE:
		read_choice(rd, f, value);
		break;
	case PATTERN:
		read_pattern(rd, f, value);
		break;
	case FORM:
	case CONSTANT:
		read_form(rd, f, value);
		break;
	case ARN:
		read_arn(rd, f, value);
		break;
	case FUNCTIONS:
		read_functions(rd, f, value);
		break;
	case GROUP:
	case REFUSED:
		break;
	}
}

static void complain_unknown(struct reading *rd, const char *path)
{
	struct suggestion s = { .typed = path };
	char message[300];

	if (stream_path_is_within(path, "Source") && strchr(path, '.') == strrchr(path, '.')) {
		complain(rd, path, "is no source that streams can have here; SourceMQTTParameters is");
		return;
	}
	if (stream_path_is_within(path, "Sink") && strchr(path, '.') == strrchr(path, '.')) {
		complain(rd, path, "is no sink that streams can have here; SinkKafkaParameters is");
		return;
	}
	for (const struct stream_field *it = stream_fields; it->path != NULL; it++)
		suggestion_offer(&s, it->path);
	snprintf(message, sizeof message, "unknown field%s%s%s", s.best ? "; did you mean '" : "", s.best ? s.best : "",
	         s.best ? "'?" : "");
	complain(rd, path, message);
}

static void read_members(struct reading *rd, const struct stream_field *group, const json_t *object);

static void read_value(struct reading *rd, const char *path, const json_t *value)
{
	const struct stream_field *f = stream_field_find(path);
	char message[300];

	if (f == NULL) {
		complain_unknown(rd, path);
	} else if (f->kind == GROUP) {
		read_members(rd, f, value);
	} else if (f->kind != REFUSED) {
		read_field(rd, f, value);
	} else {
		snprintf(message, sizeof message, "is refused: %s", f->key);
		complain(rd, path, message);
	}
}

static void read_members(struct reading *rd, const struct stream_field *group, const json_t *object)
{
	const char *name;
	json_t *value;

	if (!json_is_object(object)) {
		complain(rd, group->path, "is to be an object");
		return;
	}
	if (group->key != NULL)
		set(rd, group->key, group->is);
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char path[STREAM_PATH_MAX];

		snprintf(path, sizeof path, "%s.%.100s", group->path, name);
		if (!is_nothing(value))
			read_value(rd, path, value);
	}
}

/* What the fields of a part can say. */
static void clear(struct settings *s, const char *part)
{
	for (const struct stream_field *f = stream_fields; f->path != NULL; f++) {

		if (!stream_path_is_within(f->path, part) || f->key == NULL || f->kind == REFUSED)
			continue;
		if (f->kind == GROUP) {
			settings_remove(s, f->key);
			settings_remove(s, strncmp(f->key, "source.", 7) == 0 ? "source.type" : "sink.type");
		} else if (f->kind == PATTERN) {
			drop_below(s, "filter");
		} else if (f->kind == FORM || f->kind == CONSTANT || f->kind == ARN || f->kind == FUNCTIONS) {
			drop_below(s, f->key);
		} else {
			settings_remove(s, f->key);
		}
	}
}

/* Of "Source" and "Sink": a component and where it finds its instance. */
static void check_end(struct reading *rd, const char *part, const char *fields, const char *key)
{
	char path[STREAM_PATH_MAX];

	if (strcmp(part, strncmp(fields, "Source", 6) == 0 ? "Source" : "Sink") != 0 || rd->problems->reported > 0)
		return;
	if (stream_setting(rd->to, key, "class") == NULL) {
		snprintf(path, sizeof path, "is to have %s", strchr(fields, '.') + 1);
		complain(rd, part, path);
	} else if (stream_setting(rd->to, key, "connection") == NULL) {
		snprintf(path, sizeof path, "%s.InstanceId", fields);
		complain(rd, path, "is required: the name of a connection");
	}
}

outflow_status stream_read(const char *part, const json_t *value, struct settings *to, struct problems *problems)
{
	struct reading rd = { to, problems, OUTFLOW_OK };

	clear(to, part);
	if (!is_nothing(value))
		read_value(&rd, part, value);
	check_end(&rd, part, STREAM_MQTT, "source");
	check_end(&rd, part, STREAM_KAFKA, "sink");
	return rd.status;
}

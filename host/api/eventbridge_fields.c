/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/eventbridge_fields.h"

#include "host/config/json_value.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define PATH_MAX_LENGTH 200
#define DIALECT "alibaba" /* patterns mean what they mean there */
#define ARN_START "acs:alikafka:"

/* How a field and its setting say the same. */
enum kind {
	GROUP,     /* an object; key: which component it is about, or NULL */
	TEXT,      /* a text */
	NUMBER,    /* a whole number */
	SECONDS,   /* a whole number, and a duration */
	CHOICE,    /* one of words, spelt differently */
	PATTERN,   /* a text of JSON, in the dialect of this API */
	FORM,      /* {Form, Value, Template}: key.form, key.value, key.template */
	CONSTANT,  /* {Form: CONSTANT, Value}: key */
	ARN,       /* acs:alikafka:<region>:<account>:instance/<connection>/topic/<topic> */
	FUNCTIONS, /* [{Arn: URL}]: a chain of transforms */
	REFUSED,   /* key says why */
};

struct word {
	const char *theirs, *ours;
};

struct stream_field {
	const char *path;
	enum kind kind;
	const char *key;
	const struct word *words;
};

static const struct word formats[] = { { "JSON", "json" }, { "Text", "text" }, { "Binary", "binary" }, { NULL, NULL } };
static const struct word tolerances[] = { { "ALL", "all" }, { "NONE", "none" }, { NULL, NULL } };

static const char no_network[] = "how an instance is reached is said by the connection that InstanceId names";
static const char no_capacity[] = "there are no capacity units here; MaximumTasks says how many tasks there are";

#define MQTT "Source.SourceMQTTParameters"
#define KAFKA "Sink.SinkKafkaParameters"

static const struct stream_field table[] = {
	{ "Description", TEXT, "description", NULL },
	{ "FilterPattern", PATTERN, "filter.pattern", NULL },
	{ "Metadata", REFUSED, "Source says where messages come from", NULL },
	{ "Source", GROUP, NULL, NULL },
	{ MQTT, GROUP, "source.class=mqtt", NULL },
	{ MQTT ".InstanceId", TEXT, "source.connection", NULL },
	{ MQTT ".Topic", TEXT, "source.topics", NULL },
	{ MQTT ".BodyDataType", CHOICE, "source.format", formats },
	{ MQTT ".RegionId", TEXT, "source.event.extensions.aliyunregionid", NULL },
	{ MQTT ".NetworkType", REFUSED, no_network, NULL },
	{ MQTT ".VpcId", REFUSED, no_network, NULL },
	{ MQTT ".VSwitchIds", REFUSED, no_network, NULL },
	{ MQTT ".SecurityGroupId", REFUSED, no_network, NULL },
	{ "Sink", GROUP, NULL, NULL },
	{ KAFKA, GROUP, "sink.class=kafka", NULL },
	{ KAFKA ".InstanceId", CONSTANT, "sink.connection", NULL },
	{ KAFKA ".Topic", CONSTANT, "sink.topic", NULL },
	{ KAFKA ".DynamicTopic", FORM, "sink.topic", NULL },
	{ KAFKA ".Acks", CONSTANT, "sink.acks", NULL },
	{ KAFKA ".Key", FORM, "sink.key", NULL },
	{ KAFKA ".Value", FORM, "sink.value", NULL },
	{ KAFKA ".Headers", FORM, "sink.headers", NULL },
	{ KAFKA ".CompressionType", TEXT, "sink.compression", NULL },
	{ "Transforms", FUNCTIONS, "transforms", NULL },
	{ "RunOptions", GROUP, NULL, NULL },
	{ "RunOptions.MaximumTasks", NUMBER, "tasks.max", NULL },
	{ "RunOptions.ErrorsTolerance", CHOICE, "errors.tolerance", tolerances },
	{ "RunOptions.BatchWindow", GROUP, NULL, NULL },
	{ "RunOptions.BatchWindow.CountBasedWindow", NUMBER, "batch.messages", NULL },
	{ "RunOptions.BatchWindow.TimeBasedWindow", SECONDS, "batch.interval", NULL },
	{ "RunOptions.RetryStrategy", GROUP, NULL, NULL },
	{ "RunOptions.RetryStrategy.PushRetryStrategy", TEXT, "retry.policy", NULL },
	{ "RunOptions.RetryStrategy.MaximumRetryAttempts", NUMBER, "retry.max.attempts", NULL },
	{ "RunOptions.RetryStrategy.MaximumEventAgeInSeconds", SECONDS, "retry.max.age", NULL },
	{ "RunOptions.DeadLetterQueue", GROUP, NULL, NULL },
	{ "RunOptions.DeadLetterQueue.Arn", ARN, "deadletter", NULL },
	{ "RunOptions.DeadLetterQueue.Network", REFUSED, no_network, NULL },
	{ "RunOptions.DeadLetterQueue.VpcId", REFUSED, no_network, NULL },
	{ "RunOptions.DeadLetterQueue.VSwitchIds", REFUSED, no_network, NULL },
	{ "RunOptions.DeadLetterQueue.SecurityGroupId", REFUSED, no_network, NULL },
	{ "RunOptions.Throttling", NUMBER, "throttle.records.per.second", NULL },
	{ "RunOptions.BusinessOption", REFUSED, no_capacity, NULL },
};

#define N_FIELDS (sizeof table / sizeof *table)

struct reading {
	struct settings *to;
	struct problems *problems;
	outflow_status status;
};

/* ---- small things ---- */

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
	char full[PATH_MAX_LENGTH + 100];

	snprintf(full, sizeof full, "%s.%s", key, name);
	set(rd, full, value);
}

static const char *get_below(const struct settings *s, const char *key, const char *name)
{
	char full[PATH_MAX_LENGTH + 100];

	snprintf(full, sizeof full, "%s.%s", key, name);
	return settings_get(s, full);
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

/* Is path this part, or within it? */
static int is_within(const char *path, const char *part)
{
	size_t n = strlen(part);

	return strncmp(path, part, n) == 0 && (path[n] == '\0' || path[n] == '.');
}

static const struct stream_field *find(const char *path)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (strcmp(table[i].path, path) == 0)
			return &table[i];
	return NULL;
}

/* "source.class=mqtt" */
static int split_class(const char *text, char key[32])
{
	const char *equals = strchr(text, '=');

	snprintf(key, 32, "%.*s", (int)(equals - text), text);
	return (int)(equals + 1 - text);
}

/* ---- what a stream says, as settings ---- */

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
		char path[PATH_MAX_LENGTH];

		snprintf(path, sizeof path, "%s.%.100s", f->path, name);
		if (problem != NULL)
			complain(rd, path, problem);
	}
	if (settings_find(rd->to, f->key) != NULL || get_below(rd->to, f->key, "form") != NULL)
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
	char instance[PATH_MAX_LENGTH], topic[260];

	if (text != NULL && strncmp(text, ARN_START, strlen(ARN_START)) == 0)
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
		char path[PATH_MAX_LENGTH], key[40];
		const char *name;
		json_t *it;

		snprintf(path, sizeof path, "%s.%zu.Arn", f->path, i + 1);
		json_object_foreach((json_t *)(uintptr_t)item, name, it)
		{
			char other[PATH_MAX_LENGTH];

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
	set(rd, "filter.dialect", DIALECT);
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

/* 0 is what is there without it. */
static int is_refused(const struct stream_field *f, const json_t *value)
{
	return f->kind == REFUSED && !(json_is_integer(value) && json_integer_value(value) == 0);
}

static void complain_unknown(struct reading *rd, const char *path)
{
	struct suggestion s = { .typed = path };
	char message[300];

	if (is_within(path, "Source") && strchr(path, '.') == strrchr(path, '.')) {
		complain(rd, path, "is no source that streams can have here; SourceMQTTParameters is");
		return;
	}
	if (is_within(path, "Sink") && strchr(path, '.') == strrchr(path, '.')) {
		complain(rd, path, "is no sink that streams can have here; SinkKafkaParameters is");
		return;
	}
	for (size_t i = 0; i < N_FIELDS; i++)
		suggestion_offer(&s, table[i].path);
	snprintf(message, sizeof message, "unknown field%s%s%s", s.best ? "; did you mean '" : "", s.best ? s.best : "",
	         s.best ? "'?" : "");
	complain(rd, path, message);
}

static void read_members(struct reading *rd, const struct stream_field *group, const json_t *object);

static void read_value(struct reading *rd, const char *path, const json_t *value)
{
	const struct stream_field *f = find(path);
	char message[300];

	if (f == NULL) {
		complain_unknown(rd, path);
	} else if (f->kind == GROUP) {
		read_members(rd, f, value);
	} else if (f->kind != REFUSED) {
		read_field(rd, f, value);
	} else if (is_refused(f, value)) {
		snprintf(message, sizeof message, "is refused: %s", f->key);
		complain(rd, path, message);
	}
}

static void read_members(struct reading *rd, const struct stream_field *group, const json_t *object)
{
	const char *name;
	json_t *value;
	char key[32];

	if (!json_is_object(object)) {
		complain(rd, group->path, "is to be an object");
		return;
	}
	if (group->key != NULL) {
		int at = split_class(group->key, key);

		set(rd, key, group->key + at);
	}
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		char path[PATH_MAX_LENGTH];

		snprintf(path, sizeof path, "%s.%.100s", group->path, name);
		if (!is_nothing(value))
			read_value(rd, path, value);
	}
}

/* What the fields of a part can say. */
static void clear(struct settings *s, const char *part)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct stream_field *f = &table[i];
		char key[32];

		if (!is_within(f->path, part) || f->key == NULL || f->kind == REFUSED)
			continue;
		if (f->kind == GROUP) {
			(void)split_class(f->key, key);
			settings_remove(s, key);
			*strrchr(key, '.') = '\0';
			snprintf(key + strlen(key), sizeof key - strlen(key), ".type");
			settings_remove(s, key);
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
	char path[PATH_MAX_LENGTH];

	if (strcmp(part, strncmp(fields, "Source", 6) == 0 ? "Source" : "Sink") != 0 || rd->problems->reported > 0)
		return;
	if (get_below(rd->to, key, "class") == NULL) {
		snprintf(path, sizeof path, "is to have %s", strchr(fields, '.') + 1);
		complain(rd, part, path);
	} else if (get_below(rd->to, key, "connection") == NULL) {
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
	check_end(&rd, part, MQTT, "source");
	check_end(&rd, part, KAFKA, "sink");
	return rd.status;
}

/* ---- settings, as a stream says them ---- */

static json_t *show_number(const char *text)
{
	char *end;
	long long n = strtoll(text, &end, 10);

	return isdigit((unsigned char)*text) && *end == '\0' ? json_integer(n) : NULL;
}

/* Whole seconds alone can be said there. */
static json_t *show_seconds(const char *text)
{
	static const struct {
		const char *unit;
		int seconds;
	} units[] = { { "s", 1 }, { "min", 60 }, { "m", 60 }, { "h", 3600 }, { "d", 86400 } };
	char *end;
	long long n = strtoll(text, &end, 10);

	if (!isdigit((unsigned char)*text) || n > INT32_MAX)
		return NULL;
	if (strcmp(end, "ms") == 0 && n % 1000 == 0)
		return json_integer(n / 1000);
	for (size_t i = 0; i < sizeof units / sizeof *units; i++)
		if (strcmp(end, units[i].unit) == 0)
			return json_integer(n * units[i].seconds);
	return NULL;
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
	const char *form = get_below(s, f->key, "form"), *value = get_below(s, f->key, "value");
	const char *template = get_below(s, f->key, "template");
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
	const char *form = get_below(s, f->key, "form"), *value = get_below(s, f->key, "value");

	if (form == NULL && value == NULL)
		value = settings_get(s, f->key);
	if (value == NULL || (form != NULL && strcmp(form, "CONSTANT") != 0) ||
	    (form == NULL && strcmp(f->key, "sink.topic") == 0 && *value == '$'))
		return NULL;
	return json_pack("{s:s, s:s}", "Form", "CONSTANT", "Value", value);
}

static json_t *show_arn(const struct settings *s, const struct stream_field *f)
{
	const char *class = get_below(s, f->key, "class"), *connection = get_below(s, f->key, "connection");
	const char *topic = get_below(s, f->key, "topic");

	if (class == NULL || strcmp(class, "kafka") != 0 || connection == NULL || topic == NULL)
		return NULL;
	return json_sprintf(ARN_START "::instance/%s/topic/%s", connection, topic);
}

static json_t *show_functions(const struct settings *s, const struct stream_field *f)
{
	const char *at = settings_get(s, f->key);
	json_t *list = at ? json_array() : NULL;

	while (at != NULL && *at != '\0') {
		size_t n = strcspn(at, ",");
		char key[PATH_MAX_LENGTH];
		const char *class, *url;

		snprintf(key, sizeof key, "%s.%.*s", f->key, (int)n, at);
		class = get_below(s, key, "class");
		url = get_below(s, key, "url");
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
		return text ? show_number(text) : NULL;
	case SECONDS:
		return text ? show_seconds(text) : NULL;
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
	const char *wanted = strchr(group->key, '=') + 1;
	size_t n = strlen(wanted);

	return class != NULL && strncmp(class, wanted, n) == 0 && (class[n] == '\0' || class[n] == '/');
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

	for (size_t i = 0; i < N_FIELDS && o != NULL; i++) {
		const struct stream_field *f = &table[i];
		json_t *value;

		if (left_out != NULL && is_within(f->path, left_out->path))
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

const char *stream_field_of(const char *key)
{
	static const char *const endings[] = { "", ".form", ".value", ".template" };

	for (size_t i = 0; i < N_FIELDS; i++) {
		const struct stream_field *f = &table[i];
		size_t n = f->key && f->kind != REFUSED && f->kind != GROUP ? strlen(f->key) : 0;

		if (n == 0 || strncmp(key, f->key, n) != 0)
			continue;
		for (size_t k = 0; k < sizeof endings / sizeof *endings; k++)
			if (strcmp(key + n, endings[k]) == 0)
				return f->path;
		if ((f->kind == ARN || f->kind == FUNCTIONS || f->kind == PATTERN) && key[n] == '.')
			return f->path;
	}
	return key;
}

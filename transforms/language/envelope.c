/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"
#include "base64.h"
#include "envelope_internal.h"

#include <outflow/util.h>

#include <strings.h>

#define RESERVED ENVELOPE_RESERVED

struct field {
	const char *name;
	uint8_t container, field; /* enum envelope_field */
};

/* In the order in which they are written. */
static const struct field fields[] = {
	{ "specversion", ENVELOPE_EVENT, ENVELOPE_SPECVERSION },
	{ "id", ENVELOPE_EVENT, ENVELOPE_ID },
	{ "source", ENVELOPE_EVENT, ENVELOPE_SOURCE },
	{ "type", ENVELOPE_EVENT, ENVELOPE_TYPE },
	{ "subject", ENVELOPE_EVENT, ENVELOPE_SUBJECT },
	{ "time", ENVELOPE_EVENT, ENVELOPE_TIME },
	{ "dataschema", ENVELOPE_EVENT, ENVELOPE_DATASCHEMA },
	{ "datacontenttype", ENVELOPE_EVENT, ENVELOPE_DATACONTENTTYPE },
	{ "data", ENVELOPE_EVENT, ENVELOPE_DATA },
	{ "props", ENVELOPE_DATA, ENVELOPE_PROPS },
	{ "body", ENVELOPE_DATA, ENVELOPE_BODY },
	{ "value", ENVELOPE_DATA, ENVELOPE_BODY },
	{ "key", ENVELOPE_DATA, ENVELOPE_KEY },
	{ "topic", ENVELOPE_PROPS, ENVELOPE_TOPIC },
	{ "parentTopic", ENVELOPE_PROPS, ENVELOPE_PARENT_TOPIC },
	{ "qos", ENVELOPE_PROPS, ENVELOPE_QOS },
	{ "retain", ENVELOPE_PROPS, ENVELOPE_RETAIN },
	{ "dup", ENVELOPE_PROPS, ENVELOPE_DUP },
	{ "format", ENVELOPE_PROPS, ENVELOPE_FORMAT },
	{ "contentType", ENVELOPE_PROPS, ENVELOPE_CONTENT_TYPE },
	{ "responseTopic", ENVELOPE_PROPS, ENVELOPE_RESPONSE_TOPIC },
	{ "correlationData", ENVELOPE_PROPS, ENVELOPE_CORRELATION_DATA },
	{ "messageExpiryInterval", ENVELOPE_PROPS, ENVELOPE_EXPIRY },
	{ "part", ENVELOPE_PROPS, ENVELOPE_PART },
	{ "parts", ENVELOPE_PROPS, ENVELOPE_PARTS },
	{ "userProperties", ENVELOPE_PROPS, ENVELOPE_USER_PROPERTIES },
	{ "key", ENVELOPE_USER_PROPERTY, ENVELOPE_USER_KEY },
	{ "value", ENVELOPE_USER_PROPERTY, ENVELOPE_USER_VALUE },
};

enum { N_FIELDS = sizeof fields / sizeof fields[0] };

enum envelope_field envelope_member(enum envelope_field container, outflow_str name)
{
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].container == container && outflow_equal(name, fields[i].name))
			return fields[i].field;
	return container == ENVELOPE_EVENT && attribute_name_is_valid(name) ? ENVELOPE_EXTENSION : ENVELOPE_NONE;
}

outflow_str envelope_name(enum envelope_field field, enum envelope_field *container)
{
	size_t i = 0;

	while (fields[i].field != field)
		i++;
	*container = fields[i].container;
	return outflow_text(fields[i].name);
}

bool envelope_is_container(enum envelope_field field)
{
	return field == ENVELOPE_EVENT || field == ENVELOPE_DATA || field == ENVELOPE_PROPS ||
	       field == ENVELOPE_USER_PROPERTIES || field == ENVELOPE_USER_PROPERTY;
}

/* ---- headers ---- */

static bool is_reserved(const outflow_header *h)
{
	return h->name.len >= sizeof RESERVED - 1 && memcmp(h->name.ptr, RESERVED, sizeof RESERVED - 1) == 0;
}

static const outflow_header *find(const outflow_record *r, const char *name, size_t n)
{
	for (uint32_t i = r->n_headers; i-- > 0;)
		if (r->headers[i].name.len == n && memcmp(r->headers[i].name.ptr, name, n) == 0)
			return &r->headers[i];
	return NULL;
}

/* Does the record say that its payload is a complete event? Parameters such as a character set may follow. */
static bool is_whole_event(const outflow_record *r)
{
	static const char type[] = "application/cloudevents+json";
	const size_t n = sizeof type - 1;
	const outflow_header *h = find(r, RESERVED "content.type", sizeof RESERVED "content.type" - 1);
	const char *text;

	if (h == NULL)
		h = find(r, "content-type", sizeof "content-type" - 1);
	if (h == NULL || h->value.len < n)
		return false;
	text = h->value.ptr;
	return strncasecmp(text, type, n) == 0 && (h->value.len == n || text[n] == ';' || text[n] == ' ');
}

void event_begin(struct event *e, const outflow_host *h, outflow_batch *arena, const struct event_settings *s,
                 const outflow_record *r, outflow_error *err)
{
	*e = (struct event){ .host = h, .arena = arena, .settings = s, .record = r, .err = err };
	if (s->binding == EVENT_BINDING_AUTO)
		e->whole = r->n_headers > 0 && is_whole_event(r);
	else
		e->whole = s->binding == EVENT_BINDING_STRUCTURED;
}

static void fail(struct event *e, outflow_status status)
{
	if (e->status == OUTFLOW_OK)
		e->status = status;
}

void event_no_memory(struct event *e)
{
	if (e->status == OUTFLOW_OK)
		e->status = outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for a field of the event");
}

const outflow_record *event_source(struct event *e)
{
	if (e->source == NULL) {
		e->source = e->host->origin(e->host, e->record);
		if (e->source == NULL)
			e->source = e->record;
	}
	return e->source;
}

/* ---- values ---- */

void value_set_text(struct value *v, uint32_t type, const void *text, size_t n)
{
	*v = (struct value){ .type = type, .text = { text, n } };
}

static void set_container(struct value *v, uint32_t type, enum envelope_field field)
{
	*v = (struct value){ .type = type, .field = field };
}

/* printf would be the slowest thing on the way of a record. */
void value_set_joined(struct event *e, struct value *v, outflow_str head, outflow_str tail)
{
	char *text = outflow_alloc(e->host, e->arena, head.len + tail.len, 1);

	if (text == NULL) {
		event_no_memory(e);
		return;
	}
	if (head.len > 0)
		memcpy(text, head.ptr, head.len);
	if (tail.len > 0)
		memcpy(text + head.len, tail.ptr, tail.len);
	value_set_text(v, OUTFLOW_JSON_STRING, text, head.len + tail.len);
}

static void set_base64(struct event *e, struct value *v, outflow_bytes bytes)
{
	size_t n = base64_length(bytes.len);
	char *out = outflow_alloc(e->host, e->arena, n, 1);

	if (out == NULL) {
		event_no_memory(e);
		return;
	}
	base64_write(bytes, out);
	value_set_text(v, OUTFLOW_JSON_STRING, out, n);
}

/* Bytes from outside: text when they are UTF-8, else Base64, since an event is JSON. */
static void set_bytes(struct event *e, struct value *v, outflow_bytes bytes)
{
	if (bytes.ptr == NULL)
		value_set_text(v, OUTFLOW_JSON_NULL, "null", 4);
	else if (outflow_utf8_check(bytes) == bytes.len)
		value_set_text(v, OUTFLOW_JSON_STRING, bytes.ptr, bytes.len);
	else
		set_base64(e, v, bytes);
}

/* Looks at the payload once. Of a whole event it must be JSON, whatever the format says. */
static void look_at_body(struct event *e)
{
	outflow_status status;

	if (e->body_known)
		return;
	e->body_known = true;
	if (e->whole)
		status = outflow_json_of(e->host, e->arena, e->settings->json_tag, e->record, &e->json, e->err);
	else
		status = event_classify(e->settings, e->host, e->arena, e->record, &e->format, &e->json, e->err);
	if (status != OUTFLOW_OK) {
		e->json = NULL;
		fail(e, status);
	}
}

const outflow_json *event_tape(struct event *e)
{
	look_at_body(e);
	return e->json;
}

enum event_format event_payload_format(struct event *e)
{
	look_at_body(e);
	return e->format;
}

static void get_body(struct event *e, struct value *v)
{
	look_at_body(e);
	if (e->status != OUTFLOW_OK)
		return;
	if (e->json != NULL)
		*v = value_of_token(e->json, 0);
	else if (e->record->value.ptr != NULL && e->format == EVENT_BINARY)
		set_base64(e, v, e->record->value);
	else
		set_bytes(e, v, e->record->value);
}

/* ---- data.props ---- */

static void get_topic(struct event *e, bool parent, struct value *v)
{
	outflow_str topic = event_source(e)->topic;
	const char *slash;

	if (topic.ptr == NULL)
		return;
	slash = parent && topic.len > 0 ? memchr(topic.ptr, '/', topic.len) : NULL;
	value_set_text(v, OUTFLOW_JSON_STRING, topic.ptr, slash ? (size_t)(slash - topic.ptr) : topic.len);
}

static bool is_number(outflow_bytes text)
{
	const char *p = text.ptr;

	for (size_t i = 0; i < text.len; i++)
		if (p[i] < '0' || p[i] > '9')
			return false;
	return text.len == 1 || (text.len > 1 && text.len < 19 && p[0] != '0');
}

/* A header that the source wrote, as the JSON type that its property has. */
static void get_header(struct event *e, const char *name, enum envelope_field field, struct value *v)
{
	bool is_of_part = field == ENVELOPE_PART || field == ENVELOPE_PARTS; /* no source says that */
	const outflow_header *h = outflow_find_header(is_of_part ? e->record : event_source(e), name);
	bool yes;

	if (h == NULL)
		return;
	switch (field) {
	case ENVELOPE_QOS:
	case ENVELOPE_EXPIRY:
	case ENVELOPE_PART:
	case ENVELOPE_PARTS:
		set_bytes(e, v, h->value);
		if (is_number(h->value))
			v->type = OUTFLOW_JSON_NUMBER;
		break;
	case ENVELOPE_RETAIN:
	case ENVELOPE_DUP:
		yes = h->value.len > 0 && memchr("1t", *(const char *)h->value.ptr, 2) != NULL;
		value_set_text(v, yes ? OUTFLOW_JSON_TRUE : OUTFLOW_JSON_FALSE, yes ? "true" : "false", yes ? 4 : 5);
		break;
	case ENVELOPE_CORRELATION_DATA:
		set_base64(e, v, h->value);
		break;
	default:
		set_bytes(e, v, h->value);
		break;
	}
}

static void get_prop(struct event *e, enum envelope_field field, struct value *v)
{
	static const char *const headers[] = {
		[ENVELOPE_QOS] = RESERVED "qos",
		[ENVELOPE_RETAIN] = RESERVED "retain",
		[ENVELOPE_DUP] = RESERVED "dup",
		[ENVELOPE_CONTENT_TYPE] = RESERVED "content.type",
		[ENVELOPE_RESPONSE_TOPIC] = RESERVED "response.topic",
		[ENVELOPE_CORRELATION_DATA] = RESERVED "correlation.data",
		[ENVELOPE_EXPIRY] = RESERVED "message.expiry",
		[ENVELOPE_PART] = ENVELOPE_PART_HEADER,
		[ENVELOPE_PARTS] = ENVELOPE_PARTS_HEADER,
	};
	const char *format;

	switch (field) {
	case ENVELOPE_TOPIC:
	case ENVELOPE_PARENT_TOPIC:
		get_topic(e, field == ENVELOPE_PARENT_TOPIC, v);
		break;
	case ENVELOPE_FORMAT:
		look_at_body(e);
		format = event_format_name(e->format);
		value_set_text(v, OUTFLOW_JSON_STRING, format, strlen(format));
		break;
	case ENVELOPE_USER_PROPERTIES:
		set_container(v, OUTFLOW_JSON_ARRAY, field);
		break;
	default:
		get_header(e, headers[field], field, v);
		break;
	}
}

void envelope_get(struct event *e, enum envelope_field field, struct value *v)
{
	*v = (struct value){ .type = VALUE_MISSING };
	if (e->status != OUTFLOW_OK || field == ENVELOPE_NONE)
		return;
	if (field == ENVELOPE_EVENT || field == ENVELOPE_DATA || field == ENVELOPE_PROPS)
		set_container(v, OUTFLOW_JSON_OBJECT, field);
	else if (field < ENVELOPE_EXTENSION)
		attribute_get(e, field, v);
	else if (field == ENVELOPE_BODY)
		get_body(e, v);
	else if (field == ENVELOPE_KEY)
		set_bytes(e, v, e->record->key);
	else if (field != ENVELOPE_EXTENSION)
		get_prop(e, field, v);
	if (e->status != OUTFLOW_OK)
		*v = (struct value){ .type = VALUE_MISSING };
	v->field = field;
}

void envelope_user_property(struct event *e, int64_t at, struct value *v)
{
	const outflow_record *r = event_source(e);
	int64_t n = 0;

	*v = (struct value){ .type = VALUE_MISSING };
	for (uint32_t i = 0; at < 0 && i < r->n_headers; i++)
		n += !is_reserved(&r->headers[i]);
	at += n;
	for (uint32_t i = 0; at >= 0 && i < r->n_headers; i++) {
		if (is_reserved(&r->headers[i]) || at-- > 0)
			continue;
		set_container(v, OUTFLOW_JSON_OBJECT, ENVELOPE_USER_PROPERTY);
		v->token = i;
		return;
	}
}

uint32_t envelope_user_index(struct event *e, const struct value *property)
{
	const outflow_record *r = event_source(e);
	uint32_t n = 0;

	for (uint32_t i = 0; i < property->token; i++)
		n += !is_reserved(&r->headers[i]);
	return n;
}

void envelope_user_part(struct event *e, const struct value *property, enum envelope_field part, struct value *v)
{
	const outflow_header *h = &event_source(e)->headers[property->token];

	*v = (struct value){ .type = VALUE_MISSING };
	if (part == ENVELOPE_USER_KEY)
		value_set_text(v, OUTFLOW_JSON_STRING, h->name.ptr, h->name.len);
	else if (part == ENVELOPE_USER_VALUE)
		set_bytes(e, v, h->value);
	v->field = part;
	v->token = property->token;
}

bool envelope_next(struct event *e, const struct value *container, size_t *at, outflow_str *name, struct value *v)
{
	size_t extension;
	bool found;

	while (*at < N_FIELDS && e->status == OUTFLOW_OK) {
		const struct field *f = &fields[(*at)++];

		if (f->container != container->field || (f > fields && f->field == f[-1].field))
			continue;
		if (f->container == ENVELOPE_USER_PROPERTY)
			envelope_user_part(e, container, f->field, v);
		else
			envelope_get(e, f->field, v);
		if (v->type == VALUE_MISSING)
			continue;
		*name = outflow_text(f->name);
		return true;
	}
	if (container->field != ENVELOPE_EVENT || e->status != OUTFLOW_OK)
		return false;
	extension = *at - N_FIELDS;
	found = attributes_next_extension(e, &extension, name, v);
	*at = extension + N_FIELDS;
	return found;
}

/* ---- text ---- */

static void write_value(struct event *e, outflow_json_writer *w, const struct value *v);

static void write_user_properties(struct event *e, outflow_json_writer *w)
{
	struct value property;

	outflow_json_bracket(w, '[');
	for (int64_t i = 0; envelope_user_property(e, i, &property), property.type != VALUE_MISSING; i++)
		write_value(e, w, &property);
	outflow_json_bracket(w, ']');
}

/* data.value and data.key are other names of what is there already. */
static bool is_alias(const struct field *f)
{
	return f->container == ENVELOPE_DATA &&
	       (f->field == ENVELOPE_KEY || outflow_equal(outflow_text(f->name), "value"));
}

static void write_object(struct event *e, outflow_json_writer *w, const struct value *object)
{
	size_t at = 0;
	outflow_str name;
	struct value v;

	outflow_json_bracket(w, '{');
	for (size_t i = 0; i < N_FIELDS; i++) {
		if (fields[i].container != object->field || (is_alias(&fields[i]) && !e->settings->aliases))
			continue;
		if (object->field == ENVELOPE_USER_PROPERTY)
			envelope_user_part(e, object, fields[i].field, &v);
		else
			envelope_get(e, fields[i].field, &v);
		if (v.type == VALUE_MISSING)
			continue;
		outflow_json_put_key(w, outflow_text(fields[i].name));
		write_value(e, w, &v);
	}
	while (object->field == ENVELOPE_EVENT && attributes_next_extension(e, &at, &name, &v)) {
		outflow_json_put_key(w, name);
		write_value(e, w, &v);
	}
	outflow_json_bracket(w, '}');
}

static void write_value(struct event *e, outflow_json_writer *w, const struct value *v)
{
	if (v->json != NULL)
		outflow_json_put_raw(w, outflow_json_raw(v->json, v->token));
	else if (v->type == OUTFLOW_JSON_OBJECT)
		write_object(e, w, v);
	else if (v->type == OUTFLOW_JSON_ARRAY)
		write_user_properties(e, w);
	else if (v->type == OUTFLOW_JSON_STRING)
		outflow_json_put_string(w, v->text);
	else
		outflow_json_put_raw(w, v->text);
}

outflow_bytes event_value_json(struct event *e, const struct value *v)
{
	outflow_json_writer w;
	outflow_bytes text = { NULL, 0 };

	if (v->type == VALUE_MISSING || e->status != OUTFLOW_OK)
		return text;
	if (v->json != NULL)
		return outflow_text_bytes(outflow_json_raw(v->json, v->token));
	outflow_json_begin(&w, e->host, e->arena, 2 * e->record->value.len + 512);
	write_value(e, &w, v);
	text = outflow_json_finish(&w);
	if (text.ptr == NULL)
		event_no_memory(e);
	return e->status == OUTFLOW_OK ? text : (outflow_bytes){ NULL, 0 };
}

outflow_bytes event_value_text(struct event *e, const struct value *v)
{
	outflow_bytes none = { NULL, 0 };
	char *decoded;

	if (v->type == VALUE_MISSING || v->type == OUTFLOW_JSON_NULL || e->status != OUTFLOW_OK)
		return none;
	if (value_is_container(v))
		return event_value_json(e, v);
	if (v->type != OUTFLOW_JSON_STRING || !v->special)
		return outflow_text_bytes(v->text);
	decoded = outflow_alloc(e->host, e->arena, v->text.len, 1);
	if (decoded == NULL) {
		event_no_memory(e);
		return none;
	}
	return (outflow_bytes){ decoded, outflow_json_decode(v->text, decoded) };
}

outflow_bytes event_whole_json(struct event *e)
{
	struct value all;

	if (e->whole)
		return e->record->value;
	envelope_get(e, ENVELOPE_EVENT, &all);
	return event_value_json(e, &all);
}

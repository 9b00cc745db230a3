/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is delivered as a CloudEvent: "Kafka Protocol Binding for CloudEvents", version 1.0, sections 3.1 (the key), 3.2
 * (binary mode) and 3.3 (structured mode); "JSON Event Format", version 1.0, for the latter's value. The event's data is
 * the value that is delivered without it, so both modes tell the same event.
 */
#include "deliver.h"
#include "transforms/language/attributes.h"
#include "transforms/language/base64.h"

#include <outflow/util.h>

#include <strings.h>

#define CONTENT_TYPE "content-type"
#define PREFIX "ce_"

/* The event's data and what it is. A null is no data. */
struct data {
	outflow_bytes bytes;
	enum form_content content;
	outflow_str type; /* ptr NULL: none is told */
};

static outflow_status no_memory(struct event *e)
{
	return outflow_fail(e->err, OUTFLOW_E_NOMEM, "cloudevents: no memory for an event");
}

/* JSON by RFC 6839: "json", or a type that ends so after a plus. */
static bool is_json_type(outflow_str type)
{
	const char *end = type.len > 0 ? memchr(type.ptr, ';', type.len) : NULL;
	size_t n = end ? (size_t)(end - type.ptr) : type.len;

	while (n > 0 && type.ptr[n - 1] == ' ')
		n--;
	return n > 5 &&
	       (strncasecmp(type.ptr + n - 5, "/json", 5) == 0 || strncasecmp(type.ptr + n - 5, "+json", 5) == 0);
}

static outflow_str usual_type(enum form_content content)
{
	return outflow_text(content == FORM_IS_JSON   ? "application/json"
	                    : content == FORM_IS_TEXT ? "text/plain;charset=utf-8"
	                                              : "application/octet-stream");
}

/* A payload is what its publisher says, unless that is JSON and it is not. */
static outflow_status take_payload(struct event *e, struct data *data)
{
	static const enum form_content contents[] = {
		[EVENT_JSON] = FORM_IS_JSON, [EVENT_TEXT] = FORM_IS_TEXT, [EVENT_BINARY] = FORM_IS_BYTES
	};

	data->content = contents[event_payload_format(e)];
	data->type = attributes_content_type(e);
	if (data->bytes.ptr == NULL)
		return e->status;
	if (data->type.ptr == NULL || (data->content != FORM_IS_JSON && is_json_type(data->type)))
		data->type = usual_type(data->content);
	if (data->content == FORM_IS_JSON && !is_json_type(data->type))
		data->content = FORM_IS_TEXT;
	return e->status;
}

static outflow_status take_base64(struct event *e, const struct value *v, struct data *data)
{
	outflow_bytes text = event_value_text(e, v);
	char *bytes = outflow_alloc(e->host, e->arena, text.len / 4 * 3 + 1, 1);

	if (e->status != OUTFLOW_OK)
		return e->status;
	if (bytes == NULL)
		return no_memory(e);
	data->content = FORM_IS_BYTES;
	data->bytes = (outflow_bytes){ bytes, SIZE_MAX };
	if (v->type == OUTFLOW_JSON_STRING)
		data->bytes.len = base64_read((outflow_str){ text.ptr, text.len }, bytes);
	if (data->bytes.len == SIZE_MAX)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "cloudevents: data_base64 of the event is not Base64");
	return OUTFLOW_OK;
}

static struct value member(const outflow_json *json, const char *name)
{
	uint32_t found = outflow_json_member(json, 0, outflow_text(name));

	return found ? value_of_token(json, found) : (struct value){ .type = VALUE_MISSING };
}

/* Out of a payload that is a whole event. Without datacontenttype data is JSON ("JSON Event Format", section 3.1). */
static outflow_status take_from_event(struct event *e, struct data *data)
{
	const outflow_json *json = event_tape(e);
	struct value type, base64, v;
	outflow_bytes text;

	*data = (struct data){ .content = FORM_IS_JSON };
	if (json == NULL)
		return e->status;
	type = member(json, "datacontenttype");
	base64 = member(json, "data_base64");
	v = member(json, "data");
	text = event_value_text(e, &type);
	if (type.type == OUTFLOW_JSON_STRING)
		data->type = (outflow_str){ text.ptr, text.len };
	if (base64.type != VALUE_MISSING && base64.type != OUTFLOW_JSON_NULL)
		return take_base64(e, &base64, data);
	if (v.type == VALUE_MISSING || v.type == OUTFLOW_JSON_NULL)
		return e->status;
	if (data->type.ptr == NULL)
		data->type = usual_type(FORM_IS_JSON);
	if (v.type == OUTFLOW_JSON_STRING && !is_json_type(data->type)) {
		data->content = FORM_IS_TEXT;
		data->bytes = event_value_text(e, &v);
	} else {
		data->bytes = event_value_json(e, &v);
	}
	return e->status;
}

static outflow_status take_data(const struct deliver *d, struct event *e, const struct delivery *to, struct data *data)
{
	bool is_payload = d->parts[VALUE].kind == FORM_UNSET || to->content == FORM_IS_PAYLOAD;

	if (is_payload && e->whole)
		return take_from_event(e, data);
	data->bytes = is_payload ? e->record->value : to->parts[VALUE];
	if (is_payload)
		return take_payload(e, data);
	data->content = to->content;
	if (data->bytes.ptr != NULL)
		data->type = usual_type(to->content);
	return OUTFLOW_OK;
}

/* ---- attributes ---- */

/* One event on its way out. */
struct making {
	const struct deliver *deliver;
	struct event *e;
	struct delivery *to;
	outflow_json_writer *writer; /* structured mode */
	unsigned required;           /* bits of those that were there */
};

static void note_required(struct making *mk, outflow_str name, const struct value *v)
{
	static const char *const names[] = { "specversion", "id", "source", "type" };

	for (unsigned i = 0; i < 4; i++)
		if (outflow_equal(name, names[i]) && v->text.len > 0)
			mk->required |= 1u << i;
}

static outflow_status check_required(const struct making *mk)
{
	static const char *const names[] = { "specversion", "id", "source", "type" };

	for (unsigned i = 0; i < 4; i++)
		if (!(mk->required & 1u << i))
			return outflow_fail(
				mk->e->err, OUTFLOW_E_RECORD,
				"cloudevents: the event has no attribute '%s', and every CloudEvent has one", names[i]);
	return OUTFLOW_OK;
}

static outflow_status add_as_header(void *arg, outflow_str name, const struct value *v)
{
	struct making *mk = arg;
	struct event *e = mk->e;
	outflow_bytes text = event_value_text(e, v);
	char *full;

	note_required(mk, name, v);
	if (e->status != OUTFLOW_OK)
		return e->status;
	full = outflow_alloc(e->host, e->arena, name.len + sizeof PREFIX - 1, 1);
	if (full == NULL)
		return no_memory(e);
	memcpy(full, PREFIX, sizeof PREFIX - 1);
	memcpy(full + sizeof PREFIX - 1, name.ptr, name.len);
	name = (outflow_str){ full, name.len + sizeof PREFIX - 1 };
	return deliver_makes_header(mk->deliver, name) ? OUTFLOW_OK : delivery_add_header(mk->to, e, name, text);
}

/* Numbers and booleans of a whole event stay what they are. */
static outflow_status add_as_member(void *arg, outflow_str name, const struct value *v)
{
	struct making *mk = arg;

	note_required(mk, name, v);
	outflow_json_put_key(mk->writer, name);
	if (v->json != NULL)
		outflow_json_put_raw(mk->writer, outflow_json_raw(v->json, v->token));
	else
		outflow_json_put_string(mk->writer, v->text);
	return OUTFLOW_OK;
}

/* ---- the two modes ---- */

static outflow_status add_content_type(const struct deliver *d, struct event *e, struct delivery *to, outflow_str type)
{
	outflow_str name = outflow_text(CONTENT_TYPE);

	if (type.ptr == NULL || deliver_makes_header(d, name))
		return OUTFLOW_OK;
	return delivery_add_header(to, e, name, outflow_text_bytes(type));
}

static outflow_status make_binary(struct making *mk, const struct data *data)
{
	outflow_status status = attributes_all(mk->e, add_as_header, mk);

	if (status == OUTFLOW_OK)
		status = check_required(mk);
	if (status == OUTFLOW_OK)
		status = add_content_type(mk->deliver, mk->e, mk->to, data->type);
	mk->to->parts[VALUE] = data->bytes;
	return status;
}

static outflow_status put_base64(struct event *e, outflow_json_writer *w, outflow_bytes bytes)
{
	size_t n = base64_length(bytes.len);
	char *text = outflow_alloc(e->host, e->arena, n + 1, 1);

	if (text == NULL)
		return no_memory(e);
	base64_write(bytes, text);
	outflow_json_put_key(w, outflow_text("data_base64"));
	outflow_json_put_string(w, (outflow_str){ text, n });
	return OUTFLOW_OK;
}

static outflow_status put_data(struct event *e, outflow_json_writer *w, const struct data *data)
{
	outflow_str text = { data->bytes.ptr, data->bytes.len };

	if (data->type.ptr != NULL) {
		outflow_json_put_key(w, outflow_text("datacontenttype"));
		outflow_json_put_string(w, data->type);
	}
	if (text.ptr == NULL)
		return OUTFLOW_OK;
	if (data->content == FORM_IS_BYTES || outflow_utf8_check(data->bytes) < text.len)
		return put_base64(e, w, data->bytes);
	outflow_json_put_key(w, outflow_text("data"));
	if (data->content == FORM_IS_JSON)
		outflow_json_put_raw(w, text);
	else
		outflow_json_put_string(w, text);
	return OUTFLOW_OK;
}

static outflow_status write_event(struct making *mk, const struct data *data, outflow_bytes *out)
{
	outflow_json_writer w;
	outflow_status status;

	outflow_json_begin(&w, mk->e->host, mk->e->arena, 2 * data->bytes.len + 512);
	mk->writer = &w;
	outflow_json_bracket(&w, '{');
	status = attributes_all(mk->e, add_as_member, mk);
	if (status == OUTFLOW_OK)
		status = check_required(mk);
	if (status == OUTFLOW_OK)
		status = put_data(mk->e, &w, data);
	outflow_json_bracket(&w, '}');
	if (status != OUTFLOW_OK)
		return status;
	*out = outflow_json_finish(&w);
	return out->ptr ? OUTFLOW_OK : no_memory(mk->e);
}

/* Is the value the event itself? */
static bool is_event_already(const struct deliver *d, const struct event *e)
{
	return d->parts[VALUE].kind == FORM_ORIGINAL || (e->whole && d->parts[VALUE].kind == FORM_UNSET);
}

static outflow_status make_structured(struct making *mk)
{
	const struct deliver *d = mk->deliver;
	struct data data = { .content = FORM_IS_JSON };
	outflow_status status = OUTFLOW_OK;

	if (is_event_already(d, mk->e)) {
		if (d->parts[VALUE].kind == FORM_UNSET)
			mk->to->parts[VALUE] = mk->e->record->value;
	} else {
		status = take_data(d, mk->e, mk->to, &data);
		if (status == OUTFLOW_OK)
			status = write_event(mk, &data, &mk->to->parts[VALUE]);
	}
	if (status != OUTFLOW_OK)
		return status;
	return add_content_type(d, mk->e, mk->to, outflow_text("application/cloudevents+json; charset=UTF-8"));
}

static outflow_status take_key(const struct deliver *d, struct event *e, struct delivery *to)
{
	static const outflow_str name = { "partitionkey", 12 };
	const outflow_json *json;
	struct value v;

	if (d->parts[KEY].kind != FORM_UNSET)
		return OUTFLOW_OK;
	if (e->whole) {
		json = event_tape(e);
		v = json ? member(json, name.ptr) : (struct value){ .type = VALUE_MISSING };
	} else {
		envelope_extension(e, name, &v);
	}
	if (v.type == VALUE_MISSING || v.type == OUTFLOW_JSON_NULL || value_is_container(&v))
		return e->status;
	to->parts[KEY] = event_value_text(e, &v);
	to->has_key = true;
	return e->status;
}

bool cloudevents_owns_header(struct event *e, outflow_str name)
{
	if (outflow_equal(name, CONTENT_TYPE) || outflow_equal(name, "outflow.mqtt.content.type"))
		return true;
	if (name.len >= sizeof PREFIX - 1 && memcmp(name.ptr, PREFIX, sizeof PREFIX - 1) == 0)
		return true;
	return !e->whole && attributes_binding(e) == ATTRIBUTES_OF_MQTT && attribute_name_is_valid(name);
}

outflow_status cloudevents_make(const struct deliver *d, struct event *e, struct delivery *to)
{
	struct making mk = { .deliver = d, .e = e, .to = to };
	struct data data = { .content = FORM_IS_JSON };
	outflow_status status = take_key(d, e, to);

	if (status != OUTFLOW_OK)
		return status;
	if (d->cloudevents == CLOUDEVENTS_STRUCTURED)
		return make_structured(&mk);
	status = take_data(d, e, to, &data);
	return status == OUTFLOW_OK ? make_binary(&mk, &data) : status;
}

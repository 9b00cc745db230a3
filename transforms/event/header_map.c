/* SPDX-License-Identifier: Apache-2.0 */
/* All headers of a record out of one value of the event: an object, or an array of objects with key and value. */
#include "deliver.h"

#include <outflow/util.h>

static outflow_status refuse(const struct deliver *d, struct event *e)
{
	return outflow_fail(
		e->err, OUTFLOW_E_RECORD,
		"headers: the value at %.*s is neither an object nor an array of objects with a string 'key' "
		"and a 'value'",
		d->header_map_text.len > 200 ? 200 : (int)d->header_map_text.len, d->header_map_text.ptr);
}

static outflow_status add(const struct deliver *d, struct event *e, struct delivery *to, const struct value *name,
                          const struct value *value)
{
	outflow_bytes key = event_value_text(e, name), bytes = event_value_text(e, value);
	outflow_str text = { key.ptr, key.len };

	if (e->status != OUTFLOW_OK)
		return e->status;
	if (bytes.ptr == NULL || !deliver_keeps_header(d, e, text))
		return OUTFLOW_OK; /* null: left out */
	return delivery_add_header(to, e, text, bytes);
}

static outflow_status add_members(const struct deliver *d, struct event *e, struct delivery *to, const struct value *v)
{
	uint32_t end = outflow_json_next(v->json, v->token) - 1;
	outflow_status status = OUTFLOW_OK;

	for (uint32_t i = v->token + 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(v->json, i + 1)) {
		struct value name = value_of_token(v->json, i), value = value_of_token(v->json, i + 1);

		status = add(d, e, to, &name, &value);
	}
	return status;
}

static outflow_status add_pairs(const struct deliver *d, struct event *e, struct delivery *to, const struct value *v)
{
	uint32_t end = outflow_json_next(v->json, v->token) - 1;
	outflow_status status = OUTFLOW_OK;

	for (uint32_t i = v->token + 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(v->json, i)) {
		uint32_t key = outflow_json_member(v->json, i, outflow_text("key"));
		uint32_t at = outflow_json_member(v->json, i, outflow_text("value"));
		struct value name, value;

		if (key == 0 || at == 0 || outflow_json_type(v->json, key) != OUTFLOW_JSON_STRING)
			return refuse(d, e);
		name = value_of_token(v->json, key);
		value = value_of_token(v->json, at);
		status = add(d, e, to, &name, &value);
	}
	return status;
}

/* Their values may be any bytes, so they are taken from the record and not from the event. */
static outflow_status add_user_properties(const struct deliver *d, struct event *e, struct delivery *to)
{
	outflow_status status = OUTFLOW_OK;
	struct value property;

	for (int64_t i = 0; envelope_user_property(e, i, &property), property.type != VALUE_MISSING; i++) {
		const outflow_header *h = &e->source->headers[property.token];

		if (status == OUTFLOW_OK && deliver_keeps_header(d, e, h->name))
			status = delivery_add_header(to, e, h->name, h->value);
	}
	return status;
}

outflow_status header_map_add(const struct deliver *d, struct event *e, struct delivery *to)
{
	struct value v;

	path_find(d->header_map, e, &v);
	if (e->status != OUTFLOW_OK || v.type == VALUE_MISSING || v.type == OUTFLOW_JSON_NULL)
		return e->status;
	if (v.json == NULL && v.field == ENVELOPE_USER_PROPERTIES)
		return add_user_properties(d, e, to);
	if (v.json != NULL && v.type == OUTFLOW_JSON_OBJECT)
		return add_members(d, e, to, &v);
	return v.json != NULL && v.type == OUTFLOW_JSON_ARRAY ? add_pairs(d, e, to, &v) : refuse(d, e);
}

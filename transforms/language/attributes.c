/* SPDX-License-Identifier: Apache-2.0 */
#include "attributes.h"

#include "envelope_internal.h"
#include "json_text.h"
#include "rfc3339.h"

#include <outflow/util.h>

/* How long an attribute may be, in characters: the limits of the event buses that these events are for. */
enum { ID_MAX = 128, SOURCE_MAX = 128, SUBJECT_MAX = 512, TYPE_MAX = 64 };

static const struct known {
	const char *name;
	uint8_t field; /* enum envelope_field */
	uint16_t most; /* 0: unlimited */
} known[] = {
	{ "specversion", ENVELOPE_SPECVERSION, 0 },   { "id", ENVELOPE_ID, ID_MAX },
	{ "source", ENVELOPE_SOURCE, SOURCE_MAX },    { "type", ENVELOPE_TYPE, TYPE_MAX },
	{ "subject", ENVELOPE_SUBJECT, SUBJECT_MAX }, { "time", ENVELOPE_TIME, 0 },
	{ "dataschema", ENVELOPE_DATASCHEMA, 0 },     { "datacontenttype", ENVELOPE_DATACONTENTTYPE, 0 },
};
enum { N_KNOWN = sizeof known / sizeof known[0] };

static bool equals(outflow_str a, outflow_str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool attribute_name_is_valid(outflow_str name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!((name.ptr[i] >= 'a' && name.ptr[i] <= 'z') || (name.ptr[i] >= '0' && name.ptr[i] <= '9')))
			return false;
	return name.len > 0 && !outflow_equal(name, "data");
}

bool attribute_is_standard(outflow_str name)
{
	for (size_t i = 0; i < N_KNOWN; i++)
		if (outflow_equal(name, known[i].name))
			return true;
	return false;
}

/* ---- what the message brought along ---- */

static const char *const prefixes[] = { [ATTRIBUTES_OF_MQTT] = "", [ATTRIBUTES_OF_KAFKA] = "ce_" };

static const outflow_header *find(const outflow_record *r, const char *prefix, outflow_str name)
{
	size_t n = strlen(prefix);

	for (uint32_t i = r->n_headers; i-- > 0;) {
		outflow_str header = r->headers[i].name;

		if (header.len == n + name.len && memcmp(header.ptr, prefix, n) == 0 &&
		    memcmp(header.ptr + n, name.ptr, name.len) == 0)
			return &r->headers[i];
	}
	return NULL;
}

static bool has_required(const outflow_record *r, const char *prefix)
{
	const outflow_header *version = find(r, prefix, outflow_text("specversion"));

	if (version == NULL || version->value.len != 3 || memcmp(version->value.ptr, "1.0", 3) != 0)
		return false;
	for (size_t i = 1; i < 4; i++) { /* id, source, type */
		const outflow_header *h = find(r, prefix, outflow_text(known[i].name));

		if (h == NULL || h->value.len == 0)
			return false;
	}
	return true;
}

enum attributes_binding attributes_binding(struct event *e)
{
	const outflow_record *r = event_source(e);

	if (e->binding_known)
		return e->binding;
	e->binding_known = true;
	if (e->settings->binding == EVENT_BINDING_NONE || r->n_headers < 4 || r->n_headers > ATTRIBUTES_MAX)
		return ATTRIBUTES_MADE;
	if (has_required(r, prefixes[ATTRIBUTES_OF_MQTT]))
		e->binding = ATTRIBUTES_OF_MQTT;
	else if (has_required(r, prefixes[ATTRIBUTES_OF_KAFKA]))
		e->binding = ATTRIBUTES_OF_KAFKA;
	return e->binding;
}

/* MQTT says it with a property of its own, Kafka with a header. */
static const outflow_header *find_content_type(struct event *e)
{
	const outflow_record *r = event_source(e);
	const outflow_header *h = outflow_find_header(r, ENVELOPE_RESERVED "content.type");

	if (h == NULL)
		h = outflow_find_header(r, "content-type");
	if (h == NULL && attributes_binding(e) == ATTRIBUTES_OF_MQTT)
		h = outflow_find_header(r, "datacontenttype");
	return h;
}

outflow_str attributes_content_type(struct event *e)
{
	const outflow_header *h = find_content_type(e);
	outflow_str type = { NULL, 0 };

	if (h != NULL && h->value.len > 0 && outflow_utf8_check(h->value) == h->value.len)
		type = (outflow_str){ h->value.ptr, h->value.len };
	return type;
}

static void set_brought(struct event *e, struct value *v, outflow_str name, const outflow_header *h)
{
	if (h == NULL || h->value.ptr == NULL)
		return;
	if (outflow_utf8_check(h->value) < h->value.len)
		e->status =
			outflow_fail(e->err, OUTFLOW_E_RECORD, "the attribute '%.*s' of the event is not valid UTF-8",
		                     name.len > 60 ? 60 : (int)name.len, name.ptr);
	else
		value_set_text(v, OUTFLOW_JSON_STRING, h->value.ptr, h->value.len);
}

/* ---- what we make ---- */

static void make_id(struct event *e, struct value *v)
{
	const outflow_header *part = outflow_find_header(e->record, ENVELOPE_PART_HEADER);
	char digits[32], *p = digits + sizeof digits;
	uint64_t position = e->record->pos;

	/* Parts of one message are events of their own. */
	if (part != NULL && part->value.len > 0 && part->value.len < 10) {
		p -= part->value.len;
		memcpy(p, part->value.ptr, part->value.len);
		*--p = '/';
	}
	do {
		*--p = (char)('0' + position % 10);
		position /= 10;
	} while (position > 0);
	value_set_joined(e, v, outflow_text(e->settings->id_prefix),
	                 (outflow_str){ p, (size_t)(digits + sizeof digits - p) });
}

static void make_time(struct event *e, struct value *v)
{
	outflow_str none = { NULL, 0 };
	char text[RFC3339_SIZE];

	if (e->record->timestamp_ms < 0)
		return;
	rfc3339_write(e->record->timestamp_ms, text);
	value_set_joined(e, v, outflow_text(text), none);
}

static void make(struct event *e, enum envelope_field field, struct value *v)
{
	static const char type[] = "application/json;charset=utf-8";
	const struct event_settings *s = e->settings;

	switch (field) {
	case ENVELOPE_SPECVERSION:
		value_set_text(v, OUTFLOW_JSON_STRING, "1.0", 3);
		break;
	case ENVELOPE_ID:
		make_id(e, v);
		break;
	case ENVELOPE_SOURCE:
		value_set_text(v, OUTFLOW_JSON_STRING, s->source.ptr, s->source.len);
		break;
	case ENVELOPE_TYPE:
		value_set_text(v, OUTFLOW_JSON_STRING, s->type.ptr, s->type.len);
		break;
	case ENVELOPE_SUBJECT:
		value_set_joined(e, v, (outflow_str){ s->subject_head, s->subject_head_length },
		                 event_source(e)->topic);
		break;
	case ENVELOPE_TIME:
		make_time(e, v);
		break;
	case ENVELOPE_DATACONTENTTYPE:
		value_set_text(v, OUTFLOW_JSON_STRING, type, sizeof type - 1);
		break;
	default:
		break;
	}
}

/* ---- both ---- */

static void check_length(struct event *e, const struct known *k, const struct value *v)
{
	size_t n;

	if (k->most == 0 || v->type == VALUE_MISSING || v->text.len <= k->most)
		return;
	n = json_text_characters(v->text);
	if (n > k->most && e->status == OUTFLOW_OK)
		e->status = outflow_fail(e->err, OUTFLOW_E_RECORD,
		                         "the attribute '%s' of the event has %zu characters, and may have %u", k->name,
		                         n, k->most);
}

void attribute_get(struct event *e, enum envelope_field field, struct value *v)
{
	enum attributes_binding binding = attributes_binding(e);
	const struct known *k = &known[field - ENVELOPE_SPECVERSION];
	outflow_str name = outflow_text(k->name);

	*v = (struct value){ .type = VALUE_MISSING };
	if (binding == ATTRIBUTES_MADE)
		make(e, field, v);
	else if (field == ENVELOPE_DATACONTENTTYPE)
		set_brought(e, v, name, find_content_type(e));
	else
		set_brought(e, v, name, find(event_source(e), prefixes[binding], name));
	check_length(e, k, v);
}

/* An extension is known by where it comes from: the number of its header, or of its setting. */
#define FROM_SETTING 0x80000000u

static void set_extension(struct event *e, struct value *v, outflow_str name, const outflow_header *h)
{
	set_brought(e, v, name, h);
	v->field = ENVELOPE_EXTENSION;
	v->token = (uint32_t)(h - event_source(e)->headers);
}

static void set_from_setting(const struct event *e, struct value *v, size_t i)
{
	outflow_str text = e->settings->extensions[i].value;

	value_set_text(v, OUTFLOW_JSON_STRING, text.ptr, text.len);
	v->field = ENVELOPE_EXTENSION;
	v->token = (uint32_t)i | FROM_SETTING;
}

static const outflow_header *find_brought(struct event *e, outflow_str name)
{
	enum attributes_binding binding = attributes_binding(e);

	return binding == ATTRIBUTES_MADE ? NULL : find(event_source(e), prefixes[binding], name);
}

/* The message's own, else the pipeline's. */
void envelope_extension(struct event *e, outflow_str name, struct value *v)
{
	const outflow_header *h;

	*v = (struct value){ .type = VALUE_MISSING };
	if (e->status != OUTFLOW_OK || !attribute_name_is_valid(name) || attribute_is_standard(name))
		return;
	h = find_brought(e, name);
	if (h != NULL) {
		set_extension(e, v, name, h);
		return;
	}
	for (size_t i = 0; i < e->settings->n_extensions; i++)
		if (equals(e->settings->extensions[i].name, name))
			set_from_setting(e, v, i);
}

outflow_str envelope_extension_name(struct event *e, const struct value *v)
{
	outflow_str name;

	if (v->token & FROM_SETTING)
		return e->settings->extensions[v->token & ~FROM_SETTING].name;
	name = event_source(e)->headers[v->token].name;
	name.ptr += strlen(prefixes[attributes_binding(e)]);
	name.len -= strlen(prefixes[attributes_binding(e)]);
	return name;
}

/* ---- all of them ---- */

/* The name that header i has as an extension attribute; len 0: it is none, or there is a later one of that name. */
static outflow_str extension_name(const outflow_record *r, size_t i, const char *prefix)
{
	size_t n = strlen(prefix);
	outflow_str name = r->headers[i].name, none = { NULL, 0 };

	if (name.len <= n || memcmp(name.ptr, prefix, n) != 0)
		return none;
	name = (outflow_str){ name.ptr + n, name.len - n };
	if (!attribute_name_is_valid(name) || attribute_is_standard(name) || find(r, prefix, name) != &r->headers[i])
		return none;
	return name;
}

bool attributes_next_extension(struct event *e, size_t *at, outflow_str *name, struct value *v)
{
	enum attributes_binding binding = attributes_binding(e);
	const outflow_record *r = event_source(e);
	size_t n_settings = e->settings->n_extensions, n = binding == ATTRIBUTES_MADE ? 0 : r->n_headers;

	*v = (struct value){ .type = VALUE_MISSING };
	while (*at < n_settings + n && e->status == OUTFLOW_OK && v->type == VALUE_MISSING) {
		size_t i = (*at)++;

		if (i < n_settings) {
			*name = e->settings->extensions[i].name;
			if (find_brought(e, *name) == NULL)
				set_from_setting(e, v, i);
			continue;
		}
		*name = extension_name(r, i - n_settings, prefixes[binding]);
		if (name->len > 0)
			set_extension(e, v, *name, &r->headers[i - n_settings]);
	}
	return v->type != VALUE_MISSING && e->status == OUTFLOW_OK;
}

/* One member of a whole event, of which a later one has precedence. */
static outflow_status take_member(struct event *e, const outflow_json *json, uint32_t key, attribute_found *found,
                                  void *arg)
{
	outflow_str name = outflow_json_string(e->host, e->arena, json, key);
	struct value v = value_of_token(json, key + 1);

	if (name.ptr == NULL) {
		event_no_memory(e);
		return e->status;
	}
	if (v.type == OUTFLOW_JSON_NULL || outflow_equal(name, "data") || outflow_equal(name, "data_base64") ||
	    outflow_equal(name, "datacontenttype") || outflow_json_member(json, 0, name) != key + 1)
		return OUTFLOW_OK;
	if (value_is_container(&v) || !attribute_name_is_valid(name))
		return outflow_fail(
			e->err, OUTFLOW_E_RECORD,
			"'%.*s' of the event is not an attribute: these have names of lower-case letters and "
			"digits, and are no objects or arrays",
			name.len > 60 ? 60 : (int)name.len, name.ptr);
	return found(arg, name, &v);
}

static outflow_status attributes_of_whole(struct event *e, attribute_found *found, void *arg)
{
	const outflow_json *json = event_tape(e);
	outflow_status status = e->status;
	unsigned n = 0;
	uint32_t end;

	if (status != OUTFLOW_OK)
		return status;
	if (json == NULL || outflow_json_type(json, 0) != OUTFLOW_JSON_OBJECT)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "the event is not a JSON object");
	end = outflow_json_next(json, 0) - 1;
	for (uint32_t i = 1; i < end && status == OUTFLOW_OK; i = outflow_json_next(json, i + 1)) {
		if (n++ == ATTRIBUTES_MAX)
			return outflow_fail(e->err, OUTFLOW_E_RECORD, "the event has more than %u members",
			                    ATTRIBUTES_MAX);
		status = take_member(e, json, i, found, arg);
	}
	return status;
}

outflow_status attributes_all(struct event *e, attribute_found *found, void *arg)
{
	outflow_status status = OUTFLOW_OK;
	size_t at = 0;
	outflow_str name;
	struct value v;

	if (e->whole)
		return attributes_of_whole(e, found, arg);
	for (size_t i = 0; i + 1 < N_KNOWN && status == OUTFLOW_OK; i++) {
		attribute_get(e, known[i].field, &v);
		status = e->status;
		if (status == OUTFLOW_OK && v.type != VALUE_MISSING)
			status = found(arg, outflow_text(known[i].name), &v);
	}
	while (status == OUTFLOW_OK && attributes_next_extension(e, &at, &name, &v))
		status = found(arg, name, &v);
	return status == OUTFLOW_OK ? e->status : status;
}

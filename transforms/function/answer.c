/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include "transforms/language/base64.h"
#include "transforms/language/stage.h"

#include <outflow/util.h>

#include <stdlib.h>

#define RECORDS_MAX 100000u /* of one event */

/* What an element comes to. */
struct made {
	outflow_bytes value, key;
	bool has_key;
};

/* ---- reading ---- */

static void count(struct answer *a)
{
	a->is_list = outflow_json_type(a->json, 0) == OUTFLOW_JSON_ARRAY;
	for (uint32_t i = 1; a->is_list && outflow_json_type(a->json, i) != OUTFLOW_JSON_END;
	     i = outflow_json_next(a->json, i))
		a->n++;
}

/* The list that string `token` holds; NULL: it holds none, or there is no memory. */
static outflow_json *list_in_string(const outflow_json *json, uint32_t token, char **inner)
{
	outflow_str text = outflow_json_text(json, token);
	outflow_json *list = NULL;

	*inner = malloc(text.len + 1);
	if (*inner == NULL)
		return NULL;
	text.len = outflow_json_decode(text, *inner);
	text.ptr = *inner;
	if (outflow_json_parse(text, &list, NULL) == OUTFLOW_OK && outflow_json_type(list, 0) == OUTFLOW_JSON_ARRAY)
		return list;
	outflow_json_free(&list);
	free(*inner);
	*inner = NULL;
	return NULL;
}

outflow_status answer_read(struct answer *a, outflow_str text, outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status;
	outflow_json *list;

	*a = (struct answer){ 0 };
	if (text.len == 0)
		return outflow_fail(err, OUTFLOW_E_RECORD, "the answer is empty; [] says that nothing is to follow");
	status = outflow_json_parse(text, &a->json, &cause);
	if (status == OUTFLOW_E_NOMEM)
		return outflow_fail(err, status, "%s", cause.msg);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_RECORD, "the answer is %s", cause.msg);
	if (outflow_json_type(a->json, 0) == OUTFLOW_JSON_STRING) {
		list = list_in_string(a->json, 0, &a->inner);
		if (list != NULL) {
			outflow_json_free(&a->json);
			a->json = list;
		}
	}
	count(a);
	return OUTFLOW_OK;
}

void answer_clear(struct answer *a)
{
	outflow_json_free(&a->json);
	free(a->inner);
	*a = (struct answer){ 0 };
}

bool answer_fits(const struct answer *a, size_t n)
{
	return n == 1 || (a->is_list && a->n == n);
}

/* ---- an element that is a payload ---- */

static outflow_bytes copy(const struct answer_rules *rules, outflow_batch *out, outflow_str text)
{
	return outflow_copy(rules->host, out, (outflow_bytes){ text.ptr ? text.ptr : "", text.len });
}

/* The text of a string, in the arena. */
static outflow_bytes decode(const struct answer_rules *rules, const outflow_json *json, uint32_t token,
                            outflow_batch *out)
{
	outflow_str text = outflow_json_text(json, token);
	char *to = outflow_alloc(rules->host, out, text.len + 1, 1);

	if (to == NULL)
		return (outflow_bytes){ NULL, 0 };
	return (outflow_bytes){ to, outflow_json_decode(text, to) };
}

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for what the function answered");
}

static outflow_status make_payload(const struct answer_rules *rules, const outflow_json *json, uint32_t token,
                                   outflow_batch *out, struct made *made, outflow_error *err)
{
	if (outflow_json_type(json, token) == OUTFLOW_JSON_STRING)
		made->value = decode(rules, json, token, out);
	else
		made->value = copy(rules, out, outflow_json_raw(json, token));
	return made->value.ptr ? OUTFLOW_OK : no_memory(err);
}

/* ---- an element that is an event ---- */

static outflow_status refuse(const char *cause, outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_RECORD, "an element of the answer %s", cause);
}

/* What the event says that its body is, else what the body was that the function was sent. */
static enum event_format format_of(const outflow_json *json, uint32_t data, enum event_format format)
{
	uint32_t props = outflow_json_member(json, data, outflow_text("props"));
	uint32_t name = props ? outflow_json_member(json, props, outflow_text("format")) : 0;

	if (name == 0 || outflow_json_type(json, name) != OUTFLOW_JSON_STRING)
		return format;
	for (enum event_format f = EVENT_JSON; f <= EVENT_BINARY; f++)
		if (outflow_json_equal(json, name, outflow_text(event_format_name(f))))
			return f;
	return format;
}

static outflow_status make_body(const struct answer_rules *rules, const outflow_json *json, uint32_t body,
                                enum event_format format, outflow_batch *out, struct made *made, outflow_error *err)
{
	char *bytes;
	size_t n;

	if (format == EVENT_JSON) {
		made->value = copy(rules, out, outflow_json_raw(json, body));
		return made->value.ptr ? OUTFLOW_OK : no_memory(err);
	}
	if (outflow_json_type(json, body) != OUTFLOW_JSON_STRING)
		return make_payload(rules, json, body, out, made, err);
	made->value = decode(rules, json, body, out);
	if (made->value.ptr == NULL)
		return no_memory(err);
	if (format != EVENT_BINARY)
		return OUTFLOW_OK;
	bytes = outflow_alloc(rules->host, out, made->value.len + 1, 1);
	if (bytes == NULL)
		return no_memory(err);
	n = base64_read((outflow_str){ made->value.ptr, made->value.len }, bytes);
	if (n == SIZE_MAX)
		return refuse("has a body that is not Base64, though its props.format is binary", err);
	made->value = (outflow_bytes){ bytes, n };
	return OUTFLOW_OK;
}

static outflow_status make_key(const struct answer_rules *rules, const outflow_json *json, uint32_t key,
                               const outflow_record *in, outflow_batch *out, struct made *made, outflow_error *err)
{
	uint32_t type = outflow_json_type(json, key);

	if (type == OUTFLOW_JSON_OBJECT || type == OUTFLOW_JSON_ARRAY)
		return refuse("has a data.key that is no text", err);
	/* What is not text was sent as something else than it is. */
	if (in->key.len > 0 && outflow_utf8_check(in->key) < in->key.len)
		return OUTFLOW_OK;
	made->has_key = true;
	if (type == OUTFLOW_JSON_NULL)
		return OUTFLOW_OK;
	made->key = type == OUTFLOW_JSON_STRING ? decode(rules, json, key, out)
	                                        : copy(rules, out, outflow_json_text(json, key));
	return made->key.ptr ? OUTFLOW_OK : no_memory(err);
}

static outflow_status make_event(const struct answer_rules *rules, const outflow_json *json, uint32_t token,
                                 const struct item *item, outflow_batch *out, struct made *made, outflow_error *err)
{
	uint32_t data, body, key;
	outflow_status status;

	if (outflow_json_type(json, token) != OUTFLOW_JSON_OBJECT)
		return refuse("is no event, not even an object; `answer = \"payload\"` takes any value", err);
	if (item->whole) {
		made->value = copy(rules, out, outflow_json_raw(json, token));
		return made->value.ptr ? OUTFLOW_OK : no_memory(err);
	}
	data = outflow_json_member(json, token, outflow_text("data"));
	body = data ? outflow_json_member(json, data, outflow_text("body")) : 0;
	if (data != 0 && body == 0)
		body = outflow_json_member(json, data, outflow_text("value"));
	if (body == 0)
		return refuse("is an event without data.body and data.value", err);
	key = outflow_json_member(json, data, outflow_text("key"));
	/* A null that was sent is null again, not a text. */
	if (item->in->value.ptr != NULL || outflow_json_type(json, body) != OUTFLOW_JSON_NULL) {
		status = make_body(rules, json, body, format_of(json, data, item->format), out, made, err);
		if (status != OUTFLOW_OK)
			return status;
	}
	return key ? make_key(rules, json, key, item->in, out, made, err) : OUTFLOW_OK;
}

/* ---- all elements of one event ---- */

static outflow_status emit(const struct answer_rules *rules, const struct item *item, const struct made *made,
                           outflow_batch *out, outflow_error *err)
{
	outflow_record *r;
	outflow_status status = stage_emit(rules->host, out, item->in, &r, err);

	if (status != OUTFLOW_OK)
		return status;
	r->value = made->value;
	r->view = NULL;
	r->view_tag = 0;
	if (made->has_key)
		r->key = made->key;
	return OUTFLOW_OK;
}

/* Nothing is emitted before everything is known to be good. */
static outflow_status emit_all(const struct answer_rules *rules, const outflow_json *json, uint32_t first, size_t n,
                               const struct item *item, outflow_batch *out, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	struct made *made;

	if (n == 0)
		return OUTFLOW_OK;
	if (n > RECORDS_MAX)
		return outflow_fail(err, OUTFLOW_E_RECORD, "the answer has %zu elements for one event, more than %u", n,
		                    RECORDS_MAX);
	made = outflow_alloc(rules->host, out, n * sizeof *made, _Alignof(struct made));
	if (made == NULL)
		return no_memory(err);
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		made[i] = (struct made){ 0 };
		status = rules->events ? make_event(rules, json, first, item, out, &made[i], err)
		                       : make_payload(rules, json, first, out, &made[i], err);
		first = outflow_json_next(json, first);
	}
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = emit(rules, item, &made[i], out, err);
	return status;
}

/* An element that may be a list by itself. */
static outflow_status emit_nested(const struct answer_rules *rules, const outflow_json *json, uint32_t token,
                                  const struct item *item, outflow_batch *out, outflow_error *err)
{
	struct answer inner = { 0 };
	outflow_status status;
	char *text = NULL;

	if (outflow_json_type(json, token) == OUTFLOW_JSON_STRING)
		inner.json = list_in_string(json, token, &text);
	if (inner.json != NULL) {
		count(&inner);
		status = emit_all(rules, inner.json, 1, inner.n, item, out, err);
		outflow_json_free(&inner.json);
		free(text);
		return status;
	}
	if (outflow_json_type(json, token) != OUTFLOW_JSON_ARRAY)
		return emit_all(rules, json, token, 1, item, out, err);
	for (uint32_t i = token + 1; outflow_json_type(json, i) != OUTFLOW_JSON_END; i = outflow_json_next(json, i))
		inner.n++;
	return emit_all(rules, json, token + 1, inner.n, item, out, err);
}

outflow_status answer_emit(const struct answer *a, size_t i, size_t n, const struct answer_rules *rules,
                           const struct item *item, outflow_batch *out, outflow_error *err)
{
	uint32_t token = 1;

	if (!a->is_list)
		return emit_all(rules, a->json, 0, 1, item, out, err);
	if (n == 1 && !(rules->nested && a->n == 1))
		return emit_all(rules, a->json, 1, a->n, item, out, err);
	for (; i > 0; i--)
		token = outflow_json_next(a->json, token);
	return emit_nested(rules, a->json, token, item, out, err);
}

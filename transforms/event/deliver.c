/* SPDX-License-Identifier: Apache-2.0 */
/* The transform deliver, last before the sink: makes topic, key, value, headers, partition and timestamp from
 * the event. */
#include "components.h"
#include "transforms/language/form.h"
#include "transforms/language/rfc3339.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

enum part { TOPIC, KEY, VALUE, PARTITION, TIMESTAMP, N_PARTS };
static const char *const part_names[N_PARTS] = { "topic", "key", "value", "partition", "timestamp" };

struct named_form {
	outflow_str name;
	struct form form;
	char key[80]; /* "headers.<name>", for errors */
};

struct deliver {
	const outflow_host *host;
	struct event_settings settings;
	struct form parts[N_PARTS];
	struct named_form *headers;
	size_t n_headers;
};

/* What one record becomes; a part whose form is not set stays as it is. */
struct delivery {
	outflow_bytes parts[N_PARTS];
	int32_t partition;
	int64_t timestamp_ms;
	const outflow_header *headers;
	uint32_t n_headers;
};

/* ---- configuration ---- */

static const char header_prefix[] = "headers.";

static bool ends_with(outflow_str s, const char *end)
{
	size_t n = strlen(end);

	return s.len > n && memcmp(s.ptr + s.len - n, end, n) == 0;
}

static struct named_form *header_of(struct deliver *d, outflow_str name)
{
	struct named_form *larger;

	for (size_t i = 0; i < d->n_headers; i++)
		if (d->headers[i].name.len == name.len && memcmp(d->headers[i].name.ptr, name.ptr, name.len) == 0)
			return &d->headers[i];
	larger = realloc(d->headers, (d->n_headers + 1) * sizeof *larger);
	if (larger == NULL)
		return NULL;
	d->headers = larger;
	larger += d->n_headers++;
	*larger = (struct named_form){ .name = name };
	snprintf(larger->key, sizeof larger->key, "%s%.*s", header_prefix, (int)(name.len > 60 ? 60 : name.len),
	         name.ptr);
	return larger;
}

/* What is set for header `name` with one of the endings that a part has; ptr NULL: nothing. */
static outflow_str header_setting(const outflow_host *h, const outflow_config *c, outflow_str name, const char *ending)
{
	outflow_str key, value, none = { NULL, 0 };

	for (size_t i = 0; i < h->config->prefix(c, header_prefix, i, &key, &value); i++)
		if (key.len == name.len + strlen(ending) && memcmp(key.ptr, name.ptr, name.len) == 0 &&
		    memcmp(key.ptr + name.len, ending, key.len - name.len) == 0)
			return value;
	return none;
}

static outflow_status read_header(struct deliver *d, const outflow_host *h, const outflow_config *c, outflow_str key,
                                  outflow_str value, outflow_error *err)
{
	struct named_form *header;
	outflow_str name = key;

	if (ends_with(key, ".form") || ends_with(key, ".missing")) {
		name.len -= ends_with(key, ".form") ? 5 : 8;
		if (header_setting(h, c, name, "").ptr == NULL && header_setting(h, c, name, ".value").ptr == NULL)
			return outflow_fail(err, OUTFLOW_E_CONFIG,
			                    "how the header is made is given, but not its value");
		return OUTFLOW_OK;
	}
	if (ends_with(key, ".value"))
		name.len -= 6;
	if (name.len == 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a header needs a name");
	header = header_of(d, name);
	if (header == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the headers");
	if (header->form.kind != FORM_UNSET)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the header is given twice, with and without .value");
	return form_set(&header->form, value, header_setting(h, c, name, ".form"),
	                header_setting(h, c, name, ".missing"), err);
}

static bool read_partition(outflow_bytes text, int32_t *partition)
{
	const char *p = text.ptr;
	int64_t value = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (p[i] < '0' || p[i] > '9' || value > INT32_MAX)
			return false;
		value = value * 10 + (p[i] - '0');
	}
	*partition = (int32_t)value;
	return text.len > 0 && value <= INT32_MAX;
}

static bool read_timestamp(outflow_bytes text, int64_t *ms)
{
	const char *p = text.ptr;
	int64_t value = 0;
	size_t i = 0;

	for (; i < text.len && i < 18 && p[i] >= '0' && p[i] <= '9'; i++)
		value = value * 10 + (p[i] - '0');
	if (i == 0 || i < text.len)
		return rfc3339_read((outflow_str){ p, text.len }, ms) && *ms >= 0;
	*ms = value;
	return true;
}

/* A constant can be looked at before there is any record. */
static outflow_status check_constant(const struct deliver *d, enum part part, outflow_error *err)
{
	const struct form *f = &d->parts[part];
	int64_t ms;
	int32_t partition;

	if (f->kind != FORM_CONSTANT)
		return OUTFLOW_OK;
	/* What else a topic may be called is for the sink to say. */
	if (part == TOPIC && f->text.len == 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "'' is not the name of a topic");
	if (part == PARTITION && !read_partition(outflow_text_bytes(f->text), &partition))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a partition is a whole number from 0");
	if (part == TIMESTAMP && !read_timestamp(outflow_text_bytes(f->text), &ms))
		return outflow_fail(err, OUTFLOW_E_CONFIG,
		                    "a timestamp is milliseconds since 1970 or a text such as "
		                    "2026-01-31T12:00:00Z");
	return OUTFLOW_OK;
}

typedef outflow_status on_problem(const outflow_host *h, const char *key, outflow_status, const outflow_error *cause,
                                  outflow_error *err);

static outflow_status read_parts(struct deliver *d, const outflow_host *h, const outflow_config *c, on_problem *problem,
                                 outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status = OUTFLOW_OK, first = OUTFLOW_OK;
	outflow_str key, value;

	for (enum part part = TOPIC; part < N_PARTS; part++) {
		status = form_read(&d->parts[part], h, c, part_names[part], &cause);
		if (status == OUTFLOW_OK)
			status = check_constant(d, part, &cause);
		if (status != OUTFLOW_OK)
			first = problem(h, part_names[part], status, &cause, err);
	}
	for (size_t i = 0; i < h->config->prefix(c, header_prefix, i, &key, &value); i++) {
		char full[160];

		status = read_header(d, h, c, key, value, &cause);
		if (status == OUTFLOW_OK)
			continue;
		snprintf(full, sizeof full, "%s%.*s", header_prefix, (int)(key.len > 120 ? 120 : key.len), key.ptr);
		first = problem(h, full, status, &cause, err);
	}
	for (size_t i = 0; i < d->n_headers; i++) /* they do not move any more */
		d->headers[i].form.key = d->headers[i].key;
	return first;
}

static void clear(struct deliver *d)
{
	for (size_t i = 0; i < N_PARTS; i++)
		form_clear(&d->parts[i]);
	for (size_t i = 0; i < d->n_headers; i++)
		form_clear(&d->headers[i].form);
	free(d->headers);
}

static outflow_status tell(const outflow_host *h, const char *key, outflow_status status, const outflow_error *cause,
                           outflow_error *err)
{
	h->problem(h, key, cause->msg);
	return outflow_fail(err, status, "%s: %s", key, cause->msg);
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct deliver d = { .host = h };
	outflow_status status = read_parts(&d, h, c, tell, err);

	clear(&d);
	return status == OUTFLOW_OK ? OUTFLOW_OK : OUTFLOW_E_CONFIG;
}

static outflow_status keep(const outflow_host *h, const char *key, outflow_status status, const outflow_error *cause,
                           outflow_error *err)
{
	(void)h;
	return outflow_fail(err, status, "%s: %s", key, cause->msg);
}

static void destroy(void *self)
{
	struct deliver *d = self;

	clear(d);
	free(d);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct deliver *d = calloc(1, sizeof *d);
	outflow_status status;

	if (d == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	d->host = h;
	event_settings_read(&d->settings, h, c, "source.");
	status = read_parts(d, h, c, keep, err);
	if (status != OUTFLOW_OK) {
		destroy(d);
		return status;
	}
	*self = d;
	return OUTFLOW_OK;
}

/* ---- records ---- */

static bool is_replaced(const struct deliver *d, outflow_str name)
{
	for (size_t i = 0; i < d->n_headers; i++)
		if (d->headers[i].name.len == name.len && memcmp(d->headers[i].name.ptr, name.ptr, name.len) == 0)
			return true;
	return false;
}

/* The record's headers but those that are made anew, then these; null ones are left out. */
static outflow_status make_headers(const struct deliver *d, struct event *e, struct delivery *to)
{
	const outflow_record *r = e->record;
	size_t most = (size_t)r->n_headers + d->n_headers;
	outflow_header *all = outflow_alloc(e->host, e->arena, most * sizeof *all, _Alignof(outflow_header));
	outflow_status status = OUTFLOW_OK;
	outflow_bytes value;

	if (all == NULL)
		return outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for the headers");
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (!is_replaced(d, r->headers[i].name))
			all[to->n_headers++] = r->headers[i];
	for (size_t i = 0; i < d->n_headers && status == OUTFLOW_OK; i++) {
		status = form_evaluate(&d->headers[i].form, e, &value);
		if (status == OUTFLOW_OK && value.ptr != NULL)
			all[to->n_headers++] = (outflow_header){ d->headers[i].name, value };
	}
	to->headers = all;
	return status;
}

static int shown(outflow_bytes text)
{
	return text.len > 80 ? 80 : (int)text.len;
}

/* Reads what the parts came to as what the record needs. */
static outflow_status read_values(const struct deliver *d, struct event *e, struct delivery *to)
{
	outflow_bytes topic = to->parts[TOPIC], partition = to->parts[PARTITION], timestamp = to->parts[TIMESTAMP];

	if (d->parts[TOPIC].kind == FORM_PATH && topic.len == 0)
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "topic: %s from %.*s is not the name of a topic",
		                    topic.ptr ? "the empty text" : "null", (int)d->parts[TOPIC].text.len,
		                    d->parts[TOPIC].text.ptr);
	to->partition = -1;
	if (partition.ptr != NULL && !read_partition(partition, &to->partition))
		return outflow_fail(e->err, OUTFLOW_E_RECORD, "partition: '%.*s' is not a whole number from 0",
		                    shown(partition), (const char *)partition.ptr);
	to->timestamp_ms = e->record->timestamp_ms;
	if (timestamp.ptr != NULL && !read_timestamp(timestamp, &to->timestamp_ms))
		return outflow_fail(e->err, OUTFLOW_E_RECORD,
		                    "timestamp: '%.*s' is neither milliseconds since 1970 nor an "
		                    "RFC 3339 time",
		                    shown(timestamp), (const char *)timestamp.ptr);
	return OUTFLOW_OK;
}

static outflow_status make(const struct deliver *d, struct event *e, struct delivery *to)
{
	outflow_status status = OUTFLOW_OK;

	for (enum part part = TOPIC; part < N_PARTS && status == OUTFLOW_OK; part++)
		if (d->parts[part].kind != FORM_UNSET)
			status = form_evaluate(&d->parts[part], e, &to->parts[part]);
	if (status == OUTFLOW_OK && d->n_headers > 0)
		status = make_headers(d, e, to);
	return status == OUTFLOW_OK ? read_values(d, e, to) : status;
}

/* What tells of the last hop alone is for patterns and dead letters: two such headers would cost as much as the rest of a
 * record in Kafka. A source puts them first. What the publisher said about the message goes on. */
static void leave_out_last_hop(outflow_record *r)
{
	static const char *const names[] = { "outflow.mqtt.qos", "outflow.mqtt.packet.id", "outflow.mqtt.retain",
		                             "outflow.mqtt.dup" };
	size_t i = 0;

	while (r->n_headers > 0 && i < sizeof names / sizeof names[0]) {
		if (!outflow_equal(r->headers->name, names[i++]))
			continue;
		r->headers++;
		r->n_headers--;
		i = 0;
	}
}

static outflow_status emit(const struct deliver *d, const outflow_record *in, const struct delivery *made,
                           outflow_batch *out, outflow_error *err)
{
	outflow_record *r = outflow_emit(d->host, out, in);

	if (r == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no room for another record");
	if (d->parts[TOPIC].kind != FORM_UNSET)
		r->topic = (outflow_str){ made->parts[TOPIC].ptr, made->parts[TOPIC].len };
	if (d->parts[KEY].kind != FORM_UNSET)
		r->key = made->parts[KEY];
	if (d->parts[PARTITION].kind != FORM_UNSET)
		r->partition = made->partition;
	r->timestamp_ms = made->timestamp_ms;
	if (d->n_headers > 0) {
		r->headers = made->headers;
		r->n_headers = made->n_headers;
	}
	leave_out_last_hop(r);
	if (d->parts[VALUE].kind == FORM_UNSET ||
	    (made->parts[VALUE].ptr == in->value.ptr && made->parts[VALUE].len == in->value.len))
		return OUTFLOW_OK; /* the same bytes, and the view of them still holds */
	r->value = made->parts[VALUE];
	r->view = NULL;
	r->view_tag = 0;
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	const struct deliver *d = self;
	outflow_error cause = { .size = sizeof cause };

	for (size_t i = 0; i < n; i++) {
		struct delivery made = { .n_headers = 0 };
		struct event e;
		outflow_status status;

		event_begin(&e, d->host, out, &d->settings, &in[i], &cause);
		status = make(d, &e, &made);
		if (status == OUTFLOW_OK)
			status = emit(d, &in[i], &made, out, &cause);
		if (status == OUTFLOW_E_RECORD)
			d->host->reject(d->host, &in[i], status, &cause);
		else if (status < 0)
			return outflow_fail(err, status, "%s", cause.msg);
	}
	return OUTFLOW_OK;
}

/* ---- schema ---- */

static const char *const forms[] = { "JSONPATH", "CONSTANT", NULL };
static const char *const missing[] = { "null", "drop", "fail", NULL };
static const char *const missing_topic[] = { "drop", "fail", NULL };

#define FORM_DOC "Whether the text is a JSONPATH or a CONSTANT. Unset: a path when it begins with $."

static const outflow_cfg_key keys[] = {
	{ "topic", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Delivery",
	  "Where a record goes: a constant, or a path into the event such as $.data.body.site." },
	{ "topic.form", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, forms, "Delivery",
	  FORM_DOC },
	{ "topic.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "fail", 0, 0, missing_topic,
	  "Delivery", "When the path finds nothing: fail rejects the record, drop filters it." },
	{ "key", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Delivery",
	  "The key of a record: a constant, or a path such as $.data.body.dev. Unset: the key that the source gave it." },
	{ "key.form", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, forms, "Delivery",
	  FORM_DOC },
	{ "key.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "null", 0, 0, missing,
	  "Delivery", "When the path finds nothing: null writes no key, fail rejects the record, drop filters it." },
	{ "value", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Delivery",
	  "The value of a record: a constant, or a path. $.data.body, or unset, is the payload's bytes as they are." },
	{ "value.form", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, forms, "Delivery",
	  FORM_DOC },
	{ "value.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "fail", 0, 0, missing,
	  "Delivery",
	  "When the path finds nothing: fail rejects the record, drop filters it, null writes a null, which deletes the key in "
	  "a compacted topic." },
	{ "headers.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Delivery",
	  "headers.<name> adds a header, or replaces the one of that name: a constant, or a path. headers.<name>.form and "
	  "headers.<name>.missing work as for the key; a header that is null is left out." },
	{ "partition", OUTFLOW_T_STRING, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "Delivery",
	  "The partition as a whole number: a constant, or a path. Unset: the sink chooses by the key." },
	{ "partition.form", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, forms,
	  "Delivery", FORM_DOC },
	{ "partition.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "null", 0, 0, missing,
	  "Delivery",
	  "When the path finds nothing: null lets the sink choose, fail rejects the record, drop filters it." },
	{ "timestamp", OUTFLOW_T_STRING, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "Delivery",
	  "The timestamp, in milliseconds since 1970 or as RFC 3339 time: a constant, or a path. Unset: when the message "
	  "arrived." },
	{ "timestamp.form", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, forms,
	  "Delivery", FORM_DOC },
	{ "timestamp.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "null", 0, 0, missing,
	  "Delivery",
	  "When the path finds nothing: null keeps the time of arrival, fail rejects the record, drop filters it." },
};

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component event_deliver = {
	.size = sizeof event_deliver,
	.kind = OUTFLOW_TRANSFORM,
	.name = "deliver",
	.doc = "Makes what the sink writes, from constants and paths into the event.",
	.config = &config,
	.ops = &ops,
};

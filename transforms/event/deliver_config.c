/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of the transform deliver. */
#include "deliver.h"
#include "transforms/language/rfc3339.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

static const struct part_rule {
	const char *name;
	enum form_missing missing; /* of a path */
} part_rules[N_PARTS] = {
	[TOPIC] = { "topic", FORM_FAIL },         [KEY] = { "key", FORM_NULL },
	[VALUE] = { "value", FORM_FAIL },         [PARTITION] = { "partition", FORM_NULL },
	[TIMESTAMP] = { "timestamp", FORM_NULL },
};

static const char header_prefix[] = "headers.";

/* ---- headers ---- */

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

/* The header's name in a key that may end in one of those that say how it is made. */
static outflow_str header_name(outflow_str key)
{
	static const char *const endings[] = { ".template.type", ".template.value", ".template",
		                               ".form",          ".missing",        ".value" };

	for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
		if (ends_with(key, endings[i])) {
			key.len -= strlen(endings[i]);
			break;
		}
	return key;
}

/* Of X and X.value, which mean the same; both of them are one too many. */
static outflow_status one_of_two(const outflow_host *h, const outflow_config *c, outflow_str name, const char *ending,
                                 const char *other, outflow_str *text, outflow_error *err)
{
	outflow_str second = header_setting(h, c, name, other);

	*text = header_setting(h, c, name, ending);
	if (text->ptr != NULL && second.ptr != NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the header is given twice, with and without .value");
	if (text->ptr == NULL)
		*text = second;
	return OUTFLOW_OK;
}

static outflow_status read_header(struct deliver *d, const outflow_host *h, const outflow_config *c, outflow_str name,
                                  outflow_error *err)
{
	struct form_texts texts = { .form = header_setting(h, c, name, ".form"),
		                    .template_type = header_setting(h, c, name, ".template.type"),
		                    .missing = header_setting(h, c, name, ".missing") };
	struct named_form *header;
	outflow_status status = one_of_two(h, c, name, "", ".value", &texts.value, err);

	if (status == OUTFLOW_OK)
		status = one_of_two(h, c, name, ".template", ".template.value", &texts.template_text, err);
	if (status != OUTFLOW_OK)
		return status;
	if (name.len == 0)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a header needs a name");
	header = header_of(d, name);
	if (header == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the headers");
	status = form_set(&header->form, &texts, FORM_NULL, err);
	if (status == OUTFLOW_OK && header->form.kind == FORM_UNSET)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "how the header is made is given, but not its value");
	return status;
}

/* Several keys may be about one header; it is read with the first of them. */
static bool is_first_of_header(const outflow_host *h, const outflow_config *c, size_t at, outflow_str name)
{
	outflow_str key, value, other;

	for (size_t i = 0; i < at; i++) {
		h->config->prefix(c, header_prefix, i, &key, &value);
		other = header_name(key);
		if (other.len == name.len && memcmp(other.ptr, name.ptr, name.len) == 0)
			return false;
	}
	return true;
}

static outflow_status read_header_map(struct deliver *d, const outflow_host *h, const outflow_config *c,
                                      outflow_error *err)
{
	if (h->config->str(c, "headers", &d->header_map_text) != OUTFLOW_OK)
		return OUTFLOW_OK;
	return path_compile(d->header_map_text, &d->header_map, err);
}

static outflow_status read_headers(struct deliver *d, const outflow_host *h, const outflow_config *c,
                                   on_problem *problem, outflow_error *err)
{
	outflow_status status, first = OUTFLOW_OK;
	outflow_str key, value;

	for (size_t i = 0; i < h->config->prefix(c, header_prefix, i, &key, &value); i++) {
		outflow_error cause = { .size = sizeof cause };
		outflow_str name = header_name(key);
		char full[160];

		if (!is_first_of_header(h, c, i, name))
			continue;
		status = read_header(d, h, c, name, &cause);
		if (status == OUTFLOW_OK)
			continue;
		snprintf(full, sizeof full, "%s%.*s", header_prefix, (int)(key.len > 120 ? 120 : key.len), key.ptr);
		first = problem(h, full, status, &cause, err);
	}
	for (size_t i = 0; i < d->n_headers; i++) /* they do not move any more */
		d->headers[i].form.key = d->headers[i].key;
	return first;
}

/* ---- the parts ---- */

bool deliver_read_partition(outflow_bytes text, int32_t *partition)
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

bool deliver_read_timestamp(outflow_bytes text, int64_t *ms)
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
	if (part == PARTITION && !deliver_read_partition(outflow_text_bytes(f->text), &partition))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a partition is a whole number from 0");
	if (part == TIMESTAMP && !deliver_read_timestamp(outflow_text_bytes(f->text), &ms))
		return outflow_fail(err, OUTFLOW_E_CONFIG,
		                    "a timestamp is milliseconds since 1970 or a text such as "
		                    "2026-01-31T12:00:00Z");
	return OUTFLOW_OK;
}

static outflow_status read_part(struct deliver *d, const outflow_host *h, const outflow_config *c, enum part part,
                                outflow_error *err)
{
	outflow_status status = form_read(&d->parts[part], h, c, part_rules[part].name, part_rules[part].missing, err);

	return status == OUTFLOW_OK ? check_constant(d, part, err) : status;
}

static outflow_status read_cloudevents(struct deliver *d, const outflow_host *h, const outflow_config *c,
                                       outflow_error *err)
{
	outflow_str mode = outflow_config_text(h, c, "cloudevents");

	d->cloudevents = outflow_equal(mode, "binary")       ? CLOUDEVENTS_BINARY
	                 : outflow_equal(mode, "structured") ? CLOUDEVENTS_STRUCTURED
	                                                     : CLOUDEVENTS_NONE;
	if (d->cloudevents == CLOUDEVENTS_BINARY && d->parts[VALUE].kind == FORM_ORIGINAL)
		return outflow_fail(
			err, OUTFLOW_E_CONFIG,
			"binary needs a value that is the event's data, and with the form ORIGINAL the value "
			"is the complete event: take structured, or another form");
	if (d->cloudevents == CLOUDEVENTS_STRUCTURED && deliver_makes_header(d, outflow_text("content-type")))
		return outflow_fail(err, OUTFLOW_E_CONFIG,
		                    "structured makes the header content-type itself; headers.content-type has to go");
	return OUTFLOW_OK;
}

outflow_status deliver_read(struct deliver *d, const outflow_host *h, const outflow_config *c, on_problem *problem,
                            outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	outflow_status status, first = OUTFLOW_OK;

	for (enum part part = TOPIC; part < N_PARTS; part++) {
		status = read_part(d, h, c, part, &cause);
		if (status != OUTFLOW_OK)
			first = problem(h, part_rules[part].name, status, &cause, err);
	}
	status = read_header_map(d, h, c, &cause);
	if (status != OUTFLOW_OK)
		first = problem(h, "headers", status, &cause, err);
	status = read_headers(d, h, c, problem, err);
	if (status != OUTFLOW_OK)
		first = status;
	status = read_cloudevents(d, h, c, &cause);
	return status == OUTFLOW_OK ? first : problem(h, "cloudevents", status, &cause, err);
}

void deliver_clear(struct deliver *d)
{
	for (size_t i = 0; i < N_PARTS; i++)
		form_clear(&d->parts[i]);
	for (size_t i = 0; i < d->n_headers; i++)
		form_clear(&d->headers[i].form);
	free(d->headers);
	path_free(&d->header_map);
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
	outflow_status status = deliver_read(&d, h, c, tell, err);

	deliver_clear(&d);
	return status == OUTFLOW_OK ? OUTFLOW_OK : OUTFLOW_E_CONFIG;
}

/* ---- schema ---- */

static const char *const all_forms[] = { "ORIGINAL", "JSONPATH", "CONSTANT", "TEMPLATE", "BINARY", NULL };
static const char *const short_forms[] = { "JSONPATH", "CONSTANT", "TEMPLATE", NULL };
static const char *const types[] = { "auto", "json", "text", NULL };
static const char *const missing[] = { "null", "keep", "default", "drop", "fail", NULL };
static const char *const missing_topic[] = { "default", "drop", "fail", NULL };
static const char *const modes[] = { "none", "binary", "structured", NULL };

#define MAIN(NAME, IMPORTANCE, DOC)                                                                                    \
	{                                                                                                              \
		.name = NAME, .type = OUTFLOW_T_STRING, .importance = OUTFLOW_IMPORTANCE_##IMPORTANCE,                 \
		.group = "Delivery", .doc = DOC,                                                                       \
	}
#define MORE(NAME, TYPE, CHOICES, DOC)                                                                                 \
	{                                                                                                              \
		.name = NAME, .type = OUTFLOW_T_##TYPE, .flags = OUTFLOW_K_ADVANCED,                                   \
		.importance = OUTFLOW_IMPORTANCE_LOW, .choices = CHOICES, .group = "Delivery", .doc = DOC,             \
	}
#define FORM_DOC                                                                                                       \
	"How it is made. Unset: a TEMPLATE when there is one, a JSONPATH when it begins with $, else a CONSTANT."
#define TEMPLATE_DOC                                                                                                           \
	"A text with ${name} in it; the names are those of the JSON object in the key without .template, each of a path or a " \
	"constant."
#define TYPE_DOC                                                                                                            \
	"What the template makes: json escapes and quotes what is inserted, text does not; auto, which is also what unset " \
	"means: json when it is JSON."
#define PART(NAME, FORMS, MISSING, MISSING_DOC)                                                                        \
	MORE(NAME ".form", ENUM, FORMS, FORM_DOC), MORE(NAME ".template", STRING, NULL, TEMPLATE_DOC),                 \
		MORE(NAME ".template.type", ENUM, types, TYPE_DOC), MORE(NAME ".missing", ENUM, MISSING, MISSING_DOC)

static const outflow_cfg_key keys[] = {
	MAIN("topic", HIGH,
	     "Where a record goes: a constant, a path into the event such as $.data.body.site, or a template."),
	/* A part that is not there must not make another topic: a template's name is no exception. */
	MORE("topic.form", ENUM, short_forms, FORM_DOC),
	MORE("topic.template", STRING, NULL, TEMPLATE_DOC),
	MORE("topic.template.type", ENUM, types, TYPE_DOC),
	{ "topic.missing", OUTFLOW_T_ENUM, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, "fail", 0, 0, missing_topic,
	  "Delivery",
	  "When a path finds nothing: fail rejects the record, drop filters it, default takes a template's." },
	MAIN("key", HIGH,
	     "The key of a record: a constant, a path such as $.data.body.dev, or a template. Unset: the key that the source "
	     "gave it."),
	PART("key", all_forms, missing,
	     "When a path finds nothing: null (also when unset) writes no key, fail rejects the record, drop filters it; of a "
	     "template also keep (when unset), which leaves ${name}, and default."),
	MAIN("value", HIGH,
	     "The value of a record: a constant, a path, or a template. $.data.body, or unset, is the payload's bytes as they "
	     "are."),
	PART("value", all_forms, missing,
	     "When a path finds nothing: fail (also when unset) rejects the record, drop filters it, null writes a null, which "
	     "deletes the key in a compacted topic; of a template also keep (when unset), which leaves ${name}, and default."),
	MAIN("headers", MEDIUM,
	     "A path to all headers of a record, instead of those that it came with: an object, or an array of objects with key "
	     "and value, such as $.data.props.userProperties. Null or nothing there: no headers. headers.<name> come beside them."),
	{ "headers.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, NULL, 0, 0, NULL, "Delivery",
	  "headers.<name> adds a header, or replaces the one of that name: a constant, a path, or a template. "
	  "headers.<name>.form, .template, .template.type and .missing work as for the key; a header that is null is left out." },
	{ "partition", OUTFLOW_T_STRING, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "Delivery",
	  "The partition as a whole number: a constant, a path, or a template. Unset: the sink chooses by the key." },
	PART("partition", short_forms, missing,
	     "When a path finds nothing: null (also when unset) lets the sink choose, fail rejects the record, drop filters it."),
	{ "timestamp", OUTFLOW_T_STRING, OUTFLOW_K_ADVANCED, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "Delivery",
	  "The timestamp, in milliseconds since 1970 or as RFC 3339 time: a constant, a path, or a template. Unset: when the "
	  "message arrived." },
	PART("timestamp", short_forms, missing,
	     "When a path finds nothing: null (also when unset) keeps the time of arrival, fail rejects the record, drop filters "
	     "it."),
	{ "cloudevents", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "none", 0, 0, modes, "Delivery",
	  "Makes each record a CloudEvent as the Kafka protocol binding has it: binary adds the attributes as headers ce_..., "
	  "structured makes the value the event as JSON. The event's data is the value." },
};

const outflow_cfg_def deliver_config = {
	.size = sizeof deliver_config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

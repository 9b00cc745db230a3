/* SPDX-License-Identifier: Apache-2.0 */
/* The converter json: says what a payload is, once, right after the source. */
#include "components.h"
#include "transforms/language/attributes.h"
#include "transforms/language/json_text.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

struct json_converter {
	const outflow_host *host;
	struct event_settings settings;
	size_t max_bytes;
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct json_converter *j = calloc(1, sizeof *j);

	if (j == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the converter");
	j->host = h;
	event_settings_read(&j->settings, h, c, "");
	j->max_bytes = (size_t)outflow_config_number(h, c, "event.max.bytes");
	*self = j;
	return OUTFLOW_OK;
}

static outflow_status decode_one(const struct json_converter *j, const outflow_record *r, outflow_batch *owner,
                                 const outflow_json **json, outflow_error *err)
{
	enum event_format format;

	*json = NULL;
	if (r->value.len > j->max_bytes)
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "a payload of %zu bytes is larger than source.event.max.bytes allows, which is %zu",
		                    r->value.len, j->max_bytes);
	return event_classify(&j->settings, j->host, owner, r, &format, json, err);
}

static outflow_status decode(void *self, outflow_record *r, size_t n, outflow_batch *owner, outflow_error *err)
{
	const struct json_converter *j = self;

	for (size_t i = 0; i < n; i++) {
		outflow_error cause = { .size = sizeof cause };
		const outflow_json *json;
		outflow_status status = decode_one(j, &r[i], owner, &json, &cause);

		if (status == OUTFLOW_E_RECORD) {
			j->host->reject(j->host, &r[i], status, &cause);
		} else if (status != OUTFLOW_OK) {
			return outflow_fail(err, status, "%s", cause.msg);
		} else if (json != NULL) {
			r[i].view = json;
			r[i].view_tag = j->settings.json_tag;
		}
	}
	return OUTFLOW_OK;
}

/* A tape describes a text, so whoever made a newer one has the text as well. */
static outflow_status encode(void *self, outflow_record *r, size_t n, outflow_batch *owner, outflow_error *err)
{
	const struct json_converter *j = self;

	(void)owner;
	(void)err;
	for (size_t i = 0; i < n; i++) {
		if (!(r[i].flags & OUTFLOW_REC_VALUE_STALE) || r[i].view_tag != j->settings.json_tag)
			continue;
		r[i].value = outflow_text_bytes(((const outflow_json *)r[i].view)->text);
		r[i].flags &= ~OUTFLOW_REC_VALUE_STALE;
	}
	return OUTFLOW_OK;
}

/* ---- configuration ---- */

static const char *const formats[] = { "json", "text", "binary", NULL };
static const char *const policies[] = { "fail", "text", "binary", NULL };
static const char *const bindings[] = { "auto", "none", "structured", NULL };

/* What one MQTT message, or one JSON text, can be. */
#define BYTES_MAX OUTFLOW_JSON_MAX_LENGTH

static const outflow_cfg_key keys[] = {
	{ "format", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_HIGH, 0, "json", 0, 0, formats, "Payload",
	  "What a payload is: json (strict RFC 8259 in UTF-8), text (strict UTF-8) or binary (any bytes)." },
	{ "format.invalid", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "fail", 0, 0, policies, "Payload",
	  "What becomes of a payload that is not valid in its format: fail rejects the record, text takes it as text when it "
	  "is UTF-8, binary takes it as bytes." },
	{ "event.source", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_LOW, 0, "acs:mqtt", 0, 0, NULL, "Event",
	  "The CloudEvents attribute source of every event, 128 characters at most." },
	{ "event.type", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_LOW, 0, "mqtt:Topic:SendMessage", 0, 0, NULL, "Event",
	  "The CloudEvents attribute type of every event, 64 characters at most." },
	{ "event.subject", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_LOW, 0, "", 0, 0, NULL, "Event",
	  "The CloudEvents attribute subject begins with this text, then come % and the topic. Empty: it begins with "
	  "event.source." },
	{ "event.extensions.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "Event",
	  "event.extensions.<name> is a further CloudEvents attribute of every event, such as a region; the name has lower-case "
	  "letters and digits. 16 at most." },
	{ "event.aliases", OUTFLOW_T_BOOL, 0, OUTFLOW_IMPORTANCE_LOW, 0, "true", 0, 0, NULL, "Event",
	  "Has an event that is written out data.value and data.key beside data.body? Patterns and paths know them in any case." },
	{ "event.binding", OUTFLOW_T_ENUM, 0, OUTFLOW_IMPORTANCE_LOW, 0, "auto", 0, 0, bindings, "Event",
	  "Which messages bring a CloudEvent of their own: auto, those whose content type is application/cloudevents+json, and "
	  "those with the attributes of one as MQTT 5 user properties or Kafka headers; none; structured, all of them, as JSON in "
	  "the payload (MQTT 3.1.1)." },
	{ "event.max.bytes", OUTFLOW_T_SIZE, 0, OUTFLOW_IMPORTANCE_MEDIUM, 0, "256KiB", 1, BYTES_MAX, NULL, "Event",
	  "A payload of more bytes is a failed record." },
};

/* most: in characters. */
static int check_attribute(const outflow_host *h, const outflow_config *c, const char *key, size_t most)
{
	outflow_str text = outflow_config_text(h, c, key);
	size_t bad = outflow_utf8_check(outflow_text_bytes(text)), n = json_text_characters(text);
	char problem[100];

	if (bad == text.len && n <= most)
		return 0;
	snprintf(problem, sizeof problem, "%zu characters, and at most %zu are possible", n, most);
	h->problem(h, key, bad < text.len ? "not valid UTF-8" : problem);
	return 1;
}

static int check_extensions(const outflow_host *h, const outflow_config *c)
{
	static const char prefix[] = "event.extensions.";
	outflow_str name, value;
	int bad = 0;

	for (size_t i = 0; i < h->config->prefix(c, prefix, i, &name, &value); i++) {
		const char *problem = NULL;
		char key[300];

		if (!attribute_name_is_valid(name) || attribute_is_standard(name))
			problem =
				"not the name of an extension: lower-case letters and digits, and none of CloudEvents' own";
		else if (outflow_utf8_check(outflow_text_bytes(value)) < value.len)
			problem = "not valid UTF-8";
		else if (i == EVENT_EXTENSIONS_MAX)
			problem = "more than 16 extensions";
		if (problem == NULL)
			continue;
		snprintf(key, sizeof key, "%s%.*s", prefix, name.len > 250 ? 250 : (int)name.len, name.ptr);
		h->problem(h, key, problem);
		bad++;
	}
	return bad;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	int bad = check_attribute(h, c, "event.source", 128);

	bad += check_attribute(h, c, "event.type", 64);
	bad += check_attribute(h, c, "event.subject", 256);
	bad += check_extensions(h, c);
	return bad ? outflow_fail(err, OUTFLOW_E_CONFIG, "the event attributes are not valid") : OUTFLOW_OK;
}

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

static const outflow_converter_ops ops = {
	.size = sizeof ops,
	.create = create,
	.view_type = OUTFLOW_VIEW_JSON,
	.decode = decode,
	.encode = encode,
	.destroy = free,
};

const outflow_component event_json = {
	.size = sizeof event_json,
	.kind = OUTFLOW_CONVERTER,
	.name = "json",
	.doc = "Checks payloads and attaches a tape of JSON tokens that all later stages share.",
	.config = &config,
	.ops = &ops,
};

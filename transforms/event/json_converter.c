/* SPDX-License-Identifier: Apache-2.0 */
/* The converter json: says what a payload is, once, right after the source. */
#include "components.h"
#include "transforms/language/settings.h"

#include <outflow/util.h>

#include <stdlib.h>

struct json_converter {
	const outflow_host *host;
	struct event_settings settings;
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct json_converter *j = calloc(1, sizeof *j);

	if (j == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the converter");
	j->host = h;
	event_settings_read(&j->settings, h, c, "");
	*self = j;
	return OUTFLOW_OK;
}

static outflow_status decode(void *self, outflow_record *r, size_t n, outflow_batch *owner, outflow_error *err)
{
	const struct json_converter *j = self;

	for (size_t i = 0; i < n; i++) {
		outflow_error cause = { .size = sizeof cause };
		enum event_format format;
		const outflow_json *json;
		outflow_status status = event_classify(&j->settings, j->host, owner, &r[i], &format, &json, &cause);

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
};

static int check_attribute(const outflow_host *h, const outflow_config *c, const char *key, size_t most)
{
	outflow_str text = outflow_config_text(h, c, key);
	size_t bad = outflow_utf8_check(outflow_text_bytes(text));

	if (text.len > most)
		h->problem(h, key, "longer than the event format allows");
	else if (bad < text.len)
		h->problem(h, key, "not valid UTF-8");
	return text.len > most || bad < text.len;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	int bad = check_attribute(h, c, "event.source", 128);

	bad += check_attribute(h, c, "event.type", 64);
	bad += check_attribute(h, c, "event.subject", 256);
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

/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h: what every stage is told about payloads and the envelope around them. */
#ifndef EVENT_SETTINGS_H
#define EVENT_SETTINGS_H
#include <outflow/json.h>

#include <stdbool.h>

enum event_format { EVENT_JSON, EVENT_TEXT, EVENT_BINARY };

/* Whether messages may bring a CloudEvent along. */
enum event_binding_mode {
	EVENT_BINDING_AUTO,      /* when their content type or their headers say so */
	EVENT_BINDING_NONE,      /* never: each gets an envelope of ours */
	EVENT_BINDING_STRUCTURED /* always, as the JSON of their payload */
};

#define EVENT_EXTENSIONS_MAX 16u

struct event_extension {
	outflow_str name, value;
};

struct event_settings {
	enum event_format format;
	enum event_format fallback; /* of a payload that is not valid in `format`; the same as format: it fails */
	enum event_binding_mode binding;
	bool aliases; /* does the written event have data.value and data.key beside data.body? */
	outflow_str source, type;
	struct event_extension extensions[EVENT_EXTENSIONS_MAX];
	size_t n_extensions;
	uint32_t json_tag;       /* the interned OUTFLOW_VIEW_JSON */
	char subject_head[1030]; /* the subject but for the topic at its end: "<event.subject or source>%" */
	size_t subject_head_length;
	char id_prefix[108]; /* "<cluster>/<pipeline>/<task>/" */
};

/* Reads the keys below prefix: "source." for a stage, "" for the converter itself; and "cluster", else the
 * host's name. The texts are the configuration's. [task] */
void event_settings_read(struct event_settings *s, const outflow_host *h, const outflow_config *c, const char *prefix);

/* The name that data.props.format has. */
const char *event_format_name(enum event_format format);

/* Looks at a payload of the configured format: *format is what it is after fallbacks, *json its tape when that
 * is JSON (taken from the record's view if there). OUTFLOW_E_RECORD: valid in neither; the error says where and
 * why. OUTFLOW_E_NOMEM. A null payload is OUTFLOW_OK, of the configured format, with *json NULL. [task] */
outflow_status event_classify(const struct event_settings *s, const outflow_host *h, outflow_batch *b,
                              const outflow_record *r, enum event_format *format, const outflow_json **json,
                              outflow_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include <outflow/util.h>

#include <inttypes.h>
#include <stdio.h>

static outflow_str setting(const outflow_host *h, const outflow_config *c, const char *prefix, const char *key)
{
	char full[64];

	snprintf(full, sizeof full, "%s%s", prefix, key);
	return outflow_config_text(h, c, full);
}

static enum event_format format_of(outflow_str name)
{
	if (outflow_equal(name, "text"))
		return EVENT_TEXT;
	return outflow_equal(name, "binary") ? EVENT_BINARY : EVENT_JSON;
}

static enum event_binding_mode binding_of(outflow_str name)
{
	if (outflow_equal(name, "none"))
		return EVENT_BINDING_NONE;
	return outflow_equal(name, "structured") ? EVENT_BINDING_STRUCTURED : EVENT_BINDING_AUTO;
}

static uint64_t hash(uint64_t sum, const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)text[i]) * 0x100000001b3;
	return (sum ^ n) * 0x100000001b3;
}

/* An event id has at most 128 characters, 20 of them for the position: long names are replaced by a hash of both. */
static void make_id_prefix(struct event_settings *s, const outflow_host *h, const outflow_config *c)
{
	outflow_str cluster = outflow_text(h->name);
	uint64_t sum;
	int n;

	(void)h->config->str(c, "cluster", &cluster);
	n = snprintf(s->id_prefix, sizeof s->id_prefix, "%.*s/%s/%" PRIu32 "/", (int)cluster.len, cluster.ptr,
	             h->pipeline, h->task);
	if (n >= 0 && (size_t)n < sizeof s->id_prefix)
		return;
	sum = hash(0xcbf29ce484222325, cluster.ptr, cluster.len);
	sum = hash(sum, h->pipeline, strlen(h->pipeline));
	snprintf(s->id_prefix, sizeof s->id_prefix, "%016" PRIx64 "/%" PRIu32 "/", sum, h->task);
}

static void read_extensions(struct event_settings *s, const outflow_host *h, const outflow_config *c,
                            const char *prefix)
{
	struct event_extension *to = s->extensions;
	char full[64];

	snprintf(full, sizeof full, "%sevent.extensions.", prefix);
	s->n_extensions = h->config->prefix(c, full, SIZE_MAX, NULL, NULL);
	if (s->n_extensions > EVENT_EXTENSIONS_MAX)
		s->n_extensions = EVENT_EXTENSIONS_MAX;
	for (size_t i = 0; i < s->n_extensions; i++, to++)
		h->config->prefix(c, full, i, &to->name, &to->value);
}

void event_settings_read(struct event_settings *s, const outflow_host *h, const outflow_config *c, const char *prefix)
{
	outflow_str invalid = setting(h, c, prefix, "format.invalid"), subject;

	s->format = format_of(setting(h, c, prefix, "format"));
	s->fallback = outflow_equal(invalid, "fail") || invalid.len == 0 ? s->format : format_of(invalid);
	s->binding = binding_of(setting(h, c, prefix, "event.binding"));
	s->aliases = !outflow_equal(setting(h, c, prefix, "event.aliases"), "false");
	read_extensions(s, h, c, prefix);
	s->source = setting(h, c, prefix, "event.source");
	s->type = setting(h, c, prefix, "event.type");
	subject = setting(h, c, prefix, "event.subject");
	if (subject.len == 0)
		subject = s->source;
	snprintf(s->subject_head, sizeof s->subject_head, "%.*s%%", (int)subject.len, subject.ptr);
	s->subject_head_length = strlen(s->subject_head);
	s->json_tag = h->intern(h, OUTFLOW_VIEW_JSON);
	make_id_prefix(s, h, c);
}

const char *event_format_name(enum event_format format)
{
	static const char *const names[] = { "json", "text", "binary" };

	return names[format];
}

static outflow_status check_text(outflow_bytes text, outflow_error *err)
{
	size_t bad = text.len > 0 ? outflow_utf8_check(text) : 0;

	if (bad == text.len)
		return OUTFLOW_OK;
	return outflow_fail_native(err, OUTFLOW_E_RECORD, "utf8", (int32_t)bad, "not text: byte %zu is not valid UTF-8",
	                           bad);
}

outflow_status event_classify(const struct event_settings *s, const outflow_host *h, outflow_batch *b,
                              const outflow_record *r, enum event_format *format, const outflow_json **json,
                              outflow_error *err)
{
	outflow_status status;

	*format = s->format;
	*json = NULL;
	if (s->format == EVENT_BINARY || r->value.ptr == NULL)
		return OUTFLOW_OK;
	status = s->format == EVENT_JSON ? outflow_json_of(h, b, s->json_tag, r, json, err) : check_text(r->value, err);
	if (status != OUTFLOW_E_RECORD || s->fallback == s->format)
		return status;
	*format = s->fallback;
	return s->fallback == EVENT_TEXT ? check_text(r->value, err) : OUTFLOW_OK;
}

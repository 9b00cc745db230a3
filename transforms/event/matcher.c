/* SPDX-License-Identifier: Apache-2.0 */
#include "matcher.h"

#include <outflow/util.h>

#include <stdio.h>

static const char prefix[] = "patterns.";

/* "pattern" or "patterns.<name>", for messages. */
static void write_key(char *to, size_t size, outflow_str name)
{
	if (name.ptr == NULL)
		snprintf(to, size, "pattern");
	else
		snprintf(to, size, "%s%.*s", prefix, (int)(name.len > 120 ? 120 : name.len), name.ptr);
}

static void warn(const struct matcher *m)
{
	outflow_str none = { NULL, 0 };
	char key[160];

	for (size_t i = 0; i < pattern_set_size(m->set); i++) {
		const char *warning = pattern_warning(pattern_set_pattern(m->set, i));

		write_key(key, sizeof key, m->has_names ? pattern_set_name(m->set, i) : none);
		if (warning != NULL)
			outflow_log(m->host, OUTFLOW_LOG_WARN, "%s: %s", key, warning);
	}
}

static outflow_status add_all(struct matcher *m, const outflow_config *c, outflow_error *err)
{
	const outflow_host *h = m->host;
	outflow_str name, text;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; status == OUTFLOW_OK && i < h->config->prefix(c, prefix, i, &name, &text); i++) {
		m->has_names = true;
		status = pattern_set_add(m->set, name, text, err);
	}
	if (status == OUTFLOW_OK && !m->has_names)
		status = pattern_set_add(m->set, (outflow_str){ NULL, 0 }, outflow_config_text(h, c, "pattern"), err);
	return status == OUTFLOW_OK ? pattern_set_finish(m->set, err) : status;
}

outflow_status matcher_make(struct matcher *m, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_status status;

	*m = (struct matcher){ .host = h };
	event_settings_read(&m->settings, h, c, "source.");
	status = pattern_set_new(pattern_dialect_of(outflow_config_text(h, c, "dialect")), &m->set, err);
	if (status == OUTFLOW_OK)
		status = add_all(m, c, err);
	if (status != OUTFLOW_OK)
		matcher_clear(m);
	else
		warn(m);
	return status;
}

void matcher_clear(struct matcher *m)
{
	pattern_set_free(&m->set);
}

/* ---- check ---- */

static bool is_valid(const outflow_host *h, const outflow_config *c, outflow_str name, outflow_str text,
                     outflow_error *err)
{
	outflow_error cause = { .size = sizeof cause };
	struct pattern *pattern = NULL;
	char key[160];

	if (pattern_compile(text, pattern_dialect_of(outflow_config_text(h, c, "dialect")), &pattern, &cause) ==
	    OUTFLOW_OK) {
		pattern_free(&pattern);
		return true;
	}
	write_key(key, sizeof key, name);
	h->problem(h, key, cause.msg);
	(void)outflow_fail(err, OUTFLOW_E_CONFIG, "%s", cause.msg);
	return false;
}

outflow_status matcher_check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	outflow_str pattern = outflow_config_text(h, c, "pattern"), name, text, none = { NULL, 0 };
	bool valid = is_valid(h, c, none, pattern, err);
	size_t i = 0;

	for (; i < h->config->prefix(c, prefix, i, &name, &text); i++)
		valid = is_valid(h, c, name, text, err) && valid;
	if (i > 0 && pattern.len > 0) {
		h->problem(h, "pattern", "there is patterns.<name> as well; give this one a name too");
		valid = false;
		(void)outflow_fail(err, OUTFLOW_E_CONFIG, "pattern and patterns.<name> exclude each other");
	}
	return valid ? OUTFLOW_OK : OUTFLOW_E_CONFIG;
}

/* ---- explain ---- */

outflow_status matcher_explain(struct matcher *m, struct event *e, bool *fits, outflow_bytes *json)
{
	size_t n = pattern_set_size(m->set);
	outflow_json_writer w;

	if (!m->has_names)
		return explain_match(pattern_set_pattern(m->set, 0), e, fits, json);
	*fits = pattern_set_match_any(m->set, e);
	if (e->status != OUTFLOW_OK)
		return e->status;
	outflow_json_begin(&w, e->host, e->arena, 512 * n);
	outflow_json_bracket(&w, '{');
	outflow_json_put_key(&w, outflow_text("matched"));
	outflow_json_put_raw(&w, outflow_text(*fits ? "true" : "false"));
	outflow_json_put_key(&w, outflow_text("patterns"));
	outflow_json_bracket(&w, '[');
	for (size_t i = 0; i < n; i++) {
		if (explain_named(pattern_set_pattern(m->set, i), pattern_set_name(m->set, i), e, &w) != OUTFLOW_OK)
			return e->status;
	}
	outflow_json_bracket(&w, ']');
	outflow_json_bracket(&w, '}');
	*json = outflow_json_finish(&w);
	if (json->ptr == NULL)
		e->status = outflow_fail(e->err, OUTFLOW_E_NOMEM, "no memory for an explanation");
	return e->status;
}

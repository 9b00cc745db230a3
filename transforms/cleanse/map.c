/* SPDX-License-Identifier: Apache-2.0 */
/* The transform map: regular expressions and what replaces what they fit, in the whole payload or in values of it. */
#include "components.h"
#include "letter_case.h"
#include "transforms/language/reading.h"
#include "transforms/language/replacement.h"
#include "transforms/language/rewrite.h"
#include "transforms/language/stage.h"
#include "transforms/language/targets.h"

#include <stdlib.h>

enum letter_case { CASE_AS_IS, CASE_UPPER, CASE_LOWER };
static const char *const case_names[] = { "as-is", "upper", "lower", NULL };
static const char *const rule_keys[] = { "regex", "replacement", "case", NULL };

struct rule {
	struct regex *regex;
	struct replacement *replacement; /* NULL: letters get another case */
	enum letter_case letter_case;
};

struct map {
	const outflow_host *host;
	struct event_settings settings;
	struct rule *rules;
	size_t n;
	struct targets *targets; /* NULL: the whole payload as text */
	locale_t locale;
};

/* ---- configuration ---- */

static void read_replacement(struct rule *rule, size_t i, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	char key[READING_KEY_MAX];
	outflow_str text;
	outflow_status status;

	(void)reading_group_key(r, "rules", i, "case", key);
	rule->letter_case = reading_choice(r, key, case_names, CASE_AS_IS);
	(void)reading_group_key(r, "rules", i, "replacement", key);
	if (!reading_text(r, key, rule->letter_case == CASE_AS_IS, &text))
		return;
	if (rule->letter_case != CASE_AS_IS) {
		reading_problem(r, key, OUTFLOW_E_CONFIG, "a rule has a replacement or a case, not both");
		return;
	}
	if (rule->regex == NULL)
		return;
	status = replacement_compile(text, rule->regex, &rule->replacement, &err);
	if (status != OUTFLOW_OK)
		reading_problem(r, key, status, "%s", err.msg);
}

static void read_rule(struct rule *rule, size_t i, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	char key[READING_KEY_MAX];
	outflow_str text;
	outflow_status status;

	(void)reading_group_key(r, "rules", i, "regex", key);
	if (reading_text(r, key, true, &text)) {
		status = regex_compile(text, &rule->regex, &err);
		if (status != OUTFLOW_OK)
			reading_problem(r, key, status, "%s", err.msg);
	}
	read_replacement(rule, i, r);
}

static void read_paths(struct map *m, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str path;
	outflow_status status;

	for (size_t i = 0; i < r->host->config->list(r->config, "paths", i, &path); i++) {
		if (m->targets == NULL)
			m->targets = targets_new();
		status = m->targets ? targets_add(m->targets, path, &err)
		                    : outflow_fail(&err, OUTFLOW_E_NOMEM, "no memory for the paths");
		if (status != OUTFLOW_OK)
			reading_problem(r, "paths", status, "%s", err.msg);
	}
}

static void read_map(struct map *m, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_str name;
	bool cased = false;

	m->n = r->host->config->list(r->config, "rules", SIZE_MAX, &name);
	if (m->n == 0)
		reading_problem(r, "rules", OUTFLOW_E_CONFIG, "at least one rule is needed");
	m->rules = calloc(m->n + 1, sizeof *m->rules);
	if (m->rules == NULL) {
		m->n = 0;
		reading_problem(r, "rules", OUTFLOW_E_NOMEM, "no memory for the rules");
	}
	for (size_t i = 0; i < m->n; i++) {
		read_rule(&m->rules[i], i, r);
		cased = cased || m->rules[i].letter_case != CASE_AS_IS;
	}
	reading_only(r, "rules", rule_keys);
	read_paths(m, r);
	if (cased && letter_case_open(&m->locale, &err) != OUTFLOW_OK)
		reading_problem(r, "rules", OUTFLOW_E_CONFIG, "%s", err.msg);
}

static void clear(struct map *m)
{
	for (size_t i = 0; i < m->n; i++) {
		replacement_free(&m->rules[i].replacement);
		regex_free(&m->rules[i].regex);
	}
	free(m->rules);
	targets_free(&m->targets);
	if (m->locale != (locale_t)0)
		freelocale(m->locale);
}

static outflow_status check(const outflow_host *h, const outflow_config *config, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .check = true, .err = err };
	struct map m = { .host = h };

	read_map(&m, &r);
	clear(&m);
	return r.status;
}

static void destroy(void *self)
{
	clear(self);
	free(self);
}

static outflow_status create(const outflow_host *h, const outflow_config *config, void **self, outflow_error *err)
{
	struct reading r = { .host = h, .config = config, .err = err };
	struct map *m = calloc(1, sizeof *m);

	if (m == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the stage");
	m->host = h;
	event_settings_read(&m->settings, h, config, "source.");
	read_map(m, &r);
	if (r.status != OUTFLOW_OK) {
		destroy(m);
		return r.status;
	}
	*self = m;
	return OUTFLOW_OK;
}

/* ---- texts ---- */

struct work {
	const struct map *map;
	struct event e;
	struct regex_budget budget;
	struct rewrite rewrite;
	bool rewriting;
	outflow_str payload; /* a payload that is no JSON, changed; ptr NULL: it was not */
};

static outflow_status change_case(struct work *w, const struct rule *rule, outflow_str text, outflow_str *out)
{
	struct regex_walk walk = { .budget = &w->budget };
	size_t done = 0, from, to, n = 0;
	char *changed = NULL;
	outflow_status status;

	while ((status = regex_next(rule->regex, text, &walk, w->e.err)) == OUTFLOW_OK) {
		if (changed == NULL)
			changed = outflow_alloc(w->map->host, w->e.arena, 2 * text.len + 1, 1);
		if (changed == NULL)
			return outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for a changed text");
		(void)regex_group(rule->regex, 0, &from, &to);
		memcpy(changed + n, text.ptr + done, from - done);
		n += from - done;
		n += letter_case_write(w->map->locale, rule->letter_case == CASE_UPPER,
		                       (outflow_str){ text.ptr + from, to - from }, changed + n);
		done = to;
	}
	*out = (outflow_str){ NULL, 0 };
	if (status != OUTFLOW_AGAIN || changed == NULL)
		return status == OUTFLOW_AGAIN ? OUTFLOW_OK : status;
	memcpy(changed + n, text.ptr + done, text.len - done);
	*out = (outflow_str){ changed, n + text.len - done };
	return OUTFLOW_OK;
}

/* All rules, one after the other. *out: ptr NULL when none fits. */
static outflow_status apply_rules(struct work *w, outflow_str text, outflow_str *out)
{
	const struct map *m = w->map;
	outflow_status status = OUTFLOW_OK;
	outflow_str changed;

	*out = (outflow_str){ NULL, 0 };
	for (size_t i = 0; i < m->n && status == OUTFLOW_OK; i++) {
		const struct rule *rule = &m->rules[i];

		if (rule->replacement != NULL)
			status = replacement_apply(rule->replacement, rule->regex, m->host, w->e.arena, text,
			                           &w->budget, &changed, w->e.err);
		else
			status = change_case(w, rule, text, &changed);
		if (status == OUTFLOW_OK && changed.ptr != NULL)
			*out = text = changed;
	}
	return status;
}

/* ---- values ---- */

static outflow_status no_memory(struct work *w)
{
	return outflow_fail(w->e.err, OUTFLOW_E_NOMEM, "no memory for a changed value");
}

/* A number stays one when it still looks like one; all else is a string. */
static outflow_status write_back(struct work *w, const struct value *v, outflow_str text)
{
	outflow_json_writer writer;
	outflow_bytes json = outflow_text_bytes(text);
	const outflow_json *j;

	if (v->type != OUTFLOW_JSON_NUMBER ||
	    outflow_json_scan(w->map->host, w->e.arena, json, 1, &j, NULL) != OUTFLOW_OK ||
	    outflow_json_type(j, 0) != OUTFLOW_JSON_NUMBER) {
		outflow_json_begin(&writer, w->map->host, w->e.arena, text.len + text.len / 8 + 8);
		outflow_json_put_string(&writer, text);
		json = outflow_json_finish(&writer);
	}
	if (json.ptr == NULL)
		return no_memory(w);
	if (!w->rewriting)
		rewrite_begin(&w->rewrite, w->map->host, w->e.arena, v->json);
	w->rewriting = true;
	rewrite_replace(&w->rewrite, v->token, (outflow_str){ json.ptr, json.len });
	return OUTFLOW_OK;
}

static outflow_status change(void *arg, const struct value *v)
{
	struct work *w = arg;
	outflow_str changed;
	outflow_bytes text;
	outflow_status status;

	if (v->type != OUTFLOW_JSON_STRING && v->type != OUTFLOW_JSON_NUMBER)
		return OUTFLOW_OK;
	text = event_value_text(&w->e, v);
	if (w->e.status != OUTFLOW_OK)
		return w->e.status;
	status = apply_rules(w, (outflow_str){ text.ptr, text.len }, &changed);
	if (status != OUTFLOW_OK || changed.ptr == NULL)
		return status;
	if (v->json != NULL)
		return write_back(w, v, changed);
	w->payload = changed;
	return OUTFLOW_OK;
}

static outflow_status map_record(struct work *w, const outflow_record *in)
{
	outflow_status status;
	outflow_bytes text;

	if (w->map->targets == NULL)
		return apply_rules(w, (outflow_str){ in->value.ptr, in->value.len }, &w->payload);
	w->budget.checked = true; /* no value of an event is anything but valid UTF-8 */
	status = targets_walk(w->map->targets, &w->e, change, w, NULL);
	if (status != OUTFLOW_OK || !w->rewriting)
		return status;
	text = rewrite_finish(&w->rewrite);
	w->payload = (outflow_str){ text.ptr, text.len };
	return text.ptr ? OUTFLOW_OK : no_memory(w);
}

static outflow_status apply_one(void *self, const outflow_record *in, outflow_batch *out, outflow_error *err)
{
	const struct map *m = self;
	struct work w = { .map = m };
	outflow_status status;
	outflow_record *r;

	event_begin(&w.e, m->host, out, &m->settings, in, err);
	status = in->value.ptr != NULL ? map_record(&w, in) : OUTFLOW_OK;
	if (status != OUTFLOW_OK)
		return status;
	if (w.payload.ptr == NULL)
		return stage_emit(m->host, out, in, &r, err);
	return stage_emit_value(m->host, out, in, outflow_text_bytes(w.payload), err);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	return stage_apply(((const struct map *)self)->host, apply_one, self, in, n, out, err);
}

static const outflow_cfg_key keys[] = {
	{ "rules", OUTFLOW_T_LIST, OUTFLOW_K_REQUIRED, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Map",
	  "Groups, applied one after the other: regex (PCRE2) and replacement, in which $1 and ${name} are groups and $$ is a "
	  "dollar sign; or regex and case (upper, lower)." },
	{ "rules.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Map",
	  "The groups of `rules`, below their names." },
	{ "paths", OUTFLOW_T_LIST, 0, OUTFLOW_IMPORTANCE_HIGH, 0, NULL, 0, 0, NULL, "Map",
	  "JSONPath queries: the strings and numbers that they find are changed, each by itself. Not set: the whole payload "
	  "is, as a text, and need not be JSON before or after." },
};
static const outflow_cfg_def config = { sizeof config, sizeof keys[0], keys, sizeof keys / sizeof keys[0], check };

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = destroy,
};

const outflow_component cleanse_map = {
	.size = sizeof cleanse_map,
	.kind = OUTFLOW_TRANSFORM,
	.name = "map",
	.doc = "Replaces what regular expressions fit, in the payload or in values of it.",
	.config = &config,
	.ops = &ops,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include "route_table.h"

#include <outflow/json.h>
#include <outflow/topic.h>

#include <stdio.h>
#include <stdlib.h>

static const char *const rule_keys[] = { "regex", "topics", NULL };

static void no_memory(struct reading *r)
{
	reading_problem(r, "rules", OUTFLOW_E_NOMEM, "no memory for the rules");
}

/* ---- topics ---- */

/* The topic of that name, made if need be; NULL: a problem was told. */
static struct topic *topic_of(struct route_table *t, outflow_str name, const char *key, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	struct topic **at = &t->topics;

	/* Kafka's rule is stricter than MQTT's: a name that passes is good for both. */
	if (outflow_topic_check(OUTFLOW_TOPIC_KAFKA, name, &err) != OUTFLOW_OK) {
		reading_problem(r, key, OUTFLOW_E_CONFIG, "%s", err.msg);
		return NULL;
	}
	while (*at != NULL && ((*at)->name.len != name.len || memcmp((*at)->text, name.ptr, name.len) != 0))
		at = &(*at)->next;
	if (*at != NULL)
		return *at;
	*at = calloc(1, sizeof **at + name.len);
	if (*at == NULL) {
		no_memory(r);
		return NULL;
	}
	memcpy((*at)->text, name.ptr, name.len);
	(*at)->name = (outflow_str){ (*at)->text, name.len };
	t->n_topics++;
	return *at;
}

/* ---- rules ---- */

static struct route_rule *add_rule(struct route_table *t, struct reading *r)
{
	struct route_rule *larger = realloc(t->rules, (t->n + 1) * sizeof *larger);

	if (larger == NULL) {
		no_memory(r);
		return NULL;
	}
	t->rules = larger;
	t->rules[t->n] = (struct route_rule){ .regex = NULL };
	return &t->rules[t->n++];
}

static void set_regex(struct route_rule *rule, outflow_str text, const char *key, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_status status = regex_compile(text, &rule->regex, &err);

	if (status != OUTFLOW_OK)
		reading_problem(r, key, status, "%s", err.msg);
}

static void add_topic(struct route_table *t, struct route_rule *rule, outflow_str name, const char *key,
                      struct reading *r)
{
	struct topic *topic = topic_of(t, name, key, r);
	struct topic **larger = topic ? realloc(rule->topics, (rule->n + 1) * sizeof *larger) : NULL;

	if (topic == NULL)
		return;
	if (larger == NULL) {
		no_memory(r);
		return;
	}
	rule->topics = larger;
	rule->topics[rule->n++] = topic;
}

static void set_default(struct route_table *t, outflow_str name, const char *key, struct reading *r)
{
	if (t->standard != NULL)
		reading_problem(r, key, OUTFLOW_E_CONFIG,
		                "the default is given twice, here and as defaultTopic in the rules");
	t->standard = topic_of(t, name, key, r);
}

/* ---- JSON ---- */

/* The value of string i; a problem when it is none. */
static bool json_text(const outflow_json *j, uint32_t i, const char *key, char *buffer, outflow_str *text,
                      struct reading *r)
{
	if (outflow_json_type(j, i) != OUTFLOW_JSON_STRING) {
		reading_problem(r, key, OUTFLOW_E_CONFIG, "should be a string, not %.*s",
		                (int)(outflow_json_raw(j, i).len > 60 ? 60 : outflow_json_raw(j, i).len),
		                outflow_json_raw(j, i).ptr);
		return false;
	}
	*text = (outflow_str){ buffer, outflow_json_decode(outflow_json_text(j, i), buffer) };
	return true;
}

static void read_json_rule(struct route_table *t, const outflow_json *j, uint32_t object, const char *key, char *buffer,
                           struct reading *r)
{
	uint32_t regex = outflow_json_member(j, object, outflow_text("regex"));
	uint32_t topics = outflow_json_member(j, object, outflow_text("targetTopics"));
	struct route_rule *rule;
	outflow_str text;

	if (regex == 0 || topics == 0 || outflow_json_type(j, topics) != OUTFLOW_JSON_ARRAY) {
		reading_problem(r, key, OUTFLOW_E_CONFIG, "a rule is {\"regex\":\"...\",\"targetTopics\":[\"...\"]}");
		return;
	}
	rule = add_rule(t, r);
	if (rule == NULL)
		return;
	if (json_text(j, regex, key, buffer, &text, r))
		set_regex(rule, text, key, r);
	for (uint32_t i = topics + 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i))
		if (json_text(j, i, key, buffer, &text, r))
			add_topic(t, rule, text, key, r);
	if (rule->n == 0)
		reading_problem(r, key, OUTFLOW_E_CONFIG, "a rule needs at least one topic");
}

static void read_json(struct route_table *t, const outflow_json *j, char *buffer, struct reading *r)
{
	outflow_str text;
	char key[40];
	size_t n = 0;

	for (uint32_t i = 1; outflow_json_type(j, i) != OUTFLOW_JSON_END; i = outflow_json_next(j, i + 1)) {
		outflow_str name = outflow_json_text(j, i);

		if (outflow_equal(name, "defaultTopic")) {
			if (outflow_json_type(j, i + 1) != OUTFLOW_JSON_NULL &&
			    json_text(j, i + 1, "rules.defaultTopic", buffer, &text, r) && text.len > 0)
				set_default(t, text, "rules.defaultTopic", r);
		} else if (outflow_equal(name, "rules") && outflow_json_type(j, i + 1) == OUTFLOW_JSON_ARRAY) {
			for (uint32_t k = i + 2; outflow_json_type(j, k) != OUTFLOW_JSON_END;
			     k = outflow_json_next(j, k)) {
				snprintf(key, sizeof key, "rules.rules[%zu]", n++);
				read_json_rule(t, j, k, key, buffer, r);
			}
		} else {
			reading_problem(r, "rules", OUTFLOW_E_CONFIG,
			                "'%.*s' is not known here; there are defaultTopic and the array rules",
			                (int)(name.len > 60 ? 60 : name.len), name.ptr);
		}
	}
}

static void read_json_text(struct route_table *t, outflow_str text, struct reading *r)
{
	outflow_error err = { .size = sizeof err };
	outflow_json *j = NULL;
	outflow_status status = outflow_json_parse(text, &j, &err);
	char *buffer = malloc(text.len + 1);

	if (status != OUTFLOW_OK)
		reading_problem(r, "rules", status, "%s", err.msg);
	else if (buffer == NULL)
		no_memory(r);
	else
		read_json(t, j, buffer, r);
	free(buffer);
	outflow_json_free(&j);
}

/* ---- groups ---- */

/* Topics of a group: a list that has been flattened to a text with commas, which no topic's name holds. */
static void read_topics(struct route_table *t, struct route_rule *rule, outflow_str text, const char *key,
                        struct reading *r)
{
	const char *p = text.ptr, *end = p + text.len;

	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p)), *stop = comma ? comma : end;

		while (p < stop && (*p == ' ' || *p == '\t'))
			p++;
		while (stop > p && (stop[-1] == ' ' || stop[-1] == '\t'))
			stop--;
		if (stop > p)
			add_topic(t, rule, (outflow_str){ p, (size_t)(stop - p) }, key, r);
		p = comma ? comma + 1 : end;
	}
}

static void read_group(struct route_table *t, size_t i, struct reading *r)
{
	struct route_rule *rule = add_rule(t, r);
	char key[READING_KEY_MAX];
	outflow_str text;

	if (rule == NULL)
		return;
	(void)reading_group_key(r, "rules", i, "regex", key);
	if (reading_text(r, key, true, &text))
		set_regex(rule, text, key, r);
	(void)reading_group_key(r, "rules", i, "topics", key);
	if (!reading_text(r, key, true, &text))
		return;
	read_topics(t, rule, text, key, r);
	if (text.len == 0)
		reading_problem(r, key, OUTFLOW_E_CONFIG, "a rule needs at least one topic");
}

void route_table_read(struct route_table *t, struct reading *r)
{
	outflow_str text = { "", 0 }, group;
	size_t i = 0;

	(void)reading_text(r, "rules", false, &text);
	while (i < text.len && (text.ptr[i] == ' ' || text.ptr[i] == '\t' || text.ptr[i] == '\n'))
		i++;
	if (i < text.len && text.ptr[i] == '{') {
		read_json_text(t, text, r);
	} else {
		for (i = 0; i < r->host->config->list(r->config, "rules", i, &group); i++)
			read_group(t, i, r);
		reading_only(r, "rules", rule_keys);
	}
	if (reading_text(r, "default", false, &text))
		set_default(t, text, "default", r);
	if (t->n == 0 && r->status == OUTFLOW_OK)
		reading_problem(r, "rules", OUTFLOW_E_CONFIG, "at least one rule is needed");
	t->found = calloc(t->n_topics + 1, sizeof *t->found);
	if (t->found == NULL)
		no_memory(r);
}

void route_table_clear(struct route_table *t)
{
	struct topic *next;

	for (size_t i = 0; i < t->n; i++) {
		regex_free(&t->rules[i].regex);
		free(t->rules[i].topics);
	}
	free(t->rules);
	free(t->found);
	for (struct topic *topic = t->topics; topic != NULL; topic = next) {
		next = topic->next;
		free(topic);
	}
	*t = (struct route_table){ 0 };
}

/* ---- records ---- */

outflow_status route_table_find(struct route_table *t, outflow_str text, bool all, size_t *n, outflow_error *err)
{
	*n = 0;
	t->round++; /* a topic that was taken in this round is not taken again */
	for (size_t i = 0; text.ptr != NULL && i < t->n && (all || *n == 0); i++) {
		struct route_rule *rule = &t->rules[i];
		outflow_status status = regex_search(rule->regex, text, 0, err);

		if (status == OUTFLOW_AGAIN)
			continue;
		if (status != OUTFLOW_OK)
			return status;
		for (size_t k = 0; k < rule->n; k++) {
			if (rule->topics[k]->taken == t->round)
				continue;
			rule->topics[k]->taken = t->round;
			t->found[(*n)++] = rule->topics[k]->name;
		}
	}
	if (*n == 0 && t->standard != NULL)
		t->found[(*n)++] = t->standard->name;
	return OUTFLOW_OK;
}

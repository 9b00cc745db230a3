/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics that plugins have opened, as outflow_plugin_*. */
#include "host/api/metrics_internal.h"
#include "host/base/metrics.h"

#include <ctype.h>
#include <stdlib.h>

struct plugin_metric {
	char *name, *labels, *help;
	enum metrics_type type;
	int64_t value;
};

struct collection {
	struct plugin_metric *list;
	size_t n, room;
	int failed;
};

static int ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Bytes that no name may have become underscores; unit and kind stand at the end, once. A gauge never ends as a counter, so
 * that one name is of one type. */
static char *name_of(const struct metric_view *m)
{
	struct metrics_text name = { 0 };
	int is_counter = m->kind == OUTFLOW_METRIC_COUNTER;

	metrics_put_text(&name, "outflow_plugin_");
	for (const char *p = m->name; *p != '\0'; p++)
		metrics_put(&name, isalnum((unsigned char)*p) ? p : "_", 1);
	if (*m->unit != '\0' && !name.failed && !ends_with(name.text, m->unit)) {
		metrics_put(&name, "_", 1);
		metrics_put_text(&name, m->unit);
	}
	if (!name.failed && is_counter != ends_with(name.text, "_total"))
		metrics_put_text(&name, is_counter ? "_total" : "_value");
	if (!name.failed)
		return name.text;
	free(name.text);
	return NULL;
}

static char *labels_of(const struct log_place *place)
{
	struct metrics_text labels = { 0 };
	char number[24];

	metrics_put_label(&labels, "connector", place->pipeline);
	snprintf(number, sizeof number, "%lld", (long long)place->task);
	metrics_put_text(&labels, ",");
	metrics_put_label(&labels, "task", number);
	metrics_put_text(&labels, ",");
	metrics_put_label(&labels, "stage", place->stage);
	if (!labels.failed)
		return labels.text;
	free(labels.text);
	return NULL;
}

static void collect(void *ctx, const struct metric_view *m)
{
	struct collection *c = ctx;
	size_t room = c->room * 2 + 64;
	struct plugin_metric *list, *to;

	if (c->n == c->room) {
		list = realloc(c->list, room * sizeof *list);
		if (list == NULL) {
			c->failed = 1;
			return;
		}
		c->list = list;
		c->room = room;
	}
	to = &c->list[c->n++];
	*to = (struct plugin_metric){ .name = name_of(m),
		                      .labels = labels_of(&m->place),
		                      .help = strdup(m->help),
		                      .type = m->kind == OUTFLOW_METRIC_COUNTER ? METRICS_COUNTER : METRICS_GAUGE,
		                      .value = m->value };
	c->failed |= to->name == NULL || to->labels == NULL || to->help == NULL;
}

static int by_name(const void *a, const void *b)
{
	const struct plugin_metric *x = a, *y = b;
	int names = strcmp(x->name, y->name);

	return names != 0 ? names : strcmp(x->labels, y->labels);
}

static void put_all(struct rendering *r, const struct collection *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct plugin_metric *m = &c->list[i], *before = i > 0 ? m - 1 : NULL;
		int same_name = before != NULL && strcmp(before->name, m->name) == 0;

		/* Of a task that does not end and the one that took its place, one counts. */
		if (same_name && strcmp(before->labels, m->labels) == 0)
			continue;
		if (!same_name)
			metrics_begin(&r->text, m->name, m->type, m->help);
		metrics_sample(&r->text, m->name, m->labels, NULL, m->value, 0);
	}
}

void rendering_plugins(struct rendering *r)
{
	struct collection c = { 0 };

	metrics_each(collect, &c);
	if (c.failed) {
		r->text.failed = 1;
	} else if (c.n > 0) {
		qsort(c.list, c.n, sizeof *c.list, by_name);
		put_all(r, &c);
	}
	for (size_t i = 0; i < c.n; i++) {
		free(c.list[i].name);
		free(c.list[i].labels);
		free(c.list[i].help);
	}
	free(c.list);
}

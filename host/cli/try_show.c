/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/try.h"

#include "host/api/trial_json.h"
#include "host/cli/envelope.h"
#include "host/cli/explanation_print.h"
#include "host/cli/outcome.h"
#include "host/pipeline/explanation.h"

#include <outflow/util.h>

#include <stdlib.h>

/* "filter (event/filter)" */
struct title {
	char text[400];
};

static struct title title_of(const struct stage_model *m)
{
	struct title t;

	snprintf(t.text, sizeof t.text, "%.200s (%.80s/%.80s)", m->name, m->component.module->plugin->id,
	         m->component.what->name);
	return t;
}

/* ---- one stage ---- */

/* Why an input was not let through; NULL: the stage does not say, or it was. The caller frees it. */
static char *explain(struct trial *t, struct instance *stage, const outflow_record *in, outflow_bytes *json)
{
	outflow_error err = { .size = sizeof err };

	if (trial_explain(t, stage, in, json, &err) != OUTFLOW_OK)
		return NULL;
	return explanation_reason((outflow_str){ json->ptr, json->len });
}

static void print_reasons(struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		outflow_bytes text;
		char *reason = explain(t, stage, &in[i], &text);

		if (reason != NULL)
			explanation_print((outflow_str){ text.ptr, text.len }, "  ", stdout);
		free(reason);
	}
}

static int was_refused(const struct trial *t, const struct instance *stage)
{
	for (size_t i = 0; i < t->outcome.n_failures; i++)
		if (strcmp(t->outcome.failures[i].stage, stage->model->name) == 0)
			return 1;
	return 0;
}

static uint32_t count_skipped(struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n)
{
	uint32_t skipped = 0;

	for (uint32_t i = 0; stage->predicate != NULL && i < n; i++)
		skipped += trial_chooses(t, stage, &in[i]) == 0;
	return skipped;
}

/* Which input an output is compared with: the only one, or that of the same number. */
static const outflow_record *input_of(const outflow_record *in, uint32_t n, uint32_t n_out, uint32_t i)
{
	return n == 1 ? in : n == n_out ? &in[i] : NULL;
}

static int all_unchanged(const outflow_record *in, uint32_t n, const outflow_record *out, uint32_t n_out)
{
	for (uint32_t i = 0; i < n_out; i++)
		if (n != n_out || trial_changes(&out[i], &in[i]) != 0)
			return 0;
	return 1;
}

static void print_stage(struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                        const outflow_record *out, uint32_t n_out)
{
	uint32_t skipped = count_skipped(t, stage, in, n);

	fputs(title_of(stage->model).text, stdout);
	if (skipped == n)
		printf(": skipped by %s", stage->predicate->model->name);
	else if (skipped > 0)
		printf(": %u of %u skipped by %s", skipped, n, stage->predicate->model->name);
	else if (n_out == 0)
		fputs(was_refused(t, stage) ? ": rejected" : ": filtered", stdout);
	else if (all_unchanged(in, n, out, n_out))
		fputs(": passes", stdout);
	else if (n != n_out)
		printf(": %u of %u", n_out, n);
	putchar('\n');
	if (n_out < n)
		print_reasons(t, stage, in, n);
	else if (skipped == n)
		print_reasons(t, stage->predicate, in, n);
	for (uint32_t i = 0; !all_unchanged(in, n, out, n_out) && i < n_out; i++) {
		if (n_out > 1)
			printf("  -- %u\n", i + 1);
		outcome_print_record(&out[i], input_of(in, n, n_out, i), stdout);
	}
}

void try_show_stage(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
                    const outflow_record *out, uint32_t n_out)
{
	struct try_show *s = ctx;

	if (s->stages != NULL)
		json_array_append_new(s->stages, trial_stage_json(t, stage, in, n, out, n_out));
	else
		print_stage(t, stage, in, n, out, n_out);
}

/* ---- both ends ---- */

void try_show_source(struct try_show *s, const struct pipeline_model *m, const outflow_record *r)
{
	if (s->stages != NULL)
		return;
	printf("%s\n", title_of(&m->source).text);
	outcome_print_record(r, NULL, stdout);
}

static void print_failure(const struct pipeline_model *m, const struct trial_outcome *o, const struct trial_failure *f)
{
	fputs(o->postponed ? "would be tried again: " : "rejected: ", stdout);
	outcome_print_failure(f, stdout);
	if (f->dead_letter != NULL) {
		printf("%s would get\n", title_of(&m->deadletter).text);
		outcome_print_record(f->dead_letter, NULL, stdout);
	} else if (o->stopped) {
		puts("the pipeline would stop: errors.tolerance = none");
	} else if (!o->postponed) {
		puts("it would be dropped: errors.tolerance = all, and no deadletter");
	}
}

static void print_end(const struct pipeline_model *m, const struct trial_outcome *o)
{
	for (uint32_t i = 0; i < o->n_outputs; i++) {
		printf("%s would get\n", title_of(&m->sink).text);
		outcome_print_record(&o->outputs[i], NULL, stdout);
		if (o->outputs[i].partition < 0)
			puts("  partition  chosen by the sink");
	}
	for (size_t i = 0; i < o->n_failures; i++)
		print_failure(m, o, &o->failures[i]);
	if (o->n_outputs == 0 && o->n_failures == 0)
		printf("%s would get nothing: filtered\n", title_of(&m->sink).text);
}

void try_show_end(struct try_show *s, const struct pipeline_model *m, const struct trial_outcome *o,
                  const outflow_record *input)
{
	if (s->stages == NULL) {
		print_end(m, o);
		return;
	}
	envelope_print(trial_json(m, o, input, s->stages), NULL);
}

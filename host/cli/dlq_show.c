/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/dlq.h"

#include <limits.h>
#include <stdio.h>

struct showing {
	const struct dlq_show_options *options;
	struct dlq_reader reader;
	struct dlq_printer printer;
	size_t n_unreadable;
};

outflow_status dlq_open_replayed(const struct configuration *c, const char *pipeline, struct replayed **result,
                                 outflow_error *err)
{
	char root[PATH_MAX], path[PATH_MAX];

	if (state_dir_path_in(c->host.state_dir, DLQ_STATE, NULL, -1, root, sizeof root) != OUTFLOW_OK ||
	    state_dir_path_in(root, "replayed", pipeline, -1, path, sizeof path) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "the path of the state directory is too long");
	return replayed_open(path, 0, result, err);
}

static enum dlq_verdict visit(void *ctx, struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
                              outflow_record *r)
{
	struct showing *s = ctx;

	(void)h;
	(void)b;
	(void)r;
	if (!dlq_filter_matches(&s->options->filter, l))
		return DLQ_LEAVE_OUT;
	dlq_reader_count(&s->reader);
	dlq_print_letter(&s->printer, l);
	return DLQ_LEAVE_OUT;
}

static void unreadable(void *ctx, const char *position, const outflow_error *why)
{
	struct showing *s = ctx;

	s->n_unreadable++;
	fprintf(stderr, "outflow: %s cannot be read: %s\n", position, why->msg);
}

static int run(struct configuration *c, const struct pipeline_model *reading, struct showing *s)
{
	struct environment e = { .inventory = c->inventory, .host = &c->host };
	struct account account;
	outflow_error err = { .size = sizeof err };
	enum dlq_end end;

	if (dlq_open_replayed(c, reading->name, &s->reader.replayed, &err) != OUTFLOW_OK) {
		dlq_print_end(&s->printer, err.msg, 0);
		return EXIT_ENVIRONMENT;
	}
	end = dlq_run(reading, &e, NULL, NULL, &account, &err);
	dlq_print_end(&s->printer, end == DLQ_DONE ? NULL : err.msg, end == DLQ_ENDED_IN_LOG);
	replayed_close(&s->reader.replayed);
	return end == DLQ_DONE && s->n_unreadable == 0 ? EXIT_OK : EXIT_FAILED;
}

int dlq_show(struct configuration *c, const char *pipeline, const struct dlq_show_options *o)
{
	struct showing s = { .options = o, .printer = { .json = o->json, .whole = o->whole } };
	struct pipeline_model *m, *reading = NULL;
	int status = configuration_resolve(c, NULL);

	s.reader.visit = visit;
	s.reader.unreadable = unreadable;
	s.reader.ctx = &s;
	s.reader.max = o->max;
	if (status == EXIT_OK)
		status = configuration_report(c);
	if (status != EXIT_OK)
		return status;
	m = configuration_pipeline(c, pipeline, 0);
	status = m ? dlq_model_new(c, m, &reading) : EXIT_CONFIG;
	if (status == EXIT_OK && dlq_reader_install(&s.reader, &reading->source) != OUTFLOW_OK)
		status = EXIT_FAILED;
	if (status == EXIT_OK)
		status = run(c, reading, &s);
	pipeline_model_free(&reading);
	dlq_reader_clear(&s.reader);
	return status;
}

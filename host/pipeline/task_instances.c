/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/clock.h"
#include "host/pipeline/task_internal.h"

#include <outflow/util.h>

static outflow_status load_component(struct task *t, const struct stage_model *m, size_t i, outflow_error *err)
{
	return inventory_instance(t->services.environment->inventory, &m->component, &t->components[i], err);
}

outflow_status task_load_components(struct task *t, outflow_error *err)
{
	const struct pipeline_model *m = t->model;
	outflow_status status = load_component(t, &m->source, 0, err);

	for (size_t i = 0; i < t->n_stages && status == OUTFLOW_OK; i++)
		status = load_component(t, &m->stages[i], i + 1, err);
	if (status == OUTFLOW_OK)
		status = load_component(t, &m->sink, t->n_stages + 1, err);
	if (status == OUTFLOW_OK && m->deadletter.name != NULL)
		status = load_component(t, &m->deadletter, t->n_stages + 2, err);
	for (size_t i = 0; i < m->n_predicates && status == OUTFLOW_OK; i++)
		status = load_component(t, &m->predicates[i], t->n_stages + 3 + i, err);
	return status;
}

static outflow_status create(struct task *t, struct instance *i, const struct stage_model *m, const struct component *c)
{
	outflow_status status = instance_create(i, &t->services, m, c, &t->reason);

	return status == OUTFLOW_OK ? status : instance_blame(i, status, &t->reason);
}

static outflow_status create_stage(struct task *t, struct instance *i, const struct stage_model *m,
                                   const struct component *c)
{
	outflow_status status = create(t, i, m, c);

	if (status == OUTFLOW_OK && m->predicate != NULL)
		i->predicate = &t->predicates[m->predicate - t->model->predicates];
	return status;
}

static outflow_status create_all(struct task *t)
{
	const struct pipeline_model *m = t->model;
	outflow_status status = create(t, &t->sink, &m->sink, &t->components[t->n_stages + 1]);

	if (status == OUTFLOW_OK && m->deadletter.name != NULL)
		status = create(t, &t->dead_letter_sink, &m->deadletter, &t->components[t->n_stages + 2]);
	for (size_t i = 0; i < m->n_predicates && status == OUTFLOW_OK; i++)
		status = create(t, &t->predicates[i], &m->predicates[i], &t->components[t->n_stages + 3 + i]);
	for (size_t i = 0; i < t->n_stages && status == OUTFLOW_OK; i++)
		status = create_stage(t, &t->stages[i], &m->stages[i], &t->components[i + 1]);
	if (status == OUTFLOW_OK)
		status = create(t, &t->source, &t->source_model, &t->components[0]);
	return status;
}

/* start is the same member of both tables but for its place in them. */
static outflow_status start(struct instance *i, outflow_status (*function)(void *self, outflow_error *err),
                            outflow_error *err)
{
	outflow_status status = function ? function(i->self, err) : OUTFLOW_OK;

	if (status < 0)
		return instance_blame(i, status, err);
	i->started = 1;
	return OUTFLOW_OK;
}

static outflow_status start_sink(struct task *t, struct instance *sink)
{
	const outflow_sink_ops *ops = sink->component.what->ops;

	return start(sink, OUTFLOW_HAS(outflow_sink_ops, ops, start) ? ops->start : NULL, &t->reason);
}

/* Sinks first: the source may have something to deliver at once. */
static outflow_status start_all(struct task *t)
{
	const outflow_source_ops *ops = task_source_ops(t);
	outflow_status status = start_sink(t, &t->sink);

	if (status == OUTFLOW_OK && t->dead_letter_sink.self != NULL)
		status = start_sink(t, &t->dead_letter_sink);
	if (status == OUTFLOW_OK)
		status = start(&t->source, OUTFLOW_HAS(outflow_source_ops, ops, start) ? ops->start : NULL, &t->reason);
	return status;
}

outflow_status task_start_instances(struct task *t)
{
	outflow_status status = create_all(t);

	return status == OUTFLOW_OK ? start_all(t) : status;
}

static void flush(struct instance *sink, int64_t deadline_ns)
{
	const outflow_sink_ops *ops = sink->self ? sink->component.what->ops : NULL;
	outflow_error err = { .size = sizeof err };

	if (OUTFLOW_HAS(outflow_sink_ops, ops, flush) && ops->flush(sink->self, deadline_ns, &err) < 0)
		log_write(&sink->place, OUTFLOW_LOG_WARN, "flush: %s", err.msg);
}

void task_flush(struct task *t, int64_t deadline_ns)
{
	flush(&t->sink, deadline_ns);
	flush(&t->dead_letter_sink, deadline_ns);
}

static void stop_sink(struct task *t, struct instance *sink, int64_t deadline_ns)
{
	const outflow_sink_ops *ops = sink->self ? sink->component.what->ops : NULL;
	outflow_error err = { .size = sizeof err };

	if (ops == NULL)
		return;
	if (sink->started && OUTFLOW_HAS(outflow_sink_ops, ops, stop) && ops->stop(sink->self, deadline_ns, &err) < 0) {
		log_write(&sink->place, OUTFLOW_LOG_ERROR, "did not stop in time, its memory is given up: %s", err.msg);
		t->leaked = 1;
		return;
	}
	instance_destroy(sink);
}

static void stop_source(struct task *t, int64_t deadline_ns)
{
	const outflow_source_ops *ops;
	outflow_error err = { .size = sizeof err };

	if (t->source.self == NULL)
		return;
	ops = task_source_ops(t);
	if (t->source.started && OUTFLOW_HAS(outflow_source_ops, ops, stop) &&
	    ops->stop(t->source.self, deadline_ns, &err) < 0)
		log_write(&t->source.place, OUTFLOW_LOG_WARN, "stop: %s", err.msg);
	instance_destroy(&t->source);
}

static void release_components(struct task *t)
{
	size_t n = t->n_stages + 3 + t->model->n_predicates;

	for (size_t i = 0; i < n; i++)
		inventory_release(t->services.environment->inventory, &t->components[i], !t->leaked);
}

/* The order matters: nothing may be resolved after the last checkpoint, and the source is told before it goes. */
void task_stop_instances(struct task *t, int64_t deadline_ns)
{
	outflow_error err = { .size = sizeof err };

	stop_sink(t, &t->sink, deadline_ns);
	stop_sink(t, &t->dead_letter_sink, deadline_ns);
	ledger_collect(t->services.ledger);
	if (t->source.self != NULL && progress_finish(&t->progress, &err) != OUTFLOW_OK)
		log_write(&t->place, OUTFLOW_LOG_ERROR, "the last checkpoint was not stored: %s", err.msg);
	stop_source(t, deadline_ns);
	/* A journal may drop records as long as the source is there. */
	task_publish_account(t);
	for (size_t i = t->n_stages; i-- > 0;)
		instance_destroy(&t->stages[i]);
	for (size_t i = t->model->n_predicates; i-- > 0;)
		instance_destroy(&t->predicates[i]);
	release_components(t);
}

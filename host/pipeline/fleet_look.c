/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/fleet_internal.h"

#include <stdio.h>
#include <stdlib.h>

const char *pipeline_state_name(enum pipeline_state state)
{
	static const char *const names[] = { "READY",    "STARTING",  "RUNNING",         "PAUSED",
		                             "STOPPING", "COMPLETED", "STARTING_FAILED", "RUNNING_FAILED" };

	return names[state];
}

const char *pipeline_target_name(enum pipeline_target target)
{
	static const char *const names[] = { "STOPPED", "PAUSED", "RUNNING" };

	return names[target];
}

void pipeline_snapshot_free(struct pipeline_snapshot **ps)
{
	struct pipeline_snapshot *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_tasks; i++) {
		free(s->tasks[i].reason);
		lag_clear(&s->tasks[i].lag);
	}
	free(s->tasks);
	free(s->name);
	free(s->file);
	free(s->reason);
	free(s->source_class);
	free(s->sink_class);
	settings_clear(&s->settings);
	free(s);
}

static void look_at_task(const struct pipeline *p, const struct seat *seat, struct task_snapshot *t)
{
	int64_t wait = seat->next_try_ns == CLOCK_NEVER ? -1 : (seat->next_try_ns - clock_mono_ns()) / CLOCK_MS;
	struct task_figures figures = { 0 };

	*t = (struct task_snapshot){
		.number = seat->number,
		.retired = seat->number >= p->n_tasks,
		.state = seat_state(seat),
		.restarts = seat->restarts,
		.next_try_ms = seat->next_try_ns == CLOCK_NEVER || wait > 0 ? wait : 0,
		.started_ms = seat->started_ms,
	};
	if (seat->task != NULL) {
		task_look(seat->task, &figures);
		/* Without memory it is not known. */
		(void)task_look_lag(seat->task, &t->lag);
	}
	t->account = figures.account;
	t->retried = figures.retried;
	t->lag_records = figures.lag_records;
	t->oldest_ms = figures.oldest_ns / CLOCK_MS;
	t->reason = strdup(seat->task && task_state_is_final(t->state) ? task_reason(seat->task) : "");
}

static int look_at_tasks(const struct pipeline *p, struct pipeline_snapshot *s)
{
	s->tasks = calloc(p->n_seats + 1, sizeof *s->tasks);
	if (s->tasks == NULL)
		return -1;
	for (s->n_tasks = 0; s->n_tasks < p->n_seats; s->n_tasks++) {
		look_at_task(p, &p->seats[s->n_tasks], &s->tasks[s->n_tasks]);
		if (s->tasks[s->n_tasks].reason == NULL)
			return -1;
	}
	return 0;
}

static char *class_name(const struct stage_model *m)
{
	char *name = NULL;

	if (m->component.what != NULL &&
	    asprintf(&name, "%s/%s", m->component.module->plugin->id, m->component.what->name) < 0)
		name = NULL;
	return name;
}

static int owns_offsets(const struct stage_model *source)
{
	const outflow_source_ops *ops = source->component.what ? source->component.what->ops : NULL;

	return ops != NULL && (ops->flags & OUTFLOW_SRC_OWNS_OFFSETS) != 0;
}

/* A moment after a task's state has changed its keeper has not looked yet: then the tasks say it. */
static enum pipeline_state state_now(const struct pipeline *p, const char **reason)
{
	enum pipeline_state state = p->state;

	*reason = "";
	if (p->n_seats > 0) {
		enum pipeline_state tasks = seats_state(p, reason);

		if (!p->stopping && !p->blamed)
			state = tasks;
	}
	if (p->problem != NULL)
		*reason = p->problem;
	return state;
}

/* What was asked for a moment ago is under way, even before the keeper has begun with it. */
static enum pipeline_state foresee(const struct pipeline *p, enum pipeline_state state)
{
	if (p->n_seats == 0 && p->target != TARGET_STOPPED && p->model != NULL &&
	    (p->problem == NULL || p->fresh_start))
		return PIPELINE_STARTING;
	if (p->n_seats == 0 && p->target == TARGET_STOPPED)
		return PIPELINE_READY;
	if (p->n_seats > 0 && p->target == TARGET_STOPPED)
		return PIPELINE_STOPPING;
	return state;
}

static struct pipeline_snapshot *look(struct pipeline *p)
{
	struct pipeline_snapshot *s = calloc(1, sizeof *s);
	const char *reason;
	int failed;

	if (s == NULL)
		return NULL;
	pthread_mutex_lock(&p->lock);
	s->state = foresee(p, state_now(p, &reason));
	s->name = strdup(p->name);
	s->reason = strdup(reason);
	s->declared = p->declared;
	s->target = p->target;
	s->created_ms = p->created_ms;
	s->changed_ms = p->changed_ms;
	failed = look_at_tasks(p, s) != 0 || settings_merge(&s->settings, "", &p->given, "", 1) != OUTFLOW_OK;
	if (p->model != NULL) {
		const struct pipeline_model *m = p->next ? p->next : p->model;

		snprintf(s->version, sizeof s->version, "%s", m->version);
		s->line = m->line;
		s->file = m->file ? strdup(m->file) : NULL;
		s->source_class = class_name(&m->source);
		s->sink_class = class_name(&m->sink);
		s->owns_offsets = owns_offsets(&m->source);
		failed |= s->source_class == NULL || s->sink_class == NULL || (m->file != NULL && s->file == NULL);
	}
	pthread_mutex_unlock(&p->lock);
	if (failed || s->name == NULL || s->reason == NULL)
		pipeline_snapshot_free(&s);
	return s;
}

enum fleet_answer fleet_look(struct fleet *f, const char *name, struct pipeline_snapshot **result)
{
	struct pipeline *p;

	*result = NULL;
	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p != NULL)
		*result = look(p);
	pthread_mutex_unlock(&f->lock);
	return p == NULL ? FLEET_UNKNOWN : *result == NULL ? FLEET_FAILED : FLEET_OK;
}

struct pipeline_snapshot **fleet_look_all(struct fleet *f, size_t *n)
{
	struct pipeline_snapshot **list;

	*n = 0;
	pthread_mutex_lock(&f->lock);
	list = calloc(f->n + 1, sizeof(struct pipeline_snapshot *));
	for (size_t i = 0; list != NULL && i < f->n; i++) {
		if (f->list[i]->deleted)
			continue;
		list[*n] = look(f->list[i]);
		if (list[*n] != NULL) {
			++*n;
			continue;
		}
		while (*n > 0)
			pipeline_snapshot_free(&list[--*n]);
		free(list);
		list = NULL;
	}
	pthread_mutex_unlock(&f->lock);
	return list;
}

/* ---- looking at what passes ---- */

static int has_stage(const struct pipeline_model *m, const char *name)
{
	static const char prefix[] = "transforms.";

	if (strcmp(name, "source") == 0 || strcmp(name, "sink") == 0 || strcmp(name, "deadletter") == 0)
		return 1;
	for (size_t i = 0; i < m->n_stages; i++) {
		const char *stage = m->stages[i].name;

		if (strcmp(stage, name) == 0 ||
		    (strncmp(stage, prefix, sizeof prefix - 1) == 0 && strcmp(stage + sizeof prefix - 1, name) == 0))
			return 1;
	}
	return 0;
}

static enum fleet_answer check_stages(const struct pipeline_model *m, const struct tap_options *o, outflow_error *err)
{
	char names[300] = "source";

	for (size_t i = 0; i < m->n_stages; i++)
		snprintf(names + strlen(names), sizeof names - strlen(names), ", %s", m->stages[i].name);
	for (size_t i = 0; i < o->n_stages; i++)
		if (!has_stage(m, o->stages[i])) {
			outflow_fail(err, OUTFLOW_E_CONFIG,
			             "pipeline '%.100s' has no stage '%.60s', but %s, sink, deadletter", m->name,
			             o->stages[i], names);
			return FLEET_INVALID;
		}
	return FLEET_OK;
}

static enum fleet_answer tap(struct pipeline *p, const struct tap_options *options, struct tap **result,
                             outflow_error *err)
{
	struct tap_options o = *options;
	enum fleet_answer answer = FLEET_OK;
	outflow_status status;

	pthread_mutex_lock(&p->lock);
	if (p->model != NULL) {
		const struct pipeline_model *m = p->next ? p->next : p->model;

		o.n_shown = (uint32_t)m->n_stages + 2;
		answer = check_stages(m, &o, err);
	}
	pthread_mutex_unlock(&p->lock);
	if (answer != FLEET_OK)
		return answer;
	status = tap_new(p->taps, &o, result);
	if (status == OUTFLOW_OK)
		return FLEET_OK;
	outflow_fail(err, status, "pipeline '%.100s' is tapped by %d already, and no more can", p->name, TAPS_MAX);
	return status == OUTFLOW_E_RETRY ? FLEET_IN_USE : fleet_no_memory(err);
}

enum fleet_answer fleet_tap(struct fleet *f, const char *name, const struct tap_options *options, struct tap **result,
                            outflow_error *err)
{
	enum fleet_answer answer = FLEET_UNKNOWN;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p != NULL)
		answer = tap(p, options, result, err);
	else
		outflow_fail(err, OUTFLOW_E_CONFIG, "there is no pipeline '%.200s'", name);
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/fleet_internal.h"

#include <outflow/util.h>

#include <stdlib.h>

/* ---- checking ---- */

static outflow_status add_connections(struct building *b, const struct declarations *connections)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < connections->n && status == OUTFLOW_OK; i++)
		status = building_add_connection(b, &connections->list[i]);
	return status;
}

struct building *fleet_building(struct fleet *f, uint64_t *changes)
{
	struct building *b = building_new(f->environment->host, f->environment->inventory);
	outflow_status status = b ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	pthread_mutex_lock(&f->lock);
	*changes = f->connection_changes;
	if (status == OUTFLOW_OK)
		status = add_connections(b, &f->connections);
	if (status == OUTFLOW_OK)
		status = add_connections(b, &f->created_connections);
	pthread_mutex_unlock(&f->lock);
	if (status != OUTFLOW_OK)
		building_free(&b);
	return b;
}

enum fleet_answer fleet_run_building(struct building *b, int64_t timeout_ns, struct problems *problems,
                                     outflow_error *err)
{
	outflow_status status = building_run(b, timeout_ns, err);

	if (status == OUTFLOW_OK)
		return FLEET_OK;
	if (status == OUTFLOW_E_RETRY)
		return FLEET_TIMEOUT;
	for (size_t i = 0; problems != NULL && i < b->problems.n; i++) {
		const struct problem *it = &b->problems.list[i];

		problems_add(problems, &(struct place){ it->file, it->line, it->pipeline, it->key }, "%s", it->message);
	}
	return status == OUTFLOW_E_CONFIG ? FLEET_INVALID : FLEET_FAILED;
}

/* The name is part of the configuration, and cannot be another one. */
static enum fleet_answer add_named(struct building *b, const char *name, const struct settings *settings,
                                   struct problems *problems, outflow_error *err)
{
	const char *said = settings_get(settings, "name");
	struct settings named = { 0 };
	outflow_status status = OUTFLOW_OK;

	if (said != NULL && strcmp(said, name) != 0) {
		problems_add(problems, &(struct place){ NULL, 0, name, "name" }, "is '%s', but the request names '%s'",
		             said, name);
		outflow_fail(err, OUTFLOW_E_CONFIG, "the name in the configuration is '%.100s', not '%.100s'", said,
		             name);
		return FLEET_INVALID;
	}
	status = settings_merge(&named, "", settings, "", 1);
	if (status == OUTFLOW_OK)
		status = settings_set(&named, "name", name, NULL, 0);
	if (status == OUTFLOW_OK)
		status = building_add(b, name, NULL, 0, &named);
	settings_clear(&named);
	return status == OUTFLOW_OK ? FLEET_OK : fleet_no_memory(err);
}

/* The model of one configuration, and the changes of connections that it was made with. */
static enum fleet_answer make_model(struct fleet *f, const char *name, const struct settings *settings,
                                    int64_t timeout_ns, struct building **result, uint64_t *changes,
                                    struct problems *problems, outflow_error *err)
{
	struct building *b = fleet_building(f, changes);
	enum fleet_answer answer;

	if (b == NULL)
		return fleet_no_memory(err);
	answer = add_named(b, name, settings, problems, err);
	if (answer == FLEET_OK)
		answer = fleet_run_building(b, timeout_ns, problems, err);
	if (answer != FLEET_OK)
		building_free(&b);
	*result = b;
	return answer;
}

enum fleet_answer fleet_check(struct fleet *f, const char *name, const struct settings *settings, int64_t timeout_ns,
                              struct problems *problems, outflow_error *err)
{
	struct building *b = NULL;
	uint64_t changes;
	enum fleet_answer answer = make_model(f, name, settings, timeout_ns, &b, &changes, problems, err);

	building_free(&b);
	return answer;
}

static void take_model(struct building *b, struct pipeline_model **model)
{
	*model = b->models[0];
	b->models[0] = NULL;
}

enum fleet_answer fleet_model_for_trial(struct fleet *f, const char *name, const struct settings *settings,
                                        int64_t timeout_ns, struct pipeline_model **result, struct problems *problems,
                                        outflow_error *err)
{
	uint64_t changes;
	struct building *b = fleet_building(f, &changes);
	enum fleet_answer answer;

	*result = NULL;
	if (b == NULL)
		return fleet_no_memory(err);
	answer = add_named(b, name, settings, problems, err);
	if (answer == FLEET_OK) {
		b->what.list[0].for_trial = 1;
		answer = fleet_run_building(b, timeout_ns, problems, err);
	}
	if (answer == FLEET_OK)
		take_model(b, result);
	building_free(&b);
	return answer;
}

/* ---- creating, editing ---- */

enum fleet_answer fleet_is_open(const struct fleet *f, outflow_error *err)
{
	if (!f->leaving)
		return FLEET_OK;
	outflow_fail(err, OUTFLOW_E_CANCELED, "the daemon is stopping");
	return FLEET_FAILED;
}

static enum fleet_answer unknown(const char *name, outflow_error *err)
{
	outflow_fail(err, OUTFLOW_E_CONFIG, "there is no pipeline '%.200s'", name);
	return FLEET_UNKNOWN;
}

static enum fleet_answer declared(const struct pipeline *p, outflow_error *err)
{
	outflow_fail(err, OUTFLOW_E_CONFIG, "pipeline '%.200s' is declared in a file, and is changed there", p->name);
	return FLEET_DECLARED;
}

static enum fleet_answer create(struct fleet *f, const char *name, struct building *b, enum pipeline_target target,
                                outflow_error *err)
{
	const struct settings *settings = &b->what.list[0].settings;
	int64_t now = clock_wall_ms();
	struct created_pipeline entry = {
		.settings = *settings, .target = target, .created_ms = now, .changed_ms = now
	};
	struct pipeline_model *model;
	struct pipeline *p = NULL;
	enum fleet_answer answer;

	if (created_put_pipeline(f->created, name, &entry, err) != OUTFLOW_OK)
		return FLEET_FAILED;
	take_model(b, &model);
	answer = fleet_add(f, name, model, target, &p, err);
	if (answer != FLEET_OK) {
		pipeline_model_free(&model);
		(void)created_remove_pipeline(f->created, name, NULL);
		return answer;
	}
	p->created_ms = p->changed_ms = now;
	/* Without memory for it, what is shown is poorer than what runs. */
	(void)fleet_note_given(p, settings);
	return FLEET_CREATED;
}

static enum fleet_answer edit(struct fleet *f, struct pipeline *p, struct building *b, outflow_error *err)
{
	const struct settings *settings = &b->what.list[0].settings;
	struct created_pipeline entry = fleet_entry(p);
	struct pipeline_model *model;

	entry.settings = *settings;
	entry.changed_ms = clock_wall_ms();
	if (created_put_pipeline(f->created, p->name, &entry, err) != OUTFLOW_OK)
		return FLEET_FAILED;
	if (fleet_note_given(p, settings) != OUTFLOW_OK)
		return fleet_no_memory(err);
	p->changed_ms = entry.changed_ms;
	take_model(b, &model);
	fleet_give(p, model);
	return FLEET_OK;
}

/* What a request may find, and do with it. */
struct intent {
	const char *name;
	enum pipeline_target target; /* of one that is created */
	int may_create, may_edit;
	const char *version; /* NULL, or what one that is edited has to have */
};

/* Is the request for nothing, whatever the configuration says? [under lock] */
static enum fleet_answer foresee(struct fleet *f, const struct intent *i, outflow_error *err)
{
	struct pipeline *p = fleet_find(f, i->name);
	struct fleet_version version;

	if (p == NULL)
		return i->may_create ? FLEET_OK : unknown(i->name, err);
	if (!i->may_edit) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "there is a pipeline '%.200s' already", i->name);
		return FLEET_EXISTS;
	}
	version = fleet_version(p);
	if (i->version != NULL && strcmp(i->version, version.text) != 0) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "pipeline '%.200s' has been changed: its version is %s now",
		             i->name, version.text);
		return FLEET_EXISTS;
	}
	return p->declared ? declared(p, err) : FLEET_OK;
}

static enum fleet_answer commit(struct fleet *f, const struct intent *i, struct building *b, outflow_error *err)
{
	struct pipeline *p = fleet_find(f, i->name);
	enum fleet_answer answer = fleet_is_open(f, err);

	if (answer == FLEET_OK)
		answer = foresee(f, i, err);
	if (answer != FLEET_OK)
		return answer;
	f->pipeline_changes++;
	return p == NULL ? create(f, i->name, b, i->target, err) : edit(f, p, b, err);
}

static enum fleet_answer put(struct fleet *f, const struct intent *i, const struct settings *settings,
                             int64_t timeout_ns, struct problems *problems, outflow_error *err)
{
	int64_t deadline = clock_mono_ns() + timeout_ns;
	enum fleet_answer answer;
	uint64_t changes;
	int is_current;

	pthread_mutex_lock(&f->lock);
	answer = foresee(f, i, err);
	pthread_mutex_unlock(&f->lock);
	if (answer != FLEET_OK)
		return answer;
	do {
		struct building *b = NULL;

		answer = make_model(f, i->name, settings, deadline - clock_mono_ns(), &b, &changes, problems, err);
		if (answer != FLEET_OK)
			return answer;
		pthread_mutex_lock(&f->lock);
		is_current = changes == f->connection_changes;
		if (is_current)
			answer = commit(f, i, b, err);
		pthread_mutex_unlock(&f->lock);
		building_free(&b);
	} while (!is_current);
	return answer;
}

enum fleet_answer fleet_create(struct fleet *f, const char *name, const struct settings *settings,
                               enum pipeline_target target, int64_t timeout_ns, struct problems *problems,
                               outflow_error *err)
{
	struct intent i = { .name = name, .target = target, .may_create = 1 };
	enum fleet_answer answer = put(f, &i, settings, timeout_ns, problems, err);

	return answer == FLEET_CREATED ? FLEET_OK : answer;
}

enum fleet_answer fleet_put(struct fleet *f, const char *name, const struct settings *settings, int64_t timeout_ns,
                            struct problems *problems, outflow_error *err)
{
	struct intent i = { .name = name, .target = TARGET_RUNNING, .may_create = 1, .may_edit = 1 };

	return put(f, &i, settings, timeout_ns, problems, err);
}

enum fleet_answer fleet_edit(struct fleet *f, const char *name, const char *version, const struct settings *settings,
                             int64_t timeout_ns, struct problems *problems, outflow_error *err)
{
	struct intent i = { .name = name, .may_edit = 1, .version = version };

	return put(f, &i, settings, timeout_ns, problems, err);
}

/* ---- what it is to do ---- */

static enum fleet_answer aim(struct fleet *f, struct pipeline *p, enum pipeline_target target, outflow_error *err)
{
	struct created_pipeline entry = fleet_entry(p);

	entry.target = target;
	if (p->target != target && created_put_pipeline(f->created, p->name, &entry, err) != OUTFLOW_OK)
		return FLEET_FAILED;
	pthread_mutex_lock(&p->lock);
	p->target = target;
	p->fresh_start = 1;
	pthread_mutex_unlock(&p->lock);
	fleet_wake(p);
	return FLEET_OK;
}

enum fleet_answer fleet_aim(struct fleet *f, const char *name, enum pipeline_target target, outflow_error *err)
{
	enum fleet_answer answer;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	answer = p == NULL ? unknown(name, err) : fleet_is_open(f, err);
	if (answer == FLEET_OK)
		answer = aim(f, p, target, err);
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* Returns how many tasks of that number there are. */
static size_t mark_again(struct pipeline *p, int64_t task, int only_failed)
{
	size_t n = 0;

	pthread_mutex_lock(&p->lock);
	for (uint32_t k = 0; k < p->n_seats; k++) {
		struct seat *seat = &p->seats[k];

		if (task >= 0 && seat->number != (uint64_t)task)
			continue;
		n++;
		seat->again |= !only_failed || seat->task == NULL || task_state(seat->task) >= TASK_READY;
	}
	/* One that could not even get tasks. */
	if (p->n_seats == 0 && p->problem != NULL)
		p->fresh_start = 1;
	pthread_mutex_unlock(&p->lock);
	fleet_wake(p);
	return n;
}

enum fleet_answer fleet_restart(struct fleet *f, const char *name, int64_t task, int only_failed, outflow_error *err)
{
	enum fleet_answer answer = FLEET_OK;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p == NULL) {
		answer = unknown(name, err);
	} else if (mark_again(p, task, only_failed) == 0 && task >= 0) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "pipeline '%.200s' has no task %lld", name, (long long)task);
		answer = FLEET_UNKNOWN;
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}

enum fleet_answer fleet_while_stopped(struct fleet *f, const char *name, enum fleet_answer (*change)(void *ctx),
                                      void *ctx, outflow_error *err)
{
	enum fleet_answer answer;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p == NULL) {
		answer = unknown(name, err);
	} else {
		pthread_mutex_lock(&p->lock);
		answer = p->target == TARGET_STOPPED && p->n_seats == 0 ? FLEET_OK : FLEET_NOT_STOPPED;
		pthread_mutex_unlock(&p->lock);
		/* The fleet's lock keeps it so: nobody can ask it to run meanwhile. */
		if (answer == FLEET_OK)
			answer = change(ctx);
		else
			outflow_fail(err, OUTFLOW_E_CONFIG, "pipeline '%.200s' has to be stopped first", name);
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* ---- deleting ---- */

enum fleet_answer fleet_delete(struct fleet *f, const char *name, int purge, outflow_error *err)
{
	enum fleet_answer answer = FLEET_OK;
	struct pipeline *p;

	pthread_mutex_lock(&f->lock);
	p = fleet_find(f, name);
	if (p == NULL)
		answer = unknown(name, err);
	else if (p->declared)
		answer = declared(p, err);
	else if (created_remove_pipeline(f->created, name, err) != OUTFLOW_OK)
		answer = FLEET_FAILED;
	if (answer == FLEET_OK) {
		f->pipeline_changes++;
		pthread_mutex_lock(&p->lock);
		p->deleted = 1;
		p->purge |= purge;
		pthread_mutex_unlock(&p->lock);
		fleet_wake(p);
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}

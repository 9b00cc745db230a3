/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/check.h"
#include "host/pipeline/fleet_internal.h"

#include <outflow/util.h>

#include <limits.h>
#include <stdlib.h>

#define FLEET_MAGIC 0x666c6565u
/* For checking what was created earlier, at the start. */
#define RESTORE_TIMEOUT_NS (60 * CLOCK_S)

enum fleet_answer fleet_no_memory(outflow_error *err)
{
	outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	return FLEET_FAILED;
}

/* ---- the map of names ---- */

/* The place of name, or where it would go. */
static size_t search(const struct fleet *f, const char *name, int *found)
{
	size_t low = 0, high = f->n;

	*found = 0;
	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(f->list[middle]->name, name);

		*found |= order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct pipeline *fleet_find(struct fleet *f, const char *name)
{
	int found;
	size_t at = search(f, name, &found);

	return found && !f->list[at]->deleted ? f->list[at] : NULL;
}

static outflow_status insert(struct fleet *f, size_t at, struct pipeline *p)
{
	struct pipeline **list = realloc(f->list, (f->n + 1) * sizeof *list);

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	f->list = list;
	memmove(list + at + 1, list + at, (f->n - at) * sizeof *list);
	list[at] = p;
	f->n++;
	return OUTFLOW_OK;
}

static void take_out(struct fleet *f, const struct pipeline *p)
{
	int found;
	size_t at = search(f, p->name, &found);

	memmove(f->list + at, f->list + at + 1, (f->n - at - 1) * sizeof(struct pipeline *));
	f->n--;
}

static outflow_status start_keeper(struct fleet *f, struct pipeline *p, outflow_error *err)
{
	outflow_status status = pipeline_keep(p, err);

	f->keepers += status == OUTFLOW_OK;
	return status;
}

/* A new one begins where a deleted one of its name has come to its end. */
static void bring_back(struct pipeline *p, struct pipeline_model *model, enum pipeline_target target)
{
	settings_clear(&p->given);
	settings_clear(&p->former_given);
	p->declared = 0;
	pthread_mutex_lock(&p->lock);
	p->deleted = 0;
	p->target = target;
	p->fresh_start = 1;
	p->worked = 0;
	pthread_mutex_unlock(&p->lock);
	fleet_give(p, model);
}

enum fleet_answer fleet_add(struct fleet *f, const char *name, struct pipeline_model *model,
                            enum pipeline_target target, struct pipeline **result, outflow_error *err)
{
	struct pipeline *p = NULL;
	int found;
	size_t at = search(f, name, &found);

	if (found) {
		*result = f->list[at];
		bring_back(*result, model, target);
		return FLEET_OK;
	}
	if (pipeline_new(f, f->environment, name, model, f->options.stop_timeout_ns, &p, err) != OUTFLOW_OK)
		return FLEET_FAILED;
	p->target = target;
	if (insert(f, at, p) != OUTFLOW_OK) {
		p->model = NULL;
		pipeline_free(&p);
		return fleet_no_memory(err);
	}
	if (f->started && start_keeper(f, p, err) != OUTFLOW_OK) {
		take_out(f, p);
		p->model = NULL;
		pipeline_free(&p);
		return FLEET_FAILED;
	}
	if (f->started)
		fleet_wake(p);
	*result = p;
	return FLEET_OK;
}

void fleet_wake(struct pipeline *p)
{
	pipeline_wake(p);
	fleet_state_changed(p->fleet, p->name);
}

void fleet_give(struct pipeline *p, struct pipeline_model *model)
{
	struct pipeline_model *waiting;

	pthread_mutex_lock(&p->lock);
	waiting = p->next;
	p->next = model;
	pthread_mutex_unlock(&p->lock);
	pipeline_model_free(&waiting);
	fleet_wake(p);
}

outflow_status fleet_note_given(struct pipeline *p, const struct settings *settings)
{
	struct settings copy = { 0 };
	outflow_status status = settings_merge(&copy, "", settings, "", 1);
	int is_on_trial;

	if (status != OUTFLOW_OK) {
		settings_clear(&copy);
		return status;
	}
	pthread_mutex_lock(&p->lock);
	is_on_trial = p->next != NULL || p->former != NULL;
	pthread_mutex_unlock(&p->lock);
	/* What comes back if this one fails, too, is what has worked, not the edit before. */
	settings_clear(is_on_trial ? &p->given : &p->former_given);
	if (!is_on_trial)
		p->former_given = p->given;
	p->given = copy;
	return OUTFLOW_OK;
}

uint64_t fleet_changes(const struct fleet *f)
{
	return f->connection_changes + f->pipeline_changes;
}

struct fleet_version fleet_version(struct pipeline *p)
{
	const struct pipeline_model *m;
	struct fleet_version version = { "" };

	/* The keeper exchanges models under its lock alone. */
	pthread_mutex_lock(&p->lock);
	m = p->next ? p->next : p->model;
	if (m != NULL)
		memcpy(version.text, m->version, sizeof version.text);
	pthread_mutex_unlock(&p->lock);
	return version;
}

struct created_pipeline fleet_entry(const struct pipeline *p)
{
	struct created_pipeline entry = {
		.declared = p->declared,
		.target = p->target,
		.declared_running = p->declared_running,
		.created_ms = p->created_ms,
		.changed_ms = p->changed_ms,
	};

	if (!p->declared)
		entry.settings = p->given;
	return entry;
}

/* ---- what was created earlier ---- */

struct restoring {
	struct fleet *f;
	struct building *building;
	outflow_status status;
};

static void restore_connection(void *ctx, const char *name, const struct settings *settings)
{
	struct restoring *r = ctx;

	if (r->status == OUTFLOW_OK)
		r->status = declarations_add(&r->f->created_connections, name, NULL, 0, settings);
}

/* What was asked of a declared pipeline counts until its file says something else than it did then. */
static void restore_target(struct pipeline *p, const struct created_pipeline *entry)
{
	if (p->declared && entry->declared_running == p->declared_running)
		p->target = (enum pipeline_target)entry->target;
}

static void restore_pipeline(void *ctx, const char *name, const struct created_pipeline *entry)
{
	struct restoring *r = ctx;
	outflow_error err = { .size = sizeof err };
	struct pipeline *p = fleet_find(r->f, name);

	if (r->status != OUTFLOW_OK)
		return;
	if (p != NULL && !entry->declared)
		log_write(&(struct log_place){ name, NULL, -1 }, OUTFLOW_LOG_WARN,
		          "stands in a file now: the pipeline of this name that was created earlier is left alone");
	if (p != NULL || entry->declared) {
		if (p != NULL && entry->declared)
			restore_target(p, entry);
		return;
	}
	if (fleet_add(r->f, name, NULL, (enum pipeline_target)entry->target, &p, &err) != FLEET_OK ||
	    fleet_note_given(p, &entry->settings) != OUTFLOW_OK ||
	    building_add(r->building, name, NULL, 0, &entry->settings) != OUTFLOW_OK) {
		r->status = OUTFLOW_E_NOMEM;
		return;
	}
	p->created_ms = entry->created_ms;
	p->changed_ms = entry->changed_ms;
}

/* The first problem of a pipeline that is not understood any more. */
static char *problem_of(const struct problems *problems, const char *name)
{
	char text[600] = "its configuration could not be checked";

	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *it = &problems->list[i];

		if (it->pipeline == NULL || strcmp(it->pipeline, name) != 0)
			continue;
		snprintf(text, sizeof text, "%s%s%s", it->key ? it->key : "", it->key ? ": " : "", it->message);
		break;
	}
	return strdup(text);
}

static outflow_status restore(struct fleet *f, outflow_error *err)
{
	struct restoring r = { .f = f, .status = OUTFLOW_OK };
	struct created_visitor connections = { .connection = restore_connection, .ctx = &r };
	struct created_visitor pipelines = { .pipeline = restore_pipeline, .ctx = &r };
	enum fleet_answer answer;
	uint64_t changes;

	if (created_each(f->created, &connections) != OUTFLOW_OK || r.status != OUTFLOW_OK ||
	    (r.building = fleet_building(f, &changes)) == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the connections that were created earlier");
	if (created_each(f->created, &pipelines) != OUTFLOW_OK || r.status != OUTFLOW_OK) {
		building_free(&r.building);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the pipelines that were created earlier");
	}
	answer = fleet_run_building(r.building, RESTORE_TIMEOUT_NS, NULL, err);
	for (size_t i = 0; i < r.building->what.n; i++) {
		struct pipeline *p = fleet_find(f, r.building->what.list[i].name);

		if (answer != FLEET_TIMEOUT && r.building->models != NULL && r.building->models[i] != NULL) {
			p->model = r.building->models[i];
			r.building->models[i] = NULL;
			continue;
		}
		p->problem = answer == FLEET_INVALID ? problem_of(&r.building->problems, p->name) : strdup(err->msg);
		log_write(&(struct log_place){ p->name, NULL, -1 }, OUTFLOW_LOG_ERROR, "cannot be started: %s",
		          p->problem ? p->problem : "");
	}
	building_free(&r.building);
	return OUTFLOW_OK;
}

/* ---- life ---- */

static outflow_status add_declared(struct fleet *f, const struct loaded *files, struct pipeline_model **models,
                                   outflow_error *err)
{
	for (size_t i = 0; i < files->connections.n; i++) {
		const struct declaration *c = &files->connections.list[i];

		if (declarations_add(&f->connections, c->name, c->file, c->line, &c->settings) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for connections");
	}
	for (size_t i = 0; i < files->pipelines.n; i++) {
		const struct declaration *d = &files->pipelines.list[i];
		struct pipeline *p;

		if (fleet_add(f, d->name, models[i], models[i]->running ? TARGET_RUNNING : TARGET_STOPPED, &p, err) !=
		    FLEET_OK)
			return OUTFLOW_E_NOMEM;
		p->declared = 1;
		p->declared_running = models[i]->running;
		if (fleet_note_given(p, &d->settings) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for pipelines");
	}
	return OUTFLOW_OK;
}

static void release_models(struct fleet *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i]->declared)
			f->list[i]->model = NULL;
}

outflow_status fleet_new(const struct environment *environment, const struct loaded *files,
                         struct pipeline_model **models, const struct fleet_options *options, struct fleet **result,
                         outflow_error *err)
{
	struct fleet *f = calloc(1, sizeof *f);
	char path[PATH_MAX];
	outflow_status status;

	if (f == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for pipelines");
	*f = (struct fleet){ .magic = FLEET_MAGIC, .environment = environment, .options = *options };
	pthread_mutex_init(&f->lock, NULL);
	clock_cond_init(&f->cond);
	status = state_dir_path(environment->state_dir, "pipelines", NULL, -1, path, sizeof path);
	if (status == OUTFLOW_OK)
		status = created_store_open(path, &f->created, err);
	if (status == OUTFLOW_OK)
		status = add_declared(f, files, models, err);
	if (status == OUTFLOW_OK)
		status = restore(f, err);
	if (status != OUTFLOW_OK) {
		release_models(f);
		fleet_free(&f);
		return status;
	}
	*result = f;
	return OUTFLOW_OK;
}

void fleet_start(struct fleet *f)
{
	CHECK_OBJ(f, FLEET_MAGIC);
	pthread_mutex_lock(&f->lock);
	f->started = 1;
	for (size_t i = 0; i < f->n; i++) {
		struct pipeline *p = f->list[i];
		outflow_error err = { .size = sizeof err };

		if (start_keeper(f, p, &err) == OUTFLOW_OK)
			continue;
		log_write(&(struct log_place){ p->name, NULL, -1 }, OUTFLOW_LOG_ERROR, "%s", err.msg);
		p->state = PIPELINE_STARTING_FAILED;
		p->problem = strdup(err.msg);
	}
	pthread_mutex_unlock(&f->lock);
}

void fleet_stop(struct fleet *f, int64_t deadline_ns)
{
	CHECK_OBJ(f, FLEET_MAGIC);
	pthread_mutex_lock(&f->lock);
	f->leaving = 1;
	f->leaving_deadline_ns = deadline_ns;
	for (size_t i = 0; i < f->n; i++) {
		struct pipeline *p = f->list[i];

		pthread_mutex_lock(&p->lock);
		p->leaving = 1;
		p->leaving_deadline_ns = deadline_ns;
		pthread_mutex_unlock(&p->lock);
		pipeline_wake(p);
	}
	pthread_mutex_unlock(&f->lock);
}

int fleet_keeper_ends(struct fleet *f, struct pipeline *p)
{
	int ends, deleted;

	pthread_mutex_lock(&f->lock);
	pthread_mutex_lock(&p->lock);
	deleted = p->deleted;
	ends = !p->purge && (deleted ? p->held == 0 : p->leaving);
	pthread_mutex_unlock(&p->lock);
	if (ends && deleted) {
		task_metrics_forget(p->name);
		take_out(f, p);
		pipeline_free(&p);
	}
	if (ends) {
		f->keepers--;
		pthread_cond_broadcast(&f->cond);
		if (f->options.on_change != NULL)
			f->options.on_change(f->options.ctx, "");
	}
	pthread_mutex_unlock(&f->lock);
	return ends;
}

void fleet_state_changed(struct fleet *f, const char *name)
{
	if (f->options.on_change != NULL)
		f->options.on_change(f->options.ctx, name);
}

/* What was given goes back with the model. [under lock] */
static void restore_given(struct fleet *f, struct pipeline *p)
{
	outflow_error err = { .size = sizeof err };
	struct created_pipeline entry;

	settings_clear(&p->given);
	p->given = p->former_given;
	p->former_given = (struct settings){ 0 };
	f->pipeline_changes++;
	entry = fleet_entry(p);
	if (created_put_pipeline(f->created, p->name, &entry, &err) != OUTFLOW_OK)
		log_write(&(struct log_place){ p->name, NULL, -1 }, OUTFLOW_LOG_ERROR,
		          "after a restart the edited configuration will be tried again: %s", err.msg);
}

struct pipeline_model *fleet_go_back(struct fleet *f, struct pipeline *p)
{
	struct pipeline_model *failed = NULL;

	pthread_mutex_lock(&f->lock);
	pthread_mutex_lock(&p->lock);
	if (p->next == NULL) {
		failed = p->model;
		p->model = p->former;
		p->former = NULL;
		p->worked = 1;
	}
	pthread_mutex_unlock(&p->lock);
	/* A declared one is shown as its file has it. */
	if (failed != NULL && !p->declared && !p->deleted)
		restore_given(f, p);
	pthread_mutex_unlock(&f->lock);
	return failed;
}

/* ---- looking at all of them ---- */

static int is_busy(const struct pipeline *p)
{
	if (p->starting || seats_any_live(p) || seats_next_restart(p) != CLOCK_NEVER || p->next != NULL ||
	    p->fresh_start)
		return 1;
	return p->target != TARGET_STOPPED && p->n_seats == 0 && p->model != NULL && p->problem == NULL;
}

/* How many pipelines satisfy something. */
static size_t count(struct fleet *f, int (*is)(const struct pipeline *p))
{
	size_t n = 0;

	CHECK_OBJ(f, FLEET_MAGIC);
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		pthread_mutex_lock(&f->list[i]->lock);
		n += is(f->list[i]) != 0;
		pthread_mutex_unlock(&f->list[i]->lock);
	}
	if (f->leaving)
		n = f->keepers;
	pthread_mutex_unlock(&f->lock);
	return n;
}

size_t fleet_active(struct fleet *f)
{
	return count(f, is_busy);
}

static int has_failed(const struct pipeline *p)
{
	const char *reason = "";
	enum pipeline_state state = p->n_seats > 0 ? seats_state(p, &reason) : p->state;

	return p->problem != NULL || state == PIPELINE_STARTING_FAILED || state == PIPELINE_RUNNING_FAILED ||
	       (state == PIPELINE_READY && *reason != '\0');
}

int fleet_has_failed(struct fleet *f)
{
	int failed = 0;

	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		pthread_mutex_lock(&f->list[i]->lock);
		failed |= has_failed(f->list[i]);
		pthread_mutex_unlock(&f->list[i]->lock);
	}
	pthread_mutex_unlock(&f->lock);
	return failed;
}

void fleet_blame(struct fleet *f)
{
	pthread_mutex_lock(&f->lock);
	for (size_t i = 0; i < f->n; i++) {
		struct pipeline *p = f->list[i];

		pthread_mutex_lock(&p->lock);
		for (uint32_t k = 0; k < p->n_seats; k++) {
			struct log_place place = { p->name, NULL, p->seats[k].number };

			if (p->seats[k].task != NULL && !task_state_is_final(task_state(p->seats[k].task)))
				log_write(&place, OUTFLOW_LOG_ERROR,
				          "does not stop: a plugin's call does not return; ending without it");
		}
		pthread_mutex_unlock(&p->lock);
	}
	pthread_mutex_unlock(&f->lock);
}

void fleet_free(struct fleet **pf)
{
	struct fleet *f = *pf;

	*pf = NULL;
	if (f == NULL)
		return;
	CHECK_OBJ(f, FLEET_MAGIC);
	if (f->started && !f->leaving)
		fleet_stop(f, clock_mono_ns());
	pthread_mutex_lock(&f->lock);
	while (f->keepers > 0)
		clock_wait(&f->cond, &f->lock, CLOCK_NEVER);
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < f->n; i++)
		pipeline_free(&f->list[i]);
	free(f->list);
	declarations_clear(&f->connections);
	declarations_clear(&f->created_connections);
	created_store_close(&f->created);
	pthread_cond_destroy(&f->cond);
	pthread_mutex_destroy(&f->lock);
	f->magic = 0;
	free(f);
}

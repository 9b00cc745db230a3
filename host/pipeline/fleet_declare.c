/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/crc32c.h"
#include "host/pipeline/fleet_internal.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

/* Reading the files anew: everything that they declare, then the created pipelines, which may use their connections. */
struct reading {
	struct fleet *f;
	const struct loaded *files;
	struct building *building;
	size_t n_declared; /* of building->what: these come first */
};

void fleet_plan_clear(struct fleet_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->list[i].name);
	free(plan->list);
	*plan = (struct fleet_plan){ 0 };
}

/* ---- checking ---- */

static void complain(struct problems *problems, const struct declaration *d, const char *what)
{
	problems_add(problems, &(struct place){ d->file, d->line, d->name, "name" },
	             "a %s of this name was created earlier: delete that one first, or choose another name", what);
}

static const struct declaration *find_connection(const struct declarations *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->list[i].name, name) == 0)
			return &list->list[i];
	return NULL;
}

static outflow_status add_files(struct reading *r, struct problems *problems)
{
	struct fleet *f = r->f;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < r->files->connections.n && status == OUTFLOW_OK; i++) {
		const struct declaration *c = &r->files->connections.list[i];

		if (find_connection(&f->created_connections, c->name) != NULL)
			complain(problems, c, "connection");
		status = building_add_connection(r->building, c);
	}
	r->building->checked_connections = r->building->connections.n;
	for (size_t i = 0; i < r->files->pipelines.n && status == OUTFLOW_OK; i++) {
		const struct declaration *d = &r->files->pipelines.list[i];
		const struct pipeline *p = fleet_find(f, d->name);

		if (p != NULL && !p->declared)
			complain(problems, d, "pipeline");
		status = building_add(r->building, d->name, d->file, d->line, &d->settings);
	}
	r->n_declared = r->building->what.n;
	return status;
}

static outflow_status add_created(struct reading *r)
{
	struct fleet *f = r->f;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < f->created_connections.n && status == OUTFLOW_OK; i++)
		status = building_add_connection(r->building, &f->created_connections.list[i]);
	for (size_t i = 0; i < f->n && status == OUTFLOW_OK; i++) {
		struct pipeline *p = f->list[i];

		/* One that is not understood is no reason to refuse the files. */
		if (!p->deleted && !p->declared && *fleet_version(p).text != '\0')
			status = building_add(r->building, p->name, NULL, 0, &p->given);
	}
	return status;
}

/* Everything that is to be checked, as of *changes (fleet_changes). */
static enum fleet_answer collect(struct reading *r, uint64_t *changes, struct problems *problems, outflow_error *err)
{
	size_t before = problems->reported;
	outflow_status status;

	r->building = building_new(r->f->environment->host, r->f->environment->inventory);
	if (r->building == NULL)
		return fleet_no_memory(err);
	pthread_mutex_lock(&r->f->lock);
	*changes = fleet_changes(r->f);
	status = add_files(r, problems);
	if (status == OUTFLOW_OK)
		status = add_created(r);
	pthread_mutex_unlock(&r->f->lock);
	if (status != OUTFLOW_OK)
		return fleet_no_memory(err);
	if (problems->reported == before)
		return FLEET_OK;
	outflow_fail(err, OUTFLOW_E_CONFIG, "names of the files are taken by what was created earlier");
	return FLEET_INVALID;
}

/* ---- the plan; under the fleet's lock ---- */

static outflow_status note(struct fleet_plan *plan, const char *name, int kind)
{
	struct fleet_change *list = realloc(plan->list, (plan->n + 1) * sizeof *list);

	if (list == NULL)
		return OUTFLOW_E_NOMEM;
	plan->list = list;
	list[plan->n].name = strdup(name);
	list[plan->n].kind = kind;
	plan->n += list[plan->n].name != NULL;
	return list[plan->n - 1].name != NULL ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct fleet_change *)a)->name, ((const struct fleet_change *)b)->name);
}

static uint32_t hash_text(uint32_t sum, const char *text)
{
	return crc32c(sum, text, strlen(text) + 1);
}

static int is_in_files(const struct reading *r, const char *name)
{
	for (size_t i = 0; i < r->n_declared; i++)
		if (strcmp(r->building->what.list[i].name, name) == 0)
			return 1;
	return 0;
}

static outflow_status make_plan(const struct reading *r, struct fleet_plan *plan)
{
	const struct building *b = r->building;
	uint32_t wanted = 0, present = 0;
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < r->n_declared && status == OUTFLOW_OK; i++) {
		struct pipeline *p = fleet_find(r->f, b->what.list[i].name);
		int changed = p != NULL && strcmp(fleet_version(p).text, b->models[i]->version) != 0;

		wanted = hash_text(hash_text(wanted, b->what.list[i].name), b->models[i]->version);
		status = note(plan, b->what.list[i].name,
		              p == NULL ? CHANGE_ADDED
		              : changed ? CHANGE_CHANGED
		                        : CHANGE_NONE);
	}
	for (size_t i = 0; i < r->f->n && status == OUTFLOW_OK; i++) {
		struct pipeline *p = r->f->list[i];

		if (p->deleted || !p->declared)
			continue;
		present = hash_text(hash_text(present, p->name), fleet_version(p).text);
		if (!is_in_files(r, p->name))
			status = note(plan, p->name, CHANGE_REMOVED);
	}
	if (plan->n > 0)
		qsort(plan->list, plan->n, sizeof *plan->list, by_name);
	snprintf(plan->hash, sizeof plan->hash, "%08x%08x", wanted, present);
	return status;
}

/* ---- doing it; under the fleet's lock ---- */

static struct pipeline_model *take(struct building *b, size_t i)
{
	struct pipeline_model *m = b->models[i];

	b->models[i] = NULL;
	return m;
}

/* What was asked of it over the API counts until its file says something else about that. */
static void follow_file(struct pipeline *p, int running)
{
	if (p->declared_running == running)
		return;
	p->declared_running = running;
	pthread_mutex_lock(&p->lock);
	p->target = running ? TARGET_RUNNING : TARGET_STOPPED;
	pthread_mutex_unlock(&p->lock);
}

static enum fleet_answer apply_one(const struct reading *r, size_t i, outflow_error *err)
{
	const struct declaration *d = &r->building->what.list[i];
	struct pipeline_model *m = r->building->models[i];
	struct pipeline *p = fleet_find(r->f, d->name);
	enum fleet_answer answer = FLEET_OK;
	int running = m->running;

	if (p == NULL) {
		answer = fleet_add(r->f, d->name, m, running ? TARGET_RUNNING : TARGET_STOPPED, &p, err);
		if (answer != FLEET_OK)
			return answer;
		take(r->building, i);
		p->declared = i < r->n_declared;
		p->declared_running = running;
		(void)fleet_note_given(p, &d->settings);
		return FLEET_OK;
	}
	if (strcmp(fleet_version(p).text, m->version) == 0)
		return FLEET_OK;
	if (fleet_note_given(p, &d->settings) != OUTFLOW_OK)
		return fleet_no_memory(err);
	if (p->declared)
		follow_file(p, running);
	fleet_give(p, take(r->building, i));
	return FLEET_OK;
}

static void remove_missing(const struct reading *r)
{
	for (size_t i = 0; i < r->f->n; i++) {
		struct pipeline *p = r->f->list[i];

		if (p->deleted || !p->declared || is_in_files(r, p->name))
			continue;
		/* What was asked of it is no longer of use. */
		(void)created_remove_pipeline(r->f->created, p->name, NULL);
		pthread_mutex_lock(&p->lock);
		p->deleted = 1;
		pthread_mutex_unlock(&p->lock);
		fleet_wake(p);
	}
}

static enum fleet_answer apply(const struct reading *r, outflow_error *err)
{
	struct declarations connections = { 0 };
	enum fleet_answer answer = fleet_is_open(r->f, err);

	for (size_t i = 0; i < r->files->connections.n && answer == FLEET_OK; i++) {
		const struct declaration *c = &r->files->connections.list[i];

		if (declarations_add(&connections, c->name, c->file, c->line, &c->settings) != OUTFLOW_OK)
			answer = fleet_no_memory(err);
	}
	if (answer != FLEET_OK) {
		declarations_clear(&connections);
		return answer;
	}
	declarations_clear(&r->f->connections);
	r->f->connections = connections;
	r->f->connection_changes++;
	remove_missing(r);
	for (size_t i = 0; i < r->building->what.n && answer == FLEET_OK; i++)
		answer = apply_one(r, i, err);
	return answer;
}

static enum fleet_answer decide(const struct reading *r, int is_to_apply, const char *hash, struct fleet_plan *plan,
                                outflow_error *err)
{
	if (make_plan(r, plan) != OUTFLOW_OK)
		return fleet_no_memory(err);
	if (!is_to_apply)
		return FLEET_OK;
	if (hash != NULL && strcmp(hash, plan->hash) != 0) {
		outflow_fail(err, OUTFLOW_E_CONFIG,
		             "the plan is not the one that was looked at (its hash is %s now): look at it again",
		             plan->hash);
		return FLEET_EXISTS;
	}
	return apply(r, err);
}

enum fleet_answer fleet_declare(struct fleet *f, const struct loaded *files, int is_to_apply, const char *hash,
                                int64_t timeout_ns, struct fleet_plan *plan, struct problems *problems,
                                outflow_error *err)
{
	struct reading r = { .f = f, .files = files };
	int64_t deadline = clock_mono_ns() + timeout_ns;
	enum fleet_answer answer;
	uint64_t changes = 0;
	int is_current;

	do {
		is_current = 1;
		answer = collect(&r, &changes, problems, err);
		if (answer == FLEET_OK)
			answer = fleet_run_building(r.building, deadline - clock_mono_ns(), problems, err);
		if (answer == FLEET_OK) {
			pthread_mutex_lock(&f->lock);
			is_current = changes == fleet_changes(f);
			if (is_current)
				answer = decide(&r, is_to_apply, hash, plan, err);
			pthread_mutex_unlock(&f->lock);
		}
		building_free(&r.building);
	} while (!is_current);
	return answer;
}

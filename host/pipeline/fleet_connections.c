/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/fleet_internal.h"

#include <outflow/util.h>

#include <stdlib.h>

static struct declaration *find(const struct declarations *list, const char *name)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->list[i].name, name) == 0)
			return &list->list[i];
	return NULL;
}

static int refers(const struct pipeline *p, const char *connection)
{
	static const char *const keys[] = { "source.connection", "sink.connection", "deadletter.connection" };

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
		const char *value = settings_get(&p->given, keys[i]);

		if (value != NULL && strcmp(value, connection) == 0)
			return 1;
	}
	return 0;
}

static enum fleet_answer unknown(const char *name, outflow_error *err)
{
	outflow_fail(err, OUTFLOW_E_CONFIG, "there is no connection '%.200s'", name);
	return FLEET_UNKNOWN;
}

static enum fleet_answer declared(const char *name, outflow_error *err)
{
	outflow_fail(err, OUTFLOW_E_CONFIG, "connection '%.200s' is declared in a file, and is changed there", name);
	return FLEET_DECLARED;
}

/* ---- changing one ---- */

/* The connection as it is to be, all others, and every pipeline that refers to it. [under lock] */
static outflow_status collect(struct fleet *f, struct building *b, const char *name, const struct settings *settings)
{
	const struct declarations *lists[] = { &f->connections, &f->created_connections };
	outflow_status status = declarations_add(&b->connections, name, NULL, 0, settings);

	b->checked_connections = 1;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < lists[k]->n && status == OUTFLOW_OK; i++)
			if (strcmp(lists[k]->list[i].name, name) != 0)
				status = building_add_connection(b, &lists[k]->list[i]);
	for (size_t i = 0; i < f->n && status == OUTFLOW_OK; i++) {
		const struct pipeline *p = f->list[i];

		const struct setting *place = settings_find(&p->given, "name");

		if (!p->deleted && refers(p, name))
			status = building_add(b, p->name, place ? place->file : NULL, place ? place->line : 0,
			                      &p->given);
	}
	return status;
}

static enum fleet_answer keep(struct fleet *f, const char *name, const struct settings *settings, outflow_error *err)
{
	struct declaration *old = find(&f->created_connections, name);
	struct settings copy = { 0 };
	outflow_status status;

	if (created_put_connection(f->created, name, settings, err) != OUTFLOW_OK)
		return FLEET_FAILED;
	f->connection_changes++;
	if (old == NULL)
		return declarations_add(&f->created_connections, name, NULL, 0, settings) == OUTFLOW_OK
		               ? FLEET_CREATED
		               : fleet_no_memory(err);
	status = settings_merge(&copy, "", settings, "", 1);
	if (status != OUTFLOW_OK) {
		settings_clear(&copy);
		return fleet_no_memory(err);
	}
	settings_clear(&old->settings);
	old->settings = copy;
	return FLEET_OK;
}

static enum fleet_answer commit(struct fleet *f, const char *name, const struct settings *settings, struct building *b,
                                outflow_error *err)
{
	enum fleet_answer answer = fleet_is_open(f, err);

	if (answer == FLEET_OK)
		answer = keep(f, name, settings, err);
	if (answer != FLEET_OK && answer != FLEET_CREATED)
		return answer;
	for (size_t i = 0; i < b->what.n; i++) {
		struct pipeline *p = fleet_find(f, b->what.list[i].name);

		if (strcmp(fleet_version(p).text, b->models[i]->version) == 0)
			continue;
		/* It is what it was given, whatever becomes of this model. */
		if (fleet_note_given(p, &p->given) != OUTFLOW_OK)
			return fleet_no_memory(err);
		fleet_give(p, b->models[i]);
		b->models[i] = NULL;
	}
	return answer;
}

/* May there be a connection of this name? */
static enum fleet_answer foresee(const struct fleet *f, const char *name, int may_exist, outflow_error *err)
{
	int is_declared = find(&f->connections, name) != NULL;

	if (!may_exist && (is_declared || find(&f->created_connections, name) != NULL)) {
		outflow_fail(err, OUTFLOW_E_CONFIG, "there is a connection '%.200s' already", name);
		return FLEET_EXISTS;
	}
	return is_declared ? declared(name, err) : FLEET_OK;
}

enum fleet_answer fleet_put_connection(struct fleet *f, const char *name, const struct settings *settings,
                                       int may_exist, int64_t timeout_ns, struct problems *problems, outflow_error *err)
{
	int64_t deadline = clock_mono_ns() + timeout_ns;
	enum fleet_answer answer;
	uint64_t changes;
	int is_current;

	do {
		struct building *b = building_new(f->environment->host, f->environment->inventory);
		outflow_status status = b ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

		pthread_mutex_lock(&f->lock);
		answer = foresee(f, name, may_exist, err);
		changes = fleet_changes(f);
		if (answer == FLEET_OK && status == OUTFLOW_OK)
			status = collect(f, b, name, settings);
		pthread_mutex_unlock(&f->lock);
		if (status != OUTFLOW_OK)
			answer = fleet_no_memory(err);
		if (answer == FLEET_OK)
			answer = fleet_run_building(b, deadline - clock_mono_ns(), problems, err);
		is_current = 1;
		if (answer == FLEET_OK) {
			pthread_mutex_lock(&f->lock);
			is_current = changes == fleet_changes(f);
			if (is_current)
				answer = commit(f, name, settings, b, err);
			pthread_mutex_unlock(&f->lock);
		}
		building_free(&b);
	} while (!is_current);
	return answer;
}

enum fleet_answer fleet_delete_connection(struct fleet *f, const char *name, outflow_error *err)
{
	struct declarations *list = &f->created_connections;
	enum fleet_answer answer = FLEET_OK;
	struct declaration *found;

	pthread_mutex_lock(&f->lock);
	found = find(list, name);
	if (find(&f->connections, name) != NULL)
		answer = declared(name, err);
	else if (found == NULL)
		answer = unknown(name, err);
	for (size_t i = 0; i < f->n && answer == FLEET_OK; i++)
		if (!f->list[i]->deleted && refers(f->list[i], name)) {
			outflow_fail(err, OUTFLOW_E_CONFIG, "connection '%.200s' is used by pipeline '%.200s'", name,
			             f->list[i]->name);
			answer = FLEET_IN_USE;
		}
	if (answer == FLEET_OK && created_remove_connection(f->created, name, err) != OUTFLOW_OK)
		answer = FLEET_FAILED;
	if (answer == FLEET_OK) {
		settings_clear(&found->settings);
		free(found->name);
		memmove(found, found + 1, (size_t)(list->list + list->n - found - 1) * sizeof *found);
		list->n--;
		f->connection_changes++;
	}
	pthread_mutex_unlock(&f->lock);
	return answer;
}

/* ---- testing one ---- */

enum fleet_answer fleet_test_connection(struct fleet *f, const char *name, const struct settings *settings,
                                        int64_t timeout_ns, struct reachability *result, struct problems *problems,
                                        outflow_error *err)
{
	struct reachability_subject subject = { .name = name,
		                                .host = f->environment->host,
		                                .inventory = f->environment->inventory };
	struct declarations one = { 0 };
	const struct declaration *found = NULL;
	outflow_status status = OUTFLOW_OK;

	pthread_mutex_lock(&f->lock);
	if (settings != NULL)
		status = declarations_add(&one, name, NULL, 0, settings);
	else if ((found = find(&f->connections, name)) != NULL || (found = find(&f->created_connections, name)) != NULL)
		status = declarations_add(&one, name, found->file, found->line, &found->settings);
	pthread_mutex_unlock(&f->lock);
	if (status == OUTFLOW_OK && one.n == 0)
		return unknown(name, err);
	subject.connection = one.list;
	if (status == OUTFLOW_OK)
		status = reachability_test(&subject, timeout_ns, problems, result, err);
	else
		outflow_fail(err, status, "no memory");
	declarations_clear(&one);
	return status == OUTFLOW_OK         ? FLEET_OK
	       : status == OUTFLOW_E_CONFIG ? FLEET_INVALID
	       : status == OUTFLOW_E_RETRY  ? FLEET_TIMEOUT
	                                    : FLEET_FAILED;
}

/* ---- looking ---- */

void connection_snapshot_free(struct connection_snapshot **ps)
{
	struct connection_snapshot *s = *ps;

	*ps = NULL;
	if (s == NULL)
		return;
	for (size_t i = 0; i < s->n_used_by; i++)
		free(s->used_by[i]);
	free(s->used_by);
	free(s->name);
	settings_clear(&s->settings);
	free(s);
}

static struct connection_snapshot *look(const struct fleet *f, const struct declaration *c, int is_declared)
{
	struct connection_snapshot *s = calloc(1, sizeof *s);
	int failed;

	if (s == NULL)
		return NULL;
	s->name = strdup(c->name);
	s->declared = is_declared;
	s->used_by = calloc(f->n + 1, sizeof(char *));
	failed = s->name == NULL || s->used_by == NULL ||
	         settings_merge(&s->settings, "", &c->settings, "", 1) != OUTFLOW_OK;
	for (size_t i = 0; i < f->n && !failed; i++)
		if (!f->list[i]->deleted && refers(f->list[i], c->name)) {
			s->used_by[s->n_used_by] = strdup(f->list[i]->name);
			failed = s->used_by[s->n_used_by++] == NULL;
		}
	if (failed)
		connection_snapshot_free(&s);
	return s;
}

static int by_name(const void *a, const void *b)
{
	const struct connection_snapshot *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

struct connection_snapshot **fleet_look_connections(struct fleet *f, size_t *n)
{
	const struct declarations *lists[] = { &f->connections, &f->created_connections };
	struct connection_snapshot **list;
	int failed = 0;

	*n = 0;
	pthread_mutex_lock(&f->lock);
	list = calloc(f->connections.n + f->created_connections.n + 1, sizeof(struct connection_snapshot *));
	for (size_t k = 0; list != NULL && k < 2; k++)
		for (size_t i = 0; i < lists[k]->n && !failed; i++) {
			list[*n] = look(f, &lists[k]->list[i], k == 0);
			failed = list[*n] == NULL;
			*n += !failed;
		}
	pthread_mutex_unlock(&f->lock);
	if (failed) {
		while (*n > 0)
			connection_snapshot_free(&list[--*n]);
		free(list);
		return NULL;
	}
	if (*n > 0)
		qsort(list, *n, sizeof *list, by_name);
	return list;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/events.h"

#include "host/api/native.h"
#include "host/api/server_sent.h"
#include "host/base/check.h"
#include "host/base/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define EVENTS_MAGIC 0x65766e74u
#define TICK_NS CLOCK_S
#define PAGE 50u
/* A client with more than this before it is behind: it gets nothing until it has taken all of it. */
#define BEHIND_BYTES ((size_t)64 << 10)
/* A page of a snapshot goes to a client with no more than this before it. */
#define PAGE_BYTES ((size_t)16 << 10)
/* Beyond this many names at once all pipelines are looked at. */
#define NAMES_MAX 64u

struct listener_of_events {
	struct listener_of_events *next;
	struct stream *stream;
	char *prefix;
	char *cursor; /* the last pipeline of the snapshot that it was sent; NULL: it has them all */
	int behind;
	uint64_t missed;
};

/* A pipeline as it was when it was looked at last. */
struct known {
	char *name, *reason;
	enum pipeline_state state;
	enum pipeline_target target;
	char version[9];
	int64_t changed_ms;
	json_t *figures; /* as they were told; NULL: they were not */
};

struct events {
	unsigned magic;
	struct api *api;
	struct workers *workers; /* one: the thread */
	struct wakeup wakeup;
	pthread_mutex_t lock; /* of what follows */
	struct listener_of_events *arriving;
	char *names[NAMES_MAX]; /* that have changed */
	size_t n_names;
	int many; /* so have more than there is room for */
	int running, ending;
	/* the thread's */
	uint64_t id;
	struct listener_of_events *list;
	struct known *known; /* in order of name */
	size_t n_known;
	int64_t next_tick_ns;
};

/* ---- listeners ---- */

static void forget_listener(struct listener_of_events *l)
{
	stream_tell(l->stream, NULL);
	stream_release(&l->stream);
	free(l->prefix);
	free(l->cursor);
	free(l);
}

/* Has it been told of this one, and does it want to hear more? */
static int reaches(const struct listener_of_events *l, const char *name)
{
	return strncmp(name, l->prefix, strlen(l->prefix)) == 0 && (l->cursor == NULL || strcmp(name, l->cursor) <= 0);
}

static void fall_behind(struct events *e, struct listener_of_events *l)
{
	l->behind = 1;
	stream_tell(l->stream, &e->wakeup);
}

static void tell(struct events *e, const char *name, const char *event, json_t *data)
{
	char *text = server_sent_text(++e->id, event, data);
	size_t n = text ? strlen(text) : 0;

	for (struct listener_of_events *l = e->list; l != NULL && text != NULL; l = l->next) {
		if (!reaches(l, name))
			continue;
		if (!l->behind && stream_waiting(l->stream) + n > BEHIND_BYTES)
			fall_behind(e, l);
		if (l->behind)
			l->missed++;
		else
			(void)stream_send(l->stream, text, n);
	}
	free(text);
}

static void begin_snapshot(struct events *e, struct listener_of_events *l)
{
	free(l->cursor);
	l->cursor = strdup("");
	stream_tell(l->stream, &e->wakeup);
}

static size_t search(const struct events *e, const char *name, int *found)
{
	size_t low = 0, high = e->n_known;

	*found = 0;
	while (low < high && !*found) {
		size_t middle = (low + high) / 2;
		int order = strcmp(e->known[middle].name, name);

		if (order == 0)
			*found = 1;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

/* The next page of its snapshot. */
static void send_page(struct events *e, struct listener_of_events *l)
{
	json_t *list = json_array();
	const char *last = NULL;
	int found;
	size_t at = search(e, l->cursor, &found) + (size_t)found;

	for (; at < e->n_known && json_array_size(list) < PAGE; at++) {
		const char *name = e->known[at].name;
		struct pipeline_snapshot *s;

		last = name;
		if (strncmp(name, l->prefix, strlen(l->prefix)) != 0 || fleet_look(e->api->fleet, name, &s) != FLEET_OK)
			continue;
		json_array_append_new(list, native_summary(e->api, s));
		pipeline_snapshot_free(&s);
	}
	free(l->cursor);
	l->cursor = at < e->n_known ? strdup(last) : NULL;
	(void)server_sent(l->stream, ++e->id, "snapshot",
	                  json_pack("{s:o, s:b}", "pipelines", list, "more", l->cursor != NULL));
}

/* What it is owed, and has room for. */
static void serve(struct events *e, struct listener_of_events *l)
{
	if (l->behind && stream_waiting(l->stream) == 0) {
		(void)server_sent(l->stream, ++e->id, "missed", json_pack("{s:I}", "events", (json_int_t)l->missed));
		l->behind = 0;
		l->missed = 0;
		begin_snapshot(e, l);
	}
	while (!l->behind && l->cursor != NULL && stream_waiting(l->stream) <= PAGE_BYTES && !stream_ended(l->stream))
		send_page(e, l);
	if (!l->behind && l->cursor == NULL)
		stream_tell(l->stream, NULL);
}

/* ---- pipelines ---- */

static void forget(struct events *e, size_t at)
{
	struct known *k = &e->known[at];

	free(k->name);
	free(k->reason);
	json_decref(k->figures);
	memmove(k, k + 1, (--e->n_known - at) * sizeof *k);
}

/* NULL: no memory; it is met again in a second. */
static struct known *add(struct events *e, size_t at, const char *name)
{
	struct known *list = realloc(e->known, (e->n_known + 1) * sizeof *list);
	char *copy = strdup(name);

	if (list != NULL)
		e->known = list;
	if (list == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	memmove(list + at + 1, list + at, (e->n_known++ - at) * sizeof *list);
	list[at] = (struct known){ .name = copy };
	return &list[at];
}

static void add_if(json_t *what, int differs, const char *text)
{
	if (differs)
		json_array_append_new(what, json_string(text));
}

/* In which ways it differs from what is known, which it becomes. */
static json_t *compare(struct known *k, const struct pipeline_snapshot *s, int created)
{
	json_t *what = json_array();
	int reason_differs = k->reason == NULL || strcmp(k->reason, s->reason) != 0;

	add_if(what, created, "created");
	add_if(what, !created && (strcmp(k->version, s->version) != 0 || k->changed_ms != s->changed_ms), "edited");
	add_if(what, !created && k->target != s->target, "target");
	add_if(what, !created && (k->state != s->state || reason_differs), "state");
	if (reason_differs) {
		free(k->reason);
		k->reason = strdup(s->reason);
	}
	k->state = s->state;
	k->target = s->target;
	k->changed_ms = s->changed_ms;
	memcpy(k->version, s->version, sizeof k->version);
	return what;
}

/* The interval alone is no news. */
static void tell_rates(struct events *e, struct known *k, const struct pipeline_snapshot *s)
{
	json_t *figures = native_figures(e->api, s);

	json_object_del(figures, "interval_ms");
	if (figures == NULL || json_equal(figures, k->figures)) {
		json_decref(figures);
		return;
	}
	json_decref(k->figures);
	k->figures = figures;
	tell(e, k->name, "rates", json_pack("{s:s, s:O}", "name", k->name, "figures", figures));
}

static void meet(struct events *e, const struct pipeline_snapshot *s, int is_tick)
{
	int is_known;
	size_t at = search(e, s->name, &is_known);
	struct known *k = is_known ? &e->known[at] : add(e, at, s->name);
	json_t *what = k ? compare(k, s, !is_known) : NULL;

	if (json_array_size(what) > 0) {
		json_t *data = native_summary(e->api, s);

		json_object_set(data, "what", what);
		tell(e, s->name, "change", data);
	}
	json_decref(what);
	if (is_tick && k != NULL)
		tell_rates(e, k, s);
}

static void look_at(struct events *e, const char *name, int is_tick)
{
	struct pipeline_snapshot *s;
	enum fleet_answer answer = fleet_look(e->api->fleet, name, &s);
	int is_known;
	size_t at = search(e, name, &is_known);

	if (answer == FLEET_OK)
		meet(e, s, is_tick);
	pipeline_snapshot_free(&s);
	if (answer != FLEET_UNKNOWN || !is_known)
		return;
	tell(e, name, "change", json_pack("{s:s, s:[s]}", "name", name, "what", "deleted"));
	forget(e, at);
}

static void look_for_new_ones(struct events *e)
{
	size_t n;
	struct pipeline_snapshot **all = fleet_look_all(e->api->fleet, &n);

	for (size_t i = 0; i < n; i++) {
		meet(e, all[i], 0);
		pipeline_snapshot_free(&all[i]);
	}
	free(all);
}

/* Each by itself: the fleet's lock is held for one of them at a time. */
static void look_at_all(struct events *e)
{
	for (size_t i = 0; i < e->n_known;) {
		char *name = strdup(e->known[i].name);
		size_t before = e->n_known;

		if (name != NULL)
			look_at(e, name, 1);
		free(name);
		i += e->n_known == before;
	}
}

/* ---- the thread ---- */

static void end_all(struct events *e)
{
	while (e->list != NULL) {
		struct listener_of_events *l = e->list;

		e->list = l->next;
		server_sent_end(l->stream, ++e->id, "Outflow is stopping");
		forget_listener(l);
	}
}

static void drop_those_who_left(struct events *e)
{
	struct listener_of_events **link = &e->list;

	while (*link != NULL) {
		struct listener_of_events *l = *link;

		if (!stream_ended(l->stream)) {
			link = &l->next;
			continue;
		}
		*link = l->next;
		forget_listener(l);
	}
}

/* Takes in who has come and what has changed. 0: nobody listens, the thread is to end. */
static int take_in(struct events *e, char **names, size_t *n, int *many)
{
	int goes_on, is_ending;

	drop_those_who_left(e);
	pthread_mutex_lock(&e->lock);
	while (e->arriving != NULL) {
		struct listener_of_events *l = e->arriving;

		e->arriving = l->next;
		l->next = e->list;
		e->list = l;
	}
	memcpy(names, e->names, e->n_names * sizeof *names);
	*n = e->n_names;
	*many = e->many;
	e->n_names = 0;
	e->many = 0;
	is_ending = e->ending;
	goes_on = e->list != NULL && !is_ending;
	if (!goes_on)
		e->running = 0;
	pthread_mutex_unlock(&e->lock);
	if (is_ending)
		end_all(e);
	return goes_on;
}

static void turn(struct events *e, char *const *names, size_t n, int many)
{
	for (size_t i = 0; i < n; i++)
		look_at(e, names[i], 0);
	if (many)
		look_for_new_ones(e);
	if (many || clock_mono_ns() >= e->next_tick_ns) {
		look_at_all(e);
		e->next_tick_ns = clock_mono_ns() + TICK_NS;
	}
	for (struct listener_of_events *l = e->list; l != NULL; l = l->next)
		serve(e, l);
}

static void run(void *ctx)
{
	struct events *e = ctx;
	char *names[NAMES_MAX];
	size_t n;
	int many, goes_on;

	do {
		goes_on = take_in(e, names, &n, &many);
		if (goes_on)
			turn(e, names, n, many);
		while (n > 0)
			free(names[--n]);
		if (goes_on)
			wakeup_wait(&e->wakeup, e->next_tick_ns);
	} while (goes_on);
}

/* ---- for others ---- */

/* As changes_watcher. */
static void note(void *ctx, const char *pipeline)
{
	struct events *e = ctx;
	int is_noted = *pipeline == '\0';

	pthread_mutex_lock(&e->lock);
	for (size_t i = 0; i < e->n_names; i++)
		is_noted |= strcmp(e->names[i], pipeline) == 0;
	if (e->running && !is_noted) {
		char *name = e->n_names < NAMES_MAX ? strdup(pipeline) : NULL;

		if (name != NULL)
			e->names[e->n_names++] = name;
		else
			e->many = 1;
		wakeup_signal(&e->wakeup);
	}
	pthread_mutex_unlock(&e->lock);
}

struct events *events_new(struct api *api)
{
	struct events *e = calloc(1, sizeof *e);

	if (e == NULL)
		return NULL;
	e->magic = EVENTS_MAGIC;
	e->api = api;
	if (pthread_mutex_init(&e->lock, NULL) != 0 || wakeup_init(&e->wakeup) != 0 ||
	    (e->workers = workers_new(1)) == NULL || changes_watch(api->changes, note, e) != OUTFLOW_OK) {
		workers_free(&e->workers);
		free(e);
		return NULL;
	}
	return e;
}

int events_stop(struct events *e, int64_t deadline_ns)
{
	CHECK_OBJ(e, EVENTS_MAGIC);
	changes_unwatch(e->api->changes, note, e);
	pthread_mutex_lock(&e->lock);
	e->ending = 1;
	pthread_mutex_unlock(&e->lock);
	wakeup_signal(&e->wakeup);
	return workers_drain(e->workers, deadline_ns);
}

void events_free(struct events **pe)
{
	struct events *e = *pe;

	*pe = NULL;
	if (e == NULL)
		return;
	CHECK_OBJ(e, EVENTS_MAGIC);
	while (e->n_known > 0)
		forget(e, e->n_known - 1);
	free(e->known);
	while (e->n_names > 0)
		free(e->names[--e->n_names]);
	workers_free(&e->workers);
	wakeup_destroy(&e->wakeup);
	pthread_mutex_destroy(&e->lock);
	e->magic = 0;
	free(e);
}

static struct listener_of_events *new_listener(struct events *e, struct stream *s, const char *prefix)
{
	struct listener_of_events *l = calloc(1, sizeof *l);

	if (l == NULL || (l->prefix = strdup(prefix)) == NULL || (l->cursor = strdup("")) == NULL) {
		if (l != NULL)
			free(l->prefix);
		free(l);
		return NULL;
	}
	l->stream = s;
	stream_tell(s, &e->wakeup);
	return l;
}

outflow_status events_listen(struct events *e, struct stream *s, const char *prefix)
{
	struct listener_of_events *l = new_listener(e, s, prefix);
	outflow_status status = l ? OUTFLOW_OK : OUTFLOW_E_NOMEM;

	CHECK_OBJ(e, EVENTS_MAGIC);
	pthread_mutex_lock(&e->lock);
	if (l != NULL && e->ending)
		status = OUTFLOW_E_CANCELED;
	else if (l != NULL && !e->running) {
		/* What was known is of an earlier time. */
		e->many = 1;
		e->running = workers_add(e->workers, run, e) == 0;
		status = e->running ? OUTFLOW_OK : OUTFLOW_E_RETRY;
	}
	if (status == OUTFLOW_OK) {
		l->next = e->arriving;
		e->arriving = l;
		wakeup_signal(&e->wakeup);
	}
	pthread_mutex_unlock(&e->lock);
	if (status == OUTFLOW_OK)
		return status;
	if (l != NULL)
		forget_listener(l);
	else
		stream_release(&s);
	return status;
}

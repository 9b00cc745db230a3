/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of loggers: who may write how much. */
#include "host/base/clock.h"
#include "host/base/log.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#define INHERITED INT_MIN

struct logger {
	char *name;
	int level;      /* its own, or INHERITED */
	uint32_t users; /* how often log_logger_open has asked for it */
	int64_t last_modified_ms;
};

const struct log_place log_api_place = { NULL, "api", -1 };
const struct log_place log_plugin_place = { NULL, "plugin", -1 };
const struct log_place log_store_place = { NULL, "store", -1 };
const struct log_place log_trial_place = { NULL, "trial", -1 };

static const char *const level_names[] = { "OFF", "FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE" };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct logger *loggers; /* in order of name */
static size_t n_loggers, room;
static struct logger root = { .name = (char *)"root", .level = OUTFLOW_LOG_INFO };
/* All levels lie between these, so that most questions need no lock. */
static int least = OUTFLOW_LOG_INFO, most = OUTFLOW_LOG_INFO; /* atomic */

/* ---- levels ---- */

const char *log_level_name(int level)
{
	/* Plugins may say anything. */
	if (level < LOG_OFF || level > LOG_TRACE)
		return "";
	return level_names[level - LOG_OFF];
}

int log_level_parse(const char *name, int *level)
{
	for (int l = LOG_OFF; l <= LOG_TRACE; l++)
		if (strcasecmp(name, log_level_name(l)) == 0) {
			*level = l;
			return 0;
		}
	return -1;
}

static void set_bounds(int from, int to)
{
	__atomic_store_n(&least, from, __ATOMIC_RELAXED);
	__atomic_store_n(&most, to, __ATOMIC_RELAXED);
}

/* [under lock] */
static void update_bounds(void)
{
	int from = root.level, to = root.level;

	for (size_t i = 0; i < n_loggers; i++) {
		int level = loggers[i].level;

		if (level != INHERITED && level < from)
			from = level;
		if (level != INHERITED && level > to)
			to = level;
	}
	set_bounds(from, to);
}

/* ---- the list: all under lock ---- */

static int is_root(const char *name)
{
	return strcasecmp(name, root.name) == 0;
}

/* Where name, of this length, is or belongs. */
static size_t position_of(const char *name, size_t length, int *found)
{
	size_t from = 0, to = n_loggers;

	*found = 0;
	while (from < to && !*found) {
		size_t middle = (from + to) / 2;
		int order = strncmp(name, loggers[middle].name, length);

		if (order == 0 && loggers[middle].name[length] != '\0')
			order = -1;
		if (order > 0)
			from = middle + 1;
		else
			to = middle;
		if (order == 0) {
			*found = 1;
			from = middle;
		}
	}
	return from;
}

static struct logger *find(const char *name)
{
	int found;
	size_t at = position_of(name, strlen(name), &found);

	return found ? &loggers[at] : NULL;
}

/* NULL: no memory, or too many. */
static struct logger *find_or_add(const char *name)
{
	int found;
	size_t at = position_of(name, strlen(name), &found), wanted = room * 2 + 16;
	struct logger *list;
	char *copy;

	if (found)
		return &loggers[at];
	if (n_loggers == LOGGERS_MAX)
		return NULL;
	if (n_loggers == room) {
		list = realloc(loggers, wanted * sizeof *list);
		if (list == NULL)
			return NULL;
		loggers = list;
		room = wanted;
	}
	copy = strdup(name);
	if (copy == NULL)
		return NULL;
	memmove(&loggers[at + 1], &loggers[at], (n_loggers - at) * sizeof *loggers);
	loggers[at] = (struct logger){ .name = copy, .level = INHERITED };
	n_loggers++;
	return &loggers[at];
}

static void remove_logger(struct logger *l)
{
	size_t at = (size_t)(l - loggers);

	free(l->name);
	n_loggers--;
	memmove(l, l + 1, (n_loggers - at) * sizeof *loggers);
}

/* The host's own loggers are there from the first look on. */
static void add_own(void)
{
	static const char *const names[] = { "connector", "host", "host.api", "host.plugin", "host.store" };
	static int done;

	for (size_t i = 0; !done && i < sizeof names / sizeof names[0]; i++)
		(void)find_or_add(names[i]);
	done = 1;
}

static size_t length_of_parent(const char *name, size_t length)
{
	while (length > 0 && name[length - 1] != '.')
		length--;
	return length > 0 ? length - 1 : 0;
}

/* The level that counts for a logger of this name, be it in the list or not. */
static int effective_level(const char *name)
{
	for (size_t length = strlen(name); length > 0; length = length_of_parent(name, length)) {
		int found;
		size_t at = position_of(name, length, &found);

		if (found && loggers[at].level != INHERITED)
			return loggers[at].level;
	}
	return root.level;
}

/* ---- questions ---- */

size_t log_logger_name(const struct log_place *place, char *name, size_t size)
{
	const char *pipeline = place ? place->pipeline : NULL, *stage = place ? place->stage : NULL;
	int n;

	if (pipeline == NULL)
		n = snprintf(name, size, stage ? "host.%s" : "host", stage);
	else if (place->task < 0)
		n = snprintf(name, size, "connector.%s", pipeline);
	else
		n = snprintf(name, size, "connector.%s.task.%lld%s%s", pipeline, (long long)place->task,
		             stage ? "." : "", stage ? stage : "");
	return (size_t)n < size ? (size_t)n : size - 1;
}

int log_enabled(const struct log_place *place, int level)
{
	char name[LOGGER_NAME_MAX + 1];
	int limit;

	if (level > __atomic_load_n(&most, __ATOMIC_RELAXED))
		return 0;
	if (level <= __atomic_load_n(&least, __ATOMIC_RELAXED))
		return 1;
	log_logger_name(place, name, sizeof name);
	pthread_mutex_lock(&lock);
	limit = effective_level(name);
	pthread_mutex_unlock(&lock);
	return level <= limit;
}

static struct logger_view view_of(const struct logger *l)
{
	return (struct logger_view){ .name = l->name,
		                     .level = l == &root ? root.level : effective_level(l->name),
		                     .last_modified_ms = l->last_modified_ms };
}

/* Calls visit for root at its place in the order of names. */
static void each(void (*visit)(void *ctx, struct logger *l), void *ctx)
{
	int found;
	size_t root_at = position_of(root.name, strlen(root.name), &found);

	for (size_t i = 0; i < n_loggers; i++) {
		if (i == root_at)
			visit(ctx, &root);
		visit(ctx, &loggers[i]);
	}
	if (root_at == n_loggers)
		visit(ctx, &root);
}

struct visit {
	void (*call)(void *ctx, const struct logger_view *logger);
	void *ctx;
};

static void show(void *ctx, struct logger *l)
{
	const struct visit *v = ctx;
	struct logger_view view = view_of(l);

	if (view.level != LOG_OFF)
		v->call(v->ctx, &view);
}

void log_loggers_each(void (*visit)(void *ctx, const struct logger_view *logger), void *ctx)
{
	struct visit v = { visit, ctx };

	pthread_mutex_lock(&lock);
	add_own();
	each(show, &v);
	pthread_mutex_unlock(&lock);
}

int log_logger_get(const char *name, struct logger_view *result)
{
	const struct logger *l;

	pthread_mutex_lock(&lock);
	add_own();
	l = is_root(name) ? &root : find(name);
	if (l != NULL)
		*result = view_of(l);
	pthread_mutex_unlock(&lock);
	if (l == NULL)
		return -1;
	result->name = name;
	return 0;
}

/* ---- changes ---- */

void log_set_level(int level)
{
	pthread_mutex_lock(&lock);
	root.level = level;
	update_bounds();
	pthread_mutex_unlock(&lock);
}

struct change {
	const char *name; /* NULL: root */
	int level;
	int is_configuration; /* which modifies nothing */
	int64_t now_ms;
	struct visit visit;
};

static int is_below(const char *name, const char *above)
{
	size_t n = strlen(above);

	return strncmp(name, above, n) == 0 && (name[n] == '.' || name[n] == '\0');
}

/* Before the levels change: whose will be another one? */
static void announce(void *ctx, struct logger *l)
{
	struct change *c = ctx;
	struct logger_view view;

	if (c->name != NULL && (l == &root || !is_below(l->name, c->name)))
		return;
	view = view_of(l);
	if (view.level == c->level)
		return;
	if (c->is_configuration)
		return;
	l->last_modified_ms = view.last_modified_ms = c->now_ms;
	view.level = c->level;
	if (c->visit.call != NULL)
		c->visit.call(c->visit.ctx, &view);
}

static void apply(struct change *c, struct logger *to)
{
	each(announce, c);
	for (size_t i = 0; i < n_loggers; i++)
		if (c->name == NULL || is_below(loggers[i].name, c->name))
			loggers[i].level = INHERITED;
	to->level = c->level;
	update_bounds();
}

static outflow_status set(const char *name, struct change *c, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;
	struct logger *to;

	if (*name == '\0' || strlen(name) > LOGGER_NAME_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the name of a logger has 1 to %d bytes", LOGGER_NAME_MAX);
	c->name = is_root(name) ? NULL : name;
	c->now_ms = clock_wall_ms();
	pthread_mutex_lock(&lock);
	add_own();
	to = c->name ? find_or_add(name) : &root;
	if (to != NULL)
		apply(c, to);
	else if (n_loggers == LOGGERS_MAX)
		status = outflow_fail(err, OUTFLOW_E_CONFIG, "there are %d loggers, which is the limit", LOGGERS_MAX);
	else
		status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a logger");
	pthread_mutex_unlock(&lock);
	return status;
}

outflow_status log_logger_set(const char *name, int level, void (*visit)(void *ctx, const struct logger_view *logger),
                              void *ctx, outflow_error *err)
{
	struct change c = { .level = level, .visit = { visit, ctx } };

	return set(name, &c, err);
}

outflow_status log_logger_configure(const char *name, int level, outflow_error *err)
{
	struct change c = { .level = level, .is_configuration = 1 };

	return set(name, &c, err);
}

/* ---- loggers that come and go ---- */

static void use(const struct log_place *place, int32_t users)
{
	char name[LOGGER_NAME_MAX + 1];
	struct logger *l;

	log_logger_name(place, name, sizeof name);
	l = users > 0 ? find_or_add(name) : find(name);
	if (l == NULL || (users < 0 && l->users == 0))
		return;
	l->users += (uint32_t)users;
	if (l->users == 0 && l->level == INHERITED)
		remove_logger(l);
}

static void use_all(const struct log_place *place, int32_t users)
{
	struct log_place pipeline = { place->pipeline, NULL, -1 }, task = { place->pipeline, NULL, place->task };

	pthread_mutex_lock(&lock);
	use(&pipeline, users);
	if (task.task >= 0)
		use(&task, users);
	pthread_mutex_unlock(&lock);
}

void log_logger_open(const struct log_place *place)
{
	use_all(place, 1);
}

void log_logger_close(const struct log_place *place)
{
	use_all(place, -1);
}

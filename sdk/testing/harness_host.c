/* SPDX-License-Identifier: Apache-2.0 */
/* The services that an instance under test is given. */
#include "harness_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static outflow_harness *of(const outflow_host *h)
{
	return h->ctx;
}

/* [task] services are for the thread of the call in progress, and for the test's own thread between calls. */
static void expect_task(outflow_harness *t, const char *service)
{
	if (!pthread_equal(t->task_thread, pthread_self()))
		harness_breach(t, "%s is [task] and was called from another thread", service);
}

/* ---- batches ---- */

static bool allocation_fails(outflow_harness *t)
{
	t->allocs++;
	return t->fail_at > 0 && --t->fail_at == 0;
}

static void *keep(outflow_harness *t, void *memory, void (*release)(void *))
{
	struct piece *p = harness_room(NULL, 1, sizeof *p);

	*p = (struct piece){ t->pieces, memory, release };
	t->pieces = p;
	return memory;
}

static void *batch_alloc(outflow_batch *plugin, size_t n, size_t align)
{
	struct harness_batch *b = plugin->host;
	outflow_harness *t = b->t;
	void *memory;

	expect_task(t, "batch->alloc");
	if (b->failed || allocation_fails(t)) {
		b->failed = true;
		return NULL;
	}
	if (align < sizeof(void *))
		align = sizeof(void *);
	if (posix_memalign(&memory, align, n > 0 ? n : 1) != 0)
		abort();
	memset(memory, 0xa5, n);
	return keep(t, memory, free);
}

static outflow_status batch_reserve(outflow_batch *plugin, uint32_t min_cap)
{
	struct harness_batch *b = plugin->host;
	outflow_harness *t = b->t;
	outflow_record *moved;
	uint32_t cap = min_cap;

	expect_task(t, "batch->reserve");
	if (min_cap > b->limit)
		return OUTFLOW_AGAIN;
	if (b->failed || allocation_fails(t)) {
		b->failed = true;
		return OUTFLOW_E_NOMEM;
	}
	if (t->arena != NULL)
		cap += 1024;
	/* Moves every time, so that a pointer kept over an emit is found out. */
	moved = harness_room(NULL, cap, sizeof *moved);
	if (plugin->n > 0)
		memcpy(moved, plugin->recs, plugin->n * sizeof *moved);
	free(plugin->recs);
	plugin->recs = moved;
	plugin->cap = cap;
	return OUTFLOW_OK;
}

static outflow_status batch_attach(outflow_batch *plugin, void *obj, void (*release)(void *))
{
	struct harness_batch *b = plugin->host;

	expect_task(b->t, "batch->attach");
	if (b->failed || allocation_fails(b->t)) {
		b->failed = true;
		return OUTFLOW_E_NOMEM;
	}
	keep(b->t, obj, release);
	return OUTFLOW_OK;
}

static const outflow_batch_api batch_api = { sizeof batch_api, batch_alloc, batch_reserve, batch_attach };

void harness_begin_batch(outflow_harness *t, struct harness_batch *b, uint32_t cap, uint32_t limit)
{
	*b = (struct harness_batch){ .t = t, .limit = limit, .plugin = { .cap = cap, .host = b } };
	if (cap > 0)
		b->plugin.recs = harness_room(NULL, cap, sizeof *b->plugin.recs);
	b->plugin.cur = t->batch.plugin.cur;
	b->plugin.end = t->batch.plugin.end;
}

void harness_end_batch(struct harness_batch *b)
{
	outflow_harness *t = b->t;

	if (b->plugin.n > 0) {
		t->outputs = harness_room(t->outputs, t->n_outputs + b->plugin.n, sizeof *t->outputs);
		memcpy(t->outputs + t->n_outputs, b->plugin.recs, b->plugin.n * sizeof *t->outputs);
		t->n_outputs += b->plugin.n;
	}
	t->batch.plugin.cur = b->plugin.cur;
	free(b->plugin.recs);
	b->plugin.recs = NULL;
}

void harness_drop_pieces(outflow_harness *t)
{
	while (t->pieces != NULL) {
		struct piece *p = t->pieces;

		t->pieces = p->next;
		p->release(p->memory);
		free(p);
	}
}

/* ---- log, metrics, time ---- */

static int log_enabled(const outflow_host *h, int level)
{
	(void)h;
	(void)level;
	return 1;
}

static void log_write(const outflow_host *h, int level, const char *msg)
{
	static const char *const names[] = { "?", "error", "warn", "info", "debug" };
	outflow_harness *t = of(h);
	size_t n = strlen(msg) + 16;
	char *line = harness_room(NULL, n, 1);

	snprintf(line, n, "%s: %s", names[level > 0 && level < 5 ? level : 0], msg);
	pthread_mutex_lock(&t->lock);
	harness_add_text(&t->logs, line);
	pthread_mutex_unlock(&t->lock);
}

static const outflow_log_api log_api = { sizeof log_api, log_enabled, log_write };

static outflow_metric *metric_open(const outflow_host *h, uint32_t kind, const char *name, const char *unit,
                                   const char *help)
{
	outflow_harness *t = of(h);
	struct outflow_metric *m;

	(void)kind;
	(void)unit;
	(void)help;
	expect_task(t, "metric->open");
	if (allocation_fails(t))
		return NULL;
	m = harness_room(NULL, 1, sizeof *m);
	*m = (struct outflow_metric){ t->metrics, t, harness_text(name, strlen(name)), 0 };
	t->metrics = m;
	return m;
}

static void metric_add(outflow_metric *m, int64_t delta)
{
	if (m != NULL)
		__atomic_add_fetch(&m->value, delta, __ATOMIC_RELAXED);
}

static void metric_set(outflow_metric *m, int64_t value)
{
	if (m != NULL)
		__atomic_store_n(&m->value, value, __ATOMIC_RELAXED);
}

static const outflow_metric_api metric_api = { sizeof metric_api, metric_open, metric_add, metric_set };

int64_t outflow_harness_metric(outflow_harness *t, const char *name)
{
	for (struct outflow_metric *m = t->metrics; m != NULL; m = m->next)
		if (strcmp(m->name, name) == 0)
			return __atomic_load_n(&m->value, __ATOMIC_RELAXED);
	return 0;
}

void harness_drop_metrics(outflow_harness *t)
{
	while (t->metrics != NULL) {
		struct outflow_metric *m = t->metrics;

		t->metrics = m->next;
		free(m->name);
		free(m);
	}
}

static int64_t mono_ns(const outflow_host *h)
{
	return harness_now(of(h));
}

static int64_t wall_ms(const outflow_host *h)
{
	outflow_harness *t = of(h);
	struct timespec now;
	int64_t ms;

	if (t->real_clock) {
		clock_gettime(CLOCK_REALTIME, &now);
		return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	}
	pthread_mutex_lock(&t->lock);
	ms = t->wall_ms;
	pthread_mutex_unlock(&t->lock);
	return ms;
}

static outflow_status timer(const outflow_host *h, int64_t at_ns, void (*fn)(void *), void *arg, uint64_t *id)
{
	outflow_harness *t = of(h);
	struct timer *new, **at = &t->timers;

	expect_task(t, "time->timer");
	if (allocation_fails(t))
		return OUTFLOW_E_NOMEM;
	while (*at != NULL && (*at)->at_ns <= at_ns)
		at = &(*at)->next;
	new = harness_room(NULL, 1, sizeof *new);
	*new = (struct timer){ *at, at_ns, ++t->next_timer, fn, arg };
	*at = new;
	*id = new->id;
	return OUTFLOW_OK;
}

static void cancel(const outflow_host *h, uint64_t id)
{
	outflow_harness *t = of(h);

	expect_task(t, "time->cancel");
	for (struct timer **at = &t->timers; *at != NULL; at = &(*at)->next) {
		struct timer *found = *at;

		if (found->id != id)
			continue;
		*at = found->next;
		free(found);
		return;
	}
}

static const outflow_time_api time_api = { sizeof time_api, mono_ns, wall_ms, timer, cancel };

void harness_drop_timers(outflow_harness *t)
{
	while (t->timers != NULL) {
		struct timer *first = t->timers;

		t->timers = first->next;
		free(first);
	}
}

/* ---- streams and acknowledgements ---- */

static outflow_status stream_open(const outflow_host *h, outflow_str partition, uint32_t *number,
                                  outflow_resume *resume)
{
	outflow_harness *t = of(h);
	size_t i = 0;

	expect_task(t, "stream->open");
	while (i < t->n_streams && !outflow_equal(partition, t->streams[i].partition))
		i++;
	if (i == t->n_streams) {
		t->streams = harness_room(t->streams, i + 1, sizeof *t->streams);
		t->streams[t->n_streams++] =
			(struct stream){ harness_text(partition.ptr, partition.len), 0, false, false };
	}
	if (t->streams[i].open)
		return OUTFLOW_E_CONFIG;
	t->streams[i].open = true;
	*number = (uint32_t)i;
	*resume = (outflow_resume){ .valid = t->streams[i].resumable, .next = t->streams[i].next };
	return OUTFLOW_OK;
}

static outflow_status stream_close(const outflow_host *h, uint32_t number)
{
	outflow_harness *t = of(h);

	expect_task(t, "stream->close");
	if (number >= t->n_streams || !t->streams[number].open) {
		harness_breach(t, "stream %u was closed and is not open", number);
		return OUTFLOW_E_CONFIG;
	}
	t->streams[number].open = false;
	return OUTFLOW_OK;
}

static outflow_status stream_position(const outflow_host *h, uint32_t number, uint64_t *next)
{
	outflow_harness *t = of(h);

	expect_task(t, "stream->position");
	if (number >= t->n_streams)
		return OUTFLOW_E_CONFIG;
	*next = t->streams[number].next;
	return OUTFLOW_OK;
}

static const outflow_stream_api stream_api = { sizeof stream_api, stream_open, stream_close, stream_position };

static void resolve_one(outflow_harness *t, const outflow_record *r, outflow_status status, const outflow_error *err)
{
	static const char unknown[] = "a record was resolved that the sink does not hold, or twice";

	for (size_t i = 0; i < t->n_held; i++) {
		struct held *h = t->held[i];

		if (h->record != r || h->resolved)
			continue;
		harness_add_outcome(&t->resolved, h->input, status, err);
		h->resolved = true;
		free(h->memory);
		h->memory = NULL;
		memset(h->record, 0xa5, sizeof *h->record);
		return;
	}
	harness_add_text(&t->breaches, harness_text(unknown, sizeof unknown - 1));
}

static void ack_resolve(const outflow_host *h, outflow_record *const *recs, size_t n, outflow_status status,
                        const outflow_error *err)
{
	outflow_harness *t = of(h);

	pthread_mutex_lock(&t->lock);
	for (size_t i = 0; i < n; i++)
		resolve_one(t, recs[i], status, err);
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static const outflow_ack_api ack_api = { sizeof ack_api, ack_resolve };

/* ---- the rest ---- */

static void wake(const outflow_host *h)
{
	outflow_harness *t = of(h);

	pthread_mutex_lock(&t->lock);
	t->wakes++;
	pthread_cond_broadcast(&t->changed);
	pthread_mutex_unlock(&t->lock);
}

static void reject(const outflow_host *h, const outflow_record *in, outflow_status status, const outflow_error *err)
{
	outflow_harness *t = of(h);
	const outflow_record *first = t->polled ? t->polled->recs : t->call_inputs;
	size_t n = t->polled ? t->polled->n : t->n_call_inputs;

	expect_task(t, "reject");
	if (in < first || in >= first + n)
		harness_breach(t, "a record was rejected that is no input of this call");
	else if (status != OUTFLOW_E_RECORD && (status != OUTFLOW_E_RETRY || t->polled))
		harness_breach(t, "a record was rejected with status %d", status);
	else
		harness_add_outcome(&t->rejects, (size_t)(in - first), status, err);
}

static const outflow_record *origin(const outflow_host *h, const outflow_record *r)
{
	outflow_harness *t = of(h);

	expect_task(t, "origin");
	for (size_t i = 0; i < t->n_inputs; i++)
		if (t->inputs[i]->slot == r->slot)
			return t->inputs[i];
	return NULL;
}

static void problem(const outflow_host *h, const char *key, const char *msg)
{
	outflow_harness *t = of(h);
	size_t n = strlen(key) + strlen(msg) + 3;
	char *text = harness_room(NULL, n, 1);

	if (!t->in_check)
		harness_breach(t, "problem() is for check only");
	snprintf(text, n, "%s: %s", key, msg);
	harness_add_text(&t->problems, text);
}

static uint32_t intern(const outflow_host *h, const char *name)
{
	outflow_harness *t = of(h);
	struct view_type *v;

	pthread_mutex_lock(&t->lock);
	for (v = t->views; v != NULL && strcmp(v->name, name) != 0;)
		v = v->next;
	if (v == NULL) {
		v = harness_room(NULL, 1, sizeof *v);
		*v = (struct view_type){ t->views, harness_text(name, strlen(name)),
			                 t->views ? t->views->number + 1 : 1 };
		t->views = v;
	}
	pthread_mutex_unlock(&t->lock);
	return v->number;
}

static const void *extension(const outflow_host *h, const char *id)
{
	outflow_harness *t = of(h);

	for (size_t i = 0; i < t->offer_ids.n; i++)
		if (strcmp(t->offer_ids.list[i], id) == 0)
			return t->offers[i];
	return NULL;
}

void harness_offer_services(outflow_harness *t, uint32_t kind)
{
	t->host.size = sizeof t->host;
	t->host.minor = OUTFLOW_ABI_MINOR;
	t->host.ctx = t;
	t->host.name = "outflow";
	t->host.version = "harness";
	t->host.stage = "test";
	t->host.log = &log_api;
	t->host.time = &time_api;
	t->host.metric = &metric_api;
	t->host.config = &harness_config_api;
	t->host.batch = &batch_api;
	t->host.stream = kind == OUTFLOW_SOURCE ? &stream_api : NULL;
	t->host.ack = kind == OUTFLOW_SINK ? &ack_api : NULL;
	t->host.wake = wake;
	t->host.reject = reject;
	t->host.origin = origin;
	t->host.problem = problem;
	t->host.intern = intern;
	t->host.extension = extension;
}

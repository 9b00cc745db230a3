/* SPDX-License-Identifier: Apache-2.0 */
/* Life of a harness, its inputs and what it tells afterwards; the calls are in harness_calls.c. */
#include "harness_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define START_NS 1000000000    /* not zero, so that a deadline of zero lies in the past */
#define START_MS 1767225600000 /* 2026-01-01T00:00:00Z */

void *harness_room(void *old, size_t n, size_t item)
{
	void *memory = realloc(old, n > 0 ? n * item : 1);

	if (memory == NULL) {
		fputs("harness: no memory\n", stderr);
		abort();
	}
	return memory;
}

char *harness_text(const void *bytes, size_t n)
{
	char *text = harness_room(NULL, n + 1, 1);

	if (n > 0)
		memcpy(text, bytes, n);
	text[n] = '\0';
	return text;
}

void harness_add_text(struct text_list *l, char *text)
{
	l->list = harness_room(l->list, l->n + 1, sizeof *l->list);
	l->list[l->n++] = text;
}

void harness_clear_texts(struct text_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i]);
	free(l->list);
	*l = (struct text_list){ NULL, 0 };
}

void harness_add_outcome(struct outcomes *o, size_t input, outflow_status status, const outflow_error *err)
{
	o->list = harness_room(o->list, o->n + 1, sizeof *o->list);
	o->list[o->n] = (outflow_harness_outcome){ .input = input, .status = status };
	if (err != NULL)
		o->list[o->n].err = *err;
	o->n++;
}

void harness_breach(outflow_harness *t, const char *format, ...)
{
	char text[300];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	pthread_mutex_lock(&t->lock);
	harness_add_text(&t->breaches, harness_text(text, strlen(text)));
	pthread_mutex_unlock(&t->lock);
}

static void begin_own_batch(outflow_harness *t)
{
	t->batch = (struct harness_batch){ .t = t, .limit = UINT32_MAX, .plugin = { .host = &t->batch } };
	if (t->arena != NULL) {
		t->batch.plugin.cur = t->arena;
		t->batch.plugin.end = t->arena + t->arena_size;
	}
}

outflow_harness *outflow_harness_new(void)
{
	outflow_harness *t = harness_room(NULL, 1, sizeof *t);
	pthread_condattr_t attributes;

	memset(t, 0, sizeof *t);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&t->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	t->task_thread = pthread_self();
	t->mono_ns = START_NS;
	t->wall_ms = START_MS;
	t->output_limit = UINT32_MAX;
	harness_offer_services(t, 0);
	outflow_harness_place(t, "test", 0, 1);
	begin_own_batch(t);
	return t;
}

static void free_inputs(outflow_harness *t)
{
	for (size_t i = 0; i < t->n_inputs; i++)
		free(t->inputs[i]);
	free(t->inputs);
	t->inputs = NULL;
	t->n_inputs = t->n_put = 0;
}

/* Forgets held records that are resolved; with all, those too that the sink never resolved. */
static void free_held(outflow_harness *t, bool all)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n_held; i++) {
		if (!t->held[i]->resolved && !all) {
			t->held[kept++] = t->held[i];
			continue;
		}
		free(t->held[i]->memory);
		free(t->held[i]);
	}
	t->n_held = kept;
	if (kept > 0)
		return;
	for (size_t i = 0; i < t->n_put_arrays; i++)
		free(t->put_arrays[i]);
	t->n_put_arrays = 0;
}

void outflow_harness_clear(outflow_harness *t)
{
	free(t->batch.plugin.recs);
	free(t->outputs);
	t->outputs = NULL;
	t->n_outputs = t->allocs = 0;
	harness_drop_pieces(t);
	begin_own_batch(t);
	free_inputs(t);
	free(t->rejects.list);
	t->rejects = (struct outcomes){ NULL, 0 };
	harness_clear_texts(&t->problems);
	pthread_mutex_lock(&t->lock);
	harness_clear_texts(&t->logs);
	harness_clear_texts(&t->breaches);
	free(t->resolved.list);
	t->resolved = (struct outcomes){ NULL, 0 };
	t->wakes = 0;
	free_held(t, false);
	pthread_mutex_unlock(&t->lock);
}

static void free_recorded(outflow_harness *t)
{
	for (size_t i = 0; i < t->n_streams; i++)
		free(t->streams[i].partition);
	free(t->streams);
	while (t->views != NULL) {
		struct view_type *v = t->views;

		t->views = v->next;
		free(v->name);
		free(v);
	}
	free_held(t, true);
	free(t->held);
	free(t->put_arrays);
	harness_clear_texts(&t->offer_ids);
	free(t->offers);
}

void outflow_harness_free(outflow_harness **tp)
{
	outflow_harness *t = *tp;

	*tp = NULL;
	if (t == NULL)
		return;
	outflow_harness_destroy(t);
	/* Of a test that called parts of a plugin without an instance. */
	harness_drop_timers(t);
	harness_drop_metrics(t);
	for (size_t i = 0; i < t->breaches.n; i++)
		fprintf(stderr, "harness: breach of the plugin contract: %s\n", t->breaches.list[i]);
	if (t->breaches.n > 0)
		abort();
	outflow_harness_clear(t);
	free_recorded(t);
	harness_config_free(&t->config);
	free(t->batch.plugin.recs);
	free(t->pipeline);
	free(t->arena);
	pthread_cond_destroy(&t->changed);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

const outflow_host *outflow_harness_host(outflow_harness *t)
{
	return &t->host;
}

outflow_batch *outflow_harness_batch(outflow_harness *t)
{
	return &t->batch.plugin;
}

const outflow_config *outflow_harness_config(outflow_harness *t)
{
	return &t->config;
}

/* ---- before create ---- */

void outflow_harness_place(outflow_harness *t, const char *pipeline, uint32_t task, uint32_t n_tasks)
{
	free(t->pipeline);
	t->pipeline = harness_text(pipeline, strlen(pipeline));
	t->host.pipeline = t->pipeline;
	t->host.task = task;
	t->host.n_tasks = n_tasks;
}

void outflow_harness_offer(outflow_harness *t, const char *id, const void *table)
{
	t->offers = harness_room(t->offers, t->offer_ids.n + 1, sizeof *t->offers);
	t->offers[t->offer_ids.n] = table;
	harness_add_text(&t->offer_ids, harness_text(id, strlen(id)));
}

void outflow_harness_resume(outflow_harness *t, const char *partition_json, uint64_t next)
{
	t->streams = harness_room(t->streams, t->n_streams + 1, sizeof *t->streams);
	t->streams[t->n_streams++] =
		(struct stream){ harness_text(partition_json, strlen(partition_json)), next, true, false };
}

void outflow_harness_rotate_threads(outflow_harness *t)
{
	t->rotate = true;
}

void outflow_harness_use_real_clock(outflow_harness *t)
{
	t->real_clock = true;
}

void outflow_harness_use_arena(outflow_harness *t, size_t bytes)
{
	t->arena = harness_room(t->arena, bytes, 1);
	t->arena_size = bytes;
	outflow_harness_clear(t);
}

/* ---- input records ---- */

static outflow_bytes copy(outflow_harness *t, const void *bytes, size_t n)
{
	struct piece *p;

	if (bytes == NULL)
		return (outflow_bytes){ NULL, 0 };
	p = harness_room(NULL, 1, sizeof *p);
	/* No NUL behind it: whoever reads on is found out. */
	*p = (struct piece){ t->pieces, harness_room(NULL, n, 1), free };
	if (n > 0)
		memcpy(p->memory, bytes, n);
	t->pieces = p;
	return (outflow_bytes){ p->memory, n };
}

static outflow_str copy_text(outflow_harness *t, const char *text)
{
	outflow_bytes b = copy(t, text, text ? strlen(text) : 0);

	return (outflow_str){ b.ptr, b.len };
}

outflow_record *outflow_harness_input_bytes(outflow_harness *t, const char *topic, const void *value, size_t n)
{
	outflow_record *r = harness_room(NULL, 1, sizeof *r);

	*r = (outflow_record){
		.topic = copy_text(t, topic),
		.value = copy(t, value, n),
		.partition = -1,
		.timestamp_ms = t->host.time->wall_ms(&t->host),
		.pos = t->n_inputs,
		.next = t->n_inputs + 1,
		.slot = (struct outflow_slot *)(void *)r, /* any address of its own */
	};
	t->inputs = harness_room(t->inputs, t->n_inputs + 1, sizeof *t->inputs);
	t->inputs[t->n_inputs++] = r;
	return r;
}

outflow_record *outflow_harness_input(outflow_harness *t, const char *topic, const char *key, const char *value)
{
	outflow_record *r = outflow_harness_input_bytes(t, topic, value, value ? strlen(value) : 0);

	r->key = copy(t, key, key ? strlen(key) : 0);
	return r;
}

void outflow_harness_header(outflow_harness *t, outflow_record *r, const char *name, const char *value)
{
	size_t n = r->n_headers;
	outflow_bytes memory = copy(t, "", 0);
	outflow_header *all = harness_room((void *)(uintptr_t)memory.ptr, n + 1, sizeof *all);

	t->pieces->memory = all;
	if (n > 0)
		memcpy(all, r->headers, n * sizeof *all);
	all[n].name = copy_text(t, name);
	all[n].value = copy(t, value, value ? strlen(value) : 0);
	r->headers = all;
	r->n_headers = (uint32_t)n + 1;
}

/* ---- what came of it ---- */

size_t outflow_harness_outputs(const outflow_harness *t)
{
	return t->n_outputs;
}

const outflow_record *outflow_harness_output(const outflow_harness *t, size_t i)
{
	return i < t->n_outputs ? &t->outputs[i] : NULL;
}

static const char *show(outflow_harness *t, const void *bytes, size_t n)
{
	struct piece *p;

	if (bytes == NULL)
		return NULL;
	p = harness_room(NULL, 1, sizeof *p);
	*p = (struct piece){ t->pieces, harness_text(bytes, n), free };
	t->pieces = p;
	return p->memory;
}

const char *outflow_harness_value(outflow_harness *t, size_t i)
{
	const outflow_record *r = outflow_harness_output(t, i);

	return r ? show(t, r->value.ptr, r->value.len) : NULL;
}

const char *outflow_harness_key(outflow_harness *t, size_t i)
{
	const outflow_record *r = outflow_harness_output(t, i);

	return r ? show(t, r->key.ptr, r->key.len) : NULL;
}

const char *outflow_harness_topic(outflow_harness *t, size_t i)
{
	const outflow_record *r = outflow_harness_output(t, i);

	return r ? show(t, r->topic.ptr, r->topic.len) : NULL;
}

const char *outflow_harness_header_of(outflow_harness *t, size_t i, const char *name)
{
	const outflow_record *r = outflow_harness_output(t, i);
	const outflow_header *h = r ? outflow_find_header(r, name) : NULL;

	return h ? show(t, h->value.ptr, h->value.len) : NULL;
}

const outflow_harness_outcome *outflow_harness_reject(const outflow_harness *t, size_t i)
{
	return i < t->rejects.n ? &t->rejects.list[i] : NULL;
}

const outflow_harness_outcome *outflow_harness_resolved(outflow_harness *t, size_t i)
{
	const outflow_harness_outcome *o;

	pthread_mutex_lock(&t->lock);
	o = i < t->resolved.n ? &t->resolved.list[i] : NULL;
	pthread_mutex_unlock(&t->lock);
	return o;
}

static const char *text_at(outflow_harness *t, const struct text_list *l, size_t i)
{
	const char *text;

	pthread_mutex_lock(&t->lock);
	text = i < l->n ? l->list[i] : NULL;
	pthread_mutex_unlock(&t->lock);
	return text;
}

const char *outflow_harness_log(outflow_harness *t, size_t i)
{
	return text_at(t, &t->logs, i);
}

const char *outflow_harness_breach(outflow_harness *t, size_t i)
{
	return text_at(t, &t->breaches, i);
}

const char *outflow_harness_stream(const outflow_harness *t, size_t i)
{
	for (size_t k = 0; k < t->n_streams; k++)
		if (t->streams[k].open && i-- == 0)
			return t->streams[k].partition;
	return NULL;
}

/* ---- the world ---- */

int64_t harness_now(outflow_harness *t)
{
	struct timespec now;
	int64_t ns;

	if (t->real_clock) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	}
	pthread_mutex_lock(&t->lock);
	ns = t->mono_ns;
	pthread_mutex_unlock(&t->lock);
	return ns;
}

static int wait_for(outflow_harness *t, const size_t *count, size_t n, int64_t wait_ms)
{
	struct timespec deadline;
	int reached, status = 0;

	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += wait_ms / 1000;
	deadline.tv_nsec += wait_ms % 1000 * 1000000;
	if (deadline.tv_nsec >= 1000000000) {
		deadline.tv_sec++;
		deadline.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&t->lock);
	while (*count < n && status == 0)
		status = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
	reached = *count >= n;
	pthread_mutex_unlock(&t->lock);
	return reached;
}

int outflow_harness_wait_resolved(outflow_harness *t, size_t n, int64_t wait_ms)
{
	return wait_for(t, &t->resolved.n, n, wait_ms);
}

int outflow_harness_wait_woken(outflow_harness *t, size_t n, int64_t wait_ms)
{
	return wait_for(t, &t->wakes, n, wait_ms);
}

void outflow_harness_fail_alloc(outflow_harness *t, size_t n)
{
	t->fail_at = n;
	t->batch.failed = false;
}

size_t outflow_harness_allocs(const outflow_harness *t)
{
	return t->allocs;
}

void outflow_harness_limit_outputs(outflow_harness *t, uint32_t n)
{
	t->output_limit = n;
}

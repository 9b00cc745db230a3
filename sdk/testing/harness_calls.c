/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of an instance under test, and the checks of the contract around them. */
#include "harness_internal.h"

#include <outflow/ext/explain.h>

#include <string.h>

/* One call of the instance and all that it may need. */
struct call {
	outflow_harness *t;
	const void *ops;
	struct harness_batch batch;
	outflow_record *records;
	size_t n, taken;
	int64_t deadline_ns;
	uint8_t *match;
	outflow_commit commit;
	outflow_bytes json;
	const outflow_explain_api *explain;
	outflow_status status;
	outflow_error *err;
};

struct as_task {
	outflow_harness *t;
	void (*fn)(void *);
	void *arg;
};

static void *run_in_thread(void *arg)
{
	struct as_task *a = arg;

	a->t->task_thread = pthread_self();
	a->fn(a->arg);
	return NULL;
}

void harness_as_task(outflow_harness *t, void (*fn)(void *), void *arg)
{
	struct as_task a = { t, fn, arg };
	pthread_t thread;

	if (!t->rotate) {
		fn(arg);
		return;
	}
	if (pthread_create(&thread, NULL, run_in_thread, &a) != 0)
		abort();
	pthread_join(thread, NULL);
	t->task_thread = pthread_self();
}

static outflow_status run(struct call *c, void (*fn)(void *))
{
	c->ops = c->t->component->ops;
	harness_as_task(c->t, fn, c);
	return c->status;
}

/* ---- create, destroy ---- */

/* All tables of operations begin with size, flags and create. */
struct common_ops {
	uint32_t size, flags;
	outflow_create_fn *create;
};

static void do_create(void *arg)
{
	struct call *c = arg;
	const struct common_ops *ops = c->ops;

	c->status = ops->create(&c->t->host, &c->t->config, &c->t->self, c->err);
}

outflow_status outflow_harness_create(outflow_harness *t, const outflow_component *component, outflow_error *err)
{
	struct call c = { .t = t, .err = err };
	outflow_status status;

	outflow_harness_destroy(t);
	status = outflow_harness_check(t, component);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, status, "%s", t->problems.n > 0 ? t->problems.list[0] : "check failed");
	harness_offer_services(t, component->kind);
	t->component = component;
	if (run(&c, do_create) != OUTFLOW_OK) {
		harness_drop_timers(t);
		harness_drop_metrics(t);
		t->component = NULL;
		t->self = NULL;
	}
	return c.status;
}

void *outflow_harness_self(const outflow_harness *t)
{
	return t->self;
}

static void do_destroy(void *arg)
{
	struct call *c = arg;

	switch (c->t->component->kind) {
	case OUTFLOW_SOURCE:
		((const outflow_source_ops *)c->ops)->destroy(c->t->self);
		break;
	case OUTFLOW_SINK:
		((const outflow_sink_ops *)c->ops)->destroy(c->t->self);
		break;
	case OUTFLOW_TRANSFORM:
		((const outflow_transform_ops *)c->ops)->destroy(c->t->self);
		break;
	case OUTFLOW_PREDICATE:
		((const outflow_predicate_ops *)c->ops)->destroy(c->t->self);
		break;
	default:
		((const outflow_converter_ops *)c->ops)->destroy(c->t->self);
		break;
	}
}

void outflow_harness_destroy(outflow_harness *t)
{
	struct call c = { .t = t };

	if (t->component == NULL)
		return;
	harness_drop_timers(t);
	run(&c, do_destroy);
	harness_drop_metrics(t);
	t->component = NULL;
	t->self = NULL;
}

/* ---- transforms, predicates, converters ---- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t n)
{
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ p[i]) * 0x100000001b3;
	return (sum ^ n) * 0x100000001b3;
}

/* A number that changes when somebody writes to the inputs. */
static uint64_t fingerprint(const outflow_record *r, size_t n)
{
	uint64_t sum = 0xcbf29ce484222325;

	for (size_t i = 0; i < n; i++) {
		sum = mix(sum, &r[i], sizeof r[i]);
		sum = mix(sum, r[i].key.ptr, r[i].key.len);
		sum = mix(sum, r[i].value.ptr, r[i].value.len);
		sum = mix(sum, r[i].topic.ptr, r[i].topic.len);
		for (uint32_t k = 0; k < r[i].n_headers; k++) {
			sum = mix(sum, r[i].headers[k].name.ptr, r[i].headers[k].name.len);
			sum = mix(sum, r[i].headers[k].value.ptr, r[i].headers[k].value.len);
		}
	}
	return sum;
}

static outflow_record *gather_inputs(outflow_harness *t)
{
	outflow_record *all = harness_room(NULL, t->n_inputs, sizeof *all);

	for (size_t i = 0; i < t->n_inputs; i++)
		all[i] = *t->inputs[i];
	t->call_inputs = all;
	t->n_call_inputs = t->n_inputs;
	return all;
}

static bool was_rejected(const outflow_harness *t, size_t input)
{
	for (size_t i = 0; i < t->rejects.n; i++)
		if (t->rejects.list[i].input == input)
			return true;
	return false;
}

/* Checks that outputs stand in input order with their origin untouched, and drops those of rejected inputs. */
static void review_outputs(struct call *c)
{
	outflow_batch *out = &c->batch.plugin;
	uint32_t kept = 0;
	size_t in = 0;

	for (uint32_t i = 0; i < out->n; i++) {
		const outflow_record *r = &out->recs[i];

		while (in < c->n && c->records[in].slot != r->slot)
			in++;
		if (in == c->n) {
			harness_breach(c->t, "output %u has no input, or is out of order", i);
			return;
		}
		if (r->pos != c->records[in].pos || r->stream != c->records[in].stream ||
		    r->pos_ext != c->records[in].pos_ext || r->next != c->records[in].next)
			harness_breach(c->t, "output %u: the origin was touched", i);
		if (!was_rejected(c->t, in))
			out->recs[kept++] = *r;
	}
	out->n = kept;
}

static void do_apply(void *arg)
{
	struct call *c = arg;
	const outflow_transform_ops *ops = c->ops;

	c->status = ops->apply(c->t->self, c->records, c->n, &c->batch.plugin, c->err);
}

outflow_status outflow_harness_apply(outflow_harness *t, outflow_error *err)
{
	struct call c = { .t = t, .n = t->n_inputs, .err = err, .records = gather_inputs(t) };
	uint64_t before = fingerprint(c.records, c.n);

	harness_begin_batch(t, &c.batch, 0, t->output_limit);
	run(&c, do_apply);
	if (fingerprint(c.records, c.n) != before)
		harness_breach(t, "apply wrote to its input");
	if (c.status < 0)
		c.batch.plugin.n = 0; /* the host drops what a failed call emitted */
	review_outputs(&c);
	harness_end_batch(&c.batch);
	t->n_call_inputs = 0;
	free(c.records);
	return c.status;
}

static void do_explain(void *arg)
{
	struct call *c = arg;

	c->status = c->explain->explain(c->t->self, c->records, &c->batch.plugin, &c->json, c->err);
}

const char *outflow_harness_explain(outflow_harness *t, size_t i, outflow_status *status, outflow_error *err)
{
	struct call c = { .t = t, .n = 1, .err = err };
	outflow_record *all;
	struct piece *p;

	*status = OUTFLOW_E_UNSUPPORTED;
	if (t->component->extension != NULL)
		c.explain = t->component->extension(OUTFLOW_EXT_EXPLAIN);
	if (c.explain == NULL)
		return NULL;
	all = gather_inputs(t);
	c.records = all + i;
	harness_begin_batch(t, &c.batch, 0, t->output_limit);
	*status = run(&c, do_explain);
	harness_end_batch(&c.batch);
	t->n_call_inputs = 0;
	free(all);
	if (*status != OUTFLOW_OK)
		return NULL;
	p = harness_room(NULL, 1, sizeof *p);
	*p = (struct piece){ t->pieces, harness_text(c.json.ptr, c.json.len), free };
	t->pieces = p;
	return p->memory;
}

static void do_test(void *arg)
{
	struct call *c = arg;
	const outflow_predicate_ops *ops = c->ops;

	c->status = ops->test(c->t->self, c->records, c->n, c->match, &c->batch.plugin, c->err);
}

const uint8_t *outflow_harness_test(outflow_harness *t, outflow_status *status, outflow_error *err)
{
	struct call c = { .t = t, .n = t->n_inputs, .err = err, .records = gather_inputs(t) };
	struct piece *p = harness_room(NULL, 1, sizeof *p);

	*p = (struct piece){ t->pieces, harness_room(NULL, c.n, 1), free };
	t->pieces = p;
	c.match = p->memory;
	memset(c.match, 2, c.n);
	harness_begin_batch(t, &c.batch, 0, 0);
	*status = run(&c, do_test);
	for (size_t i = 0; i < c.n && *status == OUTFLOW_OK; i++)
		if (c.match[i] > 1 && !was_rejected(t, i))
			harness_breach(t, "test left the verdict on input %zu open", i);
	harness_end_batch(&c.batch);
	t->n_call_inputs = 0;
	free(c.records);
	return *status == OUTFLOW_OK ? c.match : NULL;
}

static void do_decode(void *arg)
{
	struct call *c = arg;
	const outflow_converter_ops *ops = c->ops;

	c->status = ops->decode(c->t->self, c->records, c->n, &c->batch.plugin, c->err);
}

static void do_encode(void *arg)
{
	struct call *c = arg;
	const outflow_converter_ops *ops = c->ops;

	c->status = ops->encode(c->t->self, c->records, c->n, &c->batch.plugin, c->err);
}

static outflow_status convert(outflow_harness *t, void (*fn)(void *), outflow_error *err)
{
	struct call c = { .t = t, .n = t->n_inputs, .err = err };

	c.records = gather_inputs(t);
	harness_begin_batch(t, &c.batch, 0, 0);
	run(&c, fn);
	free(t->outputs);
	t->outputs = c.records;
	t->n_outputs = 0;
	for (size_t i = 0; i < c.n && c.status >= 0; i++)
		if (!was_rejected(t, i))
			t->outputs[t->n_outputs++] = c.records[i];
	harness_end_batch(&c.batch);
	t->n_call_inputs = 0;
	return c.status;
}

outflow_status outflow_harness_decode(outflow_harness *t, outflow_error *err)
{
	return convert(t, do_decode, err);
}

outflow_status outflow_harness_encode(outflow_harness *t, outflow_error *err)
{
	return convert(t, do_encode, err);
}

/* ---- sources and sinks ---- */

static void do_start(void *arg)
{
	struct call *c = arg;
	outflow_status (*start)(void *, outflow_error *) = c->t->component->kind == OUTFLOW_SOURCE
	                                                           ? ((const outflow_source_ops *)c->ops)->start
	                                                           : ((const outflow_sink_ops *)c->ops)->start;

	c->status = start ? start(c->t->self, c->err) : OUTFLOW_OK;
}

outflow_status outflow_harness_start(outflow_harness *t, outflow_error *err)
{
	struct call c = { .t = t, .err = err };

	return run(&c, do_start);
}

static void do_poll(void *arg)
{
	struct call *c = arg;
	const outflow_source_ops *ops = c->ops;

	c->status = ops->poll(c->t->self, &c->batch.plugin, c->deadline_ns, c->err);
}

outflow_status outflow_harness_poll(outflow_harness *t, uint32_t max, int64_t wait_ms, outflow_error *err)
{
	struct call c = { .t = t, .err = err, .deadline_ns = harness_now(t) + wait_ms * 1000000 };

	harness_begin_batch(t, &c.batch, max, max);
	t->polled = &c.batch.plugin;
	run(&c, do_poll);
	t->polled = NULL;
	if (max == 0 && c.batch.plugin.n > 0)
		harness_breach(t, "poll emitted records under back-pressure");
	if (c.status == OUTFLOW_OK && c.batch.plugin.n == 0)
		harness_breach(t, "poll returned OUTFLOW_OK without a record");
	harness_end_batch(&c.batch);
	return c.status;
}

static void do_committed(void *arg)
{
	struct call *c = arg;
	const outflow_source_ops *ops = c->ops;

	c->status = ops->committed ? ops->committed(c->t->self, &c->commit, 1, c->err) : OUTFLOW_OK;
}

outflow_status outflow_harness_committed(outflow_harness *t, uint32_t stream, uint64_t next, outflow_error *err)
{
	struct call c = { .t = t, .err = err, .commit = { .stream = stream, .next = next } };

	if (stream < t->n_streams)
		t->streams[stream].next = next;
	return run(&c, do_committed);
}

static void *move(char **room, const void *bytes, size_t n)
{
	char *to = *room;

	if (bytes == NULL)
		return NULL;
	if (n > 0)
		memcpy(to, bytes, n);
	*room += n;
	return to;
}

/* A copy of *from in *to whose bytes all lie in one allocation. */
static void *copy_deep(outflow_record *to, const outflow_record *from)
{
	size_t n = from->n_headers * sizeof(outflow_header) + from->key.len + from->value.len + from->topic.len;
	outflow_header *headers;
	char *p;

	for (uint32_t i = 0; i < from->n_headers; i++)
		n += from->headers[i].name.len + from->headers[i].value.len;
	headers = harness_room(NULL, n, 1);
	p = (char *)(headers + from->n_headers);
	*to = *from;
	to->headers = headers;
	to->key.ptr = move(&p, to->key.ptr, to->key.len);
	to->value.ptr = move(&p, to->value.ptr, to->value.len);
	to->topic.ptr = move(&p, to->topic.ptr, to->topic.len);
	for (uint32_t i = 0; i < from->n_headers; i++) {
		headers[i] = from->headers[i];
		headers[i].name.ptr = move(&p, headers[i].name.ptr, headers[i].name.len);
		headers[i].value.ptr = move(&p, headers[i].value.ptr, headers[i].value.len);
	}
	return headers;
}

static void do_put(void *arg)
{
	struct call *c = arg;
	const outflow_sink_ops *ops = c->ops;

	c->status = ops->put(c->t->self, c->records, c->n, &c->taken, c->err);
}

/* Makes the copies that the sink is given, and notes them before the call: it may resolve inside. */
static void hold(struct call *c)
{
	outflow_harness *t = c->t;

	c->records = harness_room(NULL, c->n, sizeof *c->records);
	pthread_mutex_lock(&t->lock);
	t->held = harness_room(t->held, t->n_held + c->n, sizeof *t->held);
	for (size_t i = 0; i < c->n; i++) {
		struct held *h = harness_room(NULL, 1, sizeof *h);

		*h = (struct held){ .record = &c->records[i], .input = t->n_put + i };
		h->memory = copy_deep(h->record, t->inputs[h->input]);
		t->held[t->n_held++] = h;
	}
	t->put_arrays = harness_room(t->put_arrays, t->n_put_arrays + 1, sizeof *t->put_arrays);
	t->put_arrays[t->n_put_arrays++] = c->records;
	pthread_mutex_unlock(&t->lock);
}

/* Takes back what the sink did not take; a SYNC sink's share is done. */
static void settle(struct call *c)
{
	const outflow_sink_ops *ops = c->ops;
	outflow_harness *t = c->t;
	bool early = false;

	pthread_mutex_lock(&t->lock);
	for (size_t i = t->n_held; i-- > 0;) {
		struct held *h = t->held[i];
		bool taken = h->record < c->records + c->taken;

		if (h->record < c->records || h->record >= c->records + c->n)
			continue;
		early = early || (h->resolved && (!taken || ops->flags & OUTFLOW_SINK_SYNC));
		if (!taken) {
			free(h->memory);
			free(h);
			t->held[i] = t->held[--t->n_held];
		}
	}
	pthread_mutex_unlock(&t->lock);
	if (early)
		harness_breach(t, "put resolved a record that it did not take, or that the host resolves");
	for (size_t i = 0; i < c->taken && ops->flags & OUTFLOW_SINK_SYNC; i++)
		t->host.ack->resolve(&t->host, &(outflow_record *){ &c->records[i] }, 1, OUTFLOW_OK, NULL);
}

outflow_status outflow_harness_put(outflow_harness *t, size_t *taken, outflow_error *err)
{
	struct call c = { .t = t, .err = err, .n = t->n_inputs - t->n_put };

	hold(&c);
	run(&c, do_put);
	if (c.taken > c.n) {
		harness_breach(t, "put took %zu of %zu records", c.taken, c.n);
		c.taken = c.n;
	}
	if (c.status == OUTFLOW_OK && c.taken < c.n)
		harness_breach(t, "put returned OUTFLOW_OK and took %zu of %zu records", c.taken, c.n);
	settle(&c);
	t->n_put += c.taken;
	*taken = c.taken;
	return c.status;
}

static void do_flush(void *arg)
{
	struct call *c = arg;
	const outflow_sink_ops *ops = c->ops;

	c->status = ops->flush ? ops->flush(c->t->self, c->deadline_ns, c->err) : OUTFLOW_OK;
}

outflow_status outflow_harness_flush(outflow_harness *t, int64_t wait_ms, outflow_error *err)
{
	struct call c = { .t = t, .err = err, .deadline_ns = harness_now(t) + wait_ms * 1000000 };

	return run(&c, do_flush);
}

static void do_stop(void *arg)
{
	struct call *c = arg;
	outflow_status (*stop)(void *, int64_t, outflow_error *) = c->t->component->kind == OUTFLOW_SOURCE
	                                                                   ? ((const outflow_source_ops *)c->ops)->stop
	                                                                   : ((const outflow_sink_ops *)c->ops)->stop;

	c->status = stop ? stop(c->t->self, c->deadline_ns, c->err) : OUTFLOW_OK;
}

outflow_status outflow_harness_stop(outflow_harness *t, int64_t wait_ms, outflow_error *err)
{
	struct call c = { .t = t, .err = err, .deadline_ns = harness_now(t) + wait_ms * 1000000 };

	return run(&c, do_stop);
}

void outflow_harness_interrupt(outflow_harness *t)
{
	void (*interrupt)(void *) = NULL;

	if (t->component->kind == OUTFLOW_SOURCE)
		interrupt = ((const outflow_source_ops *)t->component->ops)->interrupt;
	else if (t->component->kind == OUTFLOW_SINK)
		interrupt = ((const outflow_sink_ops *)t->component->ops)->interrupt;
	else if (t->component->kind == OUTFLOW_TRANSFORM)
		interrupt = ((const outflow_transform_ops *)t->component->ops)->interrupt;
	if (interrupt != NULL)
		interrupt(t->self);
}

/* ---- time ---- */

struct due {
	void (*fn)(void *);
	void *arg;
};

static void do_timer(void *arg)
{
	struct due *d = arg;

	d->fn(d->arg);
}

void outflow_harness_advance(outflow_harness *t, int64_t ms)
{
	pthread_mutex_lock(&t->lock);
	t->mono_ns += ms * 1000000;
	t->wall_ms += ms;
	pthread_mutex_unlock(&t->lock);
	while (t->timers != NULL && t->timers->at_ns <= harness_now(t)) {
		struct timer *first = t->timers;
		struct due due = { first->fn, first->arg };

		t->timers = first->next;
		free(first);
		harness_as_task(t, do_timer, &due);
	}
}

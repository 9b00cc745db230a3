/* SPDX-License-Identifier: Apache-2.0 */
/* harness_test.c: the harness runs sources, sinks and transforms, and catches each way to break the contract. */
#include "sdk/testing/harness.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

/* One plugin whose behaviour a key chooses. */
struct odd {
	const outflow_host *host;
	outflow_str behaviour;
	outflow_record *held[16];
	size_t n_held;
	uint32_t stream;
	uint64_t next;
	outflow_metric *metric;
	int rings;
};

static const outflow_cfg_key keys[] = {
	{ "behaviour", OUTFLOW_T_STRING, 0, OUTFLOW_IMPORTANCE_LOW, 0, "good", 0, 0, NULL, "", "" },
	{ "size", OUTFLOW_T_SIZE, 0, OUTFLOW_IMPORTANCE_LOW, 0, "1KiB", 1, 4096, NULL, "", "" },
	{ "wait", OUTFLOW_T_DURATION_MS, 0, OUTFLOW_IMPORTANCE_LOW, 0, "2s", 0, 0, NULL, "", "" },
	{ "names", OUTFLOW_T_LIST, 0, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "", "" },
	{ "more.", OUTFLOW_T_PREFIX, 0, OUTFLOW_IMPORTANCE_LOW, 0, NULL, 0, 0, NULL, "", "" },
	{ "flag", OUTFLOW_T_BOOL, 0, OUTFLOW_IMPORTANCE_LOW, 0, "true", 0, 0, NULL, "", "" },
};

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	if (outflow_equal(outflow_config_text(h, c, "behaviour"), "silent check"))
		return outflow_fail(err, OUTFLOW_E_CONFIG, "without a problem");
	if (!outflow_equal(outflow_config_text(h, c, "behaviour"), "problem"))
		return OUTFLOW_OK;
	h->problem(h, "behaviour", "not this one");
	return OUTFLOW_E_CONFIG;
}

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct odd *o = calloc(1, sizeof *o);

	(void)err;
	o->host = h;
	o->behaviour = outflow_config_text(h, c, "behaviour");
	o->metric = h->metric->open(h, OUTFLOW_METRIC_COUNTER, "seen", "", "");
	*self = o;
	return OUTFLOW_OK;
}

static int does(const struct odd *o, const char *behaviour)
{
	return outflow_equal(o->behaviour, behaviour);
}

static void *alloc_elsewhere(void *arg)
{
	void **both = arg;

	return outflow_alloc(both[0], both[1], 1, 1);
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct odd *o = self;
	outflow_record *r;
	pthread_t thread;
	void *both[2];

	(void)err;
	for (size_t i = 0; i < n; i++) {
		const outflow_record *from = does(o, "reorder") ? &in[n - 1 - i] : &in[i];

		o->host->metric->add(o->metric, 1);
		r = outflow_emit(o->host, out, from);
		if (r == NULL)
			return OUTFLOW_E_NOMEM;
		if (does(o, "touch pos"))
			r->pos++;
		if (does(o, "touch slot"))
			r->slot = NULL;
		if (does(o, "write"))
			*(char *)(uintptr_t)in[i].value.ptr = 'x';
		if (does(o, "reject odd") && i % 2)
			o->host->reject(o->host, &in[i], OUTFLOW_E_RECORD, &(outflow_error){ .msg = "odd" });
		if (does(o, "reject another"))
			o->host->reject(o->host, r, OUTFLOW_E_RECORD, NULL);
	}
	if (does(o, "other thread")) {
		both[0] = (void *)(uintptr_t)o->host;
		both[1] = out;
		pthread_create(&thread, NULL, alloc_elsewhere, both);
		pthread_join(thread, NULL);
	}
	return OUTFLOW_OK;
}

static const outflow_transform_ops transform_ops = {
	.size = sizeof transform_ops,
	.create = create,
	.apply = apply,
	.destroy = free,
};
static const outflow_component transform = {
	.size = sizeof transform,
	.kind = OUTFLOW_TRANSFORM,
	.name = "odd",
	.config = &config,
	.ops = &transform_ops,
};

/* ---- a sink ---- */

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct odd *o = self;

	for (*taken = 0; *taken < n; ++*taken) {
		outflow_record *r = &recs[*taken];

		if (does(o, "room for two") && o->n_held == 2)
			return OUTFLOW_AGAIN;
		if (does(o, "refuse") && *taken == 1)
			return outflow_fail(err, OUTFLOW_E_RECORD, "too large");
		if (does(o, "at once") || does(o, "twice"))
			o->host->ack->resolve(o->host, &r, 1, OUTFLOW_OK, NULL);
		if (does(o, "twice"))
			o->host->ack->resolve(o->host, &r, 1, OUTFLOW_OK, NULL);
		o->held[o->n_held++] = r;
		if (does(o, "one less"))
			return OUTFLOW_OK;
	}
	return OUTFLOW_OK;
}

static void *resolve_all(void *arg)
{
	struct odd *o = arg;

	o->host->ack->resolve(o->host, o->held, o->n_held, OUTFLOW_E_RETRY, &(outflow_error){ .msg = "late" });
	o->n_held = 0;
	o->host->wake(o->host);
	return NULL;
}

static outflow_status flush(void *self, int64_t deadline_ns, outflow_error *err)
{
	pthread_t thread;

	(void)deadline_ns;
	(void)err;
	pthread_create(&thread, NULL, resolve_all, self);
	pthread_join(thread, NULL);
	return OUTFLOW_OK;
}

static const outflow_sink_ops sink_ops = {
	.size = sizeof sink_ops,
	.create = create,
	.put = put,
	.flush = flush,
	.destroy = free,
};
static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "odd",
	.config = &config,
	.ops = &sink_ops,
};
static const outflow_sink_ops sync_ops = {
	.size = sizeof sync_ops,
	.flags = OUTFLOW_SINK_SYNC,
	.create = create,
	.put = put,
	.destroy = free,
};
static const outflow_component sync_sink = {
	.size = sizeof sync_sink,
	.kind = OUTFLOW_SINK,
	.name = "odd",
	.config = &config,
	.ops = &sync_ops,
};

/* ---- a source ---- */

static void ring(void *arg)
{
	struct odd *o = arg;

	o->rings++;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct odd *o = self;
	outflow_resume resume;
	uint64_t id, second;
	outflow_status status = o->host->stream->open(o->host, outflow_text("{\"file\":1}"), &o->stream, &resume);

	(void)err;
	if (status != OUTFLOW_OK)
		return status;
	o->next = resume.valid ? resume.next : 0;
	o->host->time->timer(o->host, o->host->time->mono_ns(o->host) + 1000000, ring, o, &id);
	o->host->time->timer(o->host, o->host->time->mono_ns(o->host) + 2000000, ring, o, &second);
	o->host->time->cancel(o->host, id);
	return OUTFLOW_OK;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct odd *o = self;
	outflow_record r = { .partition = -1, .timestamp_ms = -1, .stream = o->stream };

	(void)err;
	if (deadline_ns < o->host->time->mono_ns(o->host))
		return OUTFLOW_AGAIN;
	for (r.pos = o->next; out->cap > 0 && outflow_emit(o->host, out, &r) != NULL; r.pos++)
		o->next = r.pos + 1;
	return out->n > 0 || does(o, "empty") ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

static const outflow_source_ops source_ops = {
	.size = sizeof source_ops,
	.create = create,
	.start = start,
	.poll = poll,
	.destroy = free,
};
static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.name = "odd",
	.config = &config,
	.ops = &source_ops,
};

/* ---- tests ---- */

static outflow_harness *make(const outflow_component *c, const char *behaviour)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err;

	outflow_harness_rotate_threads(t);
	outflow_harness_set(t, "behaviour", behaviour);
	assert_int_equal(outflow_harness_create(t, c, &err), OUTFLOW_OK);
	return t;
}

/* The one breach that there is, which is cleared. */
static void breached(outflow_harness **t, const char *what)
{
	const char *text = outflow_harness_breach(*t, 0);

	if (text == NULL || strstr(text, what) == NULL)
		fail_msg("wanted the breach '%s', got '%s'", what, text ? text : "none");
	outflow_harness_clear(*t);
	outflow_harness_free(t);
}

static void a_good_transform_passes(void **state)
{
	outflow_harness *t = make(&transform, "reject odd");

	(void)state;
	for (int i = 0; i < 4; i++)
		outflow_harness_input(t, "t", "k", "v");
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	assert_int_equal(outflow_harness_outputs(t), 2);
	assert_int_equal(outflow_harness_output(t, 1)->pos, 2);
	assert_int_equal(outflow_harness_reject(t, 1)->input, 3);
	assert_string_equal(outflow_harness_reject(t, 0)->err.msg, "odd");
	assert_int_equal(outflow_harness_metric(t, "seen"), 4);
	assert_null(outflow_harness_breach(t, 0));
	outflow_harness_clear(t);
	assert_int_equal(outflow_harness_outputs(t), 0);
	assert_int_equal(outflow_harness_apply(t, NULL), OUTFLOW_OK);
	outflow_harness_free(&t);
}

static void transforms_that_break_the_contract(void **state)
{
	static const char *const cases[][2] = {
		{ "reorder", "out of order" },
		{ "touch pos", "origin was touched" },
		{ "touch slot", "has no input" },
		{ "write", "wrote to its input" },
		{ "reject another", "no input of this call" },
		{ "other thread", "batch->alloc is [task]" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		outflow_harness *t = make(&transform, cases[i][0]);

		outflow_harness_input(t, "t", "k", "v1");
		outflow_harness_input(t, "t", "k", "v2");
		(void)outflow_harness_apply(t, NULL);
		breached(&t, cases[i][1]);
	}
}

static void outcomes_of_a_sink(void **state)
{
	outflow_harness *t = make(&sink, "room for two");
	size_t taken;

	(void)state;
	for (int i = 0; i < 3; i++)
		outflow_harness_header(t, outflow_harness_input(t, "t", "k", "v"), "h", "x");
	assert_int_equal(outflow_harness_put(t, &taken, NULL), OUTFLOW_AGAIN);
	assert_int_equal(taken, 2);
	assert_false(outflow_harness_wait_resolved(t, 1, 0));
	assert_int_equal(outflow_harness_flush(t, 0, NULL), OUTFLOW_OK);
	assert_true(outflow_harness_wait_resolved(t, 2, 1000));
	assert_true(outflow_harness_wait_woken(t, 1, 1000));
	assert_int_equal(outflow_harness_resolved(t, 1)->input, 1);
	assert_int_equal(outflow_harness_resolved(t, 1)->status, OUTFLOW_E_RETRY);
	assert_string_equal(outflow_harness_resolved(t, 1)->err.msg, "late");
	assert_int_equal(outflow_harness_put(t, &taken, NULL), OUTFLOW_OK);
	assert_int_equal(taken, 1);
	outflow_harness_free(&t);
	t = make(&sync_sink, "refuse");
	outflow_harness_input(t, "t", "k", "v");
	outflow_harness_input(t, "t", "k", "v");
	assert_int_equal(outflow_harness_put(t, &taken, NULL), OUTFLOW_E_RECORD);
	assert_int_equal(outflow_harness_resolved(t, 0)->status, OUTFLOW_OK);
	assert_null(outflow_harness_resolved(t, 1));
	outflow_harness_free(&t);
}

static void sinks_that_break_the_contract(void **state)
{
	size_t taken;
	outflow_harness *t = make(&sink, "twice");

	(void)state;
	outflow_harness_input(t, "t", "k", "v");
	(void)outflow_harness_put(t, &taken, NULL);
	breached(&t, "or twice");
	t = make(&sync_sink, "at once");
	outflow_harness_input(t, "t", "k", "v");
	(void)outflow_harness_put(t, &taken, NULL);
	breached(&t, "the host resolves");
	t = make(&sink, "one less");
	outflow_harness_input(t, "t", "k", "v");
	outflow_harness_input(t, "t", "k", "v");
	(void)outflow_harness_put(t, &taken, NULL);
	breached(&t, "took 0 of 2");
}

static void a_source_polls_and_resumes(void **state)
{
	outflow_harness *t = outflow_harness_new();
	outflow_error err;

	(void)state;
	outflow_harness_resume(t, "{\"file\":1}", 40);
	assert_int_equal(outflow_harness_create(t, &source, &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_E_CONFIG); /* the stream is open */
	assert_string_equal(outflow_harness_stream(t, 0), "{\"file\":1}");
	assert_null(outflow_harness_stream(t, 1));
	assert_int_equal(outflow_harness_poll(t, 3, 0, &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_poll(t, 2, 0, &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_poll(t, 0, 0, &err), OUTFLOW_AGAIN);
	assert_int_equal(outflow_harness_outputs(t), 5);
	assert_int_equal(outflow_harness_output(t, 4)->pos, 44);
	assert_int_equal(outflow_harness_committed(t, 0, 43, &err), OUTFLOW_OK);
	assert_int_equal(((struct odd *)outflow_harness_self(t))->rings, 0);
	outflow_harness_advance(t, 1);
	assert_int_equal(((struct odd *)outflow_harness_self(t))->rings, 0); /* cancelled */
	outflow_harness_advance(t, 1);
	assert_int_equal(((struct odd *)outflow_harness_self(t))->rings, 1);
	outflow_harness_free(&t);
	t = make(&source, "empty");
	(void)outflow_harness_poll(t, 0, 0, &err);
	breached(&t, "without a record");
}

static void the_schema_is_checked(void **state)
{
	static const char *const cases[][3] = {
		{ "nothing", "1", "nothing: unknown key" },
		{ "size", "big", "size: wrong type" },
		{ "size", "8", "size: wrong type" },
		{ "size", "8KiB", "size: out of range" },
		{ "wait", "2", "wait: wrong type" },
		{ "flag", "yes", "flag: wrong type" },
		{ "behaviour", "problem", "behaviour: not this one" },
	};
	outflow_harness *t;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		t = outflow_harness_new();
		outflow_harness_set(t, cases[i][0], cases[i][1]);
		assert_int_equal(outflow_harness_check(t, &transform), OUTFLOW_E_CONFIG);
		assert_string_equal(outflow_harness_problem(t, 0), cases[i][2]);
		outflow_harness_free(&t);
	}
	t = outflow_harness_new();
	outflow_harness_set(t, "behaviour", "silent check");
	assert_int_equal(outflow_harness_check(t, &transform), OUTFLOW_E_CONFIG);
	breached(&t, "with 0 problems");
}

static void configuration_is_read(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_host *h = outflow_harness_host(t);
	const outflow_config *c = outflow_harness_config(t);
	outflow_str key, value;
	int64_t number;

	(void)state;
	outflow_harness_set(t, "names", "a, b\\,c ,d");
	outflow_harness_set(t, "more.x.y", "1");
	assert_int_equal(outflow_harness_check(t, &transform), OUTFLOW_OK);
	assert_int_equal(outflow_config_number(h, c, "size"), 1024);
	assert_int_equal(outflow_config_number(h, c, "wait"), 2000);
	assert_true(outflow_config_flag(h, c, "flag"));
	assert_int_equal(h->config->i64(c, "none", &number), OUTFLOW_AGAIN);
	assert_int_equal(h->config->list(c, "names", 1, &value), 3);
	assert_true(outflow_equal(value, "b,c"));
	assert_int_equal(h->config->prefix(c, "more.", 0, &key, &value), 1);
	assert_true(outflow_equal(key, "x.y") && outflow_equal(value, "1"));
	assert_true(outflow_equal(outflow_config_text(h, c, "source.format"), "json"));
	outflow_harness_free(&t);
}

static void allocations_fail_when_told_to(void **state)
{
	outflow_harness *t = outflow_harness_new();
	const outflow_host *h = outflow_harness_host(t);
	outflow_batch *b = outflow_harness_batch(t);
	char *p;

	(void)state;
	outflow_harness_fail_alloc(t, 2);
	p = outflow_alloc(h, b, 10, 64);
	assert_non_null(p);
	assert_int_equal((uintptr_t)p % 64, 0);
	assert_null(outflow_alloc(h, b, 1, 1));
	assert_null(outflow_alloc(h, b, 1, 1)); /* sticky */
	outflow_harness_clear(t);
	outflow_harness_use_arena(t, 4096);
	assert_non_null(outflow_alloc(h, b, 100, 8));
	assert_int_equal(outflow_harness_allocs(t), 0);
	assert_non_null(outflow_alloc(h, b, 8000, 8)); /* beyond the arena */
	assert_int_equal(outflow_harness_allocs(t), 1);
	outflow_harness_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_transform_passes),    cmocka_unit_test(transforms_that_break_the_contract),
		cmocka_unit_test(outcomes_of_a_sink),         cmocka_unit_test(sinks_that_break_the_contract),
		cmocka_unit_test(a_source_polls_and_resumes), cmocka_unit_test(the_schema_is_checked),
		cmocka_unit_test(configuration_is_read),      cmocka_unit_test(allocations_fail_when_told_to),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

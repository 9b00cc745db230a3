/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record_memory_test.c: whichever allocation fails while records go through chain, ledger and outboxes, the answer is a status,
 * nothing leaks, and no record counts as done that neither the sink nor the dead letters have.
 */
#include "host/pipeline/chain.h"
#include "tests/unit/failing_memory.h"
#include "tests/unit/test_clock.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define RECORDS 40u

/* ---- components: every 2nd record twice, every 5th never fit, every 7th refused by the sink at first ---- */

static unsigned number_of(const outflow_record *r)
{
	return *(const unsigned char *)r->value.ptr;
}

struct plug {
	const outflow_host *host;
	struct ledger *ledger;
	unsigned put[RECORDS];
	unsigned refused[RECORDS];
};

static struct plug *next_self; /* what the next instance is */

static outflow_status create(const outflow_host *host, const outflow_config *config, void **self, outflow_error *err)
{
	(void)config;
	(void)err;
	*self = next_self;
	next_self->host = host;
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct plug *p = self;
	outflow_error reason = { .size = sizeof reason };

	for (size_t i = 0; i < n; i++) {
		outflow_record *r;

		if (number_of(&in[i]) % 5 == 0) {
			outflow_fail(&reason, OUTFLOW_E_RECORD, "not fit");
			p->host->reject(p->host, &in[i], OUTFLOW_E_RECORD, &reason);
			continue;
		}
		for (unsigned k = 0; k <= (number_of(&in[i]) % 2 == 0); k++) {
			r = outflow_emit(p->host, out, &in[i]);
			if (r == NULL || outflow_alloc(p->host, out, 300, 8) == NULL)
				return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
		}
	}
	return OUTFLOW_OK;
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct plug *p = self;

	for (*taken = 0; *taken < n; ++*taken) {
		outflow_record *r = &recs[*taken];
		unsigned number = number_of(r);

		if (number % 7 == 0 && p->refused[number]++ < 2)
			return outflow_fail(err, p->refused[number] < 2 ? OUTFLOW_E_RETRY : OUTFLOW_E_RECORD,
			                    "refused");
		p->put[number]++;
		ledger_resolve(p->ledger, &r, 1, OUTFLOW_OK, NULL);
	}
	return OUTFLOW_OK;
}

static const outflow_transform_ops stage_ops = {
	.size = sizeof stage_ops, .create = create, .apply = apply, .destroy = destroy
};
static const outflow_sink_ops sink_ops = { .size = sizeof sink_ops, .create = create, .put = put, .destroy = destroy };
static const outflow_component components[] = {
	{ .size = sizeof components[0], .kind = OUTFLOW_TRANSFORM, .name = "stage", .ops = &stage_ops },
	{ .size = sizeof components[0], .kind = OUTFLOW_SINK, .name = "sink", .ops = &sink_ops },
};
static const outflow_plugin plugin = { .id = "test" };
static const struct module module = { .plugin = &plugin };

/* ---- a task without a thread ---- */

struct world {
	struct pipeline_model model;
	struct services services;
	struct pool *pool;
	struct plug stage, sink, letters;
	struct instance stage_instance, sink_instance, letters_instance;
	struct outbox outbox, dead_letters;
	struct order order;
	struct faults faults;
	struct chain chain;
	outflow_bytes extensions[RECORDS]; /* of positions */
	uint32_t stream;
	unsigned emitted, attached, released;
};

static const struct stage_model models[] = { { .name = (char *)"transforms.t1" },
	                                     { .name = (char *)"sink" },
	                                     { .name = (char *)"deadletter" } };

static void wake(void *ctx)
{
	(void)ctx;
}

static outflow_status pause_for(void *ctx, int64_t deadline_ns, outflow_error *err)
{
	(void)ctx;
	(void)err;
	now_ns = deadline_ns;
	return OUTFLOW_OK;
}

static void on_release(void *object)
{
	++*(unsigned *)object;
}

static void make_instance(struct world *w, struct instance *i, const struct stage_model *model, int kind,
                          struct plug *self)
{
	const struct component component = { &module, &components[kind] };
	outflow_error err = { .size = sizeof err };

	next_self = self;
	assert_int_equal(instance_create(i, &w->services, model, &component, &err), OUTFLOW_OK);
	self->ledger = w->services.ledger;
}

static outflow_status begin(struct world *w, enum order_mode order)
{
	struct services *s = &w->services;
	outflow_resume resume;
	outflow_status status;

	w->model.name = (char *)"p";
	w->model.version[0] = '1';
	w->model.tolerance = TOLERANCE_ALL;
	w->model.retry =
		(struct retry_policy){ .kind = RETRY_BACKOFF, .max_attempts = 3, .max_age_ns = RETRY_NO_LIMIT };
	s->model = &w->model;
	w->pool = pool_new();
	s->ledger = w->pool ? ledger_new(w->pool, wake, w) : NULL;
	if (s->ledger == NULL)
		return OUTFLOW_E_NOMEM;
	status = order_init(&w->order, order, &w->outbox, s->ledger);
	if (status != OUTFLOW_OK)
		return status;
	make_instance(w, &w->stage_instance, &models[0], 0, &w->stage);
	make_instance(w, &w->sink_instance, &models[1], 1, &w->sink);
	make_instance(w, &w->letters_instance, &models[2], 1, &w->letters);
	for (unsigned i = 0; i < RECORDS; i++)
		w->letters.refused[i] = 2;
	outbox_init(&w->outbox, &w->sink_instance, s->ledger, &w->order);
	outbox_init(&w->dead_letters, &w->letters_instance, s->ledger, NULL);
	faults_init(&w->faults, s, &w->outbox, &w->dead_letters, &w->order);
	w->chain = (struct chain){ .services = s,
		                   .faults = &w->faults,
		                   .source = &w->sink_instance,
		                   .stages = &w->stage_instance,
		                   .n_stages = 1,
		                   .pause = pause_for,
		                   .pause_ctx = w };
	return ledger_stream_open(s->ledger, outflow_text("{}"), 0, (outflow_bytes){ "p", 1 }, &w->stream, &resume);
}

static void end(struct world *w)
{
	if (w->services.ledger != NULL && w->stage.host != NULL) {
		instance_destroy(&w->stage_instance);
		instance_destroy(&w->sink_instance);
		instance_destroy(&w->letters_instance);
	}
	ledger_free(&w->services.ledger);
	order_clear(&w->order);
	rejects_clear(&w->services.rejects);
	if (w->pool != NULL)
		assert_int_equal(pool_used(w->pool), 0);
	pool_free(&w->pool);
	assert_int_equal(w->released, w->attached);
}

static int has_extension(unsigned number)
{
	return number % 3 == 0;
}

static outflow_status poll_some(struct world *w, struct batch *b, unsigned n)
{
	static const char numbers[RECORDS] = { 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13,
		                               14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
		                               28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39 };

	for (unsigned i = 0; i < n; i++) {
		outflow_record r = { .value = { &numbers[w->emitted], 1 }, .stream = w->stream, .pos = w->emitted };

		r.key = r.value;
		w->extensions[w->emitted] = (outflow_bytes){ &numbers[w->emitted / 2], 20 };
		if (has_extension(w->emitted))
			r.pos_ext = &w->extensions[w->emitted];
		if (outflow_emit(w->stage.host, &b->plugin, &r) == NULL)
			return OUTFLOW_E_NOMEM;
		w->emitted++;
	}
	if (batch_api.attach(&b->plugin, &w->released, on_release) != OUTFLOW_OK)
		return OUTFLOW_E_NOMEM;
	w->attached++;
	return OUTFLOW_OK;
}

static outflow_status take_batch(struct world *w, unsigned n, outflow_error *err)
{
	struct family *f = family_new(w->services.ledger);
	struct batch b;
	outflow_status status;

	if (f == NULL)
		return OUTFLOW_E_NOMEM;
	status = batch_begin(&b, &f->memory, 1, n);
	rejects_begin_poll(&w->services.rejects, &b.plugin);
	if (status == OUTFLOW_OK)
		status = poll_some(w, &b, n);
	batch_end(&b);
	if (status == OUTFLOW_OK)
		status = ledger_admit(w->services.ledger, f, b.plugin.recs, b.plugin.n);
	if (status != OUTFLOW_OK) {
		batch_drop_records(&f->memory, b.plugin.recs);
		family_discard(f);
		return status;
	}
	status = chain_run(&w->chain, f, err);
	if (status != OUTFLOW_OK)
		return status;
	if (f->n_outputs > 0)
		outbox_add_family(&w->outbox, f);
	ledger_publish(f);
	faults_published(&w->faults);
	return OUTFLOW_OK;
}

static outflow_status live(struct world *w, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	for (unsigned turn = 0; status == OUTFLOW_OK && turn < 30; turn++) {
		ledger_collect(w->services.ledger);
		status = faults_handle(&w->faults, now_ns, err);
		if (status != OUTFLOW_OK)
			break;
		order_release(&w->order);
		outbox_put(&w->outbox);
		outbox_put(&w->dead_letters);
		if (w->emitted < RECORDS)
			status = take_batch(w, RECORDS / 4, err);
		else if (faults_next(&w->faults) != CLOCK_NEVER)
			now_ns = faults_next(&w->faults);
	}
	return status;
}

static void check_extension(void *ctx, uint32_t stream, outflow_str json, uint64_t next, const outflow_bytes *pos_ext)
{
	unsigned number = (unsigned)next - 1;

	(void)ctx;
	(void)stream;
	(void)json;
	assert_int_equal(pos_ext != NULL, has_extension(number));
	if (pos_ext != NULL)
		assert_int_equal(*(const unsigned char *)pos_ext->ptr, number / 2);
}

/* Everything before the position is where it belongs, and the account counts no more than that. */
static void check_nothing_lost(struct world *w, outflow_status status)
{
	uint64_t next = 0;
	struct account a;

	if (w->services.ledger == NULL)
		return;
	ledger_collect(w->services.ledger);
	ledger_advance(w->services.ledger);
	assert_int_equal(ledger_account(w->services.ledger, &a), 0);
	assert_int_equal(a.dropped, 0);
	assert_int_equal(a.filtered, 0);
	if (status == OUTFLOW_OK)
		assert_int_equal(a.dead_lettered, 12); /* 0, 5 ... 35 of the stage; 7, 14, 21, 28 of the sink */
	if (ledger_stream_position(w->services.ledger, w->stream, &next) != OUTFLOW_OK)
		return;
	ledger_moved_streams(w->services.ledger, check_extension, NULL);
	/* Without memory for a position's extension it stays behind until the next one. */
	assert_true(status != OUTFLOW_OK || next == RECORDS || (fails_on && next < RECORDS));
	for (unsigned i = 0; i < next; i++) {
		unsigned copies = i % 2 == 0 ? 2 : 1;

		assert_true(w->sink.put[i] >= copies || w->sink.put[i] + w->letters.put[i] >= copies ||
		            (i % 5 == 0 && w->letters.put[i] == 1));
	}
}

static outflow_status attempt(enum order_mode order)
{
	struct world *w = __real_calloc(1, sizeof *w);
	outflow_error err = { .size = sizeof err };
	outflow_status status;

	assert_non_null(w);
	now_ns = 1000 * CLOCK_S;
	status = begin(w, order);
	if (status == OUTFLOW_OK)
		status = live(w, &err);
	fail_at = 0;
	check_nothing_lost(w, status);
	end(w);
	__real_free(w);
	return status;
}

/* With the first, second, ... allocation failing, until there are no more. */
static void torture(enum order_mode order, int all_from_there)
{
	size_t n = 0, failures = 0;
	int reached = 1;

	clock_use(&test_clock);
	log_set_level(OUTFLOW_LOG_ERROR);
	while (reached) {
		outflow_status status;

		balance = 0;
		fails_on = all_from_there;
		fail_at = ++n;
		armed = 1;
		status = attempt(order);
		reached = !armed;
		assert_true(status <= OUTFLOW_OK);
		assert_int_equal(balance, 0);
		failures += status != OUTFLOW_OK;
	}
	print_message("%zu allocations, %zu of their failures end the task\n", n - 1, failures);
	assert_true(n > 20 && failures > 5);
	clock_use(NULL);
	log_set_level(OUTFLOW_LOG_INFO);
}

static void one_failing_allocation_loses_nothing(void **state)
{
	(void)state;
	torture(ORDER_DEFAULT, 0);
	torture(ORDER_STRICT, 0);
}

static void no_memory_at_all_loses_nothing(void **state)
{
	(void)state;
	torture(ORDER_DEFAULT, 1);
	torture(ORDER_STRICT, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_failing_allocation_loses_nothing),
		cmocka_unit_test(no_memory_at_all_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

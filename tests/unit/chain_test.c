/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chain_test.c: a stage that fails costs no record but its own, is tried again alone, and changes no order; one with a
 * predicate works on what the predicate chooses, and everything else passes in its place; a sink gets each
 * record until it has taken it, whatever its put() answers.
 */
#include "host/pipeline/chain.h"
#include "host/pipeline/watch.h"
#include "tests/unit/test_clock.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define RECORDS 16
#define STAGES 2

/* A record's number is its first byte; stages replace the rest. */
static unsigned number_of(const outflow_record *r)
{
	return *(const unsigned char *)r->value.ptr;
}

/* ---- a stage that does as it is told ---- */

enum how {
	BY_REJECT, /* tells the host which record it was */
	BY_STATUS, /* fails the whole call */
};

struct stage {
	const outflow_host *host;
	enum how how;
	outflow_status status; /* of records that fail */
	unsigned fails[RECORDS], copies[RECORDS], calls[RECORDS];
	int forgets_slots;
};

static outflow_status fail_record(struct stage *s, const outflow_record *in, outflow_error *err)
{
	outflow_error reason = { .size = sizeof reason };

	s->fails[number_of(in)]--;
	if (s->how == BY_STATUS)
		return outflow_fail(err, s->status, "record %u on purpose", number_of(in));
	outflow_fail(&reason, s->status, "record %u on purpose", number_of(in));
	s->host->reject(s->host, in, s->status, &reason);
	return OUTFLOW_OK;
}

static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct stage *s = self;

	for (size_t i = 0; i < n; i++) {
		unsigned number = number_of(&in[i]);

		s->calls[number]++;
		if (s->fails[number] > 0) {
			outflow_status status = fail_record(s, &in[i], err);

			if (status != OUTFLOW_OK)
				return status;
			continue;
		}
		for (unsigned k = 0; k < s->copies[number]; k++) {
			outflow_record *r = outflow_emit(s->host, out, &in[i]);

			if (r == NULL)
				return OUTFLOW_E_NOMEM;
			r->partition = (int32_t)k;
			if (s->forgets_slots)
				r->slot = NULL;
		}
	}
	return OUTFLOW_OK;
}

static outflow_status decode(void *self, outflow_record *recs, size_t n, outflow_batch *memory, outflow_error *err)
{
	struct stage *s = self;

	(void)memory;
	for (size_t i = 0; i < n; i++) {
		s->calls[number_of(&recs[i])]++;
		if (s->fails[number_of(&recs[i])] > 0 && fail_record(s, &recs[i], err) < 0)
			return s->status;
	}
	return OUTFLOW_OK;
}

/* ---- a predicate that does as it is told ---- */

struct predicate {
	const outflow_host *host;
	uint8_t answers[RECORDS];
	unsigned fails[RECORDS]; /* so often, with OUTFLOW_E_RETRY */
	int rejects, emits;      /* a failing one rejects instead of failing the call; it emits a record */
};

static outflow_status test_records(void *self, const outflow_record *in, size_t n, uint8_t *match,
                                   outflow_batch *scratch, outflow_error *err)
{
	struct predicate *p = self;

	for (size_t i = 0; i < n; i++) {
		unsigned number = number_of(&in[i]);
		outflow_error reason = { .size = sizeof reason };

		match[i] = p->answers[number];
		if (p->emits)
			(void)outflow_emit(p->host, scratch, &in[i]);
		if (p->fails[number] == 0)
			continue;
		p->fails[number]--;
		if (!p->rejects)
			return outflow_fail(err, OUTFLOW_E_RETRY, "record %u on purpose", number);
		outflow_fail(&reason, OUTFLOW_E_RECORD, "record %u on purpose", number);
		p->host->reject(p->host, &in[i], OUTFLOW_E_RECORD, &reason);
	}
	return OUTFLOW_OK;
}

/* ---- a sink that answers as it is told ---- */

struct sink {
	const outflow_host *host;
	struct ledger *ledger;
	outflow_status answer; /* of the next put, once */
	outflow_status always; /* after that */
	size_t takes;          /* with that answer */
	int resolves;
	unsigned put[RECORDS], n_put;
	unsigned order[RECORDS * 8];
	unsigned n_calls;
};

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct sink *s = self;
	outflow_status answer = s->answer;
	size_t takes = answer == OUTFLOW_OK ? n : s->takes;

	s->n_calls++;
	s->answer = s->always;
	*taken = takes;
	for (size_t i = 0; i < takes && i < n; i++) {
		outflow_record *r = &recs[i];

		s->put[number_of(r)]++;
		s->order[s->n_put++] = number_of(r);
		if (s->resolves)
			ledger_resolve(s->ledger, &r, 1, OUTFLOW_OK, NULL);
	}
	return answer < 0 ? outflow_fail(err, answer, "refused on purpose") : answer;
}

static void *next_self; /* what the next instance is */

static outflow_status create(const outflow_host *host, const outflow_config *config, void **self, outflow_error *err)
{
	(void)config;
	(void)err;
	*self = next_self;
	*(const outflow_host **)next_self = host;
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static const outflow_transform_ops stage_ops = {
	.size = sizeof stage_ops, .create = create, .apply = apply, .destroy = destroy
};
static const outflow_converter_ops converter_ops = {
	.size = sizeof converter_ops, .create = create, .decode = decode, .destroy = destroy
};
static const outflow_predicate_ops predicate_ops = {
	.size = sizeof predicate_ops, .create = create, .test = test_records, .destroy = destroy
};
static const outflow_component predicate_component = {
	.size = sizeof predicate_component, .kind = OUTFLOW_PREDICATE, .name = "predicate", .ops = &predicate_ops
};
static const outflow_sink_ops sink_ops = { .size = sizeof sink_ops, .create = create, .put = put, .destroy = destroy };
static const outflow_sink_ops sync_ops = {
	.size = sizeof sync_ops, .flags = OUTFLOW_SINK_SYNC, .create = create, .put = put, .destroy = destroy
};
static const outflow_component stage_component = {
	.size = sizeof stage_component, .kind = OUTFLOW_TRANSFORM, .name = "stage", .ops = &stage_ops
};
static const outflow_component converter_component = {
	.size = sizeof converter_component, .kind = OUTFLOW_CONVERTER, .name = "converter", .ops = &converter_ops
};
static const outflow_component sink_component = {
	.size = sizeof sink_component, .kind = OUTFLOW_SINK, .name = "sink", .ops = &sink_ops
};
static const outflow_component sync_component = {
	.size = sizeof sync_component, .kind = OUTFLOW_SINK, .name = "sync", .ops = &sync_ops
};
static const outflow_plugin plugin = { .id = "test" };
static const struct module module = { .plugin = &plugin };
static const struct stage_model predicate_model = { .name = (char *)"predicates.p" };
static const struct stage_model negating_model = { .name = (char *)"transforms.t1", .negate = 1 };
static const struct stage_model stage_models[STAGES] = { { .name = (char *)"transforms.t1" },
	                                                 { .name = (char *)"transforms.t2" } };
static const struct stage_model sink_model = { .name = (char *)"sink" };
static const struct stage_model letters_model = { .name = (char *)"deadletter" };

/* ---- a task without a thread ---- */

struct fixture {
	struct pipeline_model model;
	struct services services;
	struct pool *pool;
	struct stage stages[STAGES];
	struct predicate predicate;
	struct instance instances[STAGES], sink_instance, letters_instance, predicate_instance;
	struct sink sink, letters;
	struct outbox outbox, dead_letters;
	struct order order;
	struct faults faults;
	struct chain chain;
	uint32_t stream;
	unsigned pauses;
	int stops;
	outflow_error err;
};

static void wake(void *ctx)
{
	(void)ctx;
}

static outflow_status pause_for(void *ctx, int64_t deadline_ns, outflow_error *err)
{
	struct fixture *x = ctx;

	(void)err;
	x->pauses++;
	now_ns = deadline_ns;
	return x->stops ? OUTFLOW_E_CANCELED : OUTFLOW_OK;
}

static void make_instance(struct fixture *x, struct instance *i, const struct stage_model *model,
                          const outflow_component *what, void *self)
{
	const struct component component = { &module, what };

	next_self = self;
	assert_int_equal(instance_create(i, &x->services, model, &component, &x->err), OUTFLOW_OK);
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);
	struct services *s = &x->services;
	outflow_resume resume;

	clock_use(&test_clock);
	now_ns = 1000 * CLOCK_S;
	log_set_level(OUTFLOW_LOG_ERROR + 1);
	x->err.size = sizeof x->err;
	x->pool = pool_new();
	x->model.name = (char *)"p";
	x->model.tolerance = TOLERANCE_ALL;
	x->model.retry =
		(struct retry_policy){ .kind = RETRY_BACKOFF, .max_attempts = 3, .max_age_ns = RETRY_NO_LIMIT };
	s->model = &x->model;
	s->ledger = ledger_new(x->pool, wake, x);
	assert_int_equal(
		ledger_stream_open(s->ledger, outflow_text("{}"), 0, (outflow_bytes){ NULL, 0 }, &x->stream, &resume),
		OUTFLOW_OK);
	x->sink = x->letters = (struct sink){ .ledger = s->ledger, .resolves = 1 };
	make_instance(x, &x->sink_instance, &sink_model, &sink_component, &x->sink);
	make_instance(x, &x->letters_instance, &letters_model, &sink_component, &x->letters);
	for (size_t i = 0; i < STAGES; i++) {
		x->stages[i].status = OUTFLOW_E_RECORD;
		for (unsigned r = 0; r < RECORDS; r++)
			x->stages[i].copies[r] = 1;
		make_instance(x, &x->instances[i], &stage_models[i], &stage_component, &x->stages[i]);
	}
	order_init(&x->order, ORDER_DEFAULT, &x->outbox, s->ledger);
	outbox_init(&x->outbox, &x->sink_instance, s->ledger, &x->order);
	outbox_init(&x->dead_letters, &x->letters_instance, s->ledger, NULL);
	faults_init(&x->faults, s, &x->outbox, &x->dead_letters, &x->order);
	x->chain = (struct chain){ .services = s,
		                   .faults = &x->faults,
		                   .source = &x->sink_instance,
		                   .stages = x->instances,
		                   .n_stages = STAGES,
		                   .pause = pause_for,
		                   .pause_ctx = x };
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	for (size_t i = 0; i < STAGES; i++)
		instance_destroy(&x->instances[i]);
	instance_destroy(&x->predicate_instance);
	instance_destroy(&x->sink_instance);
	instance_destroy(&x->letters_instance);
	ledger_free(&x->services.ledger);
	order_clear(&x->order);
	rejects_clear(&x->services.rejects);
	pool_free(&x->pool);
	clock_use(NULL);
	log_set_level(OUTFLOW_LOG_INFO);
	free(x);
	return 0;
}

static void use_converter(struct fixture *x)
{
	instance_destroy(&x->instances[0]);
	make_instance(x, &x->instances[0], &stage_models[0], &converter_component, &x->stages[0]);
}

/* Puts the predicate, true for the even numbers, before the first stage, which makes two copies of each record. */
static void use_predicate(struct fixture *x, const struct stage_model *model)
{
	instance_destroy(&x->instances[0]);
	make_instance(x, &x->instances[0], model, &stage_component, &x->stages[0]);
	make_instance(x, &x->predicate_instance, &predicate_model, &predicate_component, &x->predicate);
	x->instances[0].predicate = &x->predicate_instance;
	for (unsigned i = 0; i < RECORDS; i++) {
		x->predicate.answers[i] = i % 2 == 0 ? 2 : 0; /* anything but 0 is yes */
		x->stages[0].copies[i] = 2;
	}
}

static struct family *admit(struct fixture *x, unsigned n)
{
	struct family *f = family_new(x->services.ledger);
	struct batch b;

	assert_int_equal(batch_begin(&b, &f->memory, n, n), OUTFLOW_OK);
	for (unsigned i = 0; i < n; i++) {
		char *value = family_alloc(&f->memory, 1, 1);

		*value = (char)i;
		b.plugin.recs[b.plugin.n++] = (outflow_record){ .value = { value, 1 }, .stream = x->stream, .pos = i };
	}
	batch_end(&b);
	assert_int_equal(ledger_admit(x->services.ledger, f, b.plugin.recs, n), OUTFLOW_OK);
	return f;
}

/* Publishes what the chain has made of the family and puts until nothing moves. */
static void deliver(struct fixture *x, struct family *f)
{
	if (f->n_outputs > 0)
		outbox_add_family(&x->outbox, f);
	ledger_publish(f);
	faults_published(&x->faults);
	for (int turn = 0; turn < 8; turn++) {
		ledger_collect(x->services.ledger);
		assert_int_equal(faults_handle(&x->faults, now_ns, &x->err), OUTFLOW_OK);
		outbox_put(&x->outbox);
		outbox_put(&x->dead_letters);
	}
	ledger_collect(x->services.ledger);
}

static void run(struct fixture *x, unsigned n)
{
	struct family *f = admit(x, n);

	assert_int_equal(chain_run(&x->chain, f, &x->err), OUTFLOW_OK);
	deliver(x, f);
}

static struct account account(struct fixture *x)
{
	struct account a;

	assert_int_equal(ledger_account(x->services.ledger, &a), 0);
	return a;
}

static uint64_t position(struct fixture *x)
{
	uint64_t next;

	assert_int_equal(ledger_stream_position(x->services.ledger, x->stream, &next), OUTFLOW_OK);
	return next;
}

/* The numbers in the order in which the sink took them. */
static void assert_order(const struct sink *s, const char *expected)
{
	assert_int_equal(s->n_put, strlen(expected));
	for (unsigned i = 0; i < s->n_put; i++)
		assert_int_equal(s->order[i], expected[i] - '0');
}

/* ---- the chain ---- */

static void filtered_and_copied_records_keep_their_order(void **state)
{
	struct fixture *x = *state;

	x->stages[0].copies[1] = 0;
	x->stages[1].copies[2] = 3;
	run(x, 4);
	assert_order(&x->sink, "02223");
	assert_int_equal(account(x).filtered, 1);
	assert_int_equal(account(x).delivered, 3);
	assert_int_equal(position(x), 4);
}

static void a_call_that_fails_costs_only_the_record_that_is_at_fault(void **state)
{
	struct fixture *x = *state;

	x->stages[1].how = BY_STATUS;
	x->stages[1].fails[2] = 2; /* in the call with all of them, then alone */
	run(x, 5);
	assert_order(&x->sink, "0134");
	assert_order(&x->letters, "2");
	assert_int_equal(account(x).delivered, 4);
	assert_int_equal(account(x).dead_lettered, 1);
	assert_int_equal(position(x), 5);
}

static void a_rejected_record_is_tried_again_alone_and_goes_back_to_its_place(void **state)
{
	struct fixture *x = *state;

	x->stages[1].status = OUTFLOW_E_RETRY;
	x->stages[1].fails[1] = 3;
	x->stages[1].copies[1] = 2;
	run(x, 4);
	assert_order(&x->sink, "01123");
	assert_int_equal(x->pauses, 3);
	assert_int_equal(x->stages[1].calls[1], 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(x->stages[0].calls[i], 1);
		assert_true(i == 1 || x->stages[1].calls[i] == 1);
	}
	assert_int_equal(account(x).delivered, 4);
}

static void used_up_retries_end_among_the_dead_letters(void **state)
{
	struct fixture *x = *state;

	x->stages[0].status = OUTFLOW_E_RETRY;
	x->stages[0].how = BY_STATUS;
	x->stages[0].fails[0] = 100;
	run(x, 2);
	assert_int_equal(x->pauses, 3);
	assert_order(&x->sink, "1");
	assert_order(&x->letters, "0");
	assert_int_equal(position(x), 2);
}

static void a_converter_leaves_records_where_they_are_unless_it_rejects_one(void **state)
{
	struct fixture *x = *state;

	use_converter(x);
	run(x, 3);
	assert_order(&x->sink, "012");
	x->stages[0].fails[1] = 1;
	x->sink.n_put = 0;
	run(x, 3);
	assert_order(&x->sink, "02");
	assert_order(&x->letters, "1");
	x->stages[0].how = BY_STATUS;
	x->stages[0].fails[2] = 2;
	x->sink.n_put = x->letters.n_put = 0;
	run(x, 3);
	assert_order(&x->sink, "01");
	assert_order(&x->letters, "2");
	assert_int_equal(account(x).in_flight, 0);
}

static void tolerance_none_ends_the_task_and_resolves_nothing(void **state)
{
	struct fixture *x = *state;

	x->model.tolerance = TOLERANCE_NONE;
	x->stages[1].fails[0] = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_RECORD);
	assert_non_null(strstr(x->err.msg, "transforms.t2: record 0 on purpose"));
	assert_int_equal(account(x).in_flight, 3);
	assert_int_equal(position(x), 0);
}

static void a_stop_during_a_wait_resolves_nothing(void **state)
{
	struct fixture *x = *state;

	x->stops = 1;
	x->stages[1].status = OUTFLOW_E_RETRY;
	x->stages[0].fails[0] = 1; /* its dead letter must not go either */
	x->stages[1].fails[1] = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_CANCELED);
	outbox_put(&x->dead_letters);
	assert_int_equal(account(x).in_flight, 3);
	assert_int_equal(position(x), 0);
	assert_int_equal(x->letters.n_put, 0);
}

static void outputs_that_come_from_no_input_end_the_task(void **state)
{
	struct fixture *x = *state;

	x->stages[0].forgets_slots = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_TASK);
	assert_non_null(strstr(x->err.msg, "transforms.t1: emitted a record that comes from no input"));
	/* The next stage would reject one. */
	x->stages[1].fails[0] = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_TASK);
	/* The order would be restored. */
	x->stages[0].status = OUTFLOW_E_RETRY;
	x->stages[0].fails[1] = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_TASK);
	assert_int_equal(account(x).in_flight, 9);
	assert_int_equal(position(x), 0);
}

static void a_reject_without_a_failure_drops_nothing_silently(void **state)
{
	struct fixture *x = *state;

	x->stages[0].status = OUTFLOW_OK;
	x->stages[0].fails[1] = 2; /* with the others, then alone */
	assert_int_equal(chain_run(&x->chain, admit(x, 3), &x->err), OUTFLOW_E_TASK);
	assert_int_equal(account(x).filtered, 0);
	assert_int_equal(position(x), 0);
}

/* ---- the outbox ---- */

static void what_a_full_sink_left_is_put_later_and_once(void **state)
{
	struct fixture *x = *state;

	x->sink.answer = x->sink.always = OUTFLOW_AGAIN;
	x->sink.takes = 1;
	run(x, 5);
	assert_order(&x->sink, "01234");
	assert_int_equal(x->sink.n_calls, 5);
	assert_int_equal(position(x), 5);
}

static void a_refused_record_does_not_stop_the_others(void **state)
{
	struct fixture *x = *state;

	x->sink.answer = OUTFLOW_E_RECORD;
	x->sink.takes = 2;
	run(x, 5);
	assert_order(&x->sink, "0134");
	assert_order(&x->letters, "2");
	assert_int_equal(account(x).dead_lettered, 1);
	assert_int_equal(position(x), 5);
}

static void a_sink_of_the_synchronous_kind_has_resolved_what_it_took(void **state)
{
	struct fixture *x = *state;

	instance_destroy(&x->sink_instance);
	make_instance(x, &x->sink_instance, &sink_model, &sync_component, &x->sink);
	x->sink.resolves = 0;
	x->sink.answer = OUTFLOW_AGAIN;
	x->sink.takes = 3;
	run(x, 5);
	assert_order(&x->sink, "01234");
	x->sink.answer = OUTFLOW_E_RECORD;
	x->sink.takes = 0;
	run(x, 5);
	assert_order(&x->letters, "0");
	assert_int_equal(account(x).delivered, 9);
	assert_int_equal(account(x).in_flight, 0);
}

static void what_a_sink_has_not_resolved_stays_open(void **state)
{
	struct fixture *x = *state;

	x->sink.resolves = 0;
	run(x, 5);
	assert_order(&x->sink, "01234");
	assert_int_equal(account(x).in_flight, 5);
	assert_int_equal(position(x), 0);
}

static void answers_that_make_no_sense_neither_lose_a_record_nor_hang(void **state)
{
	static const struct {
		outflow_status answer;
		size_t takes;
	} answers[] = { { OUTFLOW_EOF, 0 },   { OUTFLOW_EOF, 2 },      { 99, 1 },
		        { OUTFLOW_AGAIN, 5 }, { OUTFLOW_AGAIN, 1000 }, { OUTFLOW_SLOW, 0 } };
	struct fixture *x = *state;

	for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
		x->sink.n_put = 0;
		x->sink.answer = answers[i].answer;
		x->sink.takes = answers[i].takes;
		/* Taken is taken: that it says so is all there is to go by. */
		x->sink.resolves = answers[i].answer != OUTFLOW_SLOW;
		run(x, 5);
		if (answers[i].answer != OUTFLOW_SLOW)
			assert_order(&x->sink, "01234");
	}
	assert_int_equal(account(x).in_flight, 5);
	assert_int_equal(ledger_double_resolutions(x->services.ledger), 0);
}

static void a_sink_that_ends_by_itself_is_a_full_one(void **state)
{
	struct fixture *x = *state;

	x->sink.answer = x->sink.always = OUTFLOW_EOF;
	x->sink.takes = 0;
	run(x, 2);
	assert_int_equal(account(x).in_flight, 2);
	assert_false(outbox_is_empty(&x->outbox));
	x->sink.answer = x->sink.always = OUTFLOW_OK;
	run(x, 1);
	assert_order(&x->sink, "010");
}

static void a_full_dead_letter_sink_loses_none(void **state)
{
	struct fixture *x = *state;

	x->letters.answer = OUTFLOW_AGAIN;
	x->letters.takes = 0;
	x->stages[0].fails[1] = x->stages[1].fails[3] = 1;
	run(x, 5);
	assert_order(&x->letters, "13");
	assert_int_equal(account(x).dead_lettered, 2);
	assert_int_equal(position(x), 5);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

/* ---- predicates ---- */

static void put_in_order(struct fixture *x, const unsigned *numbers, unsigned n)
{
	assert_int_equal(x->sink.n_put, n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(x->sink.order[i], numbers[i]);
}

static void a_predicate_chooses_what_a_stage_works_on(void **state)
{
	static const unsigned expected[] = { 0, 0, 1, 2, 2, 3, 4, 4 };
	struct fixture *x = *state;

	use_predicate(x, &stage_models[0]);
	run(x, 5);
	put_in_order(x, expected, 8);
	assert_int_equal(x->stages[0].calls[1] + x->stages[0].calls[3], 0);
}

static void negate_turns_the_choice_around(void **state)
{
	static const unsigned expected[] = { 0, 1, 1, 2, 3, 3, 4 };
	struct fixture *x = *state;

	use_predicate(x, &negating_model);
	run(x, 5);
	put_in_order(x, expected, 7);
}

static void what_a_predicate_rejects_is_a_dead_letter(void **state)
{
	static const unsigned expected[] = { 0, 0, 1, 4, 4 };
	struct fixture *x = *state;

	use_predicate(x, &stage_models[0]);
	x->predicate.rejects = 1;
	x->predicate.fails[2] = x->predicate.fails[3] = 1;
	run(x, 5);
	put_in_order(x, expected, 5);
	assert_int_equal(x->stages[0].calls[2], 0);
	assert_int_equal(x->letters.n_put, 2);
	assert_int_equal(account(x).dead_lettered, 2);
}

static void a_predicate_that_fails_is_asked_again(void **state)
{
	static const unsigned expected[] = { 0, 0, 1, 2, 2 };
	struct fixture *x = *state;

	use_predicate(x, &stage_models[0]);
	x->predicate.fails[1] = 2; /* in the call for all, and once more alone */
	run(x, 3);
	put_in_order(x, expected, 5);
	assert_int_equal(x->pauses, 1);
	assert_int_equal(account(x).dead_lettered, 0);
}

static void a_predicate_cannot_emit(void **state)
{
	struct fixture *x = *state;
	struct family *f = admit(x, 2);

	use_predicate(x, &stage_models[0]);
	x->predicate.emits = 1;
	assert_int_equal(chain_run(&x->chain, f, &x->err), OUTFLOW_E_TASK);
	assert_non_null(strstr(x->err.msg, "predicates.p: a predicate says yes or no"));
}

/* ---- somebody who looks on ---- */

struct watched {
	unsigned polled, stages, in, out, handed_over, failures, dead_lettered, failures_at_stage;
	int same; /* a stage left its inputs where they were */
};

static void see_stage(void *ctx, struct instance *stage, const outflow_record *in, uint32_t n,
                      const outflow_record *out, uint32_t n_out)
{
	struct watched *w = ctx;

	assert_non_null(stage->self);
	w->stages++;
	w->in += n;
	w->out += n_out;
	w->same += in == out;
	w->failures_at_stage = w->failures;
}

static void see_polled(void *ctx, const struct instance *source, const outflow_record *in, uint32_t n)
{
	struct watched *w = ctx;

	(void)source;
	assert_non_null(in);
	w->polled += n;
}

static void see_handed_over(void *ctx, const outflow_record *out, uint32_t n)
{
	struct watched *w = ctx;

	assert_non_null(out[0].slot->origin);
	w->handed_over += n;
}

static void see_failure(void *ctx, const struct slot *slot, const struct failure *failure, enum outcome outcome)
{
	struct watched *w = ctx;

	assert_int_equal(number_of(&slot->family->records[slot->index]), 2);
	assert_non_null(strstr(failure->reason->msg, "record 2 on purpose"));
	w->failures++;
	w->dead_lettered += outcome == OUTCOME_DEAD_LETTERED;
}

static void a_watch_sees_each_stage_and_each_failure(void **state)
{
	struct fixture *x = *state;
	struct watched w = { 0 };
	int on = 1;
	const struct watch watch = { &on, see_polled, see_stage, see_handed_over, see_failure, &w };

	use_converter(x);
	x->services.watch = &watch;
	x->stages[1].fails[2] = 1;
	x->stages[1].copies[1] = 0;
	x->stages[1].copies[0] = 3;
	run(x, 4);
	assert_int_equal(w.stages, 2);
	assert_int_equal(w.in, 8);
	assert_int_equal(w.out, 4 + 4);
	assert_int_equal(w.same, 1);
	assert_int_equal(w.failures, 1);
	assert_int_equal(w.failures_at_stage, 1);
	assert_int_equal(w.dead_lettered, 1);
	assert_int_equal(w.polled, 4);
	assert_int_equal(w.handed_over, 4);
	/* A failure that ends the task is seen too, its stage is not. */
	w = (struct watched){ 0 };
	x->model.tolerance = TOLERANCE_NONE;
	x->stages[1].fails[2] = 1;
	assert_int_equal(chain_run(&x->chain, admit(x, 4), &x->err), OUTFLOW_E_RECORD);
	assert_int_equal(w.stages, 1);
	assert_int_equal(w.failures, 1);
	assert_int_equal(w.dead_lettered, 0);
	/* While nobody looks nothing is called. */
	w = (struct watched){ 0 };
	on = 0;
	assert_int_equal(chain_run(&x->chain, admit(x, 4), &x->err), OUTFLOW_OK);
	assert_int_equal(w.polled + w.stages + w.handed_over + w.failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_watch_sees_each_stage_and_each_failure),
		TEST(filtered_and_copied_records_keep_their_order),
		TEST(a_call_that_fails_costs_only_the_record_that_is_at_fault),
		TEST(a_rejected_record_is_tried_again_alone_and_goes_back_to_its_place),
		TEST(used_up_retries_end_among_the_dead_letters),
		TEST(a_converter_leaves_records_where_they_are_unless_it_rejects_one),
		TEST(tolerance_none_ends_the_task_and_resolves_nothing),
		TEST(a_stop_during_a_wait_resolves_nothing),
		TEST(outputs_that_come_from_no_input_end_the_task),
		TEST(a_reject_without_a_failure_drops_nothing_silently),
		TEST(what_a_full_sink_left_is_put_later_and_once),
		TEST(a_refused_record_does_not_stop_the_others),
		TEST(a_sink_of_the_synchronous_kind_has_resolved_what_it_took),
		TEST(what_a_sink_has_not_resolved_stays_open),
		TEST(answers_that_make_no_sense_neither_lose_a_record_nor_hang),
		TEST(a_sink_that_ends_by_itself_is_a_full_one),
		TEST(a_full_dead_letter_sink_loses_none),
		TEST(a_predicate_chooses_what_a_stage_works_on),
		TEST(negate_turns_the_choice_around),
		TEST(what_a_predicate_rejects_is_a_dead_letter),
		TEST(a_predicate_that_fails_is_asked_again),
		TEST(a_predicate_cannot_emit),
	};

	alarm(60); /* a hang is a failure */
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults_test.c: a failing record is tried at exactly the times of its policy, on a clock of the test's own, and ends as
 * errors.tolerance says; retries change the order of records no more than `order` allows.
 */
#include "host/pipeline/faults.h"
#include "tests/unit/test_clock.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ATTEMPTS 256
#define RECORDS 64

/* ---- a sink that fails as told and remembers what it was given ---- */

struct sink {
	struct ledger *ledger;
	outflow_status status;    /* of the records that fail */
	unsigned fails[RECORDS];  /* how often each record fails still */
	int64_t put_at[ATTEMPTS]; /* when each put was */
	unsigned put_which[ATTEMPTS];
	unsigned n_put;
	int hold; /* keeps what it is given, unresolved */
	outflow_record *held[ATTEMPTS];
	unsigned n_held;
};

/* A record's number is its first byte. */
static unsigned number_of(const outflow_record *r)
{
	return *(const unsigned char *)r->value.ptr;
}

static void answer(struct sink *s, outflow_record *r)
{
	outflow_error err = { .size = sizeof err };
	unsigned number = number_of(r);
	outflow_status status = OUTFLOW_OK;

	if (s->fails[number] > 0) {
		s->fails[number]--;
		status = outflow_fail(&err, s->status, "on purpose");
	}
	ledger_resolve(s->ledger, &r, 1, status, status < 0 ? &err : NULL);
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct sink *s = self;

	(void)err;
	for (*taken = 0; *taken < n; ++*taken) {
		assert_true(s->n_put < ATTEMPTS);
		s->put_at[s->n_put] = now_ns;
		s->put_which[s->n_put++] = number_of(&recs[*taken]);
		if (s->hold)
			s->held[s->n_held++] = &recs[*taken];
		else
			answer(s, &recs[*taken]);
	}
	return OUTFLOW_OK;
}

static const outflow_sink_ops sink_ops = { .size = sizeof sink_ops, .put = put };
static const outflow_component sink_component = {
	.size = sizeof sink_component, .kind = OUTFLOW_SINK, .name = "sink", .ops = &sink_ops
};
static const outflow_plugin plugin = { .id = "test" };
static const struct module module = { .plugin = &plugin };
static const struct stage_model sink_model = { .name = (char *)"sink" };
static const struct stage_model letters_model = { .name = (char *)"deadletter" };

/* ---- a task without a thread ---- */

struct fixture {
	struct pipeline_model model;
	struct services services;
	struct pool *pool;
	struct sink sink, letters;
	struct instance sink_instance, letters_instance;
	struct outbox outbox, dead_letters;
	struct order order;
	struct faults faults;
	uint32_t streams[2];
	outflow_error err;
};

static void wake(void *ctx)
{
	(void)ctx;
}

static void make_instance(struct instance *i, const struct stage_model *model, struct sink *sink)
{
	*i = (struct instance){ .model = model, .component = { &module, &sink_component }, .self = sink };
	i->place = (struct log_place){ "p", model->name, 0 };
}

static void begin(struct fixture *x, enum order_mode order, int with_dead_letters)
{
	struct services *s = &x->services;
	outflow_resume resume;

	order_init(&x->order, order, &x->outbox, s->ledger);
	outbox_init(&x->outbox, &x->sink_instance, s->ledger, &x->order);
	outbox_init(&x->dead_letters, &x->letters_instance, s->ledger, NULL);
	faults_init(&x->faults, s, &x->outbox, with_dead_letters ? &x->dead_letters : NULL, &x->order);
	for (int i = 0; i < 2; i++)
		assert_int_equal(ledger_stream_open(s->ledger, outflow_text(i ? "{\"n\":1}" : "{\"n\":0}"), 0,
		                                    (outflow_bytes){ NULL, 0 }, &x->streams[i], &resume),
		                 OUTFLOW_OK);
}

static int setup(void **state)
{
	struct fixture *x = calloc(1, sizeof *x);

	clock_use(&test_clock);
	now_ns = 1000 * CLOCK_S;
	log_set_level(OUTFLOW_LOG_ERROR);
	x->err.size = sizeof x->err;
	x->pool = pool_new();
	x->model.name = (char *)"p";
	x->model.tolerance = TOLERANCE_ALL;
	x->model.retry =
		(struct retry_policy){ .kind = RETRY_BACKOFF, .max_attempts = 3, .max_age_ns = RETRY_NO_LIMIT };
	x->services.model = &x->model;
	x->services.ledger = ledger_new(x->pool, wake, x);
	x->sink.ledger = x->letters.ledger = x->services.ledger;
	x->sink.status = x->letters.status = OUTFLOW_E_RETRY;
	make_instance(&x->sink_instance, &sink_model, &x->sink);
	make_instance(&x->letters_instance, &letters_model, &x->letters);
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *x = *state;

	ledger_free(&x->services.ledger);
	order_clear(&x->order);
	pool_free(&x->pool);
	clock_use(NULL);
	log_set_level(OUTFLOW_LOG_INFO);
	free(x);
	return 0;
}

/* Takes in the records first ... first + n - 1 of a stream; keys: one letter each, repeated; NULL: none. */
static void emit(struct fixture *x, int stream, unsigned first, unsigned n, const char *keys)
{
	struct family *f = family_new(x->services.ledger);
	outflow_record *outputs;
	struct batch b;

	assert_int_equal(batch_begin(&b, &f->memory, n, n), OUTFLOW_OK);
	for (unsigned i = 0; i < n; i++) {
		char *value = family_alloc(&f->memory, 1, 1);

		*value = (char)(first + i);
		b.plugin.recs[b.plugin.n++] = (outflow_record){ .value = { value, 1 },
			                                        .key = { keys ? &keys[i % strlen(keys)] : NULL, 1 },
			                                        .stream = x->streams[stream],
			                                        .pos = first + i };
	}
	batch_end(&b);
	assert_int_equal(ledger_admit(x->services.ledger, f, b.plugin.recs, n), OUTFLOW_OK);
	assert_int_equal(batch_begin(&b, &f->memory, n, n), OUTFLOW_OK);
	outputs = b.plugin.recs;
	memcpy(outputs, f->records, n * sizeof *outputs);
	b.plugin.n = n;
	batch_end(&b);
	assert_int_equal(ledger_expect(f, outputs, n), OUTFLOW_OK);
	outbox_add_family(&x->outbox, f);
	ledger_publish(f);
}

static outflow_status turn(struct fixture *x)
{
	outflow_status status;

	ledger_collect(x->services.ledger);
	status = faults_handle(&x->faults, now_ns, &x->err);
	if (status != OUTFLOW_OK)
		return status;
	order_release(&x->order);
	outbox_put(&x->outbox);
	outbox_put(&x->dead_letters);
	return OUTFLOW_OK;
}

/* Lets time pass from one wait to the next until nothing waits any more. */
static outflow_status run(struct fixture *x)
{
	for (;;) {
		outflow_status status = turn(x);

		for (int again = 0; status == OUTFLOW_OK && again < 4; again++)
			status = turn(x);
		if (status != OUTFLOW_OK || faults_next(&x->faults) == CLOCK_NEVER)
			return status;
		assert_true(faults_next(&x->faults) > now_ns);
		now_ns = faults_next(&x->faults);
	}
}

static struct account account(struct fixture *x)
{
	struct account a;

	ledger_collect(x->services.ledger);
	assert_int_equal(ledger_account(x->services.ledger, &a), 0);
	return a;
}

/* ---- schedules ---- */

static void exponential_decay_is_tried_177_times(void **state)
{
	struct fixture *x = *state;
	int64_t start = now_ns, expected = 0;

	x->model.retry.kind = RETRY_EXPONENTIAL_DECAY;
	x->model.retry.max_attempts = retry_default_attempts(RETRY_EXPONENTIAL_DECAY);
	begin(x, ORDER_DEFAULT, 0);
	x->sink.fails[0] = 1000;
	emit(x, 0, 0, 1, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 177);
	for (unsigned i = 0; i < 177; i++) {
		assert_int_equal(x->sink.put_at[i] - start, expected);
		expected += i < 9 ? CLOCK_S << i : 512 * CLOCK_S;
	}
	assert_int_equal(x->sink.put_at[176] - start, 86015 * CLOCK_S);
	assert_int_equal(account(x).dropped, 1);
}

static void backoff_ends_in_the_dead_letters(void **state)
{
	struct fixture *x = *state;

	begin(x, ORDER_DEFAULT, 1);
	x->sink.fails[0] = 4;
	x->sink.fails[1] = 3;
	emit(x, 0, 0, 3, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	/* 4 attempts of each of the two, one of the third. */
	assert_int_equal(x->sink.n_put, 9);
	assert_int_equal(x->letters.n_put, 1);
	assert_int_equal(x->letters.put_which[0], 0);
	assert_int_equal(account(x).dead_lettered, 1);
	assert_int_equal(account(x).delivered, 2);
	assert_true(now_ns - 1000 * CLOCK_S >= 30 * CLOCK_S && now_ns - 1000 * CLOCK_S <= 60 * CLOCK_S);
}

static void an_outage_of_a_day_uses_up_nothing(void **state)
{
	struct fixture *x = *state;

	x->model.retry.kind = RETRY_NONE;
	begin(x, ORDER_DEFAULT, 1);
	x->sink.status = OUTFLOW_E_OUTAGE;
	x->sink.fails[0] = 200;
	emit(x, 0, 0, 1, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 201);
	assert_int_equal(account(x).delivered, 1);
	assert_int_equal(x->letters.n_put, 0);
}

static void outages_between_failures_leave_the_retries_alone(void **state)
{
	struct fixture *x = *state;

	begin(x, ORDER_DEFAULT, 1);
	x->sink.fails[0] = 1000;
	emit(x, 0, 0, 1, NULL);
	/* Two failures, ten looks at an outage, and the two failures that are left. */
	for (unsigned puts = 1; puts <= 14; puts++) {
		x->sink.status = puts > 2 && puts <= 12 ? OUTFLOW_E_OUTAGE : OUTFLOW_E_RETRY;
		turn(x);
		assert_int_equal(x->sink.n_put, puts);
		turn(x);
		if (faults_next(&x->faults) != CLOCK_NEVER)
			now_ns = faults_next(&x->faults);
	}
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 14);
	assert_int_equal(account(x).dead_lettered, 1);
}

/* ---- tolerance ---- */

static void without_tolerance_the_record_ends_the_task_unresolved(void **state)
{
	struct fixture *x = *state;

	x->model.tolerance = TOLERANCE_NONE;
	begin(x, ORDER_DEFAULT, 1);
	x->sink.fails[1] = 1000;
	emit(x, 0, 0, 3, NULL);
	assert_int_equal(run(x), OUTFLOW_E_RECORD);
	assert_string_equal(x->err.msg, "sink: on purpose");
	assert_int_equal(account(x).delivered, 2);
	assert_int_equal(account(x).in_flight, 1);
}

static void a_dead_letter_is_owed_until_it_is_confirmed(void **state)
{
	struct fixture *x = *state;
	outflow_record *letter;

	begin(x, ORDER_DEFAULT, 1);
	x->sink.status = OUTFLOW_E_RECORD;
	x->sink.fails[0] = 1;
	x->letters.hold = 1;
	emit(x, 0, 0, 1, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->letters.n_held, 1);
	assert_int_equal(account(x).in_flight, 1);
	letter = x->letters.held[0];
	ledger_resolve(x->services.ledger, &letter, 1, OUTFLOW_OK, NULL);
	assert_int_equal(account(x).dead_lettered, 1);
	assert_int_equal(account(x).in_flight, 0);
}

static void a_dead_letter_that_is_refused_ends_the_task(void **state)
{
	struct fixture *x = *state;

	begin(x, ORDER_DEFAULT, 1);
	x->sink.status = x->letters.status = OUTFLOW_E_RECORD;
	x->sink.fails[0] = x->letters.fails[0] = 1;
	emit(x, 0, 0, 1, NULL);
	assert_int_equal(run(x), OUTFLOW_E_TASK);
	assert_string_equal(x->err.msg, "deadletter: on purpose");
	assert_int_equal(account(x).in_flight, 1);
}

/* ---- order ---- */

static void default_holds_back_the_stream_of_a_waiting_record(void **state)
{
	static const unsigned expected[] = { 0, 1, 2, 20, 21, 1, 3, 4 };
	struct fixture *x = *state;

	begin(x, ORDER_DEFAULT, 0);
	x->sink.fails[1] = 1;
	emit(x, 0, 0, 3, NULL);
	turn(x);
	turn(x);
	emit(x, 0, 3, 2, NULL);
	emit(x, 1, 20, 2, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(x->sink.put_which[i], expected[i]);
	assert_int_equal(account(x).delivered, 7);
}

static void default_keeps_several_retries_in_their_order(void **state)
{
	struct fixture *x = *state;
	unsigned last = 0;

	begin(x, ORDER_DEFAULT, 0);
	for (unsigned i = 0; i < 20; i++)
		x->sink.fails[i] = 1;
	emit(x, 0, 0, 20, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 40);
	for (unsigned i = 20; i < 40; i++) {
		assert_int_equal(x->sink.put_which[i], last);
		last++;
	}
}

static void strict_has_one_record_of_a_key_under_way(void **state)
{
	struct fixture *x = *state;
	unsigned next[3] = { 0, 1, 2 };

	begin(x, ORDER_STRICT, 0);
	x->sink.hold = 1;
	emit(x, 0, 0, 30, "abc");
	for (unsigned done = 0; done < 30; done += 3) {
		turn(x);
		assert_int_equal(x->sink.n_held, 3);
		/* Any order among the keys; inside a key it is that of emission. */
		for (unsigned i = 0; i < 3; i++) {
			outflow_record *r = x->sink.held[2 - i];
			unsigned number = number_of(r);

			assert_int_equal(number, next[number % 3]);
			next[number % 3] += 3;
			ledger_resolve(x->services.ledger, &r, 1, OUTFLOW_OK, NULL);
		}
		x->sink.n_held = 0;
	}
	assert_int_equal(account(x).delivered, 30);
}

static void strict_waits_for_a_retry_and_passes_a_record_that_is_given_up(void **state)
{
	static const unsigned expected[] = { 0, 2, 4, 0, 0, 0, 1, 3 };
	struct fixture *x = *state;

	begin(x, ORDER_STRICT, 0);
	x->sink.fails[0] = 4;
	emit(x, 0, 0, 2, "a");
	emit(x, 0, 2, 1, "b");
	emit(x, 0, 3, 1, "a");
	emit(x, 0, 4, 1, NULL);
	assert_int_equal(run(x), OUTFLOW_OK);
	assert_int_equal(x->sink.n_put, 8);
	for (unsigned i = 0; i < 8; i++)
		assert_int_equal(x->sink.put_which[i], expected[i]);
	assert_int_equal(account(x).dropped, 1);
	assert_int_equal(account(x).delivered, 4);
}

static void none_holds_up_nobody(void **state)
{
	static const unsigned expected[] = { 0, 1, 2, 0 };
	struct fixture *x = *state;

	begin(x, ORDER_NONE, 0);
	x->sink.fails[0] = 1;
	emit(x, 0, 0, 2, "a");
	turn(x);
	turn(x);
	emit(x, 0, 2, 1, "a");
	assert_int_equal(run(x), OUTFLOW_OK);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(x->sink.put_which[i], expected[i]);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(exponential_decay_is_tried_177_times),
		TEST(backoff_ends_in_the_dead_letters),
		TEST(an_outage_of_a_day_uses_up_nothing),
		TEST(outages_between_failures_leave_the_retries_alone),
		TEST(without_tolerance_the_record_ends_the_task_unresolved),
		TEST(a_dead_letter_is_owed_until_it_is_confirmed),
		TEST(a_dead_letter_that_is_refused_ends_the_task),
		TEST(default_holds_back_the_stream_of_a_waiting_record),
		TEST(default_keeps_several_retries_in_their_order),
		TEST(strict_has_one_record_of_a_key_under_way),
		TEST(strict_waits_for_a_retry_and_passes_a_record_that_is_given_up),
		TEST(none_holds_up_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kafka_faults_test.c: what each fault of a cluster means for the records of the Kafka sink: nobody's fault, the record's,
 * the task's or the configuration's; and that after a stop the client reads no payload any more, whatever was under way.
 */
#include "tests/unit/kafka_mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <cmocka.h>

/* Of the produce requests in the protocol. */
#define PRODUCE 0
#define ATTEMPT_MS 1000

static struct kafka_mock mock;
static outflow_harness *t;
static outflow_error err = { .size = sizeof err };
static size_t n_resolved;

static int setup(void **state)
{
	(void)state;
	kafka_mock_begin(&mock, 3, 1);
	t = mock.t;
	n_resolved = 0;
	outflow_harness_set(t, "attempt.timeout", "1s");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kafka_mock_end(&mock);
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Forgets what was resolved so far, and records that were refused. */
static void forget(void)
{
	outflow_harness_clear(t);
	n_resolved = 0;
}

static void begin(void)
{
	assert_int_equal(outflow_harness_create(t, kafka_component("sink"), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_OK);
}

static outflow_status put(const char *topic, size_t n)
{
	size_t taken;

	for (size_t i = 0; i < n; i++)
		outflow_harness_input(t, topic, NULL, "x");
	return outflow_harness_put(t, &taken, &err);
}

/* The next n records were resolved with this status; the last one's error is the answer. */
static const outflow_error *expect(size_t n, outflow_status status)
{
	const outflow_harness_outcome *o = NULL;

	assert_true(outflow_harness_wait_resolved(t, n_resolved + n, WAIT_MS));
	for (; n > 0; n--, n_resolved++) {
		o = outflow_harness_resolved(t, n_resolved);
		assert_int_equal(o->status, status);
	}
	return &o->err;
}

static void deliver(size_t n)
{
	assert_int_equal(put("t", n), OUTFLOW_OK);
	expect(n, OUTFLOW_OK);
}

/* Puts one record after the other until one has this status; all before it had the other one. */
static void put_until(outflow_status status, outflow_status before)
{
	int64_t deadline = now_ms() + WAIT_MS;
	outflow_status is;

	do {
		is = put("t", 1);
		if (is == OUTFLOW_OK) {
			assert_true(outflow_harness_wait_resolved(t, ++n_resolved, WAIT_MS));
			is = outflow_harness_resolved(t, n_resolved - 1)->status;
		} else {
			/* It was refused: the next put begins with the next record. */
			forget();
		}
		if (is != status)
			assert_int_equal(is, before);
	} while (is != status && now_ms() < deadline);
	assert_int_equal(is, status);
}

static void all_brokers(void (*call)(int broker))
{
	for (int broker = 1; broker <= 3; broker++)
		call(broker);
}

static void down(int broker)
{
	rd_kafka_mock_broker_set_down(mock.cluster, broker);
}

static void up(int broker)
{
	rd_kafka_mock_broker_set_up(mock.cluster, broker);
}

static void silent(int broker)
{
	rd_kafka_mock_broker_set_rtt(mock.cluster, broker, 60000);
}

static void answer(rd_kafka_resp_err_t code, size_t times)
{
	while (times-- > 0)
		rd_kafka_mock_push_request_errors(mock.cluster, PRODUCE, 1, code);
}

static void topic_error(rd_kafka_resp_err_t code)
{
	rd_kafka_mock_topic_set_error(mock.cluster, "t", code);
}

/* ---- nobody's fault ---- */

static void a_change_of_leaders_is_not_noticed(void **state)
{
	(void)state;
	outflow_harness_set(t, "attempt.timeout", "20s");
	begin();
	for (int i = 0; i < 9; i++) {
		rd_kafka_mock_partition_set_leader(mock.cluster, "t", 0, 1 + i % 3);
		assert_int_equal(put("t", 50), OUTFLOW_OK);
	}
	expect(450, OUTFLOW_OK);
}

static void answers_that_pass_are_not_noticed(void **state)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
		RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
		RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,        RD_KAFKA_RESP_ERR__TRANSPORT,
	};

	(void)state;
	outflow_harness_set(t, "attempt.timeout", "20s");
	begin();
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		answer(codes[i], 2);
		deliver(3);
	}
}

static void a_cluster_that_refuses_for_too_long_ends_the_attempt(void **state)
{
	(void)state;
	begin();
	answer(RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, 100);
	assert_int_equal(put("t", 1), OUTFLOW_OK);
	assert_int_equal(expect(1, OUTFLOW_E_RETRY)->native, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT);
	rd_kafka_mock_clear_request_errors(mock.cluster, PRODUCE);
	deliver(1);
}

static void brokers_that_are_down_are_an_outage_until_they_are_up(void **state)
{
	(void)state;
	outflow_harness_set(t, "producer.reconnect.backoff.max.ms", "100");
	begin();
	deliver(1);
	all_brokers(down);
	assert_int_equal(put("t", 10), OUTFLOW_OK);
	expect(10, OUTFLOW_E_OUTAGE);
	all_brokers(up);
	put_until(OUTFLOW_OK, OUTFLOW_E_OUTAGE);
}

static void brokers_that_say_nothing_are_an_outage(void **state)
{
	(void)state;
	begin();
	deliver(1);
	all_brokers(silent);
	assert_int_equal(put("t", 10), OUTFLOW_OK);
	expect(10, OUTFLOW_E_OUTAGE);
}

static void brokers_that_are_down_do_not_keep_from_starting(void **state)
{
	int64_t since = now_ms();

	(void)state;
	all_brokers(down);
	outflow_harness_set(t, "topic", "t");
	outflow_harness_set(t, "attempt.timeout", "20s");
	begin();
	assert_in_range(now_ms() - since, 0, 6000);
	assert_int_equal(put("t", 1), OUTFLOW_OK);
	all_brokers(up);
	expect(1, OUTFLOW_OK);
}

/* ---- the record's fault ---- */

static void what_a_broker_will_not_store_is_the_records_fault(void **state)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
		RD_KAFKA_RESP_ERR_INVALID_MSG,
		RD_KAFKA_RESP_ERR_INVALID_RECORD,
		RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP,
	};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		/* A client that trusts its place in the partition takes some of them for a broken one. */
		outflow_harness_set(t, "producer.enable.idempotence", "false");
		begin();
		answer(codes[i], 1);
		assert_int_equal(put("t", 1), OUTFLOW_OK);
		assert_int_equal(expect(1, OUTFLOW_E_RECORD)->native, codes[i]);
		deliver(1);
	}
}

static void what_the_client_will_not_take_is_the_records_fault(void **state)
{
	static char large[2000000];
	outflow_record *r;
	size_t taken;

	(void)state;
	begin();
	outflow_harness_input_bytes(t, "t", large, sizeof large);
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_E_RECORD);
	assert_int_equal(err.native, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	forget();
	deliver(1);
	r = outflow_harness_input(t, "t", NULL, "x");
	r->partition = 7;
	outflow_harness_header(t, r, "the client must not free it twice", "h");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_E_RECORD);
	assert_int_equal(err.native, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION);
}

static void a_records_own_topic_that_is_unknown_is_its_fault(void **state)
{
	(void)state;
	rd_kafka_mock_topic_set_error(mock.cluster, "gone", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	outflow_harness_set(t, "attempt.timeout", "6s");
	begin();
	assert_int_equal(put("gone", 1), OUTFLOW_OK);
	assert_non_null(strstr(expect(1, OUTFLOW_E_RECORD)->msg, "'gone' does not exist"));
	deliver(1);
}

/* ---- the task's fault ---- */

static void a_client_that_lost_its_place_is_replaced(void **state)
{
	(void)state;
	begin();
	deliver(1);
	answer(RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, 1);
	assert_int_equal(put("t", 1), OUTFLOW_OK);
	assert_non_null(strstr(expect(1, OUTFLOW_E_TASK)->msg, "a new one is needed"));
	assert_int_equal(put("t", 1), OUTFLOW_E_TASK);
	forget();
	begin();
	deliver(1);
}

static void rights_that_were_taken_away_are_the_tasks_fault(void **state)
{
	static const rd_kafka_resp_err_t codes[] = {
		RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
		RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
	};

	(void)state;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
		begin();
		answer(codes[i], 1);
		assert_int_equal(put("t", 1), OUTFLOW_OK);
		expect(1, OUTFLOW_E_TASK);
	}
}

/* ---- the configured topic ---- */

static void an_unknown_topic_keeps_from_starting(void **state)
{
	int64_t since = now_ms();

	(void)state;
	topic_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	outflow_harness_set(t, "topic", "t");
	assert_int_equal(outflow_harness_create(t, kafka_component("sink"), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "the topic 't' does not exist"));
	assert_in_range(now_ms() - since, 0, 6000);
}

static void a_forbidden_topic_keeps_from_starting_until_it_is_allowed(void **state)
{
	(void)state;
	topic_error(RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	outflow_harness_set(t, "topic", "t");
	assert_int_equal(outflow_harness_create(t, kafka_component("sink"), &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_E_TASK);
	topic_error(RD_KAFKA_RESP_ERR_NO_ERROR);
	begin();
	deliver(1);
}

static void lose_the_topic(const char *grace)
{
	outflow_harness_set(t, "topic", "t");
	outflow_harness_set(t, "grace", grace);
	outflow_harness_set(t, "producer.topic.metadata.refresh.interval.ms", "100");
	begin();
	deliver(1);
	topic_error(RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	put_until(OUTFLOW_E_OUTAGE, OUTFLOW_OK);
}

static void a_topic_that_comes_back_is_waited_for(void **state)
{
	(void)state;
	lose_the_topic("60s");
	topic_error(RD_KAFKA_RESP_ERR_NO_ERROR);
	put_until(OUTFLOW_OK, OUTFLOW_E_OUTAGE);
}

static void a_topic_that_stays_away_ends_the_task(void **state)
{
	int64_t since = now_ms();

	(void)state;
	lose_the_topic("3s");
	put_until(OUTFLOW_E_TASK, OUTFLOW_E_OUTAGE);
	assert_in_range(now_ms() - since, 3000, WAIT_MS);
}

/* ---- configuration ---- */

static void what_would_hide_reports_is_refused(void **state)
{
	static const char *const properties[][2] = {
		{ "producer.delivery.report.only.error", "true" },
		{ "producer.transactional.id", "me" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof properties / sizeof properties[0]; i++) {
		outflow_harness_set(t, properties[i][0], properties[i][1]);
		assert_int_equal(outflow_harness_check(t, kafka_component("sink")), OUTFLOW_E_CONFIG);
		assert_non_null(strstr(outflow_harness_problem(t, 0), properties[i][0]));
		outflow_harness_set(t, properties[i][0], NULL);
	}
}

/* ---- payloads that are not copied ---- */

#define PAYLOAD 200000

/* Puts n payloads that stand in memory of their own, stops the sink in the midst of it, and takes the memory away: a
 * client that still reads one of them dies of it. */
static void stop_with_payloads_under_way(size_t n)
{
	const outflow_sink_ops *ops = kafka_component("sink")->ops;
	const outflow_host *h = outflow_harness_host(t);
	char *memory = mmap(NULL, n * PAYLOAD, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	outflow_record *records = test_calloc(n, sizeof *records);
	int64_t since = now_ms();
	size_t taken = 0;

	assert_ptr_not_equal(memory, MAP_FAILED);
	memset(memory, 'p', n * PAYLOAD);
	for (size_t i = 0; i < n; i++)
		records[i] = (outflow_record){ .topic = { "t", 1 },
			                       .value = { memory + i * PAYLOAD, PAYLOAD },
			                       .partition = -1,
			                       .timestamp_ms = -1 };
	assert_int_equal(ops->put(outflow_harness_self(t), records, n, &taken, &err), OUTFLOW_OK);
	assert_int_equal(ops->stop(outflow_harness_self(t), h->time->mono_ns(h) + INT64_C(5000000000), &err),
	                 OUTFLOW_OK);
	assert_in_range(now_ms() - since, 0, 5000);
	munmap(memory, n * PAYLOAD);
	outflow_harness_destroy(t);
	test_free(records);
}

static void begin_with_large_queue(const char *compression)
{
	outflow_harness_set(t, "compression", compression);
	outflow_harness_set(t, "attempt.timeout", "60s");
	begin();
	deliver(1);
}

static void a_stop_with_brokers_down_leaves_no_reader(void **state)
{
	(void)state;
	begin_with_large_queue("none");
	all_brokers(down);
	stop_with_payloads_under_way(100);
}

static void a_stop_with_requests_under_way_leaves_no_reader(void **state)
{
	(void)state;
	for (int round = 0; round < 4; round++) {
		begin_with_large_queue(round % 2 ? "none" : "lz4");
		all_brokers(silent);
		stop_with_payloads_under_way(100);
		for (int broker = 1; broker <= 3; broker++)
			rd_kafka_mock_broker_set_rtt(mock.cluster, broker, 0);
		forget();
	}
}

static void a_stop_in_the_midst_of_sending_leaves_no_reader(void **state)
{
	(void)state;
	for (int round = 0; round < 10; round++) {
		begin_with_large_queue(round % 2 ? "none" : "lz4");
		stop_with_payloads_under_way(100);
		forget();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(a_change_of_leaders_is_not_noticed),
		TEST(answers_that_pass_are_not_noticed),
		TEST(a_cluster_that_refuses_for_too_long_ends_the_attempt),
		TEST(brokers_that_are_down_are_an_outage_until_they_are_up),
		TEST(brokers_that_say_nothing_are_an_outage),
		TEST(brokers_that_are_down_do_not_keep_from_starting),
		TEST(what_a_broker_will_not_store_is_the_records_fault),
		TEST(what_the_client_will_not_take_is_the_records_fault),
		TEST(a_records_own_topic_that_is_unknown_is_its_fault),
		TEST(a_client_that_lost_its_place_is_replaced),
		TEST(rights_that_were_taken_away_are_the_tasks_fault),
		TEST(an_unknown_topic_keeps_from_starting),
		TEST(a_forbidden_topic_keeps_from_starting_until_it_is_allowed),
		TEST(a_topic_that_comes_back_is_waited_for),
		TEST(a_topic_that_stays_away_ends_the_task),
		TEST(what_would_hide_reports_is_refused),
		TEST(a_stop_with_brokers_down_leaves_no_reader),
		TEST(a_stop_with_requests_under_way_leaves_no_reader),
		TEST(a_stop_in_the_midst_of_sending_leaves_no_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

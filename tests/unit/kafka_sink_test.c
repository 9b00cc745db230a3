/* SPDX-License-Identifier: Apache-2.0 */
/* kafka_sink_test.c: a record is resolved by its delivery report and by nothing else, in the class that its error has. */
#include "connectors/kafka/kafka.h"
#include "sdk/testing/harness.h"

#include <librdkafka/rdkafka_mock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WAIT_MS 20000

outflow_plugin_entry_fn outflow_plugin_entry_v1;

static rd_kafka_t *owner;
static rd_kafka_mock_cluster_t *cluster;
static rd_kafka_t *consumer;
static outflow_harness *t;
static outflow_error err = { .size = sizeof err };

static int setup(void **state)
{
	char why[200];

	(void)state;
	owner = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why);
	cluster = rd_kafka_mock_cluster_new(owner, 1);
	assert_non_null(cluster);
	rd_kafka_mock_topic_create(cluster, "t", 1, 1);
	t = outflow_harness_new();
	outflow_harness_use_real_clock(t);
	outflow_harness_set(t, "bootstrap", rd_kafka_mock_cluster_bootstraps(cluster));
	outflow_harness_set(t, "attempt.timeout", "1s");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	outflow_harness_free(&t);
	if (consumer != NULL)
		rd_kafka_destroy(consumer);
	consumer = NULL;
	rd_kafka_mock_cluster_destroy(cluster);
	rd_kafka_destroy(owner);
	return 0;
}

static void begin(void)
{
	const outflow_component *sink = outflow_plugin_entry_v1()->components[0];

	assert_int_equal(outflow_harness_create(t, sink, &err), OUTFLOW_OK);
	assert_int_equal(outflow_harness_start(t, &err), OUTFLOW_OK);
}

static void put_all(size_t n)
{
	size_t taken = 0;

	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_OK);
	assert_int_equal(taken, n);
}

static void expect_all(size_t n, outflow_status status)
{
	assert_true(outflow_harness_wait_resolved(t, n, WAIT_MS));
	for (size_t i = 0; i < n; i++)
		assert_int_equal(outflow_harness_resolved(t, i)->status, status);
}

/* The next message of the topic, as a consumer sees it. */
static rd_kafka_message_t *consume(void)
{
	rd_kafka_topic_partition_list_t *parts = rd_kafka_topic_partition_list_new(1);
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_message_t *m = NULL;
	char why[200];

	rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster), NULL, 0);
	rd_kafka_conf_set(conf, "group.id", "g", NULL, 0);
	consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
	rd_kafka_topic_partition_list_add(parts, "t", 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_assign(consumer, parts);
	for (int i = 0; i < 100 && (m == NULL || m->err); i++) {
		if (m != NULL)
			rd_kafka_message_destroy(m);
		m = rd_kafka_consumer_poll(consumer, 200);
	}
	assert_non_null(m);
	rd_kafka_topic_partition_list_destroy(parts);
	return m;
}

static void a_record_arrives_with_all_its_parts(void **state)
{
	rd_kafka_headers_t *headers;
	rd_kafka_message_t *m;
	outflow_record *r;
	const void *value;
	size_t size;

	(void)state;
	begin();
	r = outflow_harness_input(t, "t", "key", "value");
	r->timestamp_ms = 1234567890123;
	outflow_harness_header(t, r, "h", "1");
	put_all(1);
	expect_all(1, OUTFLOW_OK);
	m = consume();
	assert_int_equal(m->key_len, 3);
	assert_memory_equal(m->payload, "value", 5);
	assert_int_equal(rd_kafka_message_timestamp(m, NULL), 1234567890123);
	assert_int_equal(rd_kafka_message_headers(m, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_int_equal(rd_kafka_header_get_last(headers, "h", &value, &size), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_memory_equal(value, "1", 1);
	rd_kafka_message_destroy(m);
}

/* By the sink's own operation, with a record that is the test's: the harness would keep the payload as it is. */
static void payload_copy_takes_the_bytes_at_once(void **state)
{
	const outflow_sink_ops *ops = outflow_plugin_entry_v1()->components[0]->ops;
	char value[] = "as it was put";
	outflow_record r = { .topic = outflow_text("t"), .value = { value, strlen(value) }, .partition = -1 };
	rd_kafka_message_t *m;
	size_t taken = 0;

	(void)state;
	outflow_harness_set(t, "payload.copy", "true");
	outflow_harness_set(t, "linger", "500ms");
	begin();
	assert_int_equal(ops->put(outflow_harness_self(t), &r, 1, &taken, &err), OUTFLOW_OK);
	assert_int_equal(taken, 1);
	memset(value, '-', strlen(value));
	m = consume();
	assert_int_equal(m->len, sizeof value - 1);
	assert_memory_equal(m->payload, "as it was put", m->len);
	rd_kafka_message_destroy(m);
	assert_true(outflow_harness_wait_woken(t, 1, WAIT_MS));
	outflow_harness_clear(t); /* it does not know the record that was resolved */
}

static void a_null_value_is_a_tombstone_and_a_null_key_none(void **state)
{
	rd_kafka_message_t *m;

	(void)state;
	begin();
	outflow_harness_input(t, "t", NULL, NULL);
	put_all(1);
	expect_all(1, OUTFLOW_OK);
	m = consume();
	assert_null(m->key);
	assert_null(m->payload);
	rd_kafka_message_destroy(m);
}

static void many_are_resolved_each_once(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 3000; i++)
		outflow_harness_input(t, "t", NULL, "x");
	put_all(3000);
	expect_all(3000, OUTFLOW_OK);
}

static void an_attempt_without_a_broker_is_an_outage(void **state)
{
	(void)state;
	rd_kafka_mock_broker_set_down(cluster, 1);
	begin();
	outflow_harness_input(t, "t", NULL, "x");
	put_all(1);
	expect_all(1, OUTFLOW_E_OUTAGE);
}

static void a_record_that_kafka_cannot_take_is_the_records_fault(void **state)
{
	(void)state;
	begin();
	rd_kafka_mock_push_request_errors(cluster, 0, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	outflow_harness_input(t, "t", NULL, "x");
	put_all(1);
	expect_all(1, OUTFLOW_E_RECORD);
}

static void a_refusal_of_access_is_the_tasks_fault(void **state)
{
	(void)state;
	begin();
	rd_kafka_mock_push_request_errors(cluster, 0, 1, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
	outflow_harness_input(t, "t", NULL, "x");
	put_all(1);
	expect_all(1, OUTFLOW_E_TASK);
}

static void a_full_queue_is_no_error(void **state)
{
	outflow_status status;
	size_t taken = 0;

	(void)state;
	outflow_harness_set(t, "producer.queue.buffering.max.messages", "10");
	outflow_harness_set(t, "producer.linger.ms", "500");
	begin();
	for (int i = 0; i < 25; i++)
		outflow_harness_input(t, "t", NULL, "x");
	status = outflow_harness_put(t, &taken, &err);
	assert_int_equal(status, OUTFLOW_AGAIN);
	assert_int_equal(taken, 10);
	assert_true(outflow_harness_wait_woken(t, 1, WAIT_MS));
	expect_all(10, OUTFLOW_OK);
}

static void a_name_that_is_no_topic_is_the_records_fault(void **state)
{
	char name[300];
	size_t taken = 7;

	(void)state;
	begin();
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	outflow_harness_input(t, name, NULL, "x");
	assert_int_equal(outflow_harness_put(t, &taken, &err), OUTFLOW_E_RECORD);
	assert_int_equal(taken, 0);
}

static void a_stop_without_a_broker_leaves_records_unresolved(void **state)
{
	(void)state;
	outflow_harness_set(t, "attempt.timeout", "60s");
	rd_kafka_mock_broker_set_down(cluster, 1);
	begin();
	for (int i = 0; i < 100; i++)
		outflow_harness_input(t, "t", NULL, "x");
	put_all(100);
	assert_int_equal(outflow_harness_stop(t, 1000, &err), OUTFLOW_OK);
	outflow_harness_destroy(t);
	assert_null(outflow_harness_resolved(t, 0));
}

static void a_wrong_property_is_named(void **state)
{
	(void)state;
	outflow_harness_set(t, "producer.no.such.thing", "1");
	assert_int_equal(outflow_harness_check(t, outflow_plugin_entry_v1()->components[0]), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(outflow_harness_problem(t, 0), "no.such.thing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, setup, teardown)
		TEST(a_record_arrives_with_all_its_parts),
		TEST(payload_copy_takes_the_bytes_at_once),
		TEST(a_null_value_is_a_tombstone_and_a_null_key_none),
		TEST(many_are_resolved_each_once),
		TEST(an_attempt_without_a_broker_is_an_outage),
		TEST(a_record_that_kafka_cannot_take_is_the_records_fault),
		TEST(a_refusal_of_access_is_the_tasks_fault),
		TEST(a_full_queue_is_no_error),
		TEST(a_name_that_is_no_topic_is_the_records_fault),
		TEST(a_stop_without_a_broker_leaves_records_unresolved),
		TEST(a_wrong_property_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

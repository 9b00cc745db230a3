/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics: histograms, what tasks count over all their lives, and that the text is what Prometheus reads. */
#include "host/api/metrics.h"
#include "host/api/metrics_text.h"
#include "host/base/clock.h"
#include "host/base/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- histograms ---- */

static void every_duration_is_in_the_bucket_that_bounds_it(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < HISTOGRAM_BOUNDS; i++) {
		assert_int_equal(histogram_bucket(histogram_bounds_us[i]), i);
		assert_int_equal(histogram_bucket(histogram_bounds_us[i] + 1), i + 1);
		assert_int_equal(histogram_bucket(histogram_bounds_us[i] - 1), i);
	}
	assert_int_equal(histogram_bucket(0), 0);
	assert_int_equal(histogram_bucket(-7), 0);
	assert_int_equal(histogram_bucket(INT64_MAX), HISTOGRAM_BOUNDS);
	for (int64_t us = 1; us > 0 && us < INT64_MAX / 3; us = us * 3 / 2 + 1) {
		uint32_t bucket = histogram_bucket(us);

		assert_true(bucket == HISTOGRAM_BOUNDS || us <= histogram_bounds_us[bucket]);
		assert_true(bucket == 0 || us > histogram_bounds_us[bucket - 1]);
	}
}

static void a_run_adds_the_same_as_one_by_one(void **state)
{
	static const int64_t durations[] = { 0, 3, 3, 700, 700, -5, 400000000, 2, 2500, 2501, 2400 };
	struct histogram one = { 0 }, other = { 0 };
	struct histogram_run run = HISTOGRAM_RUN(&other);

	(void)state;
	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++) {
		histogram_add(&one, durations[i]);
		histogram_run_add(&run, durations[i]);
	}
	histogram_flush(&run);
	histogram_flush(&run);
	assert_memory_equal(&one, &other, sizeof one);
	assert_int_equal(one.counts[0], 5);
	assert_int_equal(one.counts[1], 2);
	assert_int_equal(one.counts[HISTOGRAM_BOUNDS], 1);
	assert_int_equal(one.sum_us, 3 + 3 + 700 + 700 + 400000000 + 2 + 2500 + 2501 + 2400);
}

/* ---- lives of a task ---- */

static struct task_numbers life(uint64_t received, uint64_t delivered)
{
	return (struct task_numbers){
		.counters = { [TASK_RECEIVED] = received, [TASK_DELIVERED] = delivered },
		.gauges = { [TASK_IN_FLIGHT] = (int64_t)(received - delivered),
		            [TASK_OLDEST_ARRIVAL_MS] = 5,
		            [TASK_OLDEST_NS] = 7,
		            [TASK_LAG_RECORDS] = 3 },
	};
}

static struct task_metrics *open_task(const char *pipeline, int64_t task)
{
	struct task_metrics *m = task_metrics_open(&(struct log_place){ pipeline, NULL, task });

	assert_non_null(m);
	return m;
}

/* The one of this name and number; counters as a copy that the next call overwrites. */
static const struct task_view *look(const char *pipeline, int64_t task)
{
	static struct task_view view;
	size_t n, found = 0;
	struct task_view *all = task_metrics_copy(&n);

	assert_non_null(all);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].pipeline, pipeline) == 0 && all[i].task == task) {
			view = all[i];
			found++;
		}
	free(all);
	assert_true(found <= 1);
	return found ? &view : NULL;
}

static void counters_go_on_after_a_restart_and_the_account_stays_whole(void **state)
{
	struct task_metrics *m = open_task("p", 0);
	struct task_numbers n = life(10, 6);
	const struct task_view *v;

	(void)state;
	task_metrics_set(m, &n);
	histogram_add(&task_metrics_histograms(m)->sink, 1);
	task_metrics_close(m, 0);
	v = look("p", 0);
	assert_int_equal(v->numbers.counters[TASK_RECEIVED], 10);
	assert_int_equal(v->numbers.counters[TASK_ABANDONED], 4);
	assert_int_equal(v->numbers.gauges[TASK_IN_FLIGHT], 0);
	assert_int_equal(v->numbers.gauges[TASK_LAG_RECORDS], 0);
	assert_int_equal(v->numbers.gauges[TASK_OLDEST_ARRIVAL_MS], -1);
	m = open_task("p", 0);
	n = life(5, 4);
	task_metrics_set(m, &n);
	histogram_add(&task_metrics_histograms(m)->sink, 1);
	v = look("p", 0);
	assert_int_equal(v->numbers.counters[TASK_RECEIVED], 15);
	assert_int_equal(v->numbers.counters[TASK_DELIVERED] + v->numbers.counters[TASK_ABANDONED] +
	                         (uint64_t)v->numbers.gauges[TASK_IN_FLIGHT],
	                 15);
	assert_int_equal(v->numbers.counters[TASK_LIVES], 2);
	assert_int_equal(v->histograms.sink.counts[0], 2);
	task_metrics_close(m, 0);
	task_metrics_forget("p");
	assert_null(look("p", 0));
}

static void what_waits_in_a_journal_goes_on_to_wait(void **state)
{
	struct task_metrics *m = open_task("p", 0);
	struct task_numbers n = life(10, 6);

	(void)state;
	n.gauges[TASK_JOURNALS] = 1;
	task_metrics_set(m, &n);
	task_metrics_close(m, 0);
	assert_int_equal(look("p", 0)->numbers.gauges[TASK_LAG_RECORDS], 3);
	assert_int_equal(look("p", 0)->numbers.gauges[TASK_OLDEST_ARRIVAL_MS], 5);
	assert_int_equal(look("p", 0)->numbers.gauges[TASK_OLDEST_NS], 0);
	task_metrics_forget("p");
}

static void a_life_that_does_not_end_is_followed_by_another_one(void **state)
{
	struct task_metrics *old = open_task("p", 1), *young;
	struct task_numbers n = life(10, 10);

	(void)state;
	task_metrics_set(old, &n);
	young = open_task("p", 1);
	assert_int_equal(look("p", 1)->numbers.counters[TASK_RECEIVED], 0);
	task_metrics_set(old, &n);
	histogram_add(&task_metrics_histograms(old)->sink, 1);
	assert_int_equal(look("p", 1)->numbers.counters[TASK_RECEIVED], 0);
	task_metrics_close(old, 0);
	task_metrics_forget("p");
	task_metrics_set(young, &n);
	task_metrics_close(young, 0);
}

/* With its clients at work it must not be freed. */
static void what_a_client_may_still_add_to_stays(void **state)
{
	struct task_metrics *m = open_task("leaked", 0);
	struct task_histograms *h = task_metrics_histograms(m);
	static struct task_histograms *reachable;

	(void)state;
	task_metrics_close(m, 1);
	task_metrics_forget("leaked");
	histogram_add(&h->end_to_end, 1);
	reachable = h;
	assert_non_null(reachable);
}

static int64_t wall_now;

static int64_t wall(void)
{
	return wall_now;
}

static int64_t mono(void)
{
	return 1000 * CLOCK_S;
}

static const struct clock_source clocks = { .mono_ns = mono, .wall_ms = wall };

static void progress_is_when_something_was_resolved(void **state)
{
	struct task_metrics *m;
	struct task_numbers n = life(10, 0);

	(void)state;
	clock_use(&clocks);
	wall_now = 1000;
	m = open_task("p", 0);
	wall_now = 2000;
	task_metrics_set(m, &n);
	assert_int_equal(look("p", 0)->numbers.gauges[TASK_PROGRESS_MS], 1000);
	n = life(10, 1);
	task_metrics_set(m, &n);
	wall_now = 3000;
	task_metrics_set(m, &n);
	assert_int_equal(look("p", 0)->numbers.gauges[TASK_PROGRESS_MS], 2000);
	task_metrics_close(m, 0);
	task_metrics_forget("p");
	clock_use(NULL);
}

/* ---- the text ---- */

static void labels_and_help_are_escaped(void **state)
{
	struct metrics_text t = { 0 };

	(void)state;
	metrics_put_label(&t, "a", "x\"y\\z\nw\xc3\xa4");
	assert_string_equal(t.text, "a=\"x\\\"y\\\\z\\nw\xc3\xa4\"");
	t.n = 0;
	metrics_put_label(&t, "a", "bad\xff");
	assert_string_equal(t.text, "a=\"bad?\"");
	t.n = 0;
	metrics_begin(&t, "n", METRICS_GAUGE, "a \"b\" \\ \n c");
	assert_string_equal(t.text, "# HELP n a \"b\" \\\\ \\n c\n# TYPE n gauge\n");
	free(t.text);
}

static void numbers_are_decimals(void **state)
{
	static const struct {
		int64_t value;
		unsigned digits;
		const char *expected;
	} cases[] = {
		{ 0, 0, "0" },
		{ 0, 3, "0" },
		{ 1500, 3, "1.5" },
		{ 1, 6, "0.000001" },
		{ -25, 1, "-2.5" },
		{ 1000, 3, "1" },
		{ 100, 0, "100" },
		{ INT64_MAX, 0, "9223372036854775807" },
		{ INT64_MIN, 0, "-9223372036854775808" },
	};
	struct metrics_text t = { 0 };
	char line[64];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		t.n = 0;
		metrics_sample(&t, "n", NULL, NULL, cases[i].value, cases[i].digits);
		snprintf(line, sizeof line, "n %s\n", cases[i].expected);
		assert_string_equal(t.text, line);
	}
	free(t.text);
}

static void buckets_are_cumulative(void **state)
{
	struct histogram h = { 0 };
	struct metrics_text t = { 0 };

	(void)state;
	histogram_add(&h, 400);
	histogram_add(&h, 600);
	histogram_add(&h, 400000000);
	metrics_histogram(&t, "n", "a=\"b\"", &h);
	assert_non_null(strstr(t.text, "n_bucket{a=\"b\",le=\"0.0005\"} 1\nn_bucket{a=\"b\",le=\"0.001\"} 2\n"));
	assert_non_null(strstr(t.text, "n_bucket{a=\"b\",le=\"300\"} 2\nn_bucket{a=\"b\",le=\"+Inf\"} 3\n"
	                               "n_sum{a=\"b\"} 400.001\nn_count{a=\"b\"} 3\n"));
	free(t.text);
}

static char *render(struct pipeline_snapshot *const *pipelines, size_t n)
{
	size_t length;
	char *text = metrics_render(pipelines, n, &length);

	assert_non_null(text);
	assert_int_equal(strlen(text), length);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	char with_breaks[600];

	snprintf(with_breaks, sizeof with_breaks, "\n%s\n", line);
	if (strstr(text, with_breaks) == NULL) {
		print_error("%s", text);
		fail_msg("no line '%s'", line);
	}
}

static struct pipeline_snapshot *pipeline(char *name, char *source, enum pipeline_state state,
                                          struct task_snapshot *tasks, size_t n_tasks)
{
	static struct pipeline_snapshot list[4];
	static char nothing[] = "";
	static size_t next;
	struct pipeline_snapshot *p = &list[next++ % 4];

	*p = (struct pipeline_snapshot){ .name = name,
		                         .reason = nothing,
		                         .state = state,
		                         .source_class = source,
		                         .tasks = tasks,
		                         .n_tasks = n_tasks };
	return p;
}

static void states_are_numbers_for_us_and_labels_for_kafka_connect(void **state)
{
	struct task_snapshot running = { .number = 0, .state = TASK_RUNNING },
			     failed[] = { { .number = 0, .state = TASK_FAILED },
		                          { .number = 1, .state = TASK_RUNNING } };
	char a[] = "a\"b", c[] = "c", mqtt[] = "mqtt/source", kafka[] = "kafka/source";
	struct pipeline_snapshot *const pipelines[] = {
		pipeline(a, mqtt, PIPELINE_PAUSED, &running, 1),
		pipeline(c, kafka, PIPELINE_RUNNING_FAILED, failed, 2),
	};
	char *text = render(pipelines, 2);

	(void)state;
	assert_has(text, "outflow_connector_state{connector=\"a\\\"b\",state=\"paused\"} 1");
	assert_has(text, "outflow_connector_state{connector=\"c\",state=\"paused\"} 0");
	assert_has(text, "outflow_connector_state{connector=\"c\",state=\"running_failed\"} 1");
	assert_has(text, "outflow_task_state{connector=\"c\",task=\"0\",state=\"failed\"} 1");
	assert_has(text, "kafka_connect_connector_task_status{connector=\"a\\\"b\",task=\"0\",status=\"paused\"} 1");
	assert_has(text, "kafka_connect_connector_status{connector=\"c\",status=\"running\"} 1");
	assert_has(text, "kafka_connect_worker_connector_failed_task_count{connector=\"c\"} 1");
	assert_has(text, "kafka_connect_worker_task_count 3");
	free(text);
}

static void ages_grow_while_a_task_hangs(void **state)
{
	struct task_metrics *m;
	struct task_numbers n = life(10, 4);
	char *text;

	(void)state;
	clock_use(&clocks);
	wall_now = 2000;
	m = open_task("p", 0);
	n.gauges[TASK_OLDEST_ARRIVAL_MS] = 1500;
	n.gauges[TASK_OLDEST_NS] = 998 * CLOCK_S;
	task_metrics_set(m, &n);
	wall_now = 4000;
	text = render(NULL, 0);
	assert_has(text, "outflow_lag_seconds{connector=\"p\",task=\"0\"} 2.5");
	assert_has(text, "outflow_oldest_unresolved_seconds{connector=\"p\",task=\"0\"} 2");
	assert_has(text, "kafka_connect_source_task_source_record_poll_total{connector=\"p\",task=\"0\"} 10");
	assert_null(strstr(text, "\noutflow_journal_bytes{"));
	free(text);
	task_metrics_close(m, 0);
	task_metrics_forget("p");
	clock_use(NULL);
}

static void plugins_metrics_have_good_names_and_one_head(void **state)
{
	static const struct log_place a = { "p", "transforms.t1", 0 }, b = { "p", "transforms.t2", 0 };
	char *text, *head;

	(void)state;
	metrics_add(metrics_open(&a, &a, OUTFLOW_METRIC_COUNTER, "mqtt-lost", "", "Lost."), 3);
	metrics_set(metrics_open(&a, &a, OUTFLOW_METRIC_GAUGE, "table_bytes", "bytes", "Memory."), -5);
	metrics_set(metrics_open(&b, &b, OUTFLOW_METRIC_GAUGE, "table_bytes", "bytes", "Memory."), 6);
	metrics_set(metrics_open(&b, &b, OUTFLOW_METRIC_GAUGE, "age", "seconds", "Age."), 6);
	metrics_set(metrics_open(&b, &b, OUTFLOW_METRIC_GAUGE, "mqtt-lost", "total", "No counter."), 6);
	/* A second life of the same place: counted once. */
	metrics_set(metrics_open(&state, &b, OUTFLOW_METRIC_GAUGE, "age", "seconds", "Age."), 9);
	metrics_count_misbehaviour("bad", "put_count");
	metrics_count_misbehaviour("bad", "put_count");
	text = render(NULL, 0);
	assert_has(text, "outflow_plugin_mqtt_lost_total{connector=\"p\",task=\"0\",stage=\"transforms.t1\"} 3");
	assert_has(text, "outflow_plugin_table_bytes{connector=\"p\",task=\"0\",stage=\"transforms.t1\"} -5");
	assert_has(text, "outflow_plugin_table_bytes{connector=\"p\",task=\"0\",stage=\"transforms.t2\"} 6");
	assert_has(text, "outflow_plugin_mqtt_lost_total_value{connector=\"p\",task=\"0\",stage=\"transforms.t2\"} 6");
	assert_has(text, "outflow_plugin_misbehaving_total{plugin=\"bad\",kind=\"put_count\"} 2");
	head = strstr(text, "# TYPE outflow_plugin_table_bytes gauge");
	assert_non_null(head);
	assert_null(strstr(head + 1, "# TYPE outflow_plugin_table_bytes"));
	head = strstr(text, "\noutflow_plugin_age_seconds{");
	assert_non_null(head);
	assert_null(strstr(head + 1, "\noutflow_plugin_age_seconds{"));
	free(text);
	metrics_close(&a);
	metrics_close(&b);
	metrics_close(&state);
}

static void the_process_tells_of_itself(void **state)
{
	char *text = render(NULL, 0);

	(void)state;
	assert_has(text, "outflow_build_info{version=\"" PACKAGE_VERSION "\"} 1");
	assert_non_null(strstr(text, "\nprocess_resident_memory_bytes "));
	assert_non_null(strstr(text, "\nprocess_open_fds "));
	assert_non_null(strstr(text, "\nprocess_start_time_seconds 1"));
	free(text);
}

/* So many pipelines as one daemon is promised to run. */
static void five_hundred_pipelines_are_rendered_in_no_time(void **state)
{
	static struct task_metrics *tasks[500];
	static struct task_snapshot running = { .number = 0, .state = TASK_RUNNING };
	static struct pipeline_snapshot snapshots[500], *pipelines[500];
	static char names[500][40], mqtt[] = "mqtt/source";
	int64_t begin, took, best = INT64_MAX;
	size_t length = 0;
	char *text;

	(void)state;
	for (int i = 0; i < 500; i++) {
		struct task_numbers n = life(123456, 123450);

		snprintf(names[i], sizeof names[i], "a-pipeline-with-a-name-%03d", i);
		n.gauges[TASK_JOURNALS] = 1;
		tasks[i] = open_task(names[i], 0);
		task_metrics_set(tasks[i], &n);
		snapshots[i] = *pipeline(names[i], mqtt, PIPELINE_RUNNING, &running, 1);
		pipelines[i] = &snapshots[i];
	}
	/* The best of some: the machine only ever adds. */
	for (int round = 0; round < 5; round++) {
		begin = clock_mono_ns();
		text = metrics_render(pipelines, 500, &length);
		took = clock_mono_ns() - begin;
		assert_non_null(text);
		free(text);
		if (took < best)
			best = took;
	}
	print_message("500 pipelines: %.1f ms, %zu KiB\n", (double)best / CLOCK_MS, length >> 10);
	assert_true(length < (size_t)12 << 20);
	for (int i = 0; i < 500; i++) {
		task_metrics_close(tasks[i], 0);
		task_metrics_forget(names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_duration_is_in_the_bucket_that_bounds_it),
		cmocka_unit_test(a_run_adds_the_same_as_one_by_one),
		cmocka_unit_test(counters_go_on_after_a_restart_and_the_account_stays_whole),
		cmocka_unit_test(what_waits_in_a_journal_goes_on_to_wait),
		cmocka_unit_test(a_life_that_does_not_end_is_followed_by_another_one),
		cmocka_unit_test(what_a_client_may_still_add_to_stays),
		cmocka_unit_test(progress_is_when_something_was_resolved),
		cmocka_unit_test(labels_and_help_are_escaped),
		cmocka_unit_test(numbers_are_decimals),
		cmocka_unit_test(buckets_are_cumulative),
		cmocka_unit_test(states_are_numbers_for_us_and_labels_for_kafka_connect),
		cmocka_unit_test(ages_grow_while_a_task_hangs),
		cmocka_unit_test(plugins_metrics_have_good_names_and_one_head),
		cmocka_unit_test(the_process_tells_of_itself),
		cmocka_unit_test(five_hundred_pipelines_are_rendered_in_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

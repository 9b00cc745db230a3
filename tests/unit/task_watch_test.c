/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task notices about itself: that a sink does not answer, how old its oldest record is, that a plugin breaks the
 * contract, that its account is not exact. With real plugins, and a clock that can be put forward.
 */
#include "host/base/clock.h"
#include "host/base/metrics.h"
#include "host/pipeline/task.h"
#include "host/plugin/probe.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- the clock ---- */

static int64_t ahead_ns; /* atomic: of the system's clocks */

static int64_t system_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec;
}

static int64_t ahead(void)
{
	return __atomic_load_n(&ahead_ns, __ATOMIC_SEQ_CST);
}

static int64_t mono(void)
{
	return system_ns(CLOCK_MONOTONIC) + ahead();
}

static int64_t wall(void)
{
	return (system_ns(CLOCK_REALTIME) + ahead()) / CLOCK_MS;
}

static int wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	struct timespec t = { 0 };

	if (deadline_ns == CLOCK_NEVER)
		return pthread_cond_wait(cond, lock);
	deadline_ns -= ahead();
	if (deadline_ns > 0)
		t = (struct timespec){ .tv_sec = (time_t)(deadline_ns / CLOCK_S), .tv_nsec = deadline_ns % CLOCK_S };
	return pthread_cond_timedwait(cond, lock, &t);
}

static const struct clock_source clocks = { mono, wall, wait };

/* ---- the account ---- */

static int64_t off_by; /* atomic */

int64_t __real_ledger_account(const struct ledger *l, struct account *result);
int64_t __wrap_ledger_account(const struct ledger *l, struct account *result);

int64_t __wrap_ledger_account(const struct ledger *l, struct account *result)
{
	return __real_ledger_account(l, result) + __atomic_load_n(&off_by, __ATOMIC_SEQ_CST);
}

/* ---- a task ---- */

struct fixture {
	char dir[64];
	struct loaded loaded;
	struct problems problems;
	struct host_model host;
	struct pipeline_model *model;
	struct environment environment;
	struct checkpoint_store *checkpoints;
	struct task *task;
};

static pthread_mutex_t lines_lock = PTHREAD_MUTEX_INITIALIZER;
static char lines[20000];

static void keep_line(int level, const char *line)
{
	(void)level;
	pthread_mutex_lock(&lines_lock);
	snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "%s", line);
	pthread_mutex_unlock(&lines_lock);
}

static int logged(const char *part)
{
	int is_there;

	pthread_mutex_lock(&lines_lock);
	is_there = strstr(lines, part) != NULL;
	pthread_mutex_unlock(&lines_lock);
	return is_there;
}

static void add_plugin(const struct fixture *f, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char whole[PATH_MAX], to[128];

	assert_non_null(realpath(path, whole));
	snprintf(to, sizeof to, "%s/%s", f->dir, name);
	assert_int_equal(symlink(whole, to), 0);
}

static void on_change(void *ctx)
{
	(void)ctx;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	outflow_error err = { .size = sizeof err };
	char path[128];

	assert_non_null(f);
	*state = f;
	strcpy(f->dir, "/tmp/outflow-watch-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	add_plugin(f, ".libs/event.so");
	add_plugin(f, ".libs/gen.so");
	add_plugin(f, "tests/plug/.libs/misbehaving.so");
	assert_int_equal(inventory_open(f->dir, NULL, &f->environment.inventory, &err), OUTFLOW_OK);
	/* Before the store's thread looks at it. */
	clock_use(&clocks);
	snprintf(path, sizeof path, "%s/checkpoints", f->dir);
	assert_int_equal(checkpoint_store_open(path, CLOCK_S, &f->checkpoints, &err), OUTFLOW_OK);
	f->environment.checkpoints = f->checkpoints;
	f->environment.host = &f->host;
	lines[0] = '\0';
	log_use(keep_line);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[100];

	if (f->task != NULL)
		task_stop(f->task, mono());
	task_free(&f->task);
	task_metrics_forget("p");
	__atomic_store_n(&off_by, 0, __ATOMIC_SEQ_CST);
	log_use(NULL);
	checkpoint_store_close(&f->checkpoints);
	clock_use(NULL);
	pipeline_model_free(&f->model);
	inventory_close(&f->environment.inventory);
	host_model_clear(&f->host);
	loaded_clear(&f->loaded);
	problems_clear(&f->problems);
	snprintf(command, sizeof command, "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* Ten records for one of the sinks that misbehave. */
static void start(struct fixture *f, const char *sink)
{
	outflow_error err = { .size = sizeof err };
	char text[300];

	snprintf(
		text, sizeof text,
		"pipelines = ( { name = \"p\"; source = { class = \"gen\"; count = \"10\"; }; sink = { class = \"%s\"; }; } );",
		sink);
	assert_int_equal(config_load_text("test", text, &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(host_model_new(&f->loaded, &f->host, &f->problems), OUTFLOW_OK);
	assert_int_equal(pipeline_model_new(&f->loaded.pipelines.list[0], &f->loaded.connections, &f->host,
	                                    f->environment.inventory, &f->problems, &f->model),
	                 OUTFLOW_OK);
	if (f->model == NULL)
		problems_print(&f->problems, stderr);
	assert_non_null(f->model);
	assert_int_equal(task_new(f->model, &f->environment, 0, 1, on_change, NULL, &f->task, &err), OUTFLOW_OK);
	assert_int_equal(task_start(f->task, &err), OUTFLOW_OK);
}

static struct task_view view(void)
{
	size_t n;
	struct task_view *all = task_metrics_copy(&n), result = { 0 };

	assert_non_null(all);
	assert_true(n <= 1);
	if (n == 1)
		result = all[0];
	free(all);
	return result;
}

static int in_flight_are(int64_t n)
{
	return view().numbers.gauges[TASK_IN_FLIGHT] == n;
}

static void wait_until(int (*is_true)(int64_t n), int64_t n, const char *what)
{
	int64_t deadline = system_ns(CLOCK_MONOTONIC) + 20 * CLOCK_S;

	while (!is_true(n)) {
		if (system_ns(CLOCK_MONOTONIC) > deadline)
			fail_msg("not within 20 s: %s", what);
		usleep(1000);
	}
}

static int is_stalled(int64_t n)
{
	(void)n;
	return logged("stalled: the oldest of 10 record(s) under way waits for 6");
}

static void a_sink_that_does_not_answer_is_said_to_be_stalled(void **state)
{
	struct fixture *f = *state;
	struct task_view v;

	start(f, "misbehaving/never");
	wait_until(in_flight_are, 10, "ten are in flight");
	v = view();
	assert_true(v.numbers.gauges[TASK_OLDEST_NS] > 0 && v.numbers.gauges[TASK_OLDEST_NS] <= mono());
	assert_true(v.numbers.gauges[TASK_OLDEST_ARRIVAL_MS] > 0 && v.numbers.gauges[TASK_OLDEST_ARRIVAL_MS] <= wall());
	assert_false(logged("stalled"));
	__atomic_add_fetch(&ahead_ns, 61 * CLOCK_S, __ATOMIC_SEQ_CST);
	wait_until(is_stalled, 0, "the line about a stall");
	assert_true(logged(" WARN  p/0 sink: stalled"));
	/* The record is the same, and a minute older. */
	assert_int_equal(view().numbers.gauges[TASK_OLDEST_NS], v.numbers.gauges[TASK_OLDEST_NS]);
	assert_true(mono() - v.numbers.gauges[TASK_OLDEST_NS] >= 61 * CLOCK_S);
	assert_int_equal(view().numbers.counters[TASK_BREACHES], 0);
}

static int delivered_are(int64_t n)
{
	return (int64_t)view().numbers.counters[TASK_DELIVERED] == n;
}

static uint64_t misbehaviours;

static void count(void *ctx, const char *plugin, const char *kind, uint64_t n)
{
	(void)ctx;
	if (strcmp(plugin, "misbehaving") == 0 && strcmp(kind, "resolved_twice") == 0)
		misbehaviours = n;
}

static int misbehaviours_are(int64_t n)
{
	metrics_each_misbehaviour(count, NULL);
	return (int64_t)misbehaviours >= n;
}

static void what_breaks_the_contract_is_counted_by_kind_and_measured_once(void **state)
{
	struct fixture *f = *state;
	struct task_view v;
	uint64_t n = 0, m = 0;

	start(f, "misbehaving/twice");
	wait_until(delivered_are, 10, "ten are delivered");
	wait_until(misbehaviours_are, 1, "the misbehaviour is counted");
	assert_true(logged("plugin misbehaving: "));
	v = view();
	for (int i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		n += v.histograms.end_to_end.counts[i];
		m += v.histograms.sink.counts[i];
	}
	assert_int_equal(n, 10);
	assert_int_equal(m, 10);
	assert_int_equal(v.numbers.gauges[TASK_LAG_RECORDS], 0);
	assert_int_equal(v.numbers.gauges[TASK_OLDEST_NS], 0);
	assert_int_equal(v.numbers.gauges[TASK_OLDEST_ARRIVAL_MS], -1);
}

static int breaches_are(int64_t n)
{
	return (int64_t)task_metrics_breaches() >= n;
}

static void an_account_that_is_not_exact_is_a_defect_that_is_said(void **state)
{
	struct fixture *f = *state;

	__atomic_store_n(&off_by, -3, __ATOMIC_SEQ_CST);
	start(f, "misbehaving/never");
	wait_until(breaches_are, 1, "the breach is counted");
	assert_true(logged("defect of this program: the account is off by -3 record(s); please report it"));
	assert_true(view().numbers.counters[TASK_BREACHES] >= 1);
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(a_sink_that_does_not_answer_is_said_to_be_stalled),
		TEST(what_breaks_the_contract_is_counted_by_kind_and_measured_once),
		TEST(an_account_that_is_not_exact_is_a_defect_that_is_said),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* base_test.c: timers fire once and in order, wake-ups are not lost, metrics and names are shared by name, log lines carry
 * their place, Base64 becomes bytes or is refused. */
#include "host/base/base64.h"
#include "host/base/clock.h"
#include "host/base/intern.h"
#include "host/base/log.h"
#include "host/base/metrics.h"
#include "host/base/timers.h"
#include "host/base/wakeup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- timers ---- */

static char fired[32];
static struct timers timers;

static void fire(void *arg)
{
	strcat(fired, arg);
}

static void fire_and_add(void *arg)
{
	fire(arg);
	assert_int_equal(timers_add(&timers, NULL, 0, fire, "late", NULL), OUTFLOW_OK);
}

static void timers_fire_once_and_in_order(void **state)
{
	uint64_t id;
	int mine = 0, other = 0;

	(void)state;
	fired[0] = '\0';
	timers_add(&timers, &mine, 30, fire, "c", NULL);
	timers_add(&timers, &mine, 10, fire, "a", NULL);
	timers_add(&timers, &mine, 20, fire, "b", &id);
	timers_add(&timers, &other, 5, fire, "x", NULL);
	assert_int_equal(timers_next(&timers), 5);
	timers_cancel(&timers, &other, id);
	timers_drop(&timers, &other);
	assert_int_equal(timers_next(&timers), 10);
	timers_run(&timers, 15);
	assert_string_equal(fired, "a");
	timers_cancel(&timers, &mine, id);
	timers_run(&timers, 100);
	timers_run(&timers, 200);
	assert_string_equal(fired, "ac");
	assert_int_equal(timers_next(&timers), CLOCK_NEVER);
	timers_clear(&timers);
}

static void a_timer_added_by_one_waits_for_the_next_run(void **state)
{
	(void)state;
	fired[0] = '\0';
	timers_add(&timers, NULL, 1, fire_and_add, "first", NULL);
	timers_run(&timers, 10);
	assert_string_equal(fired, "first");
	timers_run(&timers, 10);
	assert_string_equal(fired, "firstlate");
	timers_clear(&timers);
}

/* ---- wake-ups ---- */

static void *signal_it(void *arg)
{
	wakeup_signal(arg);
	return NULL;
}

static void a_wake_up_before_the_wait_is_not_lost(void **state)
{
	struct wakeup w;
	pthread_t thread;

	(void)state;
	assert_int_equal(wakeup_init(&w), 0);
	wakeup_signal(&w);
	wakeup_signal(&w);
	wakeup_wait(&w, CLOCK_NEVER);
	wakeup_wait(&w, clock_mono_ns() + CLOCK_MS);
	pthread_create(&thread, NULL, signal_it, &w);
	wakeup_wait(&w, CLOCK_NEVER);
	pthread_join(thread, NULL);
	wakeup_destroy(&w);
}

/* ---- metrics ---- */

static int64_t seen;

static void see(void *ctx, const struct metric_view *m)
{
	if (m->owner == ctx) {
		assert_string_equal(m->name, "taken");
		assert_string_equal(m->place.pipeline, "p");
		seen += m->value;
	}
}

static void a_metric_is_shared_by_name_and_goes_with_its_owner(void **state)
{
	struct log_place place = { "p", "source", 2 };
	outflow_metric *m = metrics_open(state, &place, OUTFLOW_METRIC_COUNTER, "taken", "", "Taken.");

	assert_ptr_equal(metrics_open(state, &place, OUTFLOW_METRIC_COUNTER, "taken", "", "Taken."), m);
	metrics_add(m, 2);
	metrics_add(m, 3);
	metrics_add(NULL, 1);
	seen = 0;
	metrics_each(see, state);
	assert_int_equal(seen, 5);
	metrics_set(m, 7);
	metrics_close(state);
	seen = 0;
	metrics_each(see, state);
	assert_int_equal(seen, 0);
}

/* ---- names ---- */

static void a_name_has_one_number(void **state)
{
	uint32_t a = intern("outflow.test/1");

	(void)state;
	assert_int_not_equal(a, 0);
	assert_int_equal(intern("outflow.test/1"), a);
	assert_int_not_equal(intern("outflow.test/2"), a);
}

static void too_many_names_are_no_name(void **state)
{
	char name[32];
	uint32_t last = 1;

	(void)state;
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many/%d", i);
		last = intern(name);
	}
	assert_int_equal(last, 0);
}

/* ---- log ---- */

static char last_line[2000];

static void keep_line(int level, const char *line)
{
	(void)level;
	snprintf(last_line, sizeof last_line, "%s", line);
}

static int64_t fixed_wall(void)
{
	return INT64_C(1767225600123); /* 2026-01-01T00:00:00.123Z */
}

static int64_t fixed_mono(void)
{
	return 0;
}

static void a_log_line_carries_time_place_and_one_line_of_text(void **state)
{
	static const struct clock_source clocks = { .mono_ns = fixed_mono, .wall_ms = fixed_wall };
	struct log_place place = { "plant", "source", 3 };

	(void)state;
	log_use(keep_line);
	clock_use(&clocks);
	log_write(&place, OUTFLOW_LOG_WARN, "two\nlines %d", 5);
	assert_string_equal(last_line, "2026-01-01T00:00:00.123Z WARN  plant/3 source: two lines 5\n");
	log_write(NULL, OUTFLOW_LOG_INFO, "host");
	assert_string_equal(last_line, "2026-01-01T00:00:00.123Z INFO  host\n");
	last_line[0] = '\0';
	log_write(NULL, OUTFLOW_LOG_DEBUG, "not shown");
	assert_string_equal(last_line, "");
	clock_use(NULL);
	log_use(NULL);
}

/* ---- Base64 ---- */

static void assert_bytes(const char *text, const char *bytes, size_t expected)
{
	size_t n;
	char *found = base64_decode(text, strlen(text), &n);

	assert_non_null(found);
	assert_int_equal(n, expected);
	assert_memory_equal(found, bytes, n);
	free(found);
}

/* RFC 4648, section 10, and what is none. */
static void base64_becomes_bytes(void **state)
{
	static const char *const refused[] = { "Z", "Zg=x", "Zg===", "Zm9v!", "Zm 9v", "Z=g=", "====", "Zm9vYmFyZ" };
	size_t n;

	(void)state;
	assert_bytes("", "", 0);
	assert_bytes("Zg==", "f", 1);
	assert_bytes("Zg", "f", 1);
	assert_bytes("Zm8=", "fo", 2);
	assert_bytes("Zm9v", "foo", 3);
	assert_bytes("Zm9vYmFy", "foobar", 6);
	assert_bytes("AAH/+w==", "\0\1\377\373", 4);
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		assert_null(base64_decode(refused[i], strlen(refused[i]), &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_once_and_in_order),
		cmocka_unit_test(a_timer_added_by_one_waits_for_the_next_run),
		cmocka_unit_test(a_wake_up_before_the_wait_is_not_lost),
		cmocka_unit_test(a_metric_is_shared_by_name_and_goes_with_its_owner),
		cmocka_unit_test(a_name_has_one_number),
		cmocka_unit_test(too_many_names_are_no_name),
		cmocka_unit_test(base64_becomes_bytes),
		cmocka_unit_test(a_log_line_carries_time_place_and_one_line_of_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

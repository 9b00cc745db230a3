/* SPDX-License-Identifier: Apache-2.0 */
/* Loggers: whose lines are written, what a change of levels reports, and that lines look as they should in both formats. */
#include "host/base/clock.h"
#include "host/base/log.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static int64_t now_ms;
static char line[5000];
static int n_lines;

static int64_t mono(void)
{
	return 0;
}

static int64_t wall(void)
{
	return now_ms;
}

static void keep_line(int level, const char *text)
{
	(void)level;
	snprintf(line, sizeof line, "%s", text);
	n_lines++;
}

static const struct log_place plant = { "plant", NULL, -1 }, plant_0 = { "plant", NULL, 0 };
static const struct log_place source_0 = { "plant", "source", 0 }, source_1 = { "plant", "source", 1 };
static const struct log_place plants = { "plants", NULL, -1 };

static int set_up(void **state)
{
	static const struct clock_source clocks = { .mono_ns = mono, .wall_ms = wall };

	(void)state;
	now_ms = INT64_C(1767225600123); /* 2026-01-01T00:00:00.123Z */
	n_lines = 0;
	clock_use(&clocks);
	log_use(keep_line);
	return 0;
}

/* Loggers stay for as long as the process: back to what a test can rely on. */
static int tear_down(void **state)
{
	(void)state;
	log_set_format(LOG_TEXT);
	assert_int_equal(log_logger_configure("root", OUTFLOW_LOG_INFO, NULL), OUTFLOW_OK);
	log_use(NULL);
	clock_use(NULL);
	return 0;
}

static void name_it(void *ctx, const struct logger_view *l)
{
	char *names = ctx;

	snprintf(names + strlen(names), 2000 - strlen(names), "%s=%s ", l->name, log_level_name(l->level));
}

static const char *set(const char *name, int level)
{
	static char names[2000];

	names[0] = '\0';
	assert_int_equal(log_logger_set(name, level, name_it, names, NULL), OUTFLOW_OK);
	return names;
}

static const char *list(void)
{
	static char names[2000];

	names[0] = '\0';
	log_loggers_each(name_it, names);
	return names;
}

static int64_t modified(const char *name)
{
	struct logger_view l;

	assert_int_equal(log_logger_get(name, &l), 0);
	return l.last_modified_ms;
}

static void the_hosts_own_loggers_are_there_from_the_start(void **state)
{
	(void)state;
	assert_string_equal(list(),
	                    "connector=INFO host=INFO host.api=INFO host.plugin=INFO host.store=INFO root=INFO ");
	assert_int_equal(modified("ROOT"), 0);
	assert_int_equal(modified("host"), 0);
}

static void a_level_applies_to_what_is_below_a_dot_and_to_nothing_else(void **state)
{
	(void)state;
	set("connector.plant", OUTFLOW_LOG_DEBUG);
	assert_true(log_enabled(&plant, OUTFLOW_LOG_DEBUG));
	assert_true(log_enabled(&source_1, OUTFLOW_LOG_DEBUG));
	assert_false(log_enabled(&source_1, LOG_TRACE));
	assert_false(log_enabled(&plants, OUTFLOW_LOG_DEBUG));
	assert_false(log_enabled(NULL, OUTFLOW_LOG_DEBUG));
	set("connector.plant.task.0.source", OUTFLOW_LOG_ERROR);
	assert_false(log_enabled(&source_0, OUTFLOW_LOG_WARN));
	assert_true(log_enabled(&plant_0, OUTFLOW_LOG_DEBUG));
	assert_true(log_enabled(&source_1, OUTFLOW_LOG_DEBUG));
	set("host.store", LOG_OFF);
	assert_false(log_enabled(&log_store_place, OUTFLOW_LOG_ERROR));
	assert_true(log_enabled(&log_api_place, OUTFLOW_LOG_INFO));
	assert_true(log_enabled(NULL, OUTFLOW_LOG_INFO));
}

static void a_namespace_takes_back_what_was_set_below_it(void **state)
{
	(void)state;
	set("connector.plant.task.0", OUTFLOW_LOG_DEBUG);
	set("connector", OUTFLOW_LOG_WARN);
	assert_false(log_enabled(&plant_0, OUTFLOW_LOG_INFO));
	set("root", LOG_TRACE);
	assert_true(log_enabled(&plant_0, LOG_TRACE));
	assert_true(log_enabled(&plants, LOG_TRACE));
}

static void only_loggers_whose_level_changes_are_reported_and_modified(void **state)
{
	static const struct log_place task = { "mod", NULL, 0 };
	int64_t above = modified("connector");

	(void)state;
	log_logger_open(&task);
	now_ms += 1000;
	assert_string_equal(set("connector.mod", OUTFLOW_LOG_DEBUG), "connector.mod=DEBUG connector.mod.task.0=DEBUG ");
	assert_int_equal(modified("connector.mod.task.0"), now_ms);
	assert_int_equal(modified("connector"), above);
	now_ms += 1000;
	assert_string_equal(set("connector.mod", OUTFLOW_LOG_DEBUG), "");
	assert_int_equal(modified("connector.mod"), now_ms - 1000);
	assert_string_equal(set("connector.mod.task.0", OUTFLOW_LOG_WARN), "connector.mod.task.0=WARN ");
	assert_string_equal(set("connector.mod", OUTFLOW_LOG_WARN), "connector.mod=WARN ");
	assert_string_equal(set("connector.mod", OUTFLOW_LOG_INFO), "connector.mod=INFO connector.mod.task.0=INFO ");
	assert_int_equal(modified("connector.mod.task.0"), now_ms);
	log_logger_close(&task);
	assert_non_null(strstr(set("Root", OUTFLOW_LOG_WARN), " host.store=WARN root=WARN "));
	assert_int_equal(modified("root"), now_ms);
}

static void unknown_ones_are_made_by_setting_and_by_nothing_else(void **state)
{
	struct logger_view l;

	(void)state;
	assert_int_equal(log_logger_get("connector.new", &l), -1);
	assert_int_equal(log_logger_get("connector.new", &l), -1);
	assert_string_equal(set("connector.new", OUTFLOW_LOG_INFO), "");
	assert_int_equal(log_logger_get("connector.new", &l), 0);
	assert_int_equal(l.level, OUTFLOW_LOG_INFO);
	assert_int_equal(l.last_modified_ms, 0);
}

static void off_leaves_the_list_but_can_be_asked_for(void **state)
{
	struct logger_view l;

	(void)state;
	set("host.api", LOG_OFF);
	assert_null(strstr(list(), "host.api"));
	assert_int_equal(log_logger_get("host.api", &l), 0);
	assert_int_equal(l.level, LOG_OFF);
	assert_string_equal(set("host.api", OUTFLOW_LOG_INFO), "host.api=INFO ");
	assert_non_null(strstr(list(), "host.api=INFO"));
}

static void a_pipelines_loggers_go_with_its_last_task_unless_their_level_was_set(void **state)
{
	static const struct log_place a = { "a", NULL, 0 }, b = { "a", NULL, 1 };
	struct logger_view l;

	(void)state;
	log_logger_open(&a);
	log_logger_open(&b);
	log_logger_close(&a);
	assert_int_equal(log_logger_get("connector.a", &l), 0);
	assert_int_equal(log_logger_get("connector.a.task.0", &l), -1);
	set("connector.a.task.1", OUTFLOW_LOG_DEBUG);
	log_logger_close(&b);
	assert_int_equal(log_logger_get("connector.a", &l), -1);
	assert_int_equal(log_logger_get("connector.a.task.1", &l), 0);
	log_logger_close(&b);
}

static void wrong_names_and_levels_are_refused(void **state)
{
	outflow_error err = { .size = sizeof err };
	char name[LOGGER_NAME_MAX + 2];
	int level = 77;

	(void)state;
	memset(name, 'x', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(log_logger_set(name, OUTFLOW_LOG_INFO, NULL, NULL, &err), OUTFLOW_E_CONFIG);
	assert_non_null(strstr(err.msg, "511"));
	assert_int_equal(log_logger_set("", OUTFLOW_LOG_INFO, NULL, NULL, &err), OUTFLOW_E_CONFIG);
	assert_int_equal(log_level_parse("verbose", &level), -1);
	assert_int_equal(level, 77);
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, OUTFLOW_LOG_WARN);
	assert_int_equal(log_level_parse("Off", &level), 0);
	assert_int_equal(level, LOG_OFF);
}

static void configuration_modifies_nothing(void **state)
{
	(void)state;
	assert_int_equal(log_logger_configure("connector.conf", OUTFLOW_LOG_DEBUG, NULL), OUTFLOW_OK);
	assert_int_equal(modified("connector.conf"), 0);
	assert_true(log_enabled(&(struct log_place){ "conf", "sink", 3 }, OUTFLOW_LOG_DEBUG));
}

static void lines_of_a_silent_logger_are_not_written(void **state)
{
	(void)state;
	set("connector.plant.task.0", OUTFLOW_LOG_ERROR);
	log_write(&source_0, OUTFLOW_LOG_WARN, "no");
	assert_int_equal(n_lines, 0);
	log_write(&source_1, OUTFLOW_LOG_WARN, "yes");
	assert_int_equal(n_lines, 1);
	log_write(&source_0, OUTFLOW_LOG_ERROR, "yes");
	assert_string_equal(line, "2026-01-01T00:00:00.123Z ERROR plant/0 source: yes\n");
}

/* The line as JSON; the caller lets go of it. */
static json_t *parsed(void)
{
	json_error_t err;
	json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, &err);

	if (json == NULL)
		print_error("%s: %s\n", err.text, line);
	assert_non_null(json);
	assert_int_equal(line[strlen(line) - 1], '\n');
	return json;
}

static void a_line_of_json_has_the_place_and_the_text(void **state)
{
	json_t *json;

	(void)state;
	log_set_format(LOG_JSON);
	log_write(&source_1, OUTFLOW_LOG_WARN, "a \"b\" \\ \t\x01 \xc3\xa4 %d\nc", 5);
	assert_string_equal(line,
	                    "{\"time\":\"2026-01-01T00:00:00.123Z\",\"level\":\"WARN\",\"logger\":\"connector.plant."
	                    "task.1.source\",\"pipeline\":\"plant\",\"task\":1,\"stage\":\"source\",\"message\":"
	                    "\"a \\\"b\\\" \\\\ \\u0009\\u0001 \xc3\xa4 5 c\"}\n");
	json_decref(parsed());
	log_write(NULL, OUTFLOW_LOG_INFO, "host");
	json = parsed();
	assert_string_equal(json_string_value(json_object_get(json, "logger")), "host");
	assert_null(json_object_get(json, "pipeline"));
	json_decref(json);
}

static void whatever_a_text_holds_a_line_stays_json(void **state)
{
	char text[3000];
	json_t *json;

	(void)state;
	log_set_format(LOG_JSON);
	log_write(&plant, OUTFLOW_LOG_INFO, "%s", "bad \xff\xc3 end");
	json = parsed();
	assert_string_equal(json_string_value(json_object_get(json, "message")), "bad \xef\xbf\xbd\xef\xbf\xbd end");
	json_decref(json);
	for (const char *c = "\x01"
	                     "a\"\xc3\xff";
	     *c != '\0'; c++) {
		memset(text, *c, sizeof text - 1);
		text[sizeof text - 1] = '\0';
		log_write(&plant, OUTFLOW_LOG_INFO, "%s", text);
		assert_true(strlen(line) <= 4096);
		json_decref(parsed());
	}
}

static void levels_that_do_not_exist_are_written_as_those_next_to_them(void **state)
{
	(void)state;
	log_write(NULL, -5, "low");
	assert_non_null(strstr(line, " ERROR low"));
	set("root", LOG_TRACE);
	log_write(NULL, 99, "high");
	assert_non_null(strstr(line, " TRACE high"));
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_hosts_own_loggers_are_there_from_the_start),
		TEST(a_level_applies_to_what_is_below_a_dot_and_to_nothing_else),
		TEST(a_namespace_takes_back_what_was_set_below_it),
		TEST(only_loggers_whose_level_changes_are_reported_and_modified),
		TEST(unknown_ones_are_made_by_setting_and_by_nothing_else),
		TEST(off_leaves_the_list_but_can_be_asked_for),
		TEST(a_pipelines_loggers_go_with_its_last_task_unless_their_level_was_set),
		TEST(wrong_names_and_levels_are_refused),
		TEST(configuration_modifies_nothing),
		TEST(lines_of_a_silent_logger_are_not_written),
		TEST(a_line_of_json_has_the_place_and_the_text),
		TEST(whatever_a_text_holds_a_line_stays_json),
		TEST(levels_that_do_not_exist_are_written_as_those_next_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* model_test.c: a declaration becomes the right stages with the right keys, or every mistake in it is said at once. */
#include "host/config/model.h"

#include "host/base/log.h"
#include "host/config/host_schema.h"
#include "host/config/schema.h"
#include "host/journal/journal.h"
#include "host/plugin/probe.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct inventory *inventory;

struct fixture {
	char path[64];
	struct loaded loaded;
	struct problems problems;
	struct host_model host;
	struct pipeline_model *model;
};

static int open_inventory(void **state)
{
	outflow_error err = { .size = sizeof err };

	(void)state;
	return inventory_open(".libs", NULL, &inventory, &err);
}

static int close_inventory(void **state)
{
	(void)state;
	inventory_close(&inventory);
	return 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->path, "/tmp/outflow-model-XXXXXX");
	close(mkstemp(f->path));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	unlink(f->path);
	pipeline_model_free(&f->model);
	host_model_clear(&f->host);
	loaded_clear(&f->loaded);
	problems_clear(&f->problems);
	free(f);
	return 0;
}

/* Loads the text and makes the model of its first pipeline. */
static void make(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(config_load(f->path, &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(host_model_new(&f->loaded, &f->host, &f->problems), OUTFLOW_OK);
	assert_true(f->loaded.pipelines.n > 0);
	assert_int_equal(pipeline_model_new(&f->loaded.pipelines.list[0], &f->loaded.connections, &f->host, inventory,
	                                    &f->problems, &f->model),
	                 OUTFLOW_OK);
}

static void make_good(struct fixture *f, const char *text)
{
	make(f, text);
	if (f->model == NULL || f->problems.n > 0) {
		problems_print(&f->problems, stderr);
		fail_msg("there are problems");
	}
}

static void assert_problem(const struct fixture *f, int line, const char *key, const char *part)
{
	assert_null(f->model);
	for (size_t i = 0; i < f->problems.n; i++) {
		const struct problem *p = &f->problems.list[i];

		if (p->line == line && p->key != NULL && strcmp(p->key, key) == 0 && strstr(p->message, part) != NULL)
			return;
	}
	problems_print(&f->problems, stderr);
	fail_msg("no problem of %s on line %d says '%s'", key, line, part);
}

static void assert_text(const struct stage_model *s, const char *key, const char *expected)
{
	outflow_str value = { 0 };

	assert_int_equal(instance_config_api.str(s->config, key, &value), OUTFLOW_OK);
	if (!outflow_equal(value, expected))
		fail_msg("%s of %s is '%.*s'", key, s->name, (int)value.len, value.ptr);
}

#define GEN "source = { class = \"gen\"; }; "
#define NOWHERE "sink = { class = \"null\"; }; "

static void the_smallest_pipeline_has_defaults(void **state)
{
	struct fixture *f = *state;
	const struct pipeline_model *m;

	make_good(f, "pipelines = ( { name = \"p\"; " GEN NOWHERE "} );");
	m = f->model;
	assert_string_equal(m->name, "p");
	assert_string_equal(m->source.name, "source");
	assert_string_equal(m->source.component.module->plugin->id, "gen");
	assert_string_equal(m->sink.component.module->plugin->id, "null");
	assert_int_equal(m->n_stages, 1);
	assert_string_equal(m->stages[0].name, "convert");
	assert_null(m->deadletter.name);
	assert_null(m->deadletter_topic);
	assert_true(m->running);
	assert_int_equal(m->tasks_max, 1);
	assert_int_equal(m->tolerance, TOLERANCE_NONE);
	assert_int_equal(m->batch_messages, 0);
	assert_int_equal(m->journal.sync, JOURNAL_SYNC_INTERVAL);
	assert_int_equal(m->journal.sync_interval_ns, 100000000);
	assert_true(m->journal.soft_bytes < m->journal.hard_bytes);
	assert_text(&m->stages[0], "format", "json");
	assert_text(&m->source, "cluster", "outflow");
}

static void stages_stand_in_order_and_see_their_own_keys(void **state)
{
	struct fixture *f = *state;
	const struct pipeline_model *m;

	make_good(
		f,
		"cluster = \"north\";\n"
		"pipelines = ( { name = \"p\"; state = \"stopped\"; tasks = { max = 4; };\n"
		"batch = { messages = 100; interval = \"2s\"; bytes = \"2MiB\"; };\n"
		"source = { class = \"gen/source\"; format = \"text\"; event = { type = \"t\"; }; };\n"
		"filter = { pattern = \"{\\\"subject\\\":[\\\"a\\\"]}\"; };\n"
		"transforms = ( { class = \"event/filter\"; pattern = \"{\\\"subject\\\":[\\\"b\\\"]}\"; },\n"
		"               { name = \"more\"; type = \"filter\"; pattern = \"{\\\"subject\\\":[\\\"c\\\"]}\"; } );\n"
		"sink = { type = \"null\"; topic = \"out\"; key = { form = \"CONSTANT\"; value = \"k\"; }; };\n"
		"errors = { tolerance = \"all\"; };\n"
		"deadletter = { class = \"null\"; topic = \"dead\"; };\n"
		"journal = { sync = \"always\"; segment = { bytes = \"1MiB\"; }; };\n"
		"} );");
	m = f->model;
	assert_false(m->running);
	assert_int_equal(m->tasks_max, 4);
	assert_int_equal(m->batch_messages, 100);
	assert_int_equal(m->batch_interval_ns, 2000000000);
	assert_int_equal(m->batch_bytes, 2 << 20);
	assert_int_equal(m->tolerance, TOLERANCE_ALL);
	assert_int_equal(m->journal.sync, JOURNAL_SYNC_ALWAYS);
	assert_int_equal(m->journal.segment_bytes, 1 << 20);
	assert_string_equal(m->deadletter_topic, "dead");
	assert_string_equal(m->deadletter.name, "deadletter");
	assert_int_equal(m->n_stages, 5);
	assert_string_equal(m->stages[0].name, "convert");
	assert_string_equal(m->stages[1].name, "filter");
	assert_string_equal(m->stages[2].name, "transforms.t1");
	assert_string_equal(m->stages[3].name, "transforms.more");
	assert_string_equal(m->stages[4].name, "deliver");
	assert_text(&m->stages[0], "format", "text");
	assert_text(&m->stages[1], "pattern", "{\"subject\":[\"a\"]}");
	assert_text(&m->stages[3], "pattern", "{\"subject\":[\"c\"]}");
	assert_text(&m->stages[4], "topic", "out");
	for (size_t i = 1; i < m->n_stages; i++) {
		assert_text(&m->stages[i], "source.format", "text");
		assert_text(&m->stages[i], "source.event.type", "t");
		assert_text(&m->stages[i], "cluster", "north");
	}
}

#define PREDICATE(NAME) "{ name = \"" NAME "\"; class = \"matches\"; pattern = \"{\\\"subject\\\":[\\\"a\\\"]}\"; }"
#define DROP_WHERE(MORE) "{ class = \"drop\"; fields = [ \"a\" ]; " MORE " }"

static void transforms_name_their_predicates(void **state)
{
	struct fixture *f = *state;
	const struct pipeline_model *m;

	make_good(f, "pipelines = ( { name = \"p\"; " GEN NOWHERE "predicates = ( " PREDICATE("hot") ", " PREDICATE(
			     "cold") " );\n"
	                             "transforms = ( " DROP_WHERE("predicate = \"cold\";") ", " DROP_WHERE(
					     "predicate = \"hot\"; negate = true;") ", " DROP_WHERE("") " ); } );");
	m = f->model;
	assert_int_equal(m->n_predicates, 2);
	assert_string_equal(m->predicates[0].name, "predicates.hot");
	assert_text(&m->predicates[0], "pattern", "{\"subject\":[\"a\"]}");
	assert_ptr_equal(m->stages[1].predicate, &m->predicates[1]);
	assert_ptr_equal(m->stages[2].predicate, &m->predicates[0]);
	assert_null(m->stages[3].predicate);
	assert_int_equal(m->stages[1].negate, 0);
	assert_int_equal(m->stages[2].negate, 1);
}

static void mistakes_about_predicates_are_told(void **state)
{
	struct fixture *f = *state;

	make(f,
	     "pipelines = ( { name = \"p\"; " GEN NOWHERE "\n"
	     "predicates = ( " PREDICATE(
		     "hot") ",\n"
	                    "  { name = \"odd\"; class = \"drop\"; },\n"
	                    "  { name = \"none\"; } );\n"
	                    "transforms = ( " DROP_WHERE("predicate = \"hut\";") ",\n" DROP_WHERE(
				    "negate = true;") ",\n" DROP_WHERE("predicate = \"odd\"; negate = 7;") " ); } );");
	assert_problem(f, 3, "predicates.odd.class", "drop");
	assert_problem(f, 1, "predicates.none.class", "is required");
	assert_problem(f, 5, "transforms.t1.predicate", "there is no predicate 'hut'");
	assert_problem(f, 6, "transforms.t2.negate", "has no effect without predicate");
	assert_problem(f, 7, "transforms.t3.negate", "true");
	assert_int_equal(f->problems.n, 5);
}

static void a_connection_fills_in_what_the_pipeline_leaves_open(void **state)
{
	struct fixture *f = *state;

	make_good(f, "connections = ( { name = \"g\"; class = \"gen\"; rate = 5; count = 7; } );\n"
	             "pipelines = ( { name = \"p\"; source = { connection = \"g\"; count = 9; }; " NOWHERE "} );");
	assert_text(&f->model->source, "rate", "5");
	assert_text(&f->model->source, "count", "9");
	assert_string_equal(f->model->source.component.module->plugin->id, "gen");
}

static void a_connection_does_not_win_by_another_spelling(void **state)
{
	struct fixture *f = *state;

	make_good(f, "connections = ( { name = \"g\"; class = \"gen\"; topic = { value = \"theirs\"; }; } );\n"
	             "pipelines = ( { name = \"p\"; source = { connection = \"g\"; topic = \"mine\"; "
	             "}; " NOWHERE "} );");
	assert_text(&f->model->source, "topic", "mine");
}

static void connections_that_do_not_fit_are_problems(void **state)
{
	struct fixture *f = *state;

	make(f, "connections = (\n{ name = \"plant\"; class = \"gen\";\nrats = 5; } );\npipelines = ( { name = \"p\";\n"
	        "source = { connection = \"plant\"; };\nsink = { class = \"null\"; connection = \"plnat\"; };\n"
	        "deadletter = { class = \"null\"; connection = \"plant\"; }; } );");
	assert_problem(f, 3, "source.rats", "did you mean 'source.rate'?");
	assert_problem(f, 6, "sink.connection", "did you mean 'plant'?");
	assert_problem(f, 7, "deadletter.connection", "is of class 'gen', not 'null'");
}

/* Both ends are never made in a trial: what they need in order to be understood is theirs. */
static void stages_of_a_trial_see_no_secret(void **state)
{
	struct fixture *f = *state;
	int64_t batch;

	setenv("OUTFLOW_TEST_NAME", "told", 1);
	setenv("OUTFLOW_TEST_NUMBER", "7", 1);
	make_good(f,
	          "pipelines = ( { name = \"p\"; source = { class = \"gen\"; topic = \"${env:OUTFLOW_TEST_NAME}\"; };"
	          " transforms = ( { class = \"function\"; url = \"http://${env:OUTFLOW_TEST_NAME}/\"; "
	          "token = \"plain\"; batch = \"${env:OUTFLOW_TEST_NUMBER}\"; } );" NOWHERE "} );");
	assert_text(&f->model->stages[1], "url", "http://told/");
	assert_text(&f->model->stages[1], "token", "plain");
	pipeline_model_free(&f->model);
	f->loaded.pipelines.list[0].for_trial = 1;
	assert_int_equal(pipeline_model_new(&f->loaded.pipelines.list[0], &f->loaded.connections, &f->host, inventory,
	                                    &f->problems, &f->model),
	                 OUTFLOW_OK);
	assert_non_null(f->model);
	assert_text(&f->model->stages[1], "url", "http://[hidden]/");
	assert_text(&f->model->stages[1], "token", "[hidden]");
	assert_int_equal(instance_config_api.i64(f->model->stages[1].config, "batch", &batch), OUTFLOW_OK);
	assert_int_equal(batch, 7);
	assert_text(&f->model->source, "topic", "told");
}

static void a_wrong_class_does_not_make_all_its_keys_wrong(void **state)
{
	struct fixture *f = *state;

	make(f,
	     "pipelines = ( { name = \"p\";\nsource = { class = \"gne\"; rate = 5; };\n"
	     "transforms = ( {\nclas = \"filter\"; } );\nsink = { class = \"nul\"; topic = \"x\"; flush = 1; }; } );");
	assert_problem(f, 2, "source.class", "did you mean 'gen'?");
	assert_problem(f, 1, "transforms.t1.class", "is required");
	assert_problem(f, 4, "transforms.t1.clas", "did you mean 'transforms.t1.class'?");
	assert_problem(f, 5, "sink.class", "did you mean 'null'?");
	assert_int_equal(f->problems.n, 4);
}

static void all_mistakes_are_said_at_once(void **state)
{
	struct fixture *f = *state;

	make(f, "log = { levle = \"debug\"; };\npipelines = ( { name = \"p\";\ntasks = { max = 0; };\n"
	        "batch = { interval = \"16s\"; };\nsource = { class = \"gen\"; cuont = 1;\nformat = \"jsn\"; };\n"
	        "sink = { class = \"null\";\nkye = { value = \"x\"; }; };\ndescripton = \"x\";\n"
	        "journal = { soft = { bytes = \"4GiB\"; }; }; } );");
	assert_problem(f, 1, "log.levle", "did you mean 'log.level'?");
	assert_problem(f, 3, "tasks.max", "from 1 to");
	assert_problem(f, 4, "batch.interval", "out of range");
	assert_problem(f, 5, "source.cuont", "did you mean 'source.count'?");
	assert_problem(f, 6, "source.format", "did you mean 'json'?");
	assert_problem(f, 8, "sink.kye.value", "did you mean 'sink.key.value'?");
	assert_problem(f, 9, "descripton", "did you mean 'description'?");
}

static void what_is_dropped_is_less_than_the_journal(void **state)
{
	struct fixture *f = *state;

	make(f, "pipelines = ( { name = \"p\"; " GEN NOWHERE
	        "\njournal = { on = { full = \"drop_oldest\"; }; hard = { bytes = \"2GiB\"; };\n"
	        "segment = { bytes = \"1GiB\"; }; }; } );");
	assert_problem(f, 2, "journal.on.full", "a quarter of journal.hard.bytes");
}

static void a_pattern_is_checked_with_the_rest(void **state)
{
	struct fixture *f = *state;

	make(f, "pipelines = ( { name = \"p\"; " GEN NOWHERE "\nfilter = { pattern = \"{ not json\"; }; } );");
	assert_int_equal(f->problems.n, 1);
	assert_problem(f, 2, "filter.pattern", "");
}

static void the_host_has_keys_of_its_own(void **state)
{
	struct fixture *f = *state;

	make_good(f, "state = { dir = \"/x/y\"; }; plugin = { path = \"/a:/b\"; }; log = { level = \"warn\"; };\n"
	             "checkpoint = { interval = \"250ms\"; }; stop = { timeout = \"5s\"; };\n"
	             "pipelines = ( { name = \"p\"; " GEN NOWHERE "} );");
	assert_string_equal(f->host.state_dir, "/x/y");
	assert_string_equal(f->host.plugin_path, "/a:/b");
	assert_int_equal(f->host.log_level, OUTFLOW_LOG_WARN);
	assert_int_equal(f->host.checkpoint_interval_ns, 250000000);
	assert_int_equal(f->host.stop_timeout_ns, 5000000000);
}

static void levels_of_loggers_are_read_and_checked(void **state)
{
	struct fixture *f = *state;

	make(f, "log = { format = \"json\"; levels = [ \"connector.a:b:Debug\", \"host:off\" ]; };\n"
	        "pipelines = ( { name = \"p\"; " GEN NOWHERE "} );");
	assert_int_equal(f->problems.n, 0);
	assert_int_equal(f->host.log_format, LOG_JSON);
	assert_int_equal(f->host.n_log_levels, 2);
	assert_string_equal(f->host.log_levels[0].logger, "connector.a:b");
	assert_int_equal(f->host.log_levels[0].level, OUTFLOW_LOG_DEBUG);
	assert_int_equal(f->host.log_levels[1].level, LOG_OFF);
}

static void a_wrong_level_of_a_logger_is_a_problem(void **state)
{
	struct fixture *f = *state;

	make(f, "pipelines = ( { name = \"p\"; " GEN NOWHERE "} );\nlog = { levels = [ \"host\", \"host:loud\" ]; };");
	pipeline_model_free(&f->model);
	assert_problem(f, 2, "log.levels", "'host' is not LOGGER:LEVEL");
	assert_problem(f, 2, "log.levels", "'host:loud' has none of the levels");
}

/* Every key of a schema stands in a table of the page. */
static void assert_documented(const char *page, const outflow_cfg_def *def, const char *prefix)
{
	for (size_t i = 0; i < def->n_keys; i++) {
		char cell[100];

		snprintf(cell, sizeof cell, "`%s%s`", prefix, schema_key(def, i)->name);
		if (strstr(page, cell) == NULL)
			fail_msg("doc/configuration.md does not tell of %s", cell);
	}
}

static void the_documentation_tells_of_every_key_of_the_host(void **state)
{
	static char page[65536];
	FILE *file = fopen(SOURCE_DIR "/doc/configuration.md", "r");

	(void)state;
	assert_non_null(file);
	page[fread(page, 1, sizeof page - 1, file)] = '\0';
	fclose(file);
	assert_documented(page, &host_schema, "");
	assert_documented(page, &pipeline_schema, "");
	assert_documented(page, &deadletter_schema, "deadletter.");
}

int main(int argc, char **argv)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_smallest_pipeline_has_defaults),
		TEST(stages_stand_in_order_and_see_their_own_keys),
		TEST(transforms_name_their_predicates),
		TEST(mistakes_about_predicates_are_told),
		TEST(a_connection_fills_in_what_the_pipeline_leaves_open),
		TEST(a_connection_does_not_win_by_another_spelling),
		TEST(connections_that_do_not_fit_are_problems),
		TEST(stages_of_a_trial_see_no_secret),
		TEST(a_wrong_class_does_not_make_all_its_keys_wrong),
		TEST(all_mistakes_are_said_at_once),
		TEST(what_is_dropped_is_less_than_the_journal),
		TEST(a_pattern_is_checked_with_the_rest),
		TEST(the_host_has_keys_of_its_own),
		TEST(levels_of_loggers_are_read_and_checked),
		TEST(a_wrong_level_of_a_logger_is_a_problem),
		TEST(the_documentation_tells_of_every_key_of_the_host),
	};

	probe_serve(argc, argv);
	return cmocka_run_group_tests(tests, open_inventory, close_inventory);
}

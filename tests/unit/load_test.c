/* SPDX-License-Identifier: Apache-2.0 */
/* load_test.c: files become the flat map that doc/configuration.md promises, and every mistake names its file and line. */
#include "host/config/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
	char dir[64];
	struct loaded loaded;
	struct problems problems;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	strcpy(f->dir, "/tmp/outflow-load-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char command[128];

	loaded_clear(&f->loaded);
	problems_clear(&f->problems);
	snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static void write_bytes(const struct fixture *f, const char *name, const char *text, size_t n)
{
	char path[160];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", f->dir, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	assert_int_equal(fclose(file), 0);
}

static void load(struct fixture *f, const char *text)
{
	char path[160];

	write_bytes(f, "a.conf", text, strlen(text));
	snprintf(path, sizeof path, "%s/a.conf", f->dir);
	assert_int_equal(config_load(path, &f->loaded, &f->problems), OUTFLOW_OK);
}

static void assert_host(const struct fixture *f, const char *key, const char *value)
{
	const char *found = settings_get(&f->loaded.host, key);

	assert_non_null(found);
	assert_string_equal(found, value);
}

/* There is a problem on that line whose text holds `part`. */
static void assert_problem(const struct fixture *f, int line, const char *part)
{
	for (size_t i = 0; i < f->problems.n; i++)
		if (f->problems.list[i].line == line && strstr(f->problems.list[i].message, part) != NULL)
			return;
	problems_print(&f->problems, stderr);
	fail_msg("no problem on line %d says '%s'", line, part);
}

static void groups_join_their_names_with_dots(void **state)
{
	struct fixture *f = *state;

	load(f, "a = { b = { c = \"deep\"; }; d = 1; };\ne = \"top\";");
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "a.b.c", "deep");
	assert_host(f, "a.d", "1");
	assert_host(f, "e", "top");
	assert_int_equal(f->loaded.host.n, 3);
}

static void every_scalar_becomes_text(void **state)
{
	struct fixture *f = *state;

	load(f, "i = -5;\nl = 10000000000L;\nx = 0x10;\nr = 0.5;\nt = true;\nn = false;\ns = \"\";");
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "i", "-5");
	assert_host(f, "l", "10000000000");
	assert_host(f, "x", "16");
	assert_host(f, "r", "0.5");
	assert_host(f, "t", "true");
	assert_host(f, "n", "false");
	assert_host(f, "s", "");
}

static void lists_become_comma_lists(void **state)
{
	struct fixture *f = *state;

	load(f, "a = [ \"x\", \"y,z\", \"b\\\\c\" ];\nb = ( 1, \"two\" );\nc = [];\nd = ();");
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "a", "x,y\\,z,b\\\\c");
	assert_host(f, "b", "1,two");
	assert_host(f, "c", "");
	assert_host(f, "d", "");
}

static void groups_in_a_list_get_aliases(void **state)
{
	struct fixture *f = *state;

	load(f,
	     "transforms = ( { class = \"rename\"; }, { name = \"cut\"; class = \"drop\"; }, { class = \"keep\"; } );");
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "transforms", "t1,cut,t3");
	assert_host(f, "transforms.t1.class", "rename");
	assert_host(f, "transforms.cut.class", "drop");
	assert_host(f, "transforms.t3.class", "keep");
}

static void aliases_that_clash_or_cannot_be_keys_are_problems(void **state)
{
	struct fixture *f = *state;

	load(f, "t = (\n{ name = \"a\"; },\n{ name = \"a\"; },\n{ name = \"b.c\"; },\n{ name = \"\"; },\n1 );");
	assert_problem(f, 3, "another group of the list has this name");
	assert_problem(f, 4, "no dots");
	assert_problem(f, 5, "no dots");
	assert_problem(f, 1, "not both");
}

static void properties_take_names_that_libconfig_cannot_spell(void **state)
{
	struct fixture *f = *state;

	load(f, "sink = { properties = [ \"producer.linger.ms=5\", \"producer.x=a=b\", \"empty=\" ]; };");
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "sink.producer.linger.ms", "5");
	assert_host(f, "sink.producer.x", "a=b");
	assert_host(f, "sink.empty", "");
}

static void properties_that_are_not_are_problems(void **state)
{
	struct fixture *f = *state;

	load(f, "a = {\nproperties = [ \"x\", \"=y\" ]; };\nb = {\nproperties = \"x=y\"; };\n"
	        "c = {\nx = 1;\nproperties = [ \"x=2\" ]; };");
	assert_problem(f, 2, "name=value");
	assert_problem(f, 4, "list of texts");
	assert_problem(f, 7, "set twice");
	assert_host(f, "c.x", "1");
}

static void settings_know_their_file_and_line(void **state)
{
	struct fixture *f = *state;
	const struct setting *s;

	load(f, "\n\nlog = {\n  level = \"debug\";\n};");
	s = settings_find(&f->loaded.host, "log.level");
	assert_non_null(s);
	assert_int_equal(s->line, 4);
	assert_non_null(strstr(s->file, "/a.conf"));
}

static void pipelines_and_connections_are_kept_apart(void **state)
{
	struct fixture *f = *state;

	load(f, "cluster = \"c\";\nconnections = ( { name = \"k\"; class = \"kafka\"; } );\n"
	        "pipelines = (\n{ name = \"p\"; source = { class = \"gen\"; }; },\n{ name = \"q\"; } );");
	assert_int_equal(f->problems.n, 0);
	assert_int_equal(f->loaded.host.n, 1);
	assert_int_equal(f->loaded.connections.n, 1);
	assert_string_equal(settings_get(&f->loaded.connections.list[0].settings, "class"), "kafka");
	assert_int_equal(f->loaded.pipelines.n, 2);
	assert_string_equal(f->loaded.pipelines.list[0].name, "p");
	assert_int_equal(f->loaded.pipelines.list[0].line, 4);
	assert_string_equal(settings_get(&f->loaded.pipelines.list[0].settings, "source.class"), "gen");
}

static void double_and_missing_names_are_problems(void **state)
{
	struct fixture *f = *state;

	load(f,
	     "pipelines = (\n{ name = \"p\"; },\n{ name = \"p\"; },\n{ description = \"x\"; },\n{ name = 5; },\n7 );\n"
	     "connections = \"none\";");
	assert_problem(f, 3, "the name is taken");
	assert_problem(f, 4, "a group with a name");
	assert_problem(f, 5, "a group with a name");
	assert_problem(f, 7, "is a list of groups");
	assert_int_equal(f->loaded.pipelines.n, 1);
}

static void a_misspelt_list_is_one_problem(void **state)
{
	struct fixture *f = *state;

	load(f, "pipeline = ( { name = \"p\"; source = { class = \"gen\"; }; } );");
	assert_int_equal(f->problems.n, 1);
	assert_problem(f, 1, "did you mean 'pipelines'?");
	assert_int_equal(f->loaded.host.n, 0);
}

static void a_directory_is_read_in_name_order(void **state)
{
	struct fixture *f = *state;
	const char *one = "log = { level = \"info\"; }; x = 1;", *two = "log = { level = \"debug\"; };";

	write_bytes(f, "20.conf", two, strlen(two));
	write_bytes(f, "10.conf", one, strlen(one));
	write_bytes(f, "30.txt", "broken", 6);
	write_bytes(f, ".hidden.conf", "broken", 6);
	assert_int_equal(config_load(f->dir, &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.n, 0);
	assert_host(f, "log.level", "debug");
	assert_host(f, "x", "1");
}

static void every_file_of_a_directory_is_looked_at(void **state)
{
	struct fixture *f = *state;
	char path[160];

	write_bytes(f, "1.conf", "a = ;", 5);
	write_bytes(f, "2.conf", "\nb = [;", 7);
	write_bytes(f, "3.conf", "c = \"x\0y\";", 10);
	snprintf(path, sizeof path, "%s/4.conf", f->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(config_load(f->dir, &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.n, 4);
	assert_problem(f, 1, "syntax error");
	assert_problem(f, 2, "syntax error");
	assert_problem(f, 0, "NUL byte");
	assert_problem(f, 0, "directory");
}

static void load_as_json(struct fixture *f, const char *text)
{
	char path[160];

	write_bytes(f, "a.json", text, strlen(text));
	snprintf(path, sizeof path, "%s/a.json", f->dir);
	assert_int_equal(config_load(path, &f->loaded, &f->problems), OUTFLOW_OK);
}

static void assert_pipeline(const struct fixture *f, const char *key, const char *value)
{
	assert_int_equal(f->loaded.pipelines.n, 1);
	assert_string_equal(settings_get(&f->loaded.pipelines.list[0].settings, key), value);
}

static void a_json_file_is_a_pipeline(void **state)
{
	struct fixture *f = *state;

	load_as_json(
		f, "{\"name\":\"p\",\n\"connector.class\":\"X\",\n\"tasks.max\": 2,\n\"a\":true,\"b\":0.5,\"c\":\"\"}");
	assert_int_equal(f->problems.n, 0);
	assert_string_equal(f->loaded.pipelines.list[0].name, "p");
	assert_int_equal(f->loaded.pipelines.list[0].settings.n, 6);
	assert_pipeline(f, "tasks.max", "2");
	assert_int_equal(settings_find(&f->loaded.pipelines.list[0].settings, "tasks.max")->line, 3);
	assert_pipeline(f, "a", "true");
	assert_pipeline(f, "b", "0.5");
	assert_pipeline(f, "c", "");
}

static void a_json_file_may_be_a_request_of_kafka_connect(void **state)
{
	struct fixture *f = *state;

	load_as_json(f, "{\"name\":\"p\", \"config\":{\"x\":\"1\"}, \"initial_state\":\"Stopped\"}");
	assert_int_equal(f->problems.n, 0);
	assert_pipeline(f, "name", "p");
	assert_pipeline(f, "x", "1");
	assert_pipeline(f, "state", "stopped");
}

static void mistakes_in_json_are_said_with_their_lines(void **state)
{
	static const struct {
		const char *text;
		int line;
		const char *part;
	} cases[] = {
		{ "{\n\"name\": }", 2, "is not JSON" },
		{ "[]", 0, "is not a JSON object" },
		{ "{\"a\":\"1\"}", 0, "a pipeline needs a name" },
		{ "{\"name\":\"\"}", 0, "a pipeline needs a name" },
		{ "{\"name\":\"p\",\n\n\"a\" : null}", 3, "is null" },
		{ "{\"name\":\"p\",\n\"a\":[\"b\"]}", 2, "is a text, a number" },
		{ "{\"name\":\"p\",\n\"a\":{}}", 2, "is a text, a number" },
		{ "{\"name\":\"p\",\n\"config\":{},\n\"b\":1}", 3, "unknown key" },
		{ "{\"name\":\"p\",\"config\":{\"name\":\"q\"}}", 1, "another one" },
		{ "{\"name\":\"p\",\"config\":{},\n\"initial_state\":\"PAUSED\"}", 2, "RUNNING or STOPPED" },
		{ "{\"name\":\"p\",\"a\":1,\"a\":2}", 1, "is not JSON" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		loaded_clear(&f->loaded);
		problems_clear(&f->problems);
		load_as_json(f, cases[i].text);
		assert_problem(f, cases[i].line, cases[i].part);
		assert_int_equal(f->problems.n, 1);
	}
}

static void names_are_unique_over_both_kinds_of_files(void **state)
{
	struct fixture *f = *state;
	const char *conf = "pipelines = ( { name = \"p\"; } );", *json = "{\n\"name\":\"p\"}";

	write_bytes(f, "1.conf", conf, strlen(conf));
	write_bytes(f, "2.json", json, strlen(json));
	assert_int_equal(config_load(f->dir, &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.n, 1);
	assert_problem(f, 2, "the name is taken: see");
}

static void what_is_not_there_is_a_problem(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config_load("/nonexistent/outflow.conf", &f->loaded, &f->problems), OUTFLOW_OK);
	assert_problem(f, 0, "No such file");
}

static void integers_that_libconfig_would_wrap_are_problems(void **state)
{
	struct fixture *f = *state;

	load(f, "a = 2147483647; b = -2147483648;\nc = 2147483648;\nd = 0xffffffff;\n"
	        "e = 99999999999999999999L;\nf = \"2147483648\"; # 2147483648\n"
	        "/* 2147483648\n */ g2147483648 = 1; h = 4e10; // 2147483648\n");
	assert_problem(f, 2, "2147483648 does not fit into 31 bits");
	assert_problem(f, 3, "0xffffffff does not fit");
	assert_problem(f, 4, "63 bits");
	assert_int_equal(f->problems.n, 3);
}

static void includes_are_refused(void **state)
{
	struct fixture *f = *state;

	load(f, "a = \"@include \\\"x\\\"\"; # @include\n\n  @include \"/etc/passwd\"\n");
	assert_int_equal(f->problems.n, 1);
	assert_problem(f, 3, "@include is not supported");
}

static void a_text_in_memory_is_like_a_file(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(config_load_text("here", "a = {\n b = 1; };", &f->loaded, &f->problems), OUTFLOW_OK);
	assert_host(f, "a.b", "1");
	assert_string_equal(settings_find(&f->loaded.host, "a.b")->file, "here");
	assert_int_equal(settings_find(&f->loaded.host, "a.b")->line, 2);
	assert_int_equal(f->problems.n, 0);
	assert_int_equal(config_load_text("there", "a = \n\n {", &f->loaded, &f->problems), OUTFLOW_OK);
	assert_problem(f, 3, "syntax error");
	assert_int_equal(config_load_text("there", "@include \"/etc/passwd\"", &f->loaded, &f->problems), OUTFLOW_OK);
	assert_int_equal(f->problems.n, 2);
}

static void deep_nesting_ends_in_a_problem(void **state)
{
	struct fixture *f = *state;
	char *text = malloc(200000);
	size_t n = 0;

	for (int i = 0; i < 20; i++)
		n += (size_t)sprintf(text + n, "a = { ");
	for (int i = 0; i < 20; i++)
		n += (size_t)sprintf(text + n, "}; ");
	load(f, text);
	assert_problem(f, 1, "nested too deeply");
	n = 0;
	for (int i = 0; i < 20000; i++)
		n += (size_t)sprintf(text + n, "a = { ");
	load(f, text);
	assert_true(f->problems.n >= 2);
	free(text);
}

static void a_long_key_is_a_problem(void **state)
{
	struct fixture *f = *state;
	char text[700] = "a = { ";

	memset(text + 6, 'k', 300);
	strcpy(text + 306, " = 1; };");
	load(f, text);
	assert_problem(f, 1, "longer than 255");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(groups_join_their_names_with_dots),
		TEST(every_scalar_becomes_text),
		TEST(lists_become_comma_lists),
		TEST(groups_in_a_list_get_aliases),
		TEST(aliases_that_clash_or_cannot_be_keys_are_problems),
		TEST(properties_take_names_that_libconfig_cannot_spell),
		TEST(properties_that_are_not_are_problems),
		TEST(settings_know_their_file_and_line),
		TEST(pipelines_and_connections_are_kept_apart),
		TEST(double_and_missing_names_are_problems),
		TEST(a_misspelt_list_is_one_problem),
		TEST(a_directory_is_read_in_name_order),
		TEST(every_file_of_a_directory_is_looked_at),
		TEST(a_json_file_is_a_pipeline),
		TEST(a_json_file_may_be_a_request_of_kafka_connect),
		TEST(mistakes_in_json_are_said_with_their_lines),
		TEST(names_are_unique_over_both_kinds_of_files),
		TEST(what_is_not_there_is_a_problem),
		TEST(integers_that_libconfig_would_wrap_are_problems),
		TEST(includes_are_refused),
		TEST(a_text_in_memory_is_like_a_file),
		TEST(deep_nesting_ends_in_a_problem),
		TEST(a_long_key_is_a_problem),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

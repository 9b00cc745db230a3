/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/test.h"

#include "host/base/log.h"
#include "host/cli/cli.h"
#include "host/cli/envelope.h"
#include "host/cli/show.h"
#include "host/config/json_value.h"

#include <outflow/util.h>

#include <jansson.h>

static const char help[] =
	"usage: outflow test [OPTION]... FILE...\n"
	"\n"
	"Runs the cases that FILEs declare: messages, and what a pipeline makes of them. Nothing is connected and\n"
	"nothing is sent. A FILE is written as a configuration is (doc/configuration.md, Tests):\n"
	"\n"
	"  config = [ \"plant.conf\" ];\n"
	"  tests = (\n"
	"    { name = \"hot\"; pipeline = \"plant\"; topic = \"plant/p1\"; payload = \"{\\\"temp\\\":61}\";\n"
	"      expect = ( { topic = \"plant\"; json = \"{\\\"celsius\\\":61}\"; } ); },\n"
	"    { name = \"cold\"; pipeline = \"plant\"; topic = \"plant/p1\"; payload = \"{\\\"temp\\\":21}\";\n"
	"      expect = \"filtered\"; },\n"
	"    { name = \"broken\"; pipeline = \"plant\"; topic = \"plant/p1\"; payload = \"{\";\n"
	"      expect = { rejected = \"not JSON\"; }; }\n"
	"  );\n"
	"\n"
	"A FILE without `config` and pipelines of its own tests those of the default places, or of\n"
	"\n" CONFIG_OPTIONS_HELP "      --json              for programs\n"
	"\n"
	"exit status: 0 all is as expected, 1 something is not, 2 bad file, configuration or usage, 3 standard\n"
	"output cannot be written\n";

struct arguments {
	struct config_options config;
	int json;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		CONFIG_LONG_OPTIONS,
		{ "json", no_argument, NULL, OPTION_OWN },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, CONFIG_SHORT_OPTIONS "h", options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return -1;
		}
		if (option == OPTION_OWN)
			a->json = 1;
		else if (!config_options_take(&a->config, option, optarg))
			return cli_bad_option("test", argv, options);
	}
	if (optind == argc)
		return cli_misuse("test", "which files?");
	a->config.files = argv + optind;
	a->config.n_files = argc - optind;
	return EXIT_OK;
}

/* All files together. */
struct tally {
	size_t passed, failed;
	json_t *tests; /* NULL: for people */
};

static void print_text(const struct test_case *t, const struct test_findings *f)
{
	printf("%s  %s: %s\n", f->n == 0 ? "ok  " : "FAIL", t->file, t->name);
	for (size_t i = 0; i < f->n; i++) {
		fputs("      ", stdout);
		if (t->line > 0)
			printf("%s:%d: ", t->file, t->line);
		show_short(outflow_text_bytes(outflow_text(f->list[i])), 0, stdout);
		putchar('\n');
	}
}

static void add_json(json_t *tests, const struct test_case *t, const struct test_findings *f)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < f->n; i++)
		json_array_append_new(findings, json_value_sentence(f->list[i]));
	json_array_append_new(tests, json_pack("{s:s, s:i, s:s, s:b, s:o}", "file", t->file, "line", t->line, "name",
	                                       t->name, "ok", f->n == 0, "findings", findings));
}

static int run_cases(const struct test_file *f, struct tally *tally)
{
	for (size_t i = 0; i < f->n_cases; i++) {
		struct test_findings findings = { .n = 0 };
		int no_memory;

		test_case_run(&f->cases[i], &f->configuration, &findings);
		tally->passed += findings.n == 0;
		tally->failed += findings.n > 0;
		if (tally->tests != NULL)
			add_json(tally->tests, &f->cases[i], &findings);
		else
			print_text(&f->cases[i], &findings);
		no_memory = findings.no_memory;
		test_findings_clear(&findings);
		if (no_memory) {
			fputs("outflow: no memory\n", stderr);
			return EXIT_FAILED;
		}
	}
	return EXIT_OK;
}

/* Runs a file's cases unless something is wrong with it. Problems of earlier files stay in `problems`, for JSON. */
static int run_file(const char *path, const struct arguments *a, struct tally *tally, struct problems *problems)
{
	struct test_file f;
	int status = test_file_read(&f, path, &a->config);

	if (status == EXIT_OK && f.configuration.problems.reported == 0) {
		/* What becomes of messages is said here, not in the log. */
		log_set_level(OUTFLOW_LOG_ERROR);
		status = run_cases(&f, tally);
	} else if (status == EXIT_OK && a->json) {
		for (size_t i = 0; i < f.configuration.problems.n; i++) {
			const struct problem *it = &f.configuration.problems.list[i];
			struct place where = { it->file, it->line, it->pipeline, it->key };

			problems_add(problems, &where, "%s", it->message ? it->message : "no memory");
		}
		status = EXIT_CONFIG;
	} else if (status == EXIT_OK) {
		status = configuration_report(&f.configuration);
	}
	test_file_clear(&f);
	return status;
}

static void print_end(const struct tally *tally, const struct problems *problems)
{
	size_t n = tally->passed + tally->failed;

	if (tally->tests != NULL)
		envelope_print(json_pack("{s:O, s:I, s:I}", "tests", tally->tests, "passed", (json_int_t)tally->passed,
		                         "failed", (json_int_t)tally->failed),
		               problems);
	else
		printf("%zu test%s, %zu failed\n", n, n == 1 ? "" : "s", tally->failed);
}

int cli_test(int argc, char **argv)
{
	struct arguments a = { .json = 0 };
	struct problems problems = { .n = 0 };
	struct tally tally = { .passed = 0 };
	int status = parse(argc, argv, &a), worst = EXIT_OK;

	if (status != EXIT_OK)
		return status < 0 ? EXIT_OK : status;
	tally.tests = a.json ? json_array() : NULL;
	for (int i = 0; i < a.config.n_files; i++) {
		status = run_file(a.config.files[i], &a, &tally, &problems);
		worst = status > worst ? status : worst;
	}
	print_end(&tally, &problems);
	json_decref(tally.tests);
	problems_clear(&problems);
	return worst != EXIT_OK ? worst : tally.failed > 0 ? EXIT_FAILED : EXIT_OK;
}

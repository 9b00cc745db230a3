/* SPDX-License-Identifier: Apache-2.0 */
/* test.h: what the files of `outflow test` share: files that say what pipelines make of messages. */
#ifndef HOST_CLI_TEST_H
#define HOST_CLI_TEST_H
#include "host/cli/options.h"
#include "host/base/text.h"
#include "host/pipeline/trial.h"

/* ---- test_file.c: what a file says ---- */

/* One case. Its configurations are checked; what they hold of texts may still stand in files (test_text). */
struct test_case {
	const char *name, *file; /* the settings' */
	int line;
	outflow_config *own;
	outflow_config **inputs; /* messages; own is the only one when there is no list */
	size_t n_inputs;
	outflow_config **expected; /* records, and rejections among them */
	size_t n_expected;         /* 0: all is filtered */
	const struct pipeline_model *model;
};

struct test_file {
	const char *path;
	struct configuration configuration; /* with the pipelines that it tests */
	struct settings settings;
	outflow_config *own;
	struct test_case *cases;
	size_t n_cases;
};

/* Reads a file, the configuration that it names, and checks both. EXIT_OK, also with problems found (of the configuration's);
 * EXIT_FAILED: no memory. test_file_clear follows in any case. */
int test_file_read(struct test_file *f, const char *path, const struct config_options *o);

void test_file_clear(struct test_file *f);

/* A key's text: itself, or behind an @ what is in a file beside the test's. OUTFLOW_AGAIN: not set; OUTFLOW_E_*: as
 * text_read. */
outflow_status test_text(const struct test_case *t, const outflow_config *c, const char *key, struct text *to,
                         outflow_error *err);

/* ---- test_case.c: whether it is so ---- */

/* What is not as it should be, one sentence each. */
struct test_findings {
	char **list;
	size_t n;
	int no_memory;
};

void test_findings_add(struct test_findings *f, const char *format, ...) OUTFLOW_PRINTF(2, 3);
void test_findings_clear(struct test_findings *f);

/* Runs one case. */
void test_case_run(const struct test_case *t, const struct configuration *c, struct test_findings *findings);

/* ---- test_compare.c ---- */

/* Adds what of the record is not as the configuration expects. number: which one it is, from 1. */
void test_compare(const struct test_case *t, const outflow_config *expected, const outflow_record *r, size_t number,
                  struct test_findings *findings);

#endif

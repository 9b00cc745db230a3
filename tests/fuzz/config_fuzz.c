/* SPDX-License-Identifier: Apache-2.0 */
/* config_fuzz.c: any file is loaded and checked, or is a problem; each setting and each problem has a place. */
#include "fuzz.h"

#include "host/config/host_schema.h"
#include "host/config/load.h"
#include "host/config/schema.h"

#include <sys/mman.h>
#include <unistd.h>

const char fuzz_name[] = "config";

static const outflow_cfg_key keys[] = {
	{ .name = "topic", .type = OUTFLOW_T_STRING, .flags = OUTFLOW_K_REQUIRED },
	{ .name = "fields", .type = OUTFLOW_T_LIST },
	{ .name = "wait", .type = OUTFLOW_T_DURATION_MS, .dflt = "1s", .max = 60000 },
	{ .name = "ratio", .type = OUTFLOW_T_DOUBLE },
	{ .name = "producer.", .type = OUTFLOW_T_PREFIX },
};
static const outflow_cfg_def component = {
	.size = sizeof component,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static void check_settings(const struct settings *s)
{
	for (size_t i = 0; i < s->n; i++) {
		must(s->list[i].file != NULL && s->list[i].line > 0);
		must(strlen(s->list[i].key) < 256);
		must(i == 0 || strcmp(s->list[i - 1].key, s->list[i].key) < 0);
		must(settings_find(s, s->list[i].key) == &s->list[i]);
	}
}

/* Checks the keys below prefix and reads all that the instance would. */
static void check_place(const struct settings *s, const char *prefix, const outflow_cfg_def *def,
                        struct problems *problems)
{
	const outflow_cfg_def *const schemas[] = { def, NULL };
	struct instance_place where = {
		.pipeline = "p", .prefix = prefix, .schemas = schemas, .n_schemas = 2, .file = "f", .line = 1
	};
	const outflow_config_api *api = &instance_config_api;
	outflow_config *c = NULL;
	outflow_str text;
	size_t before = problems->reported;
	int64_t n;

	must(instance_config_new(&where, s, problems, &c) == OUTFLOW_OK);
	for (size_t i = 0; problems->reported == before && i < def->n_keys; i++) {
		const outflow_cfg_key *k = schema_key(def, i);
		outflow_status status = api->str(c, k->name, &text);

		must(status == OUTFLOW_OK || (!(k->flags & OUTFLOW_K_REQUIRED) && k->dflt == NULL));
		if (status == OUTFLOW_OK && k->type == OUTFLOW_T_DURATION_MS)
			must(api->i64(c, k->name, &n) == OUTFLOW_OK && n >= k->min && n <= k->max);
		for (size_t j = 0, items = api->list(c, k->name, SIZE_MAX, NULL); j < items; j++)
			must(api->list(c, k->name, j, &text) == items && text.len > 0);
	}
	instance_config_free(&c);
}

/* libconfig 1.5 forgets a text that has no end. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loaded loaded = { 0 };
	struct problems problems = { 0 };
	char path[64];
	int fd = memfd_create("config", 0);

	must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	/* The same name each time: names of files live as long as the process. */
	must(fd == 100 || dup2(fd, 100) == 100);
	close(fd);
	strcpy(path, "/proc/self/fd/100");
	must(config_load(path, &loaded, &problems) == OUTFLOW_OK);
	for (size_t i = 0; i < problems.n; i++)
		must(problems.list[i].file != NULL && problems.list[i].message != NULL);
	check_settings(&loaded.host);
	check_place(&loaded.host, "", &host_schema, &problems);
	for (size_t i = 0; i < loaded.pipelines.n; i++) {
		check_settings(&loaded.pipelines.list[i].settings);
		check_place(&loaded.pipelines.list[i].settings, "", &pipeline_schema, &problems);
		check_place(&loaded.pipelines.list[i].settings, "sink.", &component, &problems);
	}
	close(100);
	loaded_clear(&loaded);
	problems_clear(&problems);
	return 0;
}

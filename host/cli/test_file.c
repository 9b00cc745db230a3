/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/test.h"

#include "host/config/schema.h"

#include <outflow/util.h>

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>

#define KEY(NAME, TYPE, DOC)                                                                                           \
	{                                                                                                              \
		.name = NAME, .type = OUTFLOW_T_##TYPE, .doc = DOC                                                     \
	}
#define SCHEMA(KEYS)                                                                                                   \
	{                                                                                                              \
		.size = sizeof(outflow_cfg_def), .key_size = sizeof(outflow_cfg_key), .keys = KEYS,                    \
		.n_keys = sizeof KEYS / sizeof KEYS[0],                                                                \
	}

static const outflow_cfg_key file_keys[] = {
	KEY("config", LIST, "Files and directories with the pipelines, seen from the file's directory."),
	KEY("tests", LIST, "The cases."),
	KEY("tests.", PREFIX, "Their keys."),
};

static const outflow_cfg_key message_keys[] = {
	KEY("payload", STRING, "The message."),
	KEY("event", STRING, "A whole CloudEvent instead."),
	KEY("topic", STRING, "The topic that it came on."),
	KEY("key", STRING, "Its key."),
	KEY("timestamp", STRING, "When it arrived: RFC 3339, or milliseconds since 1970."),
	KEY("headers.", PREFIX, "Its headers."),
};

static const outflow_cfg_key case_keys[] = {
	KEY("pipeline", STRING, "Which pipeline; may be left out when there is only one."),
	KEY("inputs", LIST, "Several messages, in this order."),
	KEY("inputs.", PREFIX, "Their keys."),
	KEY("expect", LIST, "What comes out: records and rejections, or \"filtered\"."),
	KEY("expect.", PREFIX, "Their keys."),
};

static const outflow_cfg_key expected_keys[] = {
	KEY("topic", STRING, "The record's topic."),
	KEY("key", STRING, "Its key."),
	KEY("value", STRING, "Its value, byte for byte."),
	KEY("json", STRING, "Its value as JSON: spaces and the order of members do not matter."),
	KEY("headers.", PREFIX, "Headers that it has; others may be there, too."),
	{ .name = "partition", .type = OUTFLOW_T_INT, .min = -1, .max = INT_MAX, .doc = "Its partition; -1: none." },
	KEY("timestamp", STRING, "RFC 3339, or milliseconds since 1970."),
	KEY("null", LIST, "Which of key and value are null, and names of headers that are not there."),
	KEY("rejected", STRING, "Instead of a record: the reason holds this."),
	KEY("stage", STRING, "With rejected: by this stage."),
};

static const outflow_cfg_def file_schema = SCHEMA(file_keys);
static const outflow_cfg_def message_schema = SCHEMA(message_keys);
static const outflow_cfg_def case_schema = SCHEMA(case_keys);
static const outflow_cfg_def expected_schema = SCHEMA(expected_keys);

/* One file being read. */
struct reading {
	struct test_file *file;
	struct problems *problems;
	outflow_status status; /* negative: no memory */
};

static void complain(struct reading *rd, const char *key, int line, const char *message)
{
	const struct setting *it = settings_find(&rd->file->settings, key);
	struct place where = { it ? it->file : rd->file->path, it ? it->line : line, NULL, key };

	problems_add(rd->problems, &where, "%s", message);
}

static int has(const outflow_config *c, const char *key)
{
	outflow_str value;

	return instance_config_api.str(c, key, &value) == OUTFLOW_OK;
}

static size_t count_below(const outflow_config *c, const char *prefix)
{
	return instance_config_api.prefix(c, prefix, SIZE_MAX, NULL, NULL);
}

static outflow_config *make(struct reading *rd, const char *prefix, const outflow_cfg_def *first,
                            const outflow_cfg_def *second, int line)
{
	static const char *const names[] = { "name", NULL };
	const outflow_cfg_def *const schemas[] = { first, second };
	struct instance_place where = { .pipeline = NULL,
		                        .prefix = prefix,
		                        .known = names,
		                        .schemas = schemas,
		                        .n_schemas = 2,
		                        .file = rd->file->path,
		                        .line = line };
	outflow_config *c = NULL;

	if (rd->status == OUTFLOW_OK)
		rd->status = instance_config_new(&where, &rd->file->settings, rd->problems, &c);
	return c;
}

/* ---- a case ---- */

/* The groups of a list, or the only one, each as a configuration of its own. */
static outflow_config **make_list(struct reading *rd, const struct test_case *t, const char *list,
                                  const outflow_cfg_def *schema, size_t *n)
{
	size_t count = has(t->own, list) ? instance_config_api.list(t->own, list, SIZE_MAX, NULL) : 1;
	outflow_config **all = calloc(count + 1, sizeof *all);

	if (all == NULL)
		rd->status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < count && rd->status == OUTFLOW_OK; i++) {
		outflow_str alias = { "", 0 };
		char prefix[300];

		if (has(t->own, list))
			instance_config_api.list(t->own, list, i, &alias);
		snprintf(prefix, sizeof prefix, "tests.%s.%s.%.*s%s", t->name, list, (int)alias.len, alias.ptr,
		         alias.len > 0 ? "." : "");
		all[*n] = make(rd, prefix, schema, NULL, t->line);
		*n += all[*n] != NULL;
	}
	return all;
}

static void check_message(struct reading *rd, const struct test_case *t, const outflow_config *c)
{
	char key[300];

	snprintf(key, sizeof key, "tests.%s.payload", t->name);
	if (has(c, "payload") == has(c, "event"))
		complain(rd, key, t->line, "a message is either a payload or an event");
}

static void read_inputs(struct reading *rd, struct test_case *t)
{
	if (count_below(t->own, "inputs.") > 0) {
		t->inputs = make_list(rd, t, "inputs", &message_schema, &t->n_inputs);
		for (size_t i = 0; i < t->n_inputs; i++)
			check_message(rd, t, t->inputs[i]);
		return;
	}
	check_message(rd, t, t->own);
}

static void check_expected(struct reading *rd, const struct test_case *t, const char *key, const outflow_config *c)
{
	static const char *const parts[] = { "topic", "key", "value", "json", "partition", "timestamp", "null", NULL };
	int n = count_below(c, "headers.") > 0;

	for (const char *const *part = parts; *part != NULL; part++)
		n += has(c, *part);
	if (has(c, "rejected") && n > 0)
		complain(rd, key, t->line, "either a record or a rejection");
	if (!has(c, "rejected") && n == 0)
		complain(rd, key, t->line, "nothing of the record is expected: topic, key, value, json, headers, ...");
	if (has(c, "stage") && !has(c, "rejected"))
		complain(rd, key, t->line, "stage goes with rejected");
	if (has(c, "value") && has(c, "json"))
		complain(rd, key, t->line, "either value or json");
}

static void read_expectation(struct reading *rd, struct test_case *t)
{
	outflow_str text = { "", 0 };
	char key[300];

	snprintf(key, sizeof key, "tests.%s.expect", t->name);
	(void)instance_config_api.str(t->own, "expect", &text);
	if (count_below(t->own, "expect.") > 0) {
		t->expected = make_list(rd, t, "expect", &expected_schema, &t->n_expected);
		for (size_t i = 0; i < t->n_expected; i++)
			check_expected(rd, t, key, t->expected[i]);
	} else if (!has(t->own, "expect")) {
		complain(rd, key, t->line,
		         "is required: \"filtered\", a list of records, or { rejected = \"part of the reason\"; }");
	} else if (!outflow_equal(text, "filtered")) {
		complain(rd, key, t->line,
		         "is \"filtered\", a list of records, or { rejected = \"part of the reason\"; }");
	}
}

static void find_pipeline(struct reading *rd, struct test_case *t)
{
	const struct configuration *c = &rd->file->configuration;
	outflow_str name = { NULL, 0 };
	char key[300], message[300];

	snprintf(key, sizeof key, "tests.%s.pipeline", t->name);
	(void)instance_config_api.str(t->own, "pipeline", &name);
	for (size_t i = 0; i < c->n_pipelines; i++)
		if (name.ptr == NULL ? c->n_pipelines == 1 : outflow_equal(name, c->pipelines[i]->name))
			t->model = c->pipelines[i];
	/* One that is there and wrong has its own problem. */
	if (t->model != NULL || c->n_pipelines < c->loaded.pipelines.n)
		return;
	if (name.ptr != NULL)
		snprintf(message, sizeof message,
		         "there is no pipeline '%.100s'; config = [ \"FILE\" ] says where they are", name.ptr);
	else
		snprintf(message, sizeof message, "is required: there is not one pipeline alone, but %zu",
		         c->n_pipelines);
	complain(rd, key, t->line, message);
}

static void read_case(struct reading *rd, struct test_case *t, const char *name)
{
	char prefix[300];

	/* The place of the first of its keys. */
	snprintf(prefix, sizeof prefix, "tests.%.200s.", name);
	*t = (struct test_case){ .name = name, .file = rd->file->path };
	for (size_t i = 0; i < rd->file->settings.n; i++) {
		const struct setting *it = &rd->file->settings.list[i];

		if (strncmp(it->key, prefix, strlen(prefix)) == 0 && (t->line == 0 || it->line < t->line))
			t->line = it->line;
	}
	t->own = make(rd, prefix, &case_schema, &message_schema, t->line);
	if (t->own == NULL)
		return;
	read_inputs(rd, t);
	read_expectation(rd, t);
	find_pipeline(rd, t);
}

/* ---- a file ---- */

/* The pipelines that stand in the file itself, and those that it names, seen from its directory. */
static int read_configuration(struct reading *rd, struct loaded *loaded, const outflow_config *own,
                              const struct config_options *o)
{
	struct configuration *c = &rd->file->configuration;
	size_t n = instance_config_api.list(own, "config", SIZE_MAX, NULL);
	const char *slash = strrchr(rd->file->path, '/');
	struct config_options places = *o;

	places.n_files = 0;
	if (n == 0 && loaded->pipelines.n == 0)
		return configuration_read(c, &places);
	c->loaded.pipelines = loaded->pipelines;
	c->loaded.connections = loaded->connections;
	loaded->pipelines = loaded->connections = (struct declarations){ .n = 0 };
	for (size_t i = 0; i < n && rd->status == OUTFLOW_OK; i++) {
		outflow_str name;
		char path[PATH_MAX];

		instance_config_api.list(own, "config", i, &name);
		snprintf(path, sizeof path, "%.*s%.*s",
		         slash && name.ptr[0] != '/' ? (int)(slash + 1 - rd->file->path) : 0, rd->file->path,
		         (int)name.len, name.ptr);
		rd->status = config_load(path, &c->loaded, &c->problems);
	}
	return rd->status == OUTFLOW_OK ? configuration_read_host(c, &places) : EXIT_FAILED;
}

static void read_cases(struct reading *rd, const outflow_config *own)
{
	size_t n = instance_config_api.list(own, "tests", SIZE_MAX, NULL);

	if (n == 0)
		complain(rd, "tests", 0, "is required: a list of groups, ( { name = \"...\"; ... } )");
	rd->file->cases = calloc(n + 1, sizeof *rd->file->cases);
	if (rd->file->cases == NULL)
		rd->status = OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n && rd->status == OUTFLOW_OK; i++) {
		outflow_str name;

		instance_config_api.list(own, "tests", i, &name);
		read_case(rd, &rd->file->cases[rd->file->n_cases++], name.ptr);
	}
}

int test_file_read(struct test_file *f, const char *path, const struct config_options *o)
{
	struct loaded loaded = { .host = { 0 } };
	struct reading rd = { .file = f, .problems = &f->configuration.problems };
	struct stat st;
	int status = EXIT_OK;

	*f = (struct test_file){ .path = path };
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		complain(&rd, "tests", 0, "stand in files, and this is a directory: name its *.test");
	else
		rd.status = config_load(path, &loaded, rd.problems);
	f->settings = loaded.host;
	loaded.host = (struct settings){ 0 };
	if (rd.problems->reported == 0)
		f->own = make(&rd, "", &file_schema, NULL, 0);
	if (f->own != NULL)
		status = read_configuration(&rd, &loaded, f->own, o);
	if (f->own != NULL && status == EXIT_OK)
		status = configuration_resolve(&f->configuration, NULL);
	if (f->own != NULL && status == EXIT_OK)
		read_cases(&rd, f->own);
	loaded_clear(&loaded);
	return rd.status == OUTFLOW_OK ? status : EXIT_FAILED;
}

static void free_list(outflow_config **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		instance_config_free(&list[i]);
	free(list);
}

void test_file_clear(struct test_file *f)
{
	for (size_t i = 0; i < f->n_cases; i++) {
		struct test_case *t = &f->cases[i];

		free_list(t->inputs, t->n_inputs);
		free_list(t->expected, t->n_expected);
		instance_config_free(&t->own);
	}
	free(f->cases);
	instance_config_free(&f->own);
	settings_clear(&f->settings);
	configuration_clear(&f->configuration);
}

outflow_status test_text(const struct test_case *t, const outflow_config *c, const char *key, struct text *to,
                         outflow_error *err)
{
	const char *slash = strrchr(t->file, '/');
	outflow_str text;
	char path[PATH_MAX];

	if (instance_config_api.str(c, key, &text) != OUTFLOW_OK)
		return OUTFLOW_AGAIN;
	if (text.ptr[0] != '@') {
		text_clear(to);
		to->ptr = strdup(text.ptr);
		to->n = text.len;
		return to->ptr ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a text");
	}
	snprintf(path, sizeof path, "@%.*s%s", slash && text.ptr[1] != '/' ? (int)(slash + 1 - t->file) : 0, t->file,
	         text.ptr + 1);
	return text_read(to, path, err);
}

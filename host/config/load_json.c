/* SPDX-License-Identifier: Apache-2.0 */
#include "host/config/load_json.h"

#include "host/config/json_value.h"

#include <outflow/util.h>

#include <jansson.h>

#include <stdlib.h>
#include <strings.h>

#define KEY_MAX 255u

/* One file being read. */
struct reading {
	const char *file, *text;
	const char *name; /* of the pipeline, for problems; NULL: not known yet */
	struct problems *problems;
};

/* jansson does not say where a member stood: the first place that looks like it. */
static int line_of(const struct reading *rd, const char *key)
{
	size_t n = key ? strlen(key) : 0;
	int line = 1;

	for (const char *p = rd->text; n > 0 && *p != '\0'; p++) {
		const char *after = p + 2 + n;

		line += *p == '\n';
		if (*p == '"' && strncmp(p + 1, key, n) == 0 && after[-1] == '"' &&
		    after[strspn(after, " \t\r\n")] == ':')
			return line;
	}
	return 0;
}

static void complain(const struct reading *rd, const char *key, const char *message)
{
	struct place where = { rd->file, line_of(rd, key), rd->name, key };

	problems_add(rd->problems, &where, "%s", message);
}

static outflow_status add_setting(const struct reading *rd, struct settings *to, const char *key, const json_t *value)
{
	outflow_status status;
	char *text;

	if (!json_value_is_scalar(value)) {
		complain(rd, key,
		         json_is_null(value) ? "is null: take it out, or give it a value"
		                             : "is a text, a number, true or false; a list is one text with commas");
		return OUTFLOW_OK;
	}
	if (strlen(key) > KEY_MAX) {
		complain(rd, key, "the key is longer than 255 characters");
		return OUTFLOW_OK;
	}
	text = json_value_text(value);
	status = text ? settings_set(to, key, text, rd->file, line_of(rd, key)) : OUTFLOW_E_NOMEM;
	free(text);
	return status;
}

/* RUNNING and STOPPED, as Connect's initial_state (KIP-980); a file has no other. */
static outflow_status add_state(const struct reading *rd, struct settings *to, const json_t *state)
{
	const char *text = json_string_value(state);

	if (state == NULL)
		return OUTFLOW_OK;
	if (text != NULL && (strcasecmp(text, "RUNNING") == 0 || strcasecmp(text, "STOPPED") == 0))
		return settings_set(to, "state", strcasecmp(text, "RUNNING") == 0 ? "running" : "stopped", rd->file,
		                    line_of(rd, "initial_state"));
	complain(rd, "initial_state", "in a file it is RUNNING or STOPPED");
	return OUTFLOW_OK;
}

static outflow_status add_pipeline(struct reading *rd, const json_t *config, const json_t *state,
                                   struct declarations *to)
{
	struct declaration *list = realloc(to->list, (to->n + 1) * sizeof *list);
	char *name = strdup(rd->name);
	outflow_status status = OUTFLOW_OK;
	const char *key;
	json_t *value;

	if (list != NULL)
		to->list = list;
	if (list == NULL || name == NULL) {
		free(name);
		return OUTFLOW_E_NOMEM;
	}
	list += to->n++;
	*list = (struct declaration){ .name = name, .file = rd->file, .line = 1 };
	json_object_foreach((json_t *)(uintptr_t)config, key, value) if (status == OUTFLOW_OK) status =
		add_setting(rd, &list->settings, key, value);
	if (status == OUTFLOW_OK)
		status = settings_set(&list->settings, "name", name, rd->file, line_of(rd, "name"));
	return status == OUTFLOW_OK ? add_state(rd, &list->settings, state) : status;
}

/* Members of the outer object that mean nothing would silently do nothing. */
static void check_members(const struct reading *rd, const json_t *root)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)root, key, value) if (strcmp(key, "name") != 0 &&
	                                                               strcmp(key, "config") != 0 &&
	                                                               strcmp(key, "initial_state") != 0)
		complain(rd, key, "unknown key; beside config stand name and initial_state");
}

static int is_taken(const struct reading *rd, const struct declarations *to)
{
	char message[400];

	for (size_t i = 0; i < to->n; i++)
		if (strcmp(to->list[i].name, rd->name) == 0) {
			snprintf(message, sizeof message, "the name is taken: see %.300s:%d", to->list[i].file,
			         to->list[i].line);
			complain(rd, "name", message);
			return 1;
		}
	return 0;
}

static outflow_status read_root(struct reading *rd, const json_t *root, struct declarations *to)
{
	const json_t *inner = json_object_get(root, "config"), *config = json_is_object(inner) ? inner : root;
	const char *outer = json_string_value(json_object_get(root, "name"));
	const char *name = json_string_value(json_object_get(config, "name"));

	if (!json_is_object(root)) {
		complain(rd, NULL,
		         "is not a JSON object: { \"name\": ..., \"config\": { ... } }, or the keys themselves");
		return OUTFLOW_OK;
	}
	rd->name = outer ? outer : name;
	if (config != root)
		check_members(rd, root);
	if (rd->name == NULL || *rd->name == '\0') {
		complain(rd, NULL, "a pipeline needs a name: { \"name\": \"...\", ... }");
		return OUTFLOW_OK;
	}
	if (name != NULL && strcmp(name, rd->name) != 0)
		complain(rd, "name", "the name inside of config is another one");
	if (is_taken(rd, to))
		return OUTFLOW_OK;
	return add_pipeline(rd, config, config != root ? json_object_get(root, "initial_state") : NULL, to);
}

outflow_status load_json(const char *file, const char *text, struct declarations *to, struct problems *problems)
{
	struct reading rd = { .file = file, .text = text, .problems = problems };
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	struct place where = { .file = file };
	outflow_status status;

	if (root == NULL) {
		where.line = error.line > 0 ? error.line : 0;
		problems_add(problems, &where, "is not JSON: %s", error.text);
		return OUTFLOW_OK;
	}
	status = read_root(&rd, root, to);
	json_decref(root);
	return status;
}

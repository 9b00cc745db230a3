/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/log.h"
#include "host/config/host_schema.h"
#include "host/config/model_internal.h"
#include "host/config/schema.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)

static char *default_state_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int n;

	if (geteuid() == 0)
		return strdup("/var/lib/outflow");
	if (state != NULL && *state == '/')
		n = asprintf(&path, "%s/outflow", state);
	else
		n = asprintf(&path, "%s/.local/state/outflow", home ? home : "");
	return n < 0 ? NULL : path;
}

static char *default_plugin_path(void)
{
	const char *path = getenv("OUTFLOW_PLUGIN_PATH");

	return strdup(path && *path ? path : PLUGIN_DIR);
}

/* One LOGGER:LEVEL. NULL: it is one; else why not. OUTFLOW_E_NOMEM through status. */
static const char *read_logger_level(outflow_str item, struct logger_level *result, outflow_status *status)
{
	const char *colon = memrchr(item.ptr, ':', item.len);
	char level[16];

	if (colon == NULL || colon == item.ptr || (size_t)(colon - item.ptr) > LOGGER_NAME_MAX)
		return "is not LOGGER:LEVEL, as in connector.plant:debug";
	snprintf(level, sizeof level, "%.*s", (int)(item.ptr + item.len - colon - 1), colon + 1);
	if (log_level_parse(level, &result->level) != 0)
		return "has none of the levels trace, debug, info, warn, error, fatal, off";
	result->logger = strndup(item.ptr, (size_t)(colon - item.ptr));
	if (result->logger == NULL)
		*status = OUTFLOW_E_NOMEM;
	return NULL;
}

static outflow_status read_log_levels(struct host_model *m, const struct loaded *from, const outflow_config *c,
                                      struct problems *problems)
{
	const struct setting *it = settings_find(&from->host, "log.levels");
	struct place where = { it ? it->file : NULL, it ? it->line : 0, NULL, "log.levels" };
	outflow_str item = { NULL, 0 };
	size_t n = instance_config_api.list(c, "log.levels", 0, &item);
	outflow_status status = OUTFLOW_OK;

	m->log_levels = calloc(n + 1, sizeof *m->log_levels);
	if (m->log_levels == NULL)
		return OUTFLOW_E_NOMEM;
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		const char *problem;

		(void)instance_config_api.list(c, "log.levels", i, &item);
		problem = read_logger_level(item, &m->log_levels[m->n_log_levels], &status);
		if (problem != NULL)
			problems_add(problems, &where, "'%.*s' %s", (int)item.len, item.ptr, problem);
		else if (status == OUTFLOW_OK)
			m->n_log_levels++;
	}
	return status;
}

/* Not resolved: a secret is to be resolved where it is used. */
static outflow_status keep_connect_keys(struct host_model *m, const struct settings *from)
{
	static const char *const prefixes[] = { "bootstrap.servers",
		                                "producer.",
		                                "consumer.",
		                                "key.converter",
		                                "value.converter",
		                                "header.converter",
		                                "connector.client.config.override." };
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < from->n && status == OUTFLOW_OK; i++)
		for (size_t k = 0; k < sizeof prefixes / sizeof prefixes[0]; k++)
			if (strncmp(from->list[i].key, prefixes[k], strlen(prefixes[k])) == 0)
				status = settings_set(&m->connect, from->list[i].key, from->list[i].value,
				                      from->list[i].file, from->list[i].line);
	return status;
}

outflow_status host_model_new(const struct loaded *from, struct host_model *m, struct problems *problems)
{
	static const char *const levels[] = { "", "error", "warn", "info", "debug", NULL };
	static const char *const formats[] = { "text", "json", NULL };
	const outflow_cfg_def *const schemas[] = { &host_schema };
	struct instance_place where = { .prefix = "", .schemas = schemas, .n_schemas = 1 };
	outflow_config *c = NULL;
	outflow_status status = instance_config_new(&where, &from->host, problems, &c);

	*m = (struct host_model){ 0 };
	if (status != OUTFLOW_OK)
		return status;
	m->state_dir = model_text(c, "state.dir");
	if (m->state_dir == NULL)
		m->state_dir = default_state_dir();
	m->plugin_path = model_text(c, "plugin.path");
	if (m->plugin_path == NULL)
		m->plugin_path = default_plugin_path();
	m->cluster = model_text(c, "cluster");
	m->log_level = model_choice(c, "log.level", levels);
	m->log_format = model_choice(c, "log.format", formats);
	status = read_log_levels(m, from, c, problems);
	m->checkpoint_interval_ns = model_number(c, "checkpoint.interval") * NS_PER_MS;
	m->stop_timeout_ns = model_number(c, "stop.timeout") * NS_PER_MS;
	if (status == OUTFLOW_OK)
		status = api_model_new(&from->host, c, problems, &m->api);
	m->secrets_show = model_number(c, "secrets.show") != 0;
	m->secrets_files = model_text(c, "secrets.file.paths");
	m->secrets_names = model_text(c, "secrets.env.names");
	instance_config_free(&c);
	if (status != OUTFLOW_OK || m->state_dir == NULL || m->plugin_path == NULL || m->cluster == NULL ||
	    keep_connect_keys(m, &from->host) != OUTFLOW_OK) {
		host_model_clear(m);
		return OUTFLOW_E_NOMEM;
	}
	return OUTFLOW_OK;
}

void host_model_clear(struct host_model *m)
{
	free(m->state_dir);
	free(m->plugin_path);
	free(m->cluster);
	free(m->secrets_files);
	free(m->secrets_names);
	for (size_t i = 0; i < m->n_log_levels; i++)
		free(m->log_levels[i].logger);
	free(m->log_levels);
	settings_clear(&m->connect);
	api_model_clear(&m->api);
	*m = (struct host_model){ 0 };
}

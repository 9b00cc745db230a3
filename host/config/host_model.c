/* SPDX-License-Identifier: Apache-2.0 */
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

outflow_status host_model_new(const struct loaded *from, struct host_model *m, struct problems *problems)
{
	static const char *const levels[] = { "", "error", "warn", "info", "debug", NULL };
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
	m->checkpoint_interval_ns = model_number(c, "checkpoint.interval") * NS_PER_MS;
	m->stop_timeout_ns = model_number(c, "stop.timeout") * NS_PER_MS;
	instance_config_free(&c);
	if (m->state_dir == NULL || m->plugin_path == NULL || m->cluster == NULL) {
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
	*m = (struct host_model){ 0 };
}

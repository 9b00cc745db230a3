/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/options.h"

#include "host/base/log.h"
#include "host/cli/tool.h"
#include "host/config/connection_model.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <stdlib.h>
#include <unistd.h>

int config_options_take(struct config_options *o, int option, const char *argument)
{
	switch (option) {
	case 'c':
		o->config_file = argument;
		return 1;
	case OPTION_CONFIG_DIR:
		o->config_dir = argument;
		return 1;
	case OPTION_STATE_DIR:
		o->state_dir = argument;
		return 1;
	case OPTION_PLUGIN_PATH:
		o->plugin_path = argument;
		return 1;
	default:
		return 0;
	}
}

/* What is named must be there; the default places may be empty. */
static outflow_status read_places(struct configuration *c, const struct config_options *o)
{
	const char *file = o->config_file, *dir = o->config_dir;
	outflow_status status = OUTFLOW_OK;

	if (file == NULL && o->n_files == 0 && access(SYSCONF_DIR "/outflow.conf", F_OK) == 0)
		file = SYSCONF_DIR "/outflow.conf";
	if (dir == NULL && o->n_files == 0 && access(SYSCONF_DIR "/plugins.d", F_OK) == 0)
		dir = SYSCONF_DIR "/plugins.d";
	if (file != NULL)
		status = config_load(file, &c->loaded, &c->problems);
	if (status == OUTFLOW_OK && dir != NULL)
		status = config_load(dir, &c->loaded, &c->problems);
	for (int i = 0; i < o->n_files && status == OUTFLOW_OK; i++)
		status = config_load(o->files[i], &c->loaded, &c->problems);
	return status;
}

static int no_memory(void)
{
	fputs("outflow: no memory\n", stderr);
	return EXIT_FAILED;
}

static int replace(char **text, const char *with)
{
	char *copy = with ? strdup(with) : NULL;

	if (with == NULL)
		return 0;
	free(*text);
	*text = copy;
	return copy ? 0 : -1;
}

static int set_up_log(const struct host_model *m)
{
	outflow_error err = { .size = sizeof err };

	log_set_format((enum log_format)m->log_format);
	log_set_level(m->log_level);
	for (size_t i = 0; i < m->n_log_levels; i++)
		if (log_logger_configure(m->log_levels[i].logger, m->log_levels[i].level, &err) != OUTFLOW_OK)
			return no_memory();
	return EXIT_OK;
}

int configuration_read_host(struct configuration *c, const struct config_options *o)
{
	if (host_model_new(&c->loaded, &c->host, &c->problems) != OUTFLOW_OK ||
	    replace(&c->host.state_dir, o->state_dir) != 0 || replace(&c->host.plugin_path, o->plugin_path) != 0)
		return no_memory();
	return set_up_log(&c->host);
}

int configuration_read_files(struct configuration *c, const struct config_options *o)
{
	return read_places(c, o) == OUTFLOW_OK && host_model_new(&c->loaded, &c->host, &c->problems) == OUTFLOW_OK
	               ? EXIT_OK
	               : no_memory();
}

int configuration_read(struct configuration *c, const struct config_options *o)
{
	return read_places(c, o) == OUTFLOW_OK ? configuration_read_host(c, o) : no_memory();
}

int configuration_resolve(struct configuration *c, const char *copy_dir)
{
	outflow_error err = { .size = sizeof err };

	if (inventory_open(c->host.plugin_path, copy_dir, &c->inventory, &err) != OUTFLOW_OK)
		return no_memory();
	c->pipelines = calloc(c->loaded.pipelines.n + 1, sizeof *c->pipelines);
	if (c->pipelines == NULL)
		return no_memory();
	for (size_t i = 0; i < c->loaded.connections.n; i++)
		if (connection_check(&c->loaded.connections.list[i], &c->host, c->inventory, &c->problems) !=
		    OUTFLOW_OK)
			return no_memory();
	for (size_t i = 0; i < c->loaded.pipelines.n; i++) {
		struct pipeline_model *m;

		if (pipeline_model_new(&c->loaded.pipelines.list[i], &c->loaded.connections, &c->host, c->inventory,
		                       &c->problems, &m) != OUTFLOW_OK)
			return no_memory();
		if (m != NULL)
			c->pipelines[c->n_pipelines++] = m;
	}
	return EXIT_OK;
}

int configuration_report(struct configuration *c)
{
	if (c->problems.reported == 0)
		return EXIT_OK;
	problems_print(&c->problems, stderr);
	fprintf(stderr, "outflow: %zu problem%s in the configuration\n", c->problems.n, c->problems.n == 1 ? "" : "s");
	return EXIT_CONFIG;
}

struct pipeline_model *configuration_pipeline(const struct configuration *c, const char *name, int json)
{
	struct suggestion near = { .typed = name };

	for (size_t i = 0; i < c->n_pipelines; i++) {
		if (strcmp(c->pipelines[i]->name, name) == 0)
			return c->pipelines[i];
		suggestion_offer(&near, c->pipelines[i]->name);
	}
	if (near.best != NULL)
		tool_fail(json, EXIT_CONFIG, "there is no pipeline '%s'; did you mean '%s'?", name, near.best);
	else
		tool_fail(json, EXIT_CONFIG, "there is no pipeline '%s' in this configuration, which has %zu", name,
		          c->n_pipelines);
	return NULL;
}

void configuration_clear(struct configuration *c)
{
	for (size_t i = 0; i < c->n_pipelines; i++)
		pipeline_model_free(&c->pipelines[i]);
	free(c->pipelines);
	inventory_close(&c->inventory);
	host_model_clear(&c->host);
	loaded_clear(&c->loaded);
	problems_clear(&c->problems);
}

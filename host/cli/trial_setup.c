/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/trial_setup.h"

#include "host/cli/tool.h"

int trial_configuration(struct configuration *c, const struct config_options *o, int json)
{
	outflow_error err = { .size = sizeof err };
	struct component filter;
	int status = configuration_read(c, o);

	problems_clear(&c->problems);
	if (status != EXIT_OK)
		return EXIT_ENVIRONMENT;
	if (inventory_open(c->host.plugin_path, NULL, &c->inventory, &err) != OUTFLOW_OK)
		return tool_fail(json, EXIT_ENVIRONMENT, "%s", err.msg);
	/* Without it every other problem would be about it, too. */
	if (inventory_find(c->inventory, OUTFLOW_TRANSFORM, "event/filter", &filter, &err) != OUTFLOW_OK)
		return tool_fail(json, EXIT_ENVIRONMENT, "%s (--plugin-path says where plugins are)", err.msg);
	return EXIT_OK;
}

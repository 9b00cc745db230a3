/* SPDX-License-Identifier: Apache-2.0 */
/* trial_setup.h: what the commands need that try a pattern or a transform without a pipeline of the configuration. */
#ifndef HOST_CLI_TRIAL_SETUP_H
#define HOST_CLI_TRIAL_SETUP_H
#include "host/cli/options.h"

/* Reads the host's own keys and loads the plugins, without pipelines that happen to be configured here. EXIT_OK, or
 * EXIT_ENVIRONMENT after saying why: there is no plugin for events. configuration_clear follows in any case. */
int trial_configuration(struct configuration *c, const struct config_options *o, int json);

#endif

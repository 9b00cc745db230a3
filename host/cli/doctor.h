/* SPDX-License-Identifier: Apache-2.0 */
/* doctor.h: what the files of `outflow doctor` share. */
#ifndef HOST_CLI_DOCTOR_H
#define HOST_CLI_DOCTOR_H
#include "host/cli/checkup.h"
#include "host/cli/client.h"
#include "host/cli/options.h"

struct doctor {
	struct config_options options;
	struct client client;
	int64_t timeout_ns; /* of each server */
	struct configuration configuration;
	struct checkup checkup;
	int daemon_answers;
	char copies[4096]; /* a directory for private copies of plugins; "" without one */
};

/* ---- doctor_environment.c ---- */

/* Program, libraries, and limits of this process or of the daemon, whose number is in the state directory. */
void doctor_check_program(struct doctor *d);
void doctor_check_open_files(struct doctor *d);
void doctor_check_state_dir(struct doctor *d);

/* ---- doctor_reach.c ---- */

/* Does a daemon answer, and what do its pipelines do? */
void doctor_check_daemon(struct doctor *d);

/* Every connection, from the daemon if there is one, and the ends of the files' pipelines, from here. */
void doctor_check_servers(struct doctor *d);

#endif

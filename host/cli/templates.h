/* SPDX-License-Identifier: Apache-2.0 */
/* templates.h: the files of sdk/template, which host/cli/embed builds into the program. */
#ifndef HOST_CLI_TEMPLATES_H
#define HOST_CLI_TEMPLATES_H

/* What stands in names and texts for the name of the plugin. */
#define TEMPLATE_NAME "newplugin"

struct template_file {
	const char *kind; /* "source", "transform", "sink"; "": goes with each of them */
	const char *name;
	const char *text;
};

/* Ends with a NULL name. */
extern const struct template_file template_files[];

#endif

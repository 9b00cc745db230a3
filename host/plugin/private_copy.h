/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_copy.h: a plugin is loaded from a copy in the state directory, so that replacing the installed file cannot hurt
 * a running daemon, and so that two copies have static data of their own.
 */
#ifndef HOST_PLUGIN_PRIVATE_COPY_H
#define HOST_PLUGIN_PRIVATE_COPY_H
#include <outflow/abi.h>

/* Copies the file to dir under a name made of its own name and a checksum of its content; a copy that is there already is
 * used. It appears whole or not at all. *result is malloc'd. OUTFLOW_E_TASK: the error names file and cause;
 * OUTFLOW_E_NOMEM. [any] */
outflow_status private_copy_make(const char *path, const char *dir, char **result, outflow_error *err);

/* The same for such a copy, whose name gets a number: data of its own for the same content. [any] */
outflow_status private_copy_again(const char *copy, const char *dir, size_t number, char **result, outflow_error *err);

/* Removes from dir what is a copy of none of these plugins' files: what plugins that are gone have left. Only for the
 * process that holds the directory. [any] */
void private_copy_prune(const char *dir, const char *const *paths, size_t n);

/* Removes what lies beside a copy, of its plugin but of other content: what earlier versions and interrupted writes left.
 * What is loaded stays loaded. Only for the process that holds the directory. [any] */
void private_copy_prune_versions(const char *copy);

#endif

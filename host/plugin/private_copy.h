/* SPDX-License-Identifier: Apache-2.0 */
/*
 * private_copy.h: a plugin is loaded from a copy in the state directory, so that replacing the installed file cannot hurt
 * a running daemon, and so that two copies have static data of their own.
 */
#ifndef HOST_PLUGIN_PRIVATE_COPY_H
#define HOST_PLUGIN_PRIVATE_COPY_H
#include <outflow/abi.h>

/* Copies the file to dir under a name made of its own name, `copy` and a checksum of its content; a copy that is there
 * already is used. It appears whole or not at all. *result is malloc'd. OUTFLOW_E_TASK: the error names file and cause;
 * OUTFLOW_E_NOMEM. [any] */
outflow_status private_copy_make(const char *path, const char *dir, const char *copy, char **result,
                                 outflow_error *err);

/* Removes from dir what is neither one of these files, made with an empty `copy`, nor a numbered copy of the same content:
 * what earlier versions of a plugin and interrupted writes left. Only for the process that holds the directory. [any] */
void private_copy_prune(const char *dir, const char *const *files, size_t n);

#endif

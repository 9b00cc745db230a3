/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h: values that stand elsewhere: ${env:NAME}, ${file:PATH} (its first line), ${dir:PATH:FILE} (the
 * same), ${file:PATH:KEY} (of a file of properties, as Kafka's FileConfigProvider, KIP-297). */
#ifndef HOST_CONFIG_SECRET_H
#define HOST_CONFIG_SECRET_H
#include <outflow/abi.h>

/* Who wrote a text: an administrator into a file of this machine, or somebody over the API. */
enum secret_author {
	SECRET_DECLARED,
	SECRET_CREATED,
	SECRET_TRIED /* for somebody who sees what becomes of it: SECRET_HIDDEN stands for every value */
};
#define SECRET_HIDDEN "[hidden]"

/* From now on references lead only to files below these directories, and to variables whose names match one of these patterns
 * (fnmatch(3)): lists with commas, which outlive all use; empty: none. NULL: whatever an administrator names, and for texts
 * that were created $CREDENTIALS_DIRECTORY, /run/secrets, /etc/outflow/secrets and OUTFLOW_*. Before it is called nothing is
 * limited: the user of a command may read what that user can read. [any, before threads] */
void secret_limit(const char *directories, const char *names);

/* The text with its references replaced, malloc'd; every other "${" stays as it is. NULL: a reference cannot be
 * resolved, or no memory; the error names the reference and never a value. [any] */
char *secret_resolve(const char *text, enum secret_author author, outflow_error *err);

/* The next file that a reference in *text leads to, with *text behind its beginning then. 0: none is left. [any] */
int secret_next_file(const char **text, char *path, size_t size);

#endif

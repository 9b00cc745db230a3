/* SPDX-License-Identifier: Apache-2.0 */
/* secret.h: values that stand elsewhere: ${env:NAME}, ${file:PATH} (its first line), ${dir:PATH:FILE} (the same). */
#ifndef HOST_CONFIG_SECRET_H
#define HOST_CONFIG_SECRET_H
#include <outflow/abi.h>

/* The text with its references replaced, malloc'd; every other "${" stays as it is. NULL: a reference cannot be
 * resolved, or no memory; the error names the reference and never a value. [any] */
char *secret_resolve(const char *text, outflow_error *err);

#endif

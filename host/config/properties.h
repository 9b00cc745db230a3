/* SPDX-License-Identifier: Apache-2.0 */
/* properties.h: files of properties as Java has them (java.util.Properties, load(Reader)), in UTF-8. */
#ifndef HOST_CONFIG_PROPERTIES_H
#define HOST_CONFIG_PROPERTIES_H
#include <outflow/abi.h>

#include <stdio.h>

#define PROPERTIES_MAX (1u << 20) /* bytes of a file */

/* The value of a key in the rest of a file, malloc'd; of two, the last one; NULL: there is none. OUTFLOW_E_CONFIG: err says what
 * is wrong with the file, and nothing that stands in it; OUTFLOW_E_NOMEM. [any] */
outflow_status properties_find(FILE *file, const char *key, char **value, outflow_error *err);

#endif

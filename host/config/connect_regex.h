/* SPDX-License-Identifier: Apache-2.0 */
/* connect_regex.h: topics.regex, a Java regular expression for a whole name, as the POSIX one that the Kafka client takes. */
#ifndef HOST_CONFIG_CONNECT_REGEX_H
#define HOST_CONFIG_CONNECT_REGEX_H
#include <outflow/abi.h>

#include <stddef.h>

/* Writes "^(...)$" to result. OUTFLOW_E_CONFIG: it is not a regular expression, is too long, or uses what POSIX does not have;
 * err says what. [any] */
outflow_status connect_regex(const char *java, char *result, size_t size, outflow_error *err);

/* Does a name fit what connect_regex made? [any] */
int connect_regex_fits(const char *posix, const char *name);

#endif

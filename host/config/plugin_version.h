/* SPDX-License-Identifier: Apache-2.0 */
/* plugin_version.h: does a plugin's version fit what a configuration asks for (Kafka Connect, KIP-891)? */
#ifndef HOST_CONFIG_PLUGIN_VERSION_H
#define HOST_CONFIG_PLUGIN_VERSION_H
#include <outflow/abi.h>

/* wanted: a version, which means this one alone, "latest", or ranges in Maven's spelling: "[1.0,2.0)", "(,1.5]", "[1.2]", several
 * with commas between them. Returns 1 or 0; -1: wanted is none of these. Numbers in versions count as numbers, a version with
 * a qualifier ("1.0-rc1") is older than the one without. [any] */
int plugin_version_fits(const char *version, const char *wanted);

#endif

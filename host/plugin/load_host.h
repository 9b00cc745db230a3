/* SPDX-License-Identifier: Apache-2.0 */
/* load_host.h: the host that a plugin sees where there is no instance: in its load function and in a schema's check. */
#ifndef HOST_PLUGIN_LOAD_HOST_H
#define HOST_PLUGIN_LOAD_HOST_H
#include <outflow/abi.h>

/* Name, version, log, clocks, the reader of configurations, problem (into the log) and intern work; there are no timers,
 * metrics, batches, streams, acknowledgements and extensions. Copy it to change a member. */
extern const outflow_host load_host;

#endif

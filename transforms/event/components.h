/* SPDX-License-Identifier: Apache-2.0 */
/* components.h: what the plugin event is made of. */
#ifndef EVENT_COMPONENTS_H
#define EVENT_COMPONENTS_H
#include <outflow/abi.h>

extern const outflow_component event_json;    /* converter */
extern const outflow_component event_filter;  /* transform */
extern const outflow_component event_deliver; /* transform */
extern const outflow_component event_matches; /* predicate */

#endif

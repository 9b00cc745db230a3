/* SPDX-License-Identifier: Apache-2.0 */
/* components.h: the parts of the plugin cleanse; what each does and which keys it takes is in its own doc texts. */
#ifndef CLEANSE_COMPONENTS_H
#define CLEANSE_COMPONENTS_H
#include <outflow/abi.h>

extern const outflow_component cleanse_split, cleanse_map, cleanse_mask, cleanse_route;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* components.h: the parts of the plugin fields; what each does and which keys it takes is in its own doc texts. */
#ifndef FIELDS_COMPONENTS_H
#define FIELDS_COMPONENTS_H
#include <outflow/abi.h>

extern const outflow_component fields_rename, fields_drop, fields_keep;
extern const outflow_component fields_insert, fields_update, fields_delete;
extern const outflow_component fields_flatten, fields_timestamp, fields_headers;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* no_description.c: its entry returns nothing. */
#include "tests/plug/parts.h"

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return NULL;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* enrich.h: the transform enrich. */
#ifndef ENRICH_ENRICH_H
#define ENRICH_ENRICH_H
#include <outflow/abi.h>

extern const outflow_component enrich_component;

#endif

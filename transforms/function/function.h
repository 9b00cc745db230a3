/* SPDX-License-Identifier: Apache-2.0 */
/* function.h: the transform function. */
#ifndef FUNCTION_FUNCTION_H
#define FUNCTION_FUNCTION_H
#include <outflow/abi.h>

extern const outflow_component function_component;

#endif

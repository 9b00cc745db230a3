/* SPDX-License-Identifier: Apache-2.0 */
/* explanation_print.h: what a filter says of a record (outflow.explain/1), for people. */
#ifndef HOST_CLI_EXPLANATION_PRINT_H
#define HOST_CLI_EXPLANATION_PRINT_H
#include <outflow/abi.h>

#include <stdio.h>

/* Prints a line for each field of the pattern: path, what was asked for, what was found, the verdict; then the reason. Of
 * several patterns the same for each, below its name. */
void explanation_print(outflow_str json, const char *indent, FILE *to);

#endif

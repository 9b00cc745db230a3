/* SPDX-License-Identifier: Apache-2.0 */
/* table.h: lines in columns for people; with colours on a terminal, unless NO_COLOR (no-color.org) is set. */
#ifndef HOST_CLI_TABLE_H
#define HOST_CLI_TABLE_H
#include <outflow/util.h>

#include <stdio.h>

#define TABLE_COLUMNS 12

/* Zeroed is empty; columns is set first. */
struct table {
	size_t columns;
	char **cells;
	size_t n, room;
	int out_of_memory;
};

/* Adds the next cell, row by row, the head first; a printf text. [any] */
void table_add(struct table *t, const char *format, ...) OUTFLOW_PRINTF(2, 3);

/* Prints it, each column as wide as its widest cell; states (RUNNING, ..._FAILED) have colours. Frees the cells. [any] */
void table_print(struct table *t, FILE *to);

#endif

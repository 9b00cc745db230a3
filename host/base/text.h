/* SPDX-License-Identifier: Apache-2.0 */
/* text.h: texts from the command line, from files and from standard input, none of them longer than TEXT_MAX. */
#ifndef HOST_BASE_TEXT_H
#define HOST_BASE_TEXT_H
#include <outflow/abi.h>

#include <stdio.h>

/* As much as the records of one poll may take. */
#define TEXT_MAX ((size_t)64 << 20)

/* malloc'd bytes with a NUL behind them. Zeroed is empty. */
struct text {
	char *ptr;
	size_t n, room;
};

void text_clear(struct text *t);

/* What an argument stands for: @FILE and - (standard input) for what is in there, byte for byte, anything else for itself.
 * OUTFLOW_E_TASK: cannot be read; OUTFLOW_E_RECORD: longer than TEXT_MAX; OUTFLOW_E_NOMEM. err says why. */
outflow_status text_read(struct text *t, const char *argument, outflow_error *err);

/* The next line, without its end. OUTFLOW_EOF: there is none; errors as above, and of a line that is too long the rest is
 * skipped. */
outflow_status text_read_line(struct text *t, FILE *from, outflow_error *err);

#endif

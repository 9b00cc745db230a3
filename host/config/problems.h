/* SPDX-License-Identifier: Apache-2.0 */
/* problems.h: everything that is wrong with a configuration, collected so that it is reported at once. */
#ifndef HOST_CONFIG_PROBLEMS_H
#define HOST_CONFIG_PROBLEMS_H
#include <outflow/util.h>

#include <stdio.h>

/* file NULL: no file (a command line, an API call); line 0: unknown; key NULL: not about one key. */
struct problem {
	char *file;
	int line;
	char *pipeline;
	char *key;
	char *message;
};

struct problems {
	struct problem *list;
	size_t n;
	size_t reported;   /* how often one was added, those included that were there already */
	int out_of_memory; /* something was dropped; there is at least one problem */
};

/* Where a problem is. */
struct place {
	const char *file;
	int line;
	const char *pipeline, *key;
};

/* Adds one with a printf text; a problem that is there already (same place, same text) is not added again. [any] */
void problems_add(struct problems *p, const struct place *where, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* One line each, `file:line: pipeline 'p': key: message`, in order of file and line. [any] */
void problems_print(const struct problems *p, FILE *to);

void problems_clear(struct problems *p);

#endif

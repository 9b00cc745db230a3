/* SPDX-License-Identifier: Apache-2.0 */
/* checkup.h: what `outflow doctor` finds, a line each as it is found, or all of it as JSON at the end. */
#ifndef HOST_CLI_CHECKUP_H
#define HOST_CLI_CHECKUP_H
#include <jansson.h>
#include <outflow/util.h>

enum verdict { VERDICT_OK, VERDICT_WARNING, VERDICT_FAILED };

/* What is examined: of what has failed it chooses the exit status. */
enum area { AREA_ENVIRONMENT, AREA_CONFIGURATION, AREA_OPERATION, N_AREAS };

struct checkup {
	int json, colours;
	enum area area; /* of what is added next */
	json_t *list;   /* NULL: no memory */
	size_t counts[3];
	size_t failed[N_AREAS];
};

void checkup_begin(struct checkup *c, int json);

/* Adds one, and prints it unless json. subject: "connection plant"; cure: what to do, NULL for nothing; a printf text. [any] */
void checkup_add(struct checkup *c, enum verdict verdict, const char *subject, const char *cure, const char *format,
                 ...) OUTFLOW_PRINTF(5, 6);

/* Prints the sums, or the JSON, and frees the list. Returns the exit status: EXIT_ENVIRONMENT, EXIT_CONFIG, EXIT_FAILED by the
 * first area that has failed, else EXIT_OK. [any] */
int checkup_end(struct checkup *c);

#endif

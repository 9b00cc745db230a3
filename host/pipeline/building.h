/* SPDX-License-Identifier: Apache-2.0 */
/*
 * building.h: makes the models of configurations in a thread of its own, since that calls checks of plugins, which may hang:
 * who waits for it gives up at a deadline, and what it then still needs stays with the thread.
 */
#ifndef HOST_PIPELINE_BUILDING_H
#define HOST_PIPELINE_BUILDING_H
#include "host/config/model.h"
#include "host/pipeline/errand.h"

/* What is done with the models in the same thread, once all of them are made without problems: it may hang as well. ctx is the
 * building's from building_then on, and release frees it. */
struct sequel {
	const char *what; /* "the positions were not read", for who waited in vain */
	void (*run)(void *ctx, struct pipeline_model *const *models);
	void (*release)(void *ctx);
	void *ctx;
};

struct building {
	unsigned magic;
	struct declarations what, connections;
	size_t checked_connections; /* of connections the first so many are to be checked by themselves, too */
	const struct host_model *host;
	const struct inventory *inventory;
	struct pipeline_model *
		*models; /* one for each of what, NULL where there were problems; may be taken after building_run */
	struct problems problems;
	outflow_status status;
	struct sequel sequel; /* run NULL: none */
	struct errand *errand;
};

/* host and inventory outlive its thread, see errands_abandoned. NULL: no memory. [any] */
struct building *building_new(const struct host_model *host, const struct inventory *inventory);

/* Adds a pipeline's configuration, or a connection; texts are copied. OUTFLOW_E_NOMEM. [any, before building_run] */
outflow_status building_add(struct building *b, const char *name, const char *file, int line,
                            const struct settings *settings);
outflow_status building_add_connection(struct building *b, const struct declaration *connection);

/* [any, before building_run, once] */
void building_then(struct building *b, const struct sequel *sequel);

/* Makes the models and does what is to follow. OUTFLOW_E_CONFIG: there are problems; OUTFLOW_E_RETRY: not in time; OUTFLOW_E_NOMEM, OUTFLOW_E_TASK. Then
 * err says so, and after OUTFLOW_E_RETRY nothing but building_free may be called. [any, once] */
outflow_status building_run(struct building *b, int64_t timeout_ns, outflow_error *err);

/* Clears the pointer and accepts NULL inside. [any] */
void building_free(struct building **b);

/* A copy at the end of a list. OUTFLOW_E_NOMEM: the list is as it was. [any] */
outflow_status declarations_add(struct declarations *to, const char *name, const char *file, int line,
                                const struct settings *settings);
void declarations_clear(struct declarations *d);

#endif

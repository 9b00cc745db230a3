/* SPDX-License-Identifier: Apache-2.0 */
/* model_internal.h: what the files that make models share. */
#ifndef HOST_CONFIG_MODEL_INTERNAL_H
#define HOST_CONFIG_MODEL_INTERNAL_H
#include "host/config/model.h"

/* Which components the host itself puts into every chain. */
#define MODEL_CONVERTER "event/json"
#define MODEL_FILTER "event/filter"
#define MODEL_DELIVER "event/deliver"

/* ---- reading checked keys ---- */

/* A malloc'd copy; NULL: not set, or no memory. [any] */
char *model_text(const outflow_config *c, const char *key);

/* 0: not set. [any] */
int64_t model_number(const outflow_config *c, const char *key);

/* 0: false, or not set. [any] */
int model_flag(const outflow_config *c, const char *key);

/* Where key's value stands among choices that are in the order of an enum, the first when it is none of them. [any] */
int model_choice(const outflow_config *c, const char *key, const char *const *choices);

/* ---- a pipeline ---- */

/* One pipeline being put together. */
struct making {
	const struct declaration *declaration;
	const struct declarations *connections;
	const struct inventory *inventory;
	struct problems *problems;
	struct pipeline_model *model;
	int translated;            /* from another spelling, whose client properties are checked already */
	struct settings inherited; /* what every stage sees of the source's format and envelope, and the cluster */
	outflow_status status;     /* negative: no memory */
};

/* Adds a problem of the pipeline's key, at its line, or at the pipeline's when it is not set. [any] */
void making_complain(struct making *mk, const char *key, const char *message);

/* The value of prefix + name, or NULL. [any] */
const char *making_get(const struct making *mk, const char *prefix, const char *name);

/* Which component is chosen below prefix, by `class` or `type`; NULL: none. [any] */
const char *making_class(const struct making *mk, const char *prefix);

/* Reads what retries, order, restarts and time-outs are to be, and complains about keys that contradict each other. own: the
 * pipeline's own keys. [any] */
void making_read_policies(struct making *mk, const outflow_config *own);

/* Puts the keys of the connection that is named below prefix where the pipeline has none of its own. [any] */
void making_merge_connection(struct making *mk, const char *prefix);

/* Finds all components and makes the source, the stages in order, the sink and the dead-letter sink. own: the pipeline's
 * own keys. [any] */
void making_add_stages(struct making *mk, const outflow_config *own, const char *cluster);

#endif

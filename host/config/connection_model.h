/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connection_model.h: what a connection's own keys mean. They stand in for keys of sources, sinks and dead-letter sinks of its
 * plugin, so each has to be a key of one of those, with a value that fits; none is required, since a pipeline may bring it.
 */
#ifndef HOST_CONFIG_CONNECTION_MODEL_H
#define HOST_CONFIG_CONNECTION_MODEL_H
#include "host/config/model.h"

struct connection_model {
	struct component component; /* the source or sink that knows most of its keys */
	outflow_config *config;
};

/* Checks one and loads its plugin. Problems are added; result is empty when there was one. OUTFLOW_E_NOMEM. [any] */
outflow_status connection_model_new(const struct declaration *d, const struct host_model *host,
                                    const struct inventory *inv, struct problems *problems,
                                    struct connection_model *result);
void connection_model_clear(struct connection_model *m);

/* The same, for the problems alone. [any] */
outflow_status connection_check(const struct declaration *d, const struct host_model *host, const struct inventory *inv,
                                struct problems *problems);

/* What is known of the keys at one end of a pipeline, and at the other. */
struct connection_keys {
	const outflow_cfg_def *own[3], *other[3]; /* NULL: none */
};

/* Those of a class where a component of kind, OUTFLOW_SOURCE or OUTFLOW_SINK, stands. [any] */
struct connection_keys connection_keys_of(const struct inventory *inv, uint32_t kind, const char *class);

/* Is this key meant for the other end alone? A connection serves both. [any] */
int connection_keys_leave(const struct connection_keys *keys, const char *key);

#endif

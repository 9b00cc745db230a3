/* SPDX-License-Identifier: Apache-2.0 */
/* api_model.h: who may reach the HTTP API, where, and within which limits. */
#ifndef HOST_CONFIG_API_MODEL_H
#define HOST_CONFIG_API_MODEL_H
#include "host/config/problems.h"
#include "host/config/settings.h"

#include <outflow/abi.h>

/* What has to be said before the API listens beyond this machine without authentication. */
#define API_INSECURE_WORDS "anyone who reaches this address controls Outflow"

struct api_user {
	char *name;
	char *password, *token;    /* NULL: has none */
	char *key_id, *key_secret; /* the access key that it signs with; NULL: has none */
	int read_only;
};

struct api_model {
	char **listeners; /* of `api.listeners`, as written; NULL: not set */
	size_t n_listeners;
	struct api_user *users;
	size_t n_users;
	char *certificate, *key, *client_ca; /* names of files; NULL: not set */
	int insecure;                        /* the words were said */
	char **origins, **methods;           /* access.control.allow.* */
	size_t n_origins, n_methods;
	size_t body_max;
	uint32_t connections_max;
	int64_t client_timeout_ns, request_timeout_ns;
	int strict; /* rest.compat */
	int topic_tracking, topic_reset;
};

/* Reads the keys that host_schema has checked: c is their view, all what was written. Problems are added. OUTFLOW_E_NOMEM; the
 * result must be cleared in any case. [any] */
outflow_status api_model_new(const struct settings *all, const outflow_config *c, struct problems *problems,
                             struct api_model *result);
void api_model_clear(struct api_model *m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* connect.h: Kafka Connect's REST API (that of Kafka 4.3), resource by resource; doc/connect-compatibility.md has the
 * differences. */
#ifndef HOST_API_CONNECT_H
#define HOST_API_CONNECT_H
#include "host/api/api.h"

/* GET /, GET /health (connect_server.c). */
extern const struct route connect_server_routes[];

/* /connectors, /connectors/{name}, its config (connect_connectors.c). */
extern const struct route connect_connector_routes[];

/* Its status, tasks, and what it is told to do (connect_lifecycle.c). */
extern const struct route connect_lifecycle_routes[];

/* Its offsets (connect_offsets.c), its topics (connect_topics.c). */
extern const struct route connect_offset_routes[];
extern const struct route connect_topic_routes[];

/* /admin/loggers (connect_loggers.c). */
extern const struct route connect_logger_routes[];

/* ---- what they share (connect_shapes.c) ---- */

/* The status for a body that is not what it has to be: 400, or 500 with rest.compat = strict, as a worker. [any] */
int connect_malformed(const struct api *api);

/* The pipeline of q->parameters[0], for the caller to free. NULL: r says that there is none. [any] */
struct pipeline_snapshot *connect_find(struct api *api, const struct request *q, struct response *r);

/* Puts a config over what is in `to`. null: takes a key away, if remove, else it is a mistake. 0: r says what is wrong. [any] */
int connect_read_config(const struct api *api, const json_t *config, int remove, struct settings *to,
                        struct response *r);

/* Answers for a request to the fleet that has not gone through; err and problems (may be NULL) say why. [any] */
void connect_refuse(struct response *r, enum fleet_answer answer, const struct problems *problems,
                    const outflow_error *err);

/* "source", "sink", "unknown". [any] */
const char *connect_type(const struct pipeline_snapshot *p);

/* Shapes of Kafka Connect; NULL: no memory. With restarting, those tasks that a restart is about to begin anew say so. [any] */
struct connect_restart {
	int planned, tasks, only_failed;
};
json_t *connect_config(const struct api *api, const struct pipeline_snapshot *p);
json_t *connect_info(const struct api *api, const struct pipeline_snapshot *p);
json_t *connect_state(const struct api *api, const struct pipeline_snapshot *p, const struct connect_restart *restart);
json_t *connect_task_state(const struct api *api, const struct pipeline_snapshot *p, const struct task_snapshot *t);

/* Does the task's state count as FAILED? [any] */
int connect_task_failed(const struct task_snapshot *t);
/* /connector-plugins (connect_plugins.c). */
extern const struct route connect_plugins_routes[];

#endif

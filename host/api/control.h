/* SPDX-License-Identifier: Apache-2.0 */
/* control.h: the HTTP API in the life of the daemon. */
#ifndef HOST_API_CONTROL_H
#define HOST_API_CONTROL_H
#include "host/api/api.h"

struct control;

/* Listens where api.listeners says, and answers from now on, to nearly everything with 503: nothing is loaded yet. Writes
 * the URLs into the file `api` of the state directory. *result is NULL when there is no API. OUTFLOW_E_CONFIG: what
 * api.listeners says cannot be meant; OUTFLOW_E_TASK: an address cannot be had. host and state_dir outlive it. [any] */
outflow_status control_open(const struct host_model *host, const struct state_dir *state_dir, struct control **result,
                            outflow_error *err);

/* From now on it answers: the fleet is there. NULL is accepted; files outlive it. [any] */
void control_serve(struct control *c, struct fleet *fleet, const struct environment *environment,
                   const struct api_files *files);

/* For fleet_options.on_change, with the control as ctx; NULL is accepted. [any] */
void control_on_change(void *control, const char *pipeline);

/* A stop has begun: it answers questions still, and changes nothing any more. NULL is accepted. [any] */
void control_stopping(struct control *c);

/* Ends it, before the fleet is freed. 0, or -1: a request still waits for a plugin at the deadline (monotonic), and the
 * fleet must not be freed. Accepts NULL inside. [any] */
int control_close(struct control **c, int64_t deadline_ns);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.h: what becomes of a record that failed. Its status decides:
 *
 *   OUTFLOW_E_RETRY           the retry policy; a record that has used it up is treated as the next one
 *   OUTFLOW_E_RECORD          errors.tolerance: dead letter, dropped and counted, or the end of the task
 *   OUTFLOW_E_OUTAGE, NOMEM   nobody's fault: tried again until it is over, without using up retries
 *   anything else             the end of the task
 */
#ifndef HOST_PIPELINE_FAULTS_H
#define HOST_PIPELINE_FAULTS_H
#include "host/pipeline/order.h"

/* A stream of bad records must not become a stream of log lines. */
struct repeated_line {
	int64_t next_ns;
	uint64_t unlogged;
};

/* One record that failed at one place. */
struct failure {
	const struct instance *where;
	outflow_status status;       /* of the last attempt */
	uint32_t attempts;           /* made in all */
	int64_t first_ms, last_ms;   /* when the first and the last attempt failed, since 1970 UTC */
	const outflow_error *reason; /* of the last attempt */
};

struct faults {
	struct services *services;
	struct outbox *sink;
	struct outbox *dead_letters;     /* NULL: none declared */
	struct order *order;             /* of what goes to the sink */
	struct delivery *waiting, **end; /* to be put again */
	int64_t next_due_ns;             /* no wait is over before this */
	struct delivery *unpublished;    /* dead letters of a family that the chain still works on */
	uint64_t retried;
	struct repeated_line drop_line, retry_line, source_line;
};

void faults_init(struct faults *f, struct services *s, struct outbox *sink, struct outbox *dead_letters,
                 struct order *order);

/* How long to wait after a failure with this status, the first of which was at first_ns (monotonic).
 * RETRY_NO_MORE: the policy is used up. [task] */
int64_t faults_wait_ns(const struct faults *f, outflow_status status, uint32_t attempts, int64_t first_ns);

/* Does the host try again after this status? [any] */
int faults_is_transient(outflow_status status);

/* The source has trouble for a while. [task] */
void faults_log_source(struct faults *f, const struct instance *source, const outflow_error *err);

/* A stage gave up the record of this slot, before its family was published. Anything but OUTFLOW_OK ends the task, err
 * says why: OUTFLOW_E_RECORD when errors.tolerance does not let it pass. [task] */
outflow_status faults_reject(struct faults *f, struct slot *slot, const struct failure *failure, outflow_error *err);

/* The family is published: its dead letters may go. [task] */
void faults_published(struct faults *f);

/* Handles the deliveries that failed since the last call and those whose wait is over. Anything but OUTFLOW_OK ends the
 * task, err says why: OUTFLOW_E_RECORD as above. [task] */
outflow_status faults_handle(struct faults *f, int64_t now_ns, outflow_error *err);

/* When the first wait is over; CLOCK_NEVER without any. [task] */
int64_t faults_next(const struct faults *f);

#endif

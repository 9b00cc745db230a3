/* SPDX-License-Identifier: Apache-2.0 */
/*
 * faults.h: what becomes of a record that failed. Three classes decide: try again (OUTFLOW_E_RETRY, OUTFLOW_E_NOMEM from
 * a sink), this record's own fault (OUTFLOW_E_RECORD: errors.tolerance and dead letters), and everything else, which ends
 * the task.
 */
#ifndef HOST_PIPELINE_FAULTS_H
#define HOST_PIPELINE_FAULTS_H
#include "host/pipeline/instance.h"
#include "host/pipeline/outbox.h"

/* A stream of bad records must not become a stream of log lines. */
struct repeated_line {
	int64_t next_ns;
	uint64_t unlogged;
};

struct faults {
	struct services *services;
	struct outbox *sink;
	struct outbox *dead_letters;     /* NULL: none declared */
	struct delivery *waiting, **end; /* to be put again */
	struct delivery *unpublished;    /* dead letters of a family that the chain still works on */
	uint64_t retried;
	struct repeated_line drop_line, retry_line;
};

void faults_init(struct faults *f, struct services *s, struct outbox *sink, struct outbox *dead_letters);

/* A stage gave up the record of this slot, before its family was published. Anything but OUTFLOW_OK ends the task; err
 * then says why. [task] */
outflow_status faults_reject(struct faults *f, struct slot *slot, const struct instance *where, outflow_status status,
                             outflow_error *err);

/* The family is published: its dead letters may go. [task] */
void faults_published(struct faults *f);

/* Handles the deliveries that failed since the last call and those whose wait is over. Anything but OUTFLOW_OK ends the
 * task; err then says why. [task] */
outflow_status faults_handle(struct faults *f, int64_t now_ns, outflow_error *err);

/* When the first wait is over; CLOCK_NEVER without any. [task] */
int64_t faults_next(const struct faults *f);

#endif

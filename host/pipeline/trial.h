/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trial.h: the stages of a pipeline at work on one record, by the chain of a task but without one. Nothing is stored or
 * delivered; the source and the sinks are not even made. One thread throughout.
 */
#ifndef HOST_PIPELINE_TRIAL_H
#define HOST_PIPELINE_TRIAL_H
#include "host/pipeline/chain.h"
#include "host/pipeline/watch.h"

/* One record that a stage, or the sink, has refused. */
struct trial_failure {
	const char *stage; /* the model's */
	outflow_status status;
	outflow_error reason;
	const outflow_record *dead_letter; /* NULL: the pipeline makes none */
};

/* What became of one record. All of it lives until the next run or trial_close. */
struct trial_outcome {
	const outflow_record *outputs; /* what the sink would get */
	uint32_t n_outputs;
	struct trial_failure *failures;
	size_t n_failures;
	int stopped;   /* errors.tolerance = none: the last failure would end the task */
	int postponed; /* the last failure is of the passing kind: the pipeline would try again, later */
	int unknown;   /* the last failure is a stage that has been left out: nobody knows what would come of it */
};

/* Who tries. */
enum trial_for {
	TRIAL_FOR_USER, /* a program that does nothing else, with the rights of its user */
	TRIAL_FOR_CLIENT, /* a daemon, beside its pipelines, for a client: a stage that calls other programs is left out, and
	                   * neither log nor metrics are those of the pipeline of that name */
};

struct trial {
	const struct pipeline_model *model;
	/* What the caller may set: sees each stage that has done its work. */
	void (*on_stage)(void *ctx, struct trial *t, struct instance *stage, const outflow_record *in, uint32_t n,
	                 const outflow_record *out, uint32_t n_out);
	void *ctx;
	/* Its own. */
	enum trial_for whom;
	struct environment environment;
	struct services services;
	struct pool *pool;
	struct instance *stages, *predicates;
	struct stage_model *changed; /* beside stages: those with keys of their own; config NULL: the model's */
	struct instance sink;        /* who is to blame; there is no self */
	struct outbox dead_letters;  /* never filled */
	struct faults faults;
	struct chain chain;
	struct watch watch;
	struct family *family; /* of the last run */
	uint32_t stream;
	size_t n_done; /* stages that are through with the record */
	struct trial_outcome outcome;
};

/* A pipeline of which nothing but these keys matters; source and sink are added to them. *result is NULL when there were
 * problems. OUTFLOW_E_NOMEM. */
outflow_status trial_pipeline_new(const struct host_model *host, const struct inventory *inventory,
                                  struct settings *keys, struct problems *problems, struct pipeline_model **result);

/* Makes the instances of all stages. What it is given outlives the trial. On an error err says why, and trial_close follows all
 * the same. */
outflow_status trial_open(struct trial *t, const struct host_model *host, struct inventory *inventory,
                          const struct pipeline_model *m, enum trial_for whom, outflow_error *err);

/* Makes the instance of one stage anew with other values for some keys. On an error the trial must not run before this has
 * been called again with success. OUTFLOW_E_CONFIG, OUTFLOW_E_NOMEM and what the component says. */
outflow_status trial_change(struct trial *t, size_t stage, const struct settings *keys, outflow_error *err);

/* Runs one record through the stages; its bytes live until the next run. *outcome is t's own. OUTFLOW_E_NOMEM, OUTFLOW_E_TASK
 * and what else ends a task: err says why. */
outflow_status trial_run(struct trial *t, const outflow_record *r, const struct trial_outcome **outcome,
                         outflow_error *err);

/* Inside on_stage: why a stage (or predicate) did what it did with one of its inputs, as one JSON object that lives until
 * the next run. OUTFLOW_E_UNSUPPORTED: it cannot tell; else as the component says. */
outflow_status trial_explain(struct trial *t, struct instance *stage, const outflow_record *in, outflow_bytes *json,
                             outflow_error *err);

/* Inside on_stage: does the stage's predicate have it work on this input? 1 without a predicate; -1: it could not say. */
int trial_chooses(struct trial *t, struct instance *stage, const outflow_record *in);

/* Which parts of a record are not its input's. */
enum {
	CHANGED_TOPIC = 1,
	CHANGED_KEY = 2,
	CHANGED_VALUE = 4,
	CHANGED_HEADERS = 8,
	CHANGED_PARTITION = 16,
	CHANGED_TIMESTAMP = 32
};
unsigned trial_changes(const outflow_record *r, const outflow_record *input);

/* Has the record this header, byte for byte? */
int trial_has_header(const outflow_record *r, const outflow_header *h);

/* Accepts one that was zeroed, or not opened whole. */
void trial_close(struct trial *t);

#endif

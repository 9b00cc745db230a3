/* SPDX-License-Identifier: Apache-2.0 */
/*
 * taps.h: live copies of the records of a running pipeline, for whoever looks. The pipeline never waits for them: what there
 * is no room or no time for is counted. While nobody taps, a stage costs one relaxed load.
 *
 * A pipeline has its taps, each of its tasks a view of them, through which it copies what passes; a tap is read by one thread.
 */
#ifndef HOST_PIPELINE_TAPS_H
#define HOST_PIPELINE_TAPS_H
#include "host/pipeline/watch.h"

#define TAPS_MAX 4 /* of one pipeline */
#define TAP_STAGES_MAX 16
#define TAP_HEADERS_MAX 32u

struct taps;
struct tap;

struct tap_options {
	const char *stages[TAP_STAGES_MAX]; /* "source", "filter", "transforms.t1" (or "t1"), "sink", "deadletter" */
	size_t n_stages;                    /* 0: all */
	size_t preview;                     /* so many bytes of keys, values and headers are copied */
	uint32_t per_second;                /* at most so many records */
	uint32_t n_shown;                   /* how many places a record passes, both ends included */
};

/* How a tap has ended; the last: the daemon stops. */
enum tap_end { TAP_OPEN, TAP_STOPPED, TAP_EDITED, TAP_DELETED, TAP_COMPLETED, TAP_FAILED, TAP_STOPPING };

/* A record at one place of its way. */
struct tap_record {
	outflow_str stage, topic;
	outflow_bytes key, value;        /* as far as they were copied; ptr NULL: null */
	size_t key_length, value_length; /* as they are */
	const outflow_header *headers;
	uint32_t n_headers, headers_length; /* copied, and there */
	int32_t partition;
	int64_t timestamp_ms, at_ms;
	uint64_t pos;
	uint32_t task, stream;
	int failed; /* it was given up at this stage: */
	enum outcome outcome;
	uint32_t attempts;
	outflow_str reason;
};

/* ---- the pipeline's ---- */

/* NULL: no memory. [any] */
struct taps *taps_new(void);

/* Gives a reference back; clears the pointer and accepts NULL inside. [any] */
void taps_release(struct taps **t);

/* Ends all taps that there are. reason: a sentence, may be "". [any] */
void taps_end(struct taps *t, enum tap_end how, const char *reason);

/* A task's view; zeroed is none. */
struct taps_view {
	struct watch watch;
	struct taps *taps;
	uint32_t task;
	struct {
		uint64_t number; /* of the tap */
		uint32_t
			below; /* of the batch in the chain the records with a smaller index are shown, all their way */
	} chosen[TAPS_MAX];
};

/* The taps outlive it. [any] */
void taps_look(struct taps *t, uint32_t task, struct taps_view *view);

/* ---- a reader's ---- */

/* OUTFLOW_E_RETRY: there are TAPS_MAX already; OUTFLOW_E_NOMEM. [any] */
outflow_status tap_new(struct taps *t, const struct tap_options *o, struct tap **result);

/* Clears the pointer and accepts NULL inside. [any] */
void tap_free(struct tap **t);

/* The next record, valid until tap_drop; NULL: none is there now. [the reader] */
const struct tap_record *tap_peek(struct tap *t);
void tap_drop(struct tap *t);

/* How many were not shown since it was asked last: of source records the whole way, or, of a tap of one stage, records there.
 * [the reader] */
uint64_t tap_take_missed(struct tap *t);

/* May as many more be copied as options.per_second allows for the time since the last call; then waits until the deadline
 * (monotonic) or its end. [the reader] */
void tap_wait(struct tap *t, int64_t deadline_ns);

/* Has it ended? What was copied before is still there. *reason lives as long as the tap. [the reader] */
enum tap_end tap_ended(struct tap *t, const char **reason);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* harness_internal.h: what the files of the harness share. */
#ifndef OUTFLOW_HARNESS_INTERNAL_H
#define OUTFLOW_HARNESS_INTERNAL_H
#include "harness.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

/* One allocation that lives until clear: an arena's piece, or an object that the instance attached. */
struct piece {
	struct piece *next;
	void *memory;
	void (*release)(void *);
};

struct harness_batch {
	outflow_batch plugin; /* what the instance sees; its host points here */
	outflow_harness *t;
	uint32_t limit; /* records */
	bool failed;    /* sticky */
};

struct text_list {
	char **list;
	size_t n;
};

struct setting {
	char *key, *value;
	bool is_default;
};

/* Also the outflow_config of the instance. */
struct outflow_config {
	struct setting *list;
	size_t n;
	struct text_list items; /* of lists, split; they live until free */
};

/* A record that was handed to a sink: its bytes are its own and go when it is resolved. */
struct held {
	outflow_record *record; /* in the array of its put */
	void *memory;
	size_t input;
	bool taken, resolved;
};

struct timer {
	struct timer *next;
	int64_t at_ns;
	uint64_t id;
	void (*fn)(void *);
	void *arg;
};

struct outflow_metric {
	struct outflow_metric *next;
	outflow_harness *t;
	char *name;
	int64_t value;
};

struct view_type {
	struct view_type *next;
	char *name;
	uint32_t number;
};

struct stream {
	char *partition;
	uint64_t next;
	bool resumable, open;
};

struct outcomes {
	outflow_harness_outcome *list;
	size_t n;
};

struct outflow_harness {
	outflow_host host;
	const outflow_component *component;
	void *self;
	char *pipeline;

	struct outflow_config config;
	struct text_list offer_ids;
	const void **offers;

	/* what a test puts in */
	outflow_record **inputs;
	size_t n_inputs, n_put;
	const outflow_record *call_inputs; /* of the transform or converter call in progress */
	size_t n_call_inputs;
	const outflow_batch *polled; /* of the poll in progress */

	/* what comes out; taken by one call at a time */
	struct piece *pieces;
	struct harness_batch batch;
	outflow_record *outputs;
	size_t n_outputs;
	uint32_t output_limit;
	struct outcomes rejects;
	struct text_list problems;
	struct stream *streams;
	size_t n_streams;
	struct outflow_metric *metrics;
	struct timer *timers;
	uint64_t next_timer;

	/* told from any thread, under the lock */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct text_list logs, breaches;
	struct outcomes resolved;
	struct held **held;
	size_t n_held;
	outflow_record **put_arrays;
	size_t n_put_arrays, wakes;
	struct view_type *views;
	int64_t mono_ns, wall_ms;

	pthread_t task_thread;
	bool rotate, real_clock, in_check;
	char *arena; /* outflow_harness_use_arena */
	size_t arena_size;
	size_t allocs, fail_at;
};

/* Memory that is always there: the harness aborts without it. */
void *harness_room(void *old, size_t n, size_t item);
char *harness_text(const void *bytes, size_t n);
void harness_add_text(struct text_list *l, char *text);
void harness_clear_texts(struct text_list *l);
void harness_add_outcome(struct outcomes *o, size_t input, outflow_status status, const outflow_error *err);

/* Records a breach of the contract. [any] */
void harness_breach(outflow_harness *t, const char *format, ...) OUTFLOW_PRINTF(2, 3);

/* The monotonic clock in use. [any] */
int64_t harness_now(outflow_harness *t);

void harness_offer_services(outflow_harness *t, uint32_t kind);
/* Lends the arena, if there is one, to b until harness_end_batch. */
void harness_begin_batch(outflow_harness *t, struct harness_batch *b, uint32_t cap, uint32_t limit);
/* Appends what b holds to the outputs and frees its array. */
void harness_end_batch(struct harness_batch *b);
void harness_drop_pieces(outflow_harness *t);
void harness_drop_timers(outflow_harness *t);
void harness_drop_metrics(outflow_harness *t);

/* Runs fn(arg) as a [task] call: in a thread of its own when threads rotate. */
void harness_as_task(outflow_harness *t, void (*fn)(void *), void *arg);

extern const outflow_config_api harness_config_api;
const char *harness_config_get(const struct outflow_config *c, const char *key);
void harness_config_free(struct outflow_config *c);

#endif

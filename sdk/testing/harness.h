/* SPDX-License-Identifier: Apache-2.0 */
/*
 * harness.h: a host for the unit test of one plugin instance, without the program: configuration with schema
 * defaults, batches whose every allocation is its own (so that AddressSanitizer sees an overrun), a clock that
 * the test drives, and a record of all that the instance said: rejects, problems, log lines, acknowledgements,
 * wakes, streams.
 *
 *   outflow_harness *t = outflow_harness_new();
 *   outflow_harness_set(t, "fields", "temp:celsius");
 *   assert_int_equal(outflow_harness_create(t, &fields_rename, &err), OUTFLOW_OK);
 *   outflow_harness_input(t, "plant/p1", NULL, "{\"temp\":21}");
 *   assert_int_equal(outflow_harness_apply(t, &err), OUTFLOW_OK);
 *   assert_string_equal(outflow_harness_value(t, 0), "{\"celsius\":21}");
 *   outflow_harness_free(&t);
 *
 * It watches the contract while it runs: a [task] service called from the wrong thread, an output whose origin
 * was touched or that is out of order, an input that was written to, a record resolved twice. Each breach is a
 * sentence in outflow_harness_breach; outflow_harness_free prints those that remain and aborts, so that no test
 * can overlook one.
 *
 * A harness belongs to the thread that made it. When it runs out of memory itself, it aborts. Texts that it
 * returns live until the next outflow_harness_clear or free.
 */
#ifndef OUTFLOW_TESTING_HARNESS_H
#define OUTFLOW_TESTING_HARNESS_H
#include <outflow/abi.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct outflow_harness outflow_harness;

outflow_harness *outflow_harness_new(void);
/* Destroys the instance, frees everything and clears *t; NULL inside is fine. Aborts when a breach was not
 * cleared. */
void outflow_harness_free(outflow_harness **t);
/* Forgets inputs, outputs and all that was recorded; instance, configuration, clock and streams stay. Releases
 * what the instance attached to its batch. Records that a sink holds stay until it resolves them. */
void outflow_harness_clear(outflow_harness *t);

/* The host as the instance sees it, and a batch for functions that want an arena. */
const outflow_host *outflow_harness_host(outflow_harness *t);
outflow_batch *outflow_harness_batch(outflow_harness *t);
/* The configuration as it is now. */
const outflow_config *outflow_harness_config(outflow_harness *t);

/* ---- before create ---- */

/* Sets a key as the text of a configuration file; value NULL removes it. What every stage inherits has
 * the values that it has by default: "cluster" and the keys of the json converter below "source.". */
void outflow_harness_set(outflow_harness *t, const char *key, const char *value);
/* Task number and tasks.max of the instance; 0 of 1 without this call. */
void outflow_harness_place(outflow_harness *t, const char *pipeline, uint32_t task, uint32_t n_tasks);
/* What host->extension answers for id: a table that the test provides, such as a journal of its own. */
void outflow_harness_offer(outflow_harness *t, const char *id, const void *table);
/* What stream_open answers for this partition. */
void outflow_harness_resume(outflow_harness *t, const char *partition_json, uint64_t next);
/* Each [task] call comes from a thread of its own, one after the other: what a plugin may not rely on otherwise. */
void outflow_harness_rotate_threads(outflow_harness *t);
/* The clock of the machine instead of the virtual one, for clients that keep their own time. */
void outflow_harness_use_real_clock(outflow_harness *t);
/* A bump arena of so many bytes instead of single allocations, as the real host has; for benchmarks. */
void outflow_harness_use_arena(outflow_harness *t, size_t bytes);

/* Checks the configuration against the component's schema (unknown, missing, type, range, choice), fills in
 * defaults and calls the component's own check. OUTFLOW_E_CONFIG: see outflow_harness_problem. */
outflow_status outflow_harness_check(outflow_harness *t, const outflow_component *c);
/* The i-th problem as "key: text", NULL after the last. */
const char *outflow_harness_problem(const outflow_harness *t, size_t i);

/* Checks as above, then makes the instance; an instance that is there already is destroyed first. */
outflow_status outflow_harness_create(outflow_harness *t, const outflow_component *c, outflow_error *err);
/* Destroys the instance now; none is fine. */
void outflow_harness_destroy(outflow_harness *t);
void *outflow_harness_self(const outflow_harness *t);

/* ---- input records ---- */

/* Appends a record; texts are copied, NULL is null. stream 0, positions count from 0, timestamp is the wall
 * clock's. The caller may change the record until it is used; it stays where it is. */
outflow_record *outflow_harness_input(outflow_harness *t, const char *topic, const char *key, const char *value);
/* The same with a value of any bytes. */
outflow_record *outflow_harness_input_bytes(outflow_harness *t, const char *topic, const void *value, size_t n);
void outflow_harness_header(outflow_harness *t, outflow_record *r, const char *name, const char *value);

/* ---- calls of the instance, as [task]; the operations of the kind that was created ---- */

/* The transform on all inputs together, without the host's halving and single steps. */
outflow_status outflow_harness_apply(outflow_harness *t, outflow_error *err);
/* The transform's explain on input i; its answer, which ends in NUL, or NULL and *status says why. */
const char *outflow_harness_explain(outflow_harness *t, size_t i, outflow_status *status, outflow_error *err);
/* The predicate on all inputs; one byte for each, or NULL and *status says why. */
const uint8_t *outflow_harness_test(outflow_harness *t, outflow_status *status, outflow_error *err);
/* The converter on copies of all inputs, which are the outputs then. */
outflow_status outflow_harness_decode(outflow_harness *t, outflow_error *err);
outflow_status outflow_harness_encode(outflow_harness *t, outflow_error *err);

outflow_status outflow_harness_start(outflow_harness *t, outflow_error *err); /* source, sink */
/* Up to max records more into the outputs; wait_ms is added to the clock in use. max 0: back-pressure. */
outflow_status outflow_harness_poll(outflow_harness *t, uint32_t max, int64_t wait_ms, outflow_error *err);
outflow_status outflow_harness_committed(outflow_harness *t, uint32_t stream, uint64_t next, outflow_error *err);
/* Hands inputs that were not taken yet to the sink, as copies that are freed when it resolves them. */
outflow_status outflow_harness_put(outflow_harness *t, size_t *taken, outflow_error *err);
outflow_status outflow_harness_flush(outflow_harness *t, int64_t wait_ms, outflow_error *err);
outflow_status outflow_harness_stop(outflow_harness *t, int64_t wait_ms, outflow_error *err);
void outflow_harness_interrupt(outflow_harness *t); /* [any] */

/* ---- what came of it ---- */

size_t outflow_harness_outputs(const outflow_harness *t);
const outflow_record *outflow_harness_output(const outflow_harness *t, size_t i);
/* Copies of an output's parts with a NUL at the end; NULL for null or none. */
const char *outflow_harness_value(outflow_harness *t, size_t i);
const char *outflow_harness_key(outflow_harness *t, size_t i);
const char *outflow_harness_topic(outflow_harness *t, size_t i);
const char *outflow_harness_header_of(outflow_harness *t, size_t i, const char *name);

/* What became of one record: a reject of a source, transform or converter, or the resolution of a sink. input: its
 * number, in the order of outflow_harness_input; of a source, the output's. */
typedef struct outflow_harness_outcome {
	size_t input;
	outflow_status status;
	outflow_error err;
} outflow_harness_outcome;
/* The i-th, NULL after the last. */
const outflow_harness_outcome *outflow_harness_reject(const outflow_harness *t, size_t i);
const outflow_harness_outcome *outflow_harness_resolved(outflow_harness *t, size_t i);

/* Waits, on the machine's clock, until so many records are resolved or the instance woke its task so often. 1:
 * they are; 0: wait_ms passed. */
int outflow_harness_wait_resolved(outflow_harness *t, size_t n, int64_t wait_ms);
int outflow_harness_wait_woken(outflow_harness *t, size_t n, int64_t wait_ms);

/* The i-th log line as "level: text" (error, warn, info, debug), open stream's partition, breach; NULL after
 * the last. */
const char *outflow_harness_log(outflow_harness *t, size_t i);
const char *outflow_harness_stream(const outflow_harness *t, size_t i);
const char *outflow_harness_breach(outflow_harness *t, size_t i);
/* The value of the metric of that name; 0 when there is none. */
int64_t outflow_harness_metric(outflow_harness *t, const char *name);

/* ---- the world ---- */

/* Moves the virtual clock on and fires the timers that became due, as [task]. It starts at mono 1 s, wall
 * 2026-01-01T00:00:00Z. */
void outflow_harness_advance(outflow_harness *t, int64_t ms);
/* The n-th (from 1) allocation of the host from now on fails, and on that batch all that follow; 0: none. */
void outflow_harness_fail_alloc(outflow_harness *t, size_t n);
/* How many allocations of the host there were since the last outflow_harness_clear. */
size_t outflow_harness_allocs(const outflow_harness *t);
/* At most so many records fit into the outputs; outflow_emit is NULL then. */
void outflow_harness_limit_outputs(outflow_harness *t, uint32_t n);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger.h: which records are still owed, and how far each stream is resolved without a hole.
 *
 * Records are counted in the order in which the source emitted them, since positions have gaps. Each source record has a
 * slot; each copy of it that was handed to a sink has a delivery. A slot is resolved when all its deliveries are; the
 * position of a stream is `next` of the last record of its contiguous resolved prefix.
 *
 * One task owns a ledger and calls everything in it; only ledger_resolve may be called by other threads.
 */
#ifndef HOST_RECORD_LEDGER_H
#define HOST_RECORD_LEDGER_H
#include "host/base/histogram.h"
#include "host/record/batch.h"

#include <outflow/abi.h>

struct ledger;
struct slot;

/* What became of a source record; of several, the largest counts. */
enum outcome {
	OUTCOME_NONE, /* no output: filtered */
	OUTCOME_DELIVERED,
	OUTCOME_DEAD_LETTERED,
	OUTCOME_DROPPED, /* by policy: errors.tolerance = all without dead letters */
};

/* What outflow_record.slot points at, in the middle of the chain (a slot's) and in a sink (a delivery's). */
struct outflow_slot {
	struct slot *origin;
};

/* One source record. */
struct slot {
	struct outflow_slot cell;
	struct family *family;
	uint64_t next; /* where the stream goes on after it */
	const outflow_bytes *pos_ext;
	uint32_t stream;
	uint32_t pending; /* atomic: deliveries not resolved; SLOT_IN_CHAIN before publication */
	uint32_t index;   /* in the family */
	uint32_t age_ms;  /* how long ago it had arrived at the source when it was admitted */
	uint8_t outcome;  /* enum outcome */
};

/* Why a delivery failed; shared by the deliveries of one resolve call. */
struct note {
	uint32_t references; /* atomic */
	outflow_error error;
};

/* One record handed to a sink. */
struct delivery {
	struct outflow_slot cell;
	outflow_record *record;
	struct delivery *next;   /* in whichever list holds it */
	struct note *note;       /* of the last failure; NULL: none, or no memory for it */
	int64_t due_ns;          /* when to try again */
	int64_t first_failed_ns; /* 0: never */
	uint32_t state;          /* atomic: enum delivery_state */
	outflow_status status;   /* of the last failure */
	uint32_t attempts;       /* failed ones that count for the retry policy */
	uint32_t outages;        /* failed ones that do not */
	uint32_t put_us;         /* when it was put last, since the family was admitted */
	uint8_t dead_letter;     /* goes to the dead-letter sink */
};

/* All records of one poll. */
struct family {
	unsigned magic;
	struct ledger *ledger;
	struct family *next; /* in order of emission */
	struct family *next_done;
	struct family_memory memory;
	struct slot *slots;
	uint64_t first; /* number of the first slot's record, in order of emission */
	uint32_t n_slots;
	uint32_t unresolved;         /* atomic: deliveries, and one while the chain works on it */
	int done;                    /* counted, memory released */
	int keeps_arena;             /* slots point into it */
	outflow_record *records;     /* as the source emitted them */
	outflow_record *outputs;     /* as the sink gets them */
	struct delivery *deliveries; /* of outputs, in the same order */
	uint32_t n_outputs;
	uint32_t n_put;          /* outputs that the sink has taken or refused */
	struct family *next_put; /* in the outbox */
	uint64_t bytes;          /* of keys and values, for the in-flight limit */
	int64_t admitted_ns;
	int64_t admitted_ms; /* the same by the wall clock */
};

/* The account in source records; exact: received is the sum of the others. */
struct account {
	uint64_t received, filtered, delivered, dead_lettered, dropped, in_flight;
};

/* wake(ctx) is called, from any thread, when the task has something to collect. NULL: no memory. [task] */
struct ledger *ledger_new(struct pool *pool, void (*wake)(void *ctx), void *ctx);

/* Frees everything, what is unresolved too: no sink may refer to it any more. Clears the pointer, accepts NULL. [task] */
void ledger_free(struct ledger **l);

/* ---- streams ---- */

/* As outflow_stream_api.open, for a stream that stands at next and pos_ext (both copied; ptr NULL: none). resume gets
 * them back; its `valid` is left to the caller. OUTFLOW_E_CONFIG: open already;
 * OUTFLOW_E_NOMEM. [task] */
outflow_status ledger_stream_open(struct ledger *l, outflow_str json, uint64_t next, outflow_bytes pos_ext,
                                  uint32_t *stream, outflow_resume *resume);
/* As outflow_stream_api.close and .position; OUTFLOW_E_RECORD: no such open stream. [task] */
outflow_status ledger_stream_close(struct ledger *l, uint32_t stream);
outflow_status ledger_stream_position(struct ledger *l, uint32_t stream, uint64_t *next);

/* Calls visit for every open stream that moved since its last visit here, also when next has stayed the same. [task] */
void ledger_moved_streams(struct ledger *l,
                          void (*visit)(void *ctx, uint32_t stream, outflow_str json, uint64_t next,
                                        const outflow_bytes *pos_ext),
                          void *ctx);

/* ---- the way of a family ---- */

/* A family for one poll; give it back with family_discard when the poll brought nothing. NULL: no memory. [task] */
struct family *family_new(struct ledger *l);
void family_discard(struct family *f);

/* Takes in what the source emitted: one slot each, in order. The records array belongs to the family from here on.
 * OUTFLOW_E_NOMEM; OUTFLOW_E_RECORD: a record names a stream that is not open; nothing has changed. [task] */
outflow_status ledger_admit(struct ledger *l, struct family *f, outflow_record *records, uint32_t n);

/* Takes over the outputs of the chain: one delivery each, whose cell the record's slot points at afterwards.
 * OUTFLOW_E_NOMEM: nothing has changed; OUTFLOW_E_RECORD: a record carries no slot of this family. [task] */
outflow_status ledger_expect(struct family *f, outflow_record *outputs, uint32_t n);

/* A stage rejected the record of this slot, before ledger_publish: one more delivery, of its dead letter (a record in the
 * family's arena). NULL: no memory. [task] */
struct delivery *ledger_add_dead_letter(struct slot *s, outflow_record *dead_letter);

/* The same without a dead letter: the policy drops it. [task] */
void ledger_drop(struct slot *s);

/* From here on deliveries may be put and resolved. A family without any is done at once. [task] */
void ledger_publish(struct family *f);

/* From here on counts how long each source record took from its arrival (its timestamp; without one its admission) to the
 * resolution of its last delivery, if it is delivered, and how long each delivery that was stored took from its last put.
 * Both outlive the ledger. [task] */
void ledger_measure(struct ledger *l, struct histogram *end_to_end, struct histogram *sink);

/* These n deliveries of one family, neighbours in memory, are about to be put. [task] */
void ledger_note_put(struct delivery *first, size_t n);

/* As outflow_ack_api.resolve: each delivery once; a second resolution is counted and otherwise ignored. [any] */
void ledger_resolve(struct ledger *l, outflow_record *const *recs, size_t n, outflow_status status,
                    const outflow_error *err);

/* The deliveries that were resolved as failed, oldest first, linked by next. The task takes each one's reason, then
 * decides: put it again (after delivery_reopen), pass on to a dead letter, or ledger_finish. [task] */
struct delivery *ledger_take_failed(struct ledger *l);

/* Moves the reason of the failure to err, which says so when there is none. [task] */
void delivery_take_reason(struct delivery *d, outflow_error *err);

/* Makes a failed delivery resolvable again, before it is put again. [task] */
void delivery_reopen(struct delivery *d);

/* Is nothing owed for it any more? A failed one is not resolved before it was delivered after all, finished or passed on.
 * [task] */
int delivery_is_resolved(const struct delivery *d);

/* call(ctx) runs before the memory of resolved deliveries goes, and every resolution wakes the task. [task] */
void ledger_watch_resolved(struct ledger *l, void (*call)(void *ctx), void *ctx);

/* A failed delivery is settled: the slot's outcome is at least this. [task] */
void ledger_finish(struct delivery *d, enum outcome outcome);

/* Passes what a failed delivery owes on to one of its dead letter, a record in the family's arena. NULL: no memory.
 * [task] */
struct delivery *ledger_pass_on(struct delivery *d, outflow_record *dead_letter);

/* Counts what is done and lets its memory go. [task] */
void ledger_collect(struct ledger *l);

/* Moves the streams' positions to the end of their resolved prefixes. [task] */
void ledger_advance(struct ledger *l);

/* n source records were lost by policy before the source could emit them: received and dropped. [task] */
void ledger_count_dropped(struct ledger *l, uint64_t n);

/* Returns how far the account is from being exact, in records: anything but 0 is a defect of this program. [task] */
int64_t ledger_account(const struct ledger *l, struct account *result);
/* When the oldest record that is not resolved was taken in (monotonic); CLOCK_NEVER: there is none. [task] */
int64_t ledger_oldest_ns(const struct ledger *l);
/* When the oldest record that is not resolved arrived at its source (wall clock); -1: there is none. [task] */
int64_t ledger_oldest_arrival_ms(const struct ledger *l);
/* As the source called it; ptr NULL: no such open stream. Valid until it is closed. [task] */
outflow_str ledger_stream_name(const struct ledger *l, uint32_t stream);

/* How many records of this stream its position has passed; that the source was told of so many of them; and how many
 * records of all open streams it was not told of. [task] */
uint64_t ledger_stream_passed(const struct ledger *l, uint32_t stream);
void ledger_stream_told(struct ledger *l, uint32_t stream, uint64_t passed);
uint64_t ledger_untold(const struct ledger *l);
uint64_t ledger_in_flight_records(const struct ledger *l);
uint64_t ledger_in_flight_bytes(const struct ledger *l);
/* Resolutions that came twice or for a delivery that was not open: a misbehaving sink. [any] */
uint64_t ledger_double_resolutions(const struct ledger *l);

/* The record as the source emitted it; NULL for one that has no slot. [task] */
const outflow_record *ledger_origin(const outflow_record *r);

#endif

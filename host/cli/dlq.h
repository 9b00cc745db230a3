/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dlq.h: what the files of `outflow dlq` share.
 *
 * Dead letters are read by an ordinary source, the one that reads what the dead-letter sink writes, inside an ordinary
 * task. Around that source stands a reader (dlq_reader.c), which shows each letter to a visitor. For list and show the
 * visitor prints and keeps nothing, so nothing goes on to the sink; for replay it makes the record again what it was and
 * lets it go through the pipeline's own chain into its own sink.
 */
#ifndef HOST_CLI_DLQ_H
#define HOST_CLI_DLQ_H
#include "host/cli/options.h"
#include "host/pipeline/task.h"
#include "host/store/replayed.h"

#include <jansson.h>

/* ---- dlq_letter.c: what a dead letter says ---- */

struct dlq_letter {
	const outflow_record *record;
	char position[48]; /* "PARTITION:OFFSET", or the number of a line */
	outflow_bytes stage, class, reason, topic, task, offset, attempts;
	int64_t time_ms;  /* of the last failure, else the record's; -1: unknown */
	uint32_t replays; /* outflow.replay.count */
	int replayed;     /* it has been sent again */
};

/* Fills all but position and replayed; every byte stays the record's. */
void dlq_letter_read(struct dlq_letter *l, const outflow_record *r);

/* Makes the record what the source had emitted (headers that came with the failure gone, topic and position as they were)
 * and counts the replay in its header. OUTFLOW_E_NOMEM. [task] */
outflow_status dlq_letter_restore(const struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
                                  outflow_record *r);

/* ---- dlq_filter.c: which ones are meant ---- */

struct dlq_filter {
	const char *reason, *stage, *key;
	int64_t since_ms, until_ms; /* INT64_MIN, INT64_MAX: no bound */
	char *const *positions;
	size_t n_positions; /* 0: all */
	int open;           /* only what has not been replayed */
};

/* A point in time: as tool_parse_time takes it, or a duration before now ("90min"). 0, or -1: it is neither. */
int dlq_parse_time(const char *text, int64_t now_ms, int64_t *ms);

int dlq_filter_matches(const struct dlq_filter *f, const struct dlq_letter *l);

/* Is it PARTITION:OFFSET or a number? */
int dlq_is_position(const char *text);

/* ---- dlq_print.c ---- */

/* Output for people, or a growing JSON answer, so that memory does not depend on how many there are. */
struct dlq_printer {
	int json, whole; /* whole: all headers and the value */
	int quiet;       /* print nothing */
	size_t n;
};

void dlq_print_letter(struct dlq_printer *p, const struct dlq_letter *l);
/* error NULL: none; people read it on standard error, unless it is said. */
void dlq_print_end(struct dlq_printer *p, const char *error, int is_said);

/* ---- dlq_reader.c: a source around the one that reads dead letters ---- */

enum dlq_verdict { DLQ_LEAVE_OUT, DLQ_SEND, DLQ_FAIL };

/* What one poll may bring; the room for records under way is made for it. */
#define DLQ_POLL_MAX 512u

struct dlq_stream;
struct dlq_sent;

struct dlq_reader {
	/* What the caller sets. */
	enum dlq_verdict (*visit)(void *ctx, struct dlq_letter *l, const outflow_host *h, outflow_batch *b,
	                          outflow_record *r);
	/* A record that is no dead letter; may be NULL. */
	void (*unreadable)(void *ctx, const char *position, const outflow_error *why);
	void *ctx;
	struct replayed *replayed; /* NULL: nothing is known, and nothing remembered */
	uint64_t max;              /* records that are sent or printed; 0: no limit */
	/* Its own. */
	outflow_component component; /* what the task gets */
	const outflow_source_ops *inner;
	const outflow_host *host;
	struct instance *instance;
	void *self;
	struct dlq_stream *streams;
	size_t n_streams;
	struct dlq_sent *sent; /* not yet confirmed */
	size_t n_sent;
	uint64_t accepted; /* by the visitor, counted against max */
	int ended;
};

/* Puts the reader in the place of the source. The reader outlives the model. OUTFLOW_E_NOMEM. */
outflow_status dlq_reader_install(struct dlq_reader *d, struct stage_model *source);

/* The visitor has dealt with a letter that counts against max. [task] */
void dlq_reader_count(struct dlq_reader *d);

void dlq_reader_clear(struct dlq_reader *d);

/* ---- dlq_model.c ---- */

/* A pipeline that reads the dead letters of m and drops them. EXIT_OK, or else why not has been said. */
int dlq_model_new(struct configuration *c, const struct pipeline_model *m, struct pipeline_model **result);

/* ---- dlq_run.c ---- */

enum dlq_end {
	DLQ_DONE,         /* what was read was delivered, filtered or dead-lettered, to the end */
	DLQ_ENDED,        /* not, and the reason is there to be said */
	DLQ_ENDED_IN_LOG, /* not, and the log has said the reason already */
};

/* Runs a pipeline of one task until its source has ended or, with signals blocked by the caller, until SIGTERM or SIGINT.
 * progress is called about once a second (NULL: never). *account: what became of what was sent; untouched when nothing
 * was started. */
enum dlq_end dlq_run(const struct pipeline_model *m, const struct environment *e,
                     void (*progress)(void *ctx, const struct account *a), void *ctx, struct account *account,
                     outflow_error *reason);

/* ---- dlq_show.c: list and show ---- */

/* Below the state directory: what replays keep, apart from what the daemon holds. */
#define DLQ_STATE "replay"

/* What is known of earlier replays, to be read only. OUTFLOW_E_TASK, OUTFLOW_E_NOMEM. */
outflow_status dlq_open_replayed(const struct configuration *c, const char *pipeline, struct replayed **result,
                                 outflow_error *err);

struct dlq_show_options {
	struct dlq_filter filter;
	uint64_t max;
	int json, whole; /* whole: show, not list */
};

/* Both take a configuration that has been read, resolve it, and return the exit status. */
int dlq_show(struct configuration *c, const char *pipeline, const struct dlq_show_options *o);

/* ---- dlq_replay.c ---- */

struct dlq_replay_options {
	struct dlq_filter filter;
	int64_t rate;
	uint64_t max, loop_guard;
	int again, dry_run, json;
};

int dlq_replay(struct configuration *c, const char *pipeline, const struct dlq_replay_options *o);

#endif

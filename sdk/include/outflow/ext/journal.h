/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/ext/journal.h: a durable log in front of a source that cannot rewind. A service of the host.
 *
 * A push-style client (an MQTT library, an HTTP listener, a socket) calls append from its own thread and may acknowledge
 * upstream when append returned OUTFLOW_OK or OUTFLOW_SLOW. The task's poll then hands out what was appended, as records
 * whose bytes lie in a read-only mapping of the segment, with the journal's sequence number as the record's position.
 * After a crash, reading starts at the checkpoint. Segments below the checkpoint are removed by the host.
 *
 * Appending goes through pwrite, never through a store to a mapping: a full disk must be an error, not a SIGBUS, and
 * written pages must not count as the process's memory.
 */
#ifndef OUTFLOW_EXT_JOURNAL_H
#define OUTFLOW_EXT_JOURNAL_H
#include <outflow/abi.h>

#define OUTFLOW_EXT_JOURNAL "outflow.journal/1"

typedef struct outflow_journal outflow_journal;

typedef struct outflow_journal_api {
	uint32_t size;

	/* Opens the journal of this instance and its one stream, named by stream_json (a JSON text, copied): recovers
	 * what a crash left, then reads on from the checkpoint. Limits and sync mode come from the pipeline's
	 * journal.* keys. OUTFLOW_E_TASK: the directory cannot be used, the error names file and cause. [task] */
	outflow_status (*open)(const outflow_host *, outflow_str stream_json, outflow_journal **, outflow_error *);

	/* Copies key, value, headers, topic and timestamp of rec; *pos is its position. Takes bounded time and never
	 * waits for a sink. OUTFLOW_OK, OUTFLOW_SLOW (above the soft limit): taken, as durable as journal.sync
	 * promises, or dropped and counted as journal.on.full says. Negative: not taken, the journal is cut back to its last good record; withhold the upstream
	 * acknowledgement. OUTFLOW_E_RETRY: disk error or hard limit, a later append may succeed; OUTFLOW_E_RECORD:
	 * larger than a segment. [any, one caller at a time] */
	outflow_status (*append)(outflow_journal *, const outflow_record *rec, uint64_t *pos, outflow_error *);

	/* Emits up to max records to out, with stream, pos and next set. OUTFLOW_OK: at least one; OUTFLOW_AGAIN:
	 * deadline_ns (monotonic) passed with none; OUTFLOW_E_CANCELED: interrupted; OUTFLOW_E_TASK: a segment cannot
	 * be read. A damaged record is skipped and reported in the log. [task] */
	outflow_status (*read)(outflow_journal *, outflow_batch *out, uint32_t max, int64_t deadline_ns, outflow_error *);

	/* Ends a read that waits, now or the next one: it returns OUTFLOW_E_CANCELED. [any] */
	void (*interrupt)(outflow_journal *);

	/* Everything below this position survives what journal.sync promises to survive. [any] */
	uint64_t (*durable)(outflow_journal *);

	/* Records and bytes not yet checkpointed, against the hard limit. [any] */
	void (*level)(outflow_journal *, uint64_t *records, uint64_t *bytes, uint64_t *limit_bytes);

	/* No append may be running or follow. What was read stays valid as long as its records. NULL is fine. [task] */
	void (*close)(outflow_journal *);
} outflow_journal_api;
#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/abi.h: everything that crosses the line between the host and a plugin.
 *
 * A plugin is a shared object with one exported function, outflow_plugin_entry_v1, that returns a constant description.
 * The host compares its stamp before it reads anything else, then calls through the tables found in it. A plugin reaches
 * the host only through the struct outflow_host that create() is given.
 *
 * Thread tags, one on every function:
 *   [load]  once per loaded copy of the plugin, before any instance exists
 *   [task]  never two at once for one instance; today from one thread, but a plugin may not rely on which
 *   [any]   from any thread, at any time between create and destroy, concurrently with everything else
 *
 * Growth within a major: data structs never change; tables begin with `size` and grow only at their end; values are
 * only added. Whoever reads a table checks OUTFLOW_HAS before a member that its first version did not have.
 */
#ifndef OUTFLOW_ABI_H
#define OUTFLOW_ABI_H
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define OUTFLOW_ABI_MAGIC 0x4f464c31u
#define OUTFLOW_ABI_MAJOR 1u
#define OUTFLOW_ABI_MINOR 0u
#if defined(__GNUC__)
#define OUTFLOW_EXPORT __attribute__((visibility("default")))
#else
#define OUTFLOW_EXPORT
#endif
#define OUTFLOW_END_OF(T, F) (offsetof(T, F) + sizeof(((T *)0)->F))
/* Is member F of table P there and set? */
#define OUTFLOW_HAS(T, P, F) ((P) && (P)->size >= OUTFLOW_END_OF(T, F) && (P)->F)

/* ---- status: the sign is the class; a code that the reader does not know keeps the meaning of its sign ---- */

typedef int32_t outflow_status;
enum {
	OUTFLOW_OK = 0,            /* done */
	OUTFLOW_AGAIN = 1,         /* nothing now / no room now: call again later */
	OUTFLOW_EOF = 2,           /* bounded source: no more, ever */
	OUTFLOW_SLOW = 3,          /* done, and the caller should slow down */
	OUTFLOW_E_RETRY = -1,      /* transient; the same call may succeed later */
	OUTFLOW_E_RECORD = -2,     /* this record can never succeed: tolerance policy and dead letter */
	OUTFLOW_E_TASK = -3,       /* this task is broken: stop it */
	OUTFLOW_E_CONFIG = -4,     /* bad configuration; never retried */
	OUTFLOW_E_NOMEM = -5,      /* no memory, or the batch's limit is reached */
	OUTFLOW_E_UNSUPPORTED = -6,/* this host or plugin cannot do that */
	OUTFLOW_E_CANCELED = -7,   /* interrupted or stopping */
	OUTFLOW_E_OUTAGE = -8      /* transient as OUTFLOW_E_RETRY, and nobody's fault: the other side cannot be reached at
				    * all. Waited out without using up the retries */
};

/* Owned by the caller, of fixed size: nothing to free, no allocation while failing. Whoever fails fills it with
 * outflow_fail (util.h); on success it is left alone. */
typedef struct outflow_error {
	uint32_t size;
	int32_t native;       /* errno, rd_kafka_resp_err_t, MQTT reason code... */
	char domain[24];      /* what `native` is: "errno", "rdkafka", "mqtt", ... */
	char msg[480];        /* one sentence: place, cause, cure; no newline at the end */
} outflow_error;

/* ---- data: frozen for the whole ABI major ---- */

typedef struct { const void *ptr; size_t len; } outflow_bytes; /* ptr NULL: null, which differs from empty */
typedef struct { const char *ptr; size_t len; } outflow_str;   /* UTF-8, no NUL at the end */
typedef struct outflow_header { outflow_str name; outflow_bytes value; } outflow_header;
struct outflow_slot;

/* One message. It owns nothing: every pointer leads into the batch's arena, into memory attached to the batch, or into
 * static memory, and stays valid until the host has seen the record resolved. */
typedef struct outflow_record {
	outflow_bytes key, value;
	outflow_str topic;             /* routing; transforms may change it */
	const outflow_header *headers;
	uint32_t n_headers;
	int32_t partition;             /* routing, never origin; -1: let the sink choose */
	int64_t timestamp_ms;          /* since 1970 UTC; -1: none */
	uint32_t flags;                /* OUTFLOW_REC_* */
	uint32_t view_tag;             /* interned type of view, 0: none */
	const void *view;              /* decoded value, lives as long as the batch */
	uint32_t stream;               /* origin: handle from stream_open */
	uint32_t spare32;
	uint64_t pos;                  /* origin: position inside the stream */
	const outflow_bytes *pos_ext;  /* origin: optional, when 64 bits are too few */
	struct outflow_slot *slot;     /* the host's acknowledgement cell; derived records carry it along */
	uint64_t next;                 /* origin: where to resume after this record; 0: pos + 1 */
} outflow_record;
#define OUTFLOW_REC_VALUE_STALE 1u /* view is newer than value: encode before the bytes are used */

/* A growing array of records and the arena that their bytes may live in. Plugins write through outflow_emit and
 * outflow_alloc (below) and touch no other member. */
typedef struct outflow_batch {
	uint32_t n, cap;
	outflow_record *recs;     /* never moves once the batch is published */
	char *cur, *end;          /* bump cursor, see outflow_alloc */
	void *host;
	uint64_t spare[2];
} outflow_batch;

/* ---- host services: one pointer per group ---- */

typedef struct outflow_host outflow_host;
typedef struct outflow_metric outflow_metric;
typedef struct outflow_config outflow_config;

typedef struct outflow_batch_api {
	uint32_t size;
	/* n bytes that live as long as the batch; align is a power of two. NULL: no memory; every later call on this
	 * batch then fails too, so that a caller may check once at the end. Plugins call outflow_alloc. [task] */
	void *(*alloc)(outflow_batch *, size_t n, size_t align);
	/* Makes room for min_cap records, or OUTFLOW_AGAIN (the batch is at its limit: keep the record for the next
	 * call) or OUTFLOW_E_NOMEM. Plugins call outflow_emit. [task] */
	outflow_status (*reserve)(outflow_batch *, uint32_t min_cap);
	/* Keeps obj alive as long as the batch and then calls release(obj), on any thread. On an error obj stays the
	 * caller's. [task] */
	outflow_status (*attach)(outflow_batch *, void *obj, void (*release)(void *obj));
} outflow_batch_api;

typedef struct outflow_resume {
	uint32_t valid;           /* 0: the host knows no position of this stream */
	uint32_t spare;
	uint64_t next;            /* where to go on */
	outflow_bytes pos_ext;    /* valid until the next poll: copy it */
} outflow_resume;

typedef struct outflow_stream_api {
	uint32_t size;
	/* Names a partition of the source (a JSON text, copied) and asks where to go on. The handle goes into
	 * outflow_record.stream. OUTFLOW_E_NOMEM; OUTFLOW_E_CONFIG: the stream is open already. [task] */
	outflow_status (*open)(const outflow_host *, outflow_str partition_json, uint32_t *stream, outflow_resume *);
	/* The partition is no longer ours: later acknowledgements of its records are ignored. [task] */
	outflow_status (*close)(const outflow_host *, uint32_t stream);
	/* Everything before *next is resolved now, stored or not: what a revoked partition may commit. [task] */
	outflow_status (*position)(const outflow_host *, uint32_t stream, uint64_t *next);
} outflow_stream_api;

typedef struct outflow_ack_api {
	uint32_t size;
	/* The outcome of n records that put() took; exactly one per record. OUTFLOW_OK: stored for good.
	 * OUTFLOW_E_RETRY: the host's retry policy decides. OUTFLOW_E_OUTAGE: tried again until the outage is over.
	 * OUTFLOW_E_RECORD: tolerance and dead letter. Any other negative status stops the task. The error is copied; it may be NULL with OUTFLOW_OK. After the call the
	 * records, their batch and every byte that they point at may be gone. May be called from inside put(). [any] */
	void (*resolve)(const outflow_host *, outflow_record *const *recs, size_t n,
	                outflow_status, const outflow_error *);
} outflow_ack_api;

enum { OUTFLOW_LOG_ERROR = 1, OUTFLOW_LOG_WARN, OUTFLOW_LOG_INFO, OUTFLOW_LOG_DEBUG };
typedef struct outflow_log_api {
	uint32_t size;
	int (*enabled)(const outflow_host *, int level);                  /* [any] */
	/* One line without newline; the host adds time, pipeline, task and stage. Secrets stay out. [any] */
	void (*write)(const outflow_host *, int level, const char *msg);
} outflow_log_api;

enum { OUTFLOW_METRIC_COUNTER = 1, OUTFLOW_METRIC_GAUGE };
typedef struct outflow_metric_api {
	uint32_t size;
	/* A metric of this instance, named in lower case with underscores, without prefix; unit in Prometheus' base
	 * units ("seconds", "bytes", ""). The texts are copied. The handle lives as long as the instance. NULL: no
	 * memory, and then add and set accept NULL. [task] */
	outflow_metric *(*open)(const outflow_host *, uint32_t kind, const char *name,
	                   const char *unit, const char *help);
	void (*add)(outflow_metric *, int64_t delta);                     /* [any] */
	void (*set)(outflow_metric *, int64_t value);                     /* [any] */
} outflow_metric_api;

typedef struct outflow_time_api {
	uint32_t size;
	int64_t (*mono_ns)(const outflow_host *);                         /* [any] never goes back */
	int64_t (*wall_ms)(const outflow_host *);                         /* [any] since 1970 UTC */
	/* Calls fn(arg) once, as [task], when mono_ns reaches at_ns. Timers that have not fired are dropped before the
	 * instance is destroyed. OUTFLOW_E_NOMEM. [task] */
	outflow_status (*timer)(const outflow_host *, int64_t at_ns, void (*fn)(void *), void *arg, uint64_t *id);
	/* Drops a timer; one that has fired is ignored. [task] */
	void (*cancel)(const outflow_host *, uint64_t id);
} outflow_time_api;

/* The instance's own keys, without the prefix of its place ("topics", not "source.topics"), checked against its schema,
 * defaults filled in, references to secrets resolved. Strings live until destroy. All [any].
 * OUTFLOW_AGAIN: the key is not set and has no default; the output is untouched. */
typedef struct outflow_config_api {
	uint32_t size;
	outflow_status (*str)(const outflow_config *, const char *key, outflow_str *);
	outflow_status (*i64)(const outflow_config *, const char *key, int64_t *); /* INT; DURATION_MS in ms; SIZE in bytes */
	outflow_status (*f64)(const outflow_config *, const char *key, double *);
	outflow_status (*boolean)(const outflow_config *, const char *key, int32_t *);
	/* Both return how many there are; item i is copied out when i is below that. */
	size_t (*list)(const outflow_config *, const char *key, size_t i, outflow_str *item);
	size_t (*prefix)(const outflow_config *, const char *prefix, size_t i, outflow_str *key, outflow_str *value);
} outflow_config_api;

struct outflow_host {
	uint32_t size, minor;
	void *ctx;                       /* the host's own */
	const char *name, *version;      /* of the host program */
	const char *pipeline, *stage;    /* where this instance stands */
	uint32_t task, n_tasks;          /* which of tasks.max this is */
	const outflow_log_api *log;
	const outflow_time_api *time;
	const outflow_metric_api *metric;
	const outflow_config_api *config;
	const outflow_batch_api *batch;
	const outflow_stream_api *stream;     /* NULL unless the instance is a source */
	const outflow_ack_api *ack;           /* NULL unless the instance is a sink */
	/* Something changed that the task should look at: a sink has room again, a source has data. Never lost: one
	 * call before the task waits ends that wait at once. [any] */
	void (*wake)(const outflow_host *);
	/* Inside apply, test and decode: this input fails for good (OUTFLOW_E_RECORD) or shall be tried again
	 * (OUTFLOW_E_RETRY, OUTFLOW_E_OUTAGE). Called instead of emitting: nothing may be emitted for it. Inside poll: a
	 * record that this poll has emitted is not what it should be (OUTFLOW_E_RECORD); its value is what was found
	 * instead. The error is copied. [task] */
	void (*reject)(const outflow_host *, const outflow_record *in, outflow_status, const outflow_error *);
	/* The record as the source emitted it, for one that stages have changed; NULL for a record that is not the
	 * host's. Valid as long as the record. [task] */
	const outflow_record *(*origin)(const outflow_host *, const outflow_record *);
	/* Inside outflow_cfg_def.check only: one problem of one key; report all of them. [any] */
	void (*problem)(const outflow_host *, const char *key, const char *msg);
	/* The process-wide number of a view type's name; the same name gives the same number. 0, "no view": there is no
	 * memory or there are too many names. [any] */
	uint32_t (*intern)(const outflow_host *, const char *view_type);
	/* A table of an optional service by its id ("outflow.journal/1"), or NULL. [any] */
	const void *(*extension)(const outflow_host *, const char *id);
};

/* ---- configuration schema ---- */

enum { OUTFLOW_T_STRING = 1, OUTFLOW_T_BOOL, OUTFLOW_T_INT, OUTFLOW_T_DOUBLE, OUTFLOW_T_DURATION_MS,
       OUTFLOW_T_SIZE, OUTFLOW_T_LIST, OUTFLOW_T_ENUM, OUTFLOW_T_PREFIX };
enum { OUTFLOW_K_REQUIRED = 1, OUTFLOW_K_SECRET = 2, OUTFLOW_K_DEPRECATED = 4, OUTFLOW_K_ADVANCED = 8 };
enum { OUTFLOW_IMPORTANCE_HIGH = 1, OUTFLOW_IMPORTANCE_MEDIUM, OUTFLOW_IMPORTANCE_LOW };
typedef struct outflow_cfg_key {
	const char *name;                 /* OUTFLOW_T_PREFIX: with its dot at the end, "producer." */
	uint32_t type, flags;
	uint32_t importance, spare;
	const char *dflt;                 /* as text, in the type's own spelling; NULL: none */
	int64_t min, max;                 /* of numbers, durations (ms) and sizes (bytes); both 0: unchecked */
	const char *const *choices;       /* NULL-terminated, OUTFLOW_T_ENUM */
	const char *group, *doc;          /* doc: one or two sentences */
} outflow_cfg_key;
typedef struct outflow_cfg_def {
	uint32_t size, key_size;          /* key_size: stride of keys, which can grow */
	const outflow_cfg_key *keys;
	size_t n_keys;
	/* What one key alone cannot show; optional. Reports each problem through host->problem and returns
	 * OUTFLOW_E_CONFIG when there was one. Opens nothing, connects nowhere. [any] */
	outflow_status (*check)(const outflow_host *, const outflow_config *, outflow_error *);
} outflow_cfg_def;

/* ---- components ---- */

/* Makes an instance; on an error nothing is left behind and destroy is not called. Host and config outlive it. */
typedef outflow_status outflow_create_fn(const outflow_host *, const outflow_config *, void **self, outflow_error *);

/* next: where a restart would resume, that is, everything before it is stored as done */
typedef struct outflow_commit { uint32_t stream, spare; uint64_t next; const outflow_bytes *pos_ext; } outflow_commit;
typedef struct outflow_source_ops {
	uint32_t size, flags;             /* OUTFLOW_SRC_* */
	outflow_create_fn *create;                                            /* [task] */
	/* Optional. Opens streams, connects. */
	outflow_status (*start)(void *, outflow_error *);                     /* [task] */
	/* Emits what is there, waiting for the first record until deadline_ns (monotonic) at most. OUTFLOW_OK: emitted
	 * something; OUTFLOW_AGAIN: nothing came; OUTFLOW_EOF. out->cap 0: back-pressure; serve the client, emit
	 * nothing, do not wait. outflow_emit NULL: the batch is full, keep the record. */
	outflow_status (*poll)(void *, outflow_batch *out, int64_t deadline_ns, outflow_error *); /* [task] */
	/* Optional. Everything before `next` of these streams is done and durable. */
	outflow_status (*committed)(void *, const outflow_commit *, size_t n, outflow_error *);   /* [task] */
	/* Optional. Ends a poll that waits, now or the next one; it returns OUTFLOW_E_CANCELED or what it has. */
	void (*interrupt)(void *);                                            /* [any] */
	/* Optional. Disconnects; nothing is emitted any more. */
	outflow_status (*stop)(void *, int64_t deadline_ns, outflow_error *); /* [task] */
	void (*destroy)(void *);                                              /* [task] */
} outflow_source_ops;
#define OUTFLOW_SRC_OWNS_OFFSETS 1u  /* upstream stores positions; the host keeps none, committed() is the commit */
#define OUTFLOW_SRC_NO_REPLAY 2u     /* cannot rewind: records in flight at a crash are lost */

typedef struct outflow_transform_ops {
	uint32_t size, flags;
	outflow_create_fn *create;                                            /* [task] */
	/* Emits what becomes of in[0..n-1], in input order, each output copied from its input (outflow_emit). An input
	 * without output is filtered. in[] is read-only and stays intact: it is what is retried or dead-lettered. A
	 * negative status with n > 1 makes the host drop the outputs and call again record by record; with n == 1 it is
	 * that record's verdict. */
	outflow_status (*apply)(void *, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *); /* [task] */
	/* Optional. Ends a call that waits. */
	void (*interrupt)(void *);                                            /* [any] */
	void (*destroy)(void *);                                              /* [task] */
} outflow_transform_ops;

typedef struct outflow_predicate_ops {
	uint32_t size, flags;
	outflow_create_fn *create;                                            /* [task] */
	/* Writes match[i] = 1 or 0 for each input. Errors as for apply. */
	outflow_status (*test)(void *, const outflow_record *in, size_t n, uint8_t *match, outflow_batch *scratch, outflow_error *); /* [task] */
	void (*destroy)(void *);                                              /* [task] */
} outflow_predicate_ops;

typedef struct outflow_converter_ops {
	uint32_t size, flags;
	outflow_create_fn *create;                                            /* [task] */
	const char *view_type;            /* e.g. "outflow.json/1" */
	/* decode sets view and view_tag from value and leaves the rest alone; encode writes value from a view that is
	 * newer. Both work on the host's own copies of the records, never on a stage's input. A record that cannot be
	 * decoded is rejected through host->reject; a negative status is about the whole call. */
	outflow_status (*decode)(void *, outflow_record *, size_t n, outflow_batch *owner, outflow_error *); /* [task] */
	outflow_status (*encode)(void *, outflow_record *, size_t n, outflow_batch *owner, outflow_error *); /* [task] */
	void (*destroy)(void *);                                              /* [task] */
} outflow_converter_ops;

typedef struct outflow_sink_ops {
	uint32_t size, flags;             /* OUTFLOW_SINK_* */
	outflow_create_fn *create;                                            /* [task] */
	/* Optional. Connects, checks the target. */
	outflow_status (*start)(void *, outflow_error *);                     /* [task] */
	/* Takes recs[0..*taken-1]; the record pointer is the client's opaque. OUTFLOW_OK: all taken. OUTFLOW_AGAIN: no
	 * room for the rest; the host calls again with it after wake(). Negative: the verdict on recs[*taken], which is
	 * not taken. One put and its resolve are one attempt. */
	outflow_status (*put)(void *, outflow_record *recs, size_t n, size_t *taken, outflow_error *); /* [task] */
	/* Optional. Sends what is held back, and resolves it or not. */
	outflow_status (*flush)(void *, int64_t deadline_ns, outflow_error *);/* [task] */
	/* Optional. Ends a call that waits. */
	void (*interrupt)(void *);                                            /* [any] */
	/* Optional. Gives up what is not delivered (unresolved). After it returns: no resolve call, no reference to any
	 * record's bytes. OUTFLOW_E_RETRY: the client could not be stopped by the deadline; the host then leaks what it
	 * may still read, and does not call destroy. */
	outflow_status (*stop)(void *, int64_t deadline_ns, outflow_error *); /* [task] */
	void (*destroy)(void *);                                              /* [task] */
} outflow_sink_ops;
#define OUTFLOW_SINK_SYNC 1u /* what put() took is stored: the host resolves it, the sink never does */

enum { OUTFLOW_SOURCE = 1, OUTFLOW_SINK, OUTFLOW_TRANSFORM, OUTFLOW_PREDICATE, OUTFLOW_CONVERTER };
#define OUTFLOW_PRIVATE_COPY 1u /* load a copy of the plugin for each instance: its client library has global state */
#define OUTFLOW_CALLS_OUT 2u    /* a transform or predicate whose work calls other programs: a daemon does not try it out */
typedef struct outflow_component {
	uint32_t size, kind;
	uint32_t flags, spare;            /* OUTFLOW_PRIVATE_COPY, OUTFLOW_CALLS_OUT */
	const char *name, *doc;
	const outflow_cfg_def *config;    /* NULL: no keys */
	const void *ops;                  /* outflow_<kind>_ops */
	/* Optional. Tables by extension id (outflow/ext/), or NULL. [any] */
	const void *(*extension)(const char *id);
} outflow_component;

/* compared with memcmp before anything else is read: no padding */
typedef struct outflow_stamp {
	uint32_t magic, major, record_size, batch_size, error_size, pointer_bits;
} outflow_stamp;
#define OUTFLOW_STAMP { OUTFLOW_ABI_MAGIC, OUTFLOW_ABI_MAJOR, (uint32_t)sizeof(outflow_record), \
	(uint32_t)sizeof(outflow_batch), (uint32_t)sizeof(outflow_error), (uint32_t)(8 * sizeof(void *)) }

typedef struct outflow_plugin {
	outflow_stamp stamp;
	uint32_t size, min_minor;         /* oldest minor of the host that it can run on */
	const char *id, *version, *license, *doc; /* id: one word, lower case */
	const outflow_component *const *components;
	size_t n_components;
	/* Optional. Not zero: the plugin cannot be used, the error says why. [load] */
	outflow_status (*load)(const outflow_host *, outflow_error *);
} outflow_plugin;
/* Returns constant data and does nothing else. [load] */
typedef const outflow_plugin *outflow_plugin_entry_fn(void);  /* "outflow_plugin_entry_v1" */

/* ---- the two hot helpers, inlined into the plugin ---- */

/* n bytes in the batch's arena, or NULL (no memory). [task] */
static inline void *outflow_alloc(const outflow_host *h, outflow_batch *b, size_t n, size_t align)
{
	uintptr_t p = ((uintptr_t)b->cur + (align - 1)) & ~(uintptr_t)(align - 1);
	if (b->cur == NULL || p > (uintptr_t)b->end || n > (uintptr_t)b->end - p)
		return h->batch->alloc(b, n, align);
	b->cur = (char *)(p + n);
	return (void *)p;
}

/* Appends a copy of *from and returns it for changing, until the next outflow_emit; NULL: the batch is full or there is
 * no memory. [task] */
static inline outflow_record *outflow_emit(const outflow_host *h, outflow_batch *b, const outflow_record *from)
{
	if (b->n == b->cap && h->batch->reserve(b, b->n + 1) != OUTFLOW_OK)
		return NULL;
	b->recs[b->n] = *from;
	return &b->recs[b->n++];
}

#ifdef __cplusplus
}
#define OUTFLOW_STATIC_ASSERT static_assert
#else
#define OUTFLOW_STATIC_ASSERT _Static_assert
#endif
OUTFLOW_STATIC_ASSERT(sizeof(void *) != 8 || sizeof(outflow_record) == 128, "outflow_record is frozen");
OUTFLOW_STATIC_ASSERT(sizeof(outflow_error) == 512, "outflow_error is frozen");
OUTFLOW_STATIC_ASSERT(sizeof(outflow_stamp) == 24, "outflow_stamp is compared with memcmp");
#endif

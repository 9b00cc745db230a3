/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model.h: what a checked configuration means: which components a pipeline is made of, in which order, with which keys.
 * Nothing here runs anything.
 */
#ifndef HOST_CONFIG_MODEL_H
#define HOST_CONFIG_MODEL_H
#include "host/config/api_model.h"
#include "host/config/load.h"
#include "host/pipeline/retry.h"
#include "host/plugin/inventory.h"

#include <outflow/abi.h>

/* One instance to be made. */
struct stage_model {
	char *name; /* "source", "convert", "filter", "transforms.t1", "deliver", "sink", "deadletter" */
	struct component component;
	outflow_config *config;
	struct stage_model
		*predicate; /* of a transform: it works on the records for which this says yes; NULL: on all */
	int negate;         /* for which it says no */
};

enum tolerance { TOLERANCE_NONE, TOLERANCE_ALL };

enum order_mode { ORDER_DEFAULT, ORDER_STRICT, ORDER_NONE };

/* When a failed task starts again by itself. */
struct restart_policy {
	int enabled;
	int64_t max_attempts; /* in a row, or RETRY_NO_LIMIT */
	int64_t initial_ns, max_wait_ns;
	int64_t healthy_ns; /* a run of this length ends the row */
};

struct pipeline_model {
	unsigned magic;
	char *name;
	const char *file;
	int line;
	int running; /* `state`: start it with the daemon? */
	uint32_t tasks_max;
	struct stage_model source;
	struct stage_model
		*stages; /* converter first, deliver last, in order; deliver is left out when it has no keys */
	size_t n_stages;
	struct stage_model *predicates; /* "predicates.hot", in the order of the list */
	size_t n_predicates;
	struct stage_model sink;
	struct stage_model deadletter; /* name NULL: none declared */
	char *deadletter_topic;        /* `deadletter.topic`, NULL: none */
	int deadletter_raw;            /* deadletter.mode */
	enum tolerance tolerance;      /* errors.tolerance */
	int outage_to_dlq;             /* errors.outage.to.dlq */
	int log_errors;                /* errors.log.enable */
	int log_messages;              /* errors.log.include.messages */
	struct retry_policy retry;
	int64_t delivery_timeout_ns; /* 0: none */
	enum order_mode order;
	struct restart_policy restart;
	uint32_t batch_messages; /* 0: take what is there */
	uint64_t batch_bytes;
	int64_t batch_interval_ns;
	int64_t throttle_per_second; /* 0: no limit */
	uint32_t inflight_records;   /* back-pressure above these */
	uint64_t inflight_bytes;
	struct {
		int sync; /* enum journal_sync */
		int64_t sync_interval_ns;
		uint64_t segment_bytes, soft_bytes, hard_bytes, retain_bytes;
		int on_full; /* enum journal_full */
	} journal;
	struct settings settings; /* in the native spelling, connections merged in */
	char version[9];          /* of the settings: eight hexadecimal digits that change with any of them */
};

struct logger_level {
	char *logger;
	int level; /* as log.h has them */
};

struct host_model {
	char *state_dir;                 /* state.dir */
	char *plugin_path;               /* plugin.path */
	int log_level;                   /* log.level */
	int log_format;                  /* log.format: enum log_format */
	struct logger_level *log_levels; /* log.levels, in order */
	size_t n_log_levels;
	int64_t checkpoint_interval_ns; /* checkpoint.interval */
	int64_t stop_timeout_ns;        /* stop.timeout */
	char *cluster;                  /* cluster: first part of event ids */
	struct settings connect;        /* what stands in for keys of pipelines in Kafka Connect's spelling, as given */
	struct api_model api;           /* api.*, access.control.*, rest.compat, topic.tracking.* */
	int secrets_show;               /* secrets.show */
	char *secrets_files;            /* secrets.file.paths, NULL: unset */
	char *secrets_names;            /* secrets.env.names, NULL: unset */
};

/* The host's own keys. Problems are added; defaults stand in for what is wrong. OUTFLOW_E_NOMEM. [any] */
outflow_status host_model_new(const struct loaded *from, struct host_model *result, struct problems *problems);
void host_model_clear(struct host_model *m);

/* Checks one declared pipeline whole. Problems are added; *result is NULL when there was one. OUTFLOW_E_NOMEM. [any] */
outflow_status pipeline_model_new(const struct declaration *d, const struct declarations *connections,
                                  const struct host_model *host, const struct inventory *inv, struct problems *problems,
                                  struct pipeline_model **result);

/* Clears the pointer and accepts NULL inside. [any] */
void pipeline_model_free(struct pipeline_model **m);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* fleet_internal.h: what the files of the fleet share: its life (fleet.c), requests for pipelines (fleet_requests.c), files
 * (fleet_declare.c), connections (fleet_connections.c), positions that upstream keeps (fleet_offsets.c), answers (fleet_look.c). */
#ifndef HOST_PIPELINE_FLEET_INTERNAL_H
#define HOST_PIPELINE_FLEET_INTERNAL_H
#include "host/pipeline/building.h"
#include "host/pipeline/pipeline.h"
#include "host/store/created.h"

struct fleet {
	unsigned magic;
	const struct environment *environment;
	struct fleet_options options;
	struct created_store *created;
	pthread_mutex_t lock;   /* of all below */
	pthread_cond_t cond;    /* a keeper has ended */
	struct pipeline **list; /* in order of name; deleted ones until their keeper has ended */
	size_t n;
	size_t keepers; /* that have not ended */
	struct declarations connections, created_connections;
	/* How often one was changed: what was checked with older ones is checked again. */
	uint64_t connection_changes, pipeline_changes;
	int started, leaving;
	int64_t leaving_deadline_ns;
};

/* NULL: none, or it is deleted. [under lock] */
struct pipeline *fleet_find(struct fleet *f, const char *name);

/* FLEET_FAILED with a sentence when the fleet stops; else FLEET_OK. [under lock] */
enum fleet_answer fleet_is_open(const struct fleet *f, outflow_error *err);

/* Adds one with its keeper, or brings a deleted one back with this model. Owns the model on FLEET_OK. [under lock] */
enum fleet_answer fleet_add(struct fleet *f, const char *name, struct pipeline_model *model,
                            enum pipeline_target target, struct pipeline **result, outflow_error *err);

/* The model takes its place as soon as it can. Owns it. [under lock] */
void fleet_give(struct pipeline *p, struct pipeline_model *model);

/* Something was asked of it: tells its keeper, and whoever wants to know. [under lock] */
void fleet_wake(struct pipeline *p);

/* Notes what was given, keeping what it replaces for an edit that fails. OUTFLOW_E_NOMEM: unchanged. [under lock] */
outflow_status fleet_note_given(struct pipeline *p, const struct settings *settings);

/* What there is to keep of a pipeline on disk. [under lock] */
struct created_pipeline fleet_entry(const struct pipeline *p);

/* A building that knows the connections, as of *changes (connection_changes). NULL: no memory. [any] */
struct building *fleet_building(struct fleet *f, uint64_t *changes);

/* Grows with every change of a connection or a pipeline's configuration. [under lock] */
uint64_t fleet_changes(const struct fleet *f);

/* The version of the configuration that was given last, of one that is understood; "" of one that is not. [under lock] */
struct fleet_version {
	char text[9];
};
struct fleet_version fleet_version(struct pipeline *p);

/* Runs it; problems found are added to problems (may be NULL). [any] */
enum fleet_answer fleet_run_building(struct building *b, int64_t timeout_ns, struct problems *problems,
                                     outflow_error *err);

enum fleet_answer fleet_no_memory(outflow_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * created.h: what was asked for while the daemon runs and has to survive it: pipelines and connections that were created, and
 * what each pipeline is to do. One file for the daemon, with a JSON text for each, synced at every change.
 */
#ifndef HOST_STORE_CREATED_H
#define HOST_STORE_CREATED_H
#include "host/config/settings.h"

struct created_store;

struct created_pipeline {
	int declared;                   /* it stands in a file: only what it is to do is kept here */
	struct settings settings;       /* as given; empty of a declared one */
	int target;                     /* enum pipeline_target */
	int declared_running;           /* what the file said when the target was asked for, see fleet.c */
	int64_t created_ms, changed_ms; /* wall clock */
};

/* As state_store_open. An entry that is no such JSON text is left out and named in the log. [any] */
outflow_status created_store_open(const char *path, struct created_store **result, outflow_error *err);

/* Errors as for log_file_put_durably: the old entry stays. [any] */
outflow_status created_put_pipeline(struct created_store *s, const char *name, const struct created_pipeline *p,
                                    outflow_error *err);
outflow_status created_put_connection(struct created_store *s, const char *name, const struct settings *settings,
                                      outflow_error *err);
/* OUTFLOW_OK also when there is none. */
outflow_status created_remove_pipeline(struct created_store *s, const char *name, outflow_error *err);
outflow_status created_remove_connection(struct created_store *s, const char *name, outflow_error *err);

/* Calls for every entry; the texts live until the call returns, and the store may not be changed in it; one that is NULL is
 * left out. OUTFLOW_E_NOMEM: not
 * all were shown. [any] */
struct created_visitor {
	void (*pipeline)(void *ctx, const char *name, const struct created_pipeline *p);
	void (*connection)(void *ctx, const char *name, const struct settings *settings);
	void *ctx;
};
outflow_status created_each(struct created_store *s, const struct created_visitor *visitor);

/* Clears the pointer and accepts NULL inside. [any] */
void created_store_close(struct created_store **s);

#endif

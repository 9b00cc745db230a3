/* SPDX-License-Identifier: Apache-2.0 */
/* native.h: Outflow's own API, below /v1; doc/api.md tells of it. */
#ifndef HOST_API_NATIVE_H
#define HOST_API_NATIVE_H
#include "host/api/api.h"
#include "host/api/native_rates.h"
#include "host/config/mask.h"
#include "host/pipeline/errand.h"

/* /v1/pipelines ... (native_pipelines.c). */
extern const struct route native_pipeline_routes[];

/* /v1/connections ... (native_connections.c). */
extern const struct route native_connection_routes[];

/* /v1/plan, /v1/reload (native_files.c). */
extern const struct route native_files_routes[];

/* /v1/events (native_events.c). */
extern const struct route native_event_routes[];

/* /v1/pipelines/{name}/tap (native_tap.c). */
extern const struct route native_tap_routes[];

/* /v1/pattern/test (native_pattern.c), /v1/try (native_try.c). */
extern const struct route native_pattern_routes[], native_try_routes[];

/* /v1/plugins ... (native_plugins.c). */
extern const struct route native_plugin_routes[];

/* /v1/openapi.json (native_document.c). */
extern const struct route native_document_routes[];

/* ---- what is said (native_answers.c) ---- */

#define NATIVE_NAME_RULE "is letters, digits and '-', begins with a letter or digit, and has at most 127 of them"

/* Does it keep to the rule? Names of the product do: a console shows them in addresses. [any] */
int native_name_is_good(const char *name);

/* Answers what is wrong: {"error_code", "message", "problems": [{"key", "message", "pointer", "file", "line"}]}. problems and
 * body, which was asked for, may be NULL. [any] */
void native_refuse(struct response *r, int status, const char *message, const struct problems *problems,
                   const json_t *body);

/* The same for a part of the request: body, which stands at prefix ("/pipeline"), and pointers begin with that. [any] */
void native_refuse_below(struct response *r, int status, const char *message, const struct problems *problems,
                         const json_t *body, const char *prefix);

/* The same for what the fleet answered, which is neither FLEET_OK nor FLEET_CREATED. [any] */
void native_fail(struct response *r, enum fleet_answer answer, const outflow_error *err,
                 const struct problems *problems, const json_t *body);

/* One thing that is wrong with a request, and where. */
struct native_fault {
	int status; /* 0: 400 */
	char message[600], pointer[300];
	size_t line, column; /* in the text at pointer; 0: not known */
};

/* Notes what is wrong with member `name` (NULL: the whole) of what stands at pointer; returns -1. [any] */
int native_fault(struct native_fault *f, const char *pointer, const char *name, const char *format, ...)
	OUTFLOW_PRINTF(4, 5);

/* Answers it: as native_refuse, with one problem, which has "line" and "column" when they are known. [any] */
void native_refuse_fault(struct response *r, const struct native_fault *f);

/* Waits for work that runs plugins' code. -1: it did not come back in time, or was not begun; r says so, what names it, and
 * nothing of the work may be touched any more but by errand_free. [any] */
int native_wait(struct errand *e, const struct request *q, struct response *r, const char *what);

/* "2026-11-28T19:10:56.123Z"; null for 0. NULL: no memory. [any] */
json_t *native_time(int64_t wall_ms);

/* A text, or null for "" and NULL. [any] */
json_t *native_text(const char *text);

/* The body, which has to be an object; NULL: r says why not. [any] */
json_t *native_body(const struct request *q, struct response *r);

/* Where a body has its settings: flat in config, which is given the body's name, or in itself. beside: what is wrong with another
 * member beside config. [any] */
const json_t *native_config(json_t *body, const char *beside, struct problems *problems);

/* A number of the query within bounds; -1: it is none, r says so. [any] */
int64_t native_number(const struct request *q, const char *name, int64_t fallback, int64_t low, int64_t high,
                      struct response *r);

/* A flag of the query: 1 for true, 0 for false or when it is not there; -1: it is something else, r says so. [any] */
int native_flag(const struct request *q, const char *name, struct response *r);

/* ---- pipelines for people who look (native_view.c) ---- */

/* Sums of its tasks, and rates. NULL: no memory. [any] */
json_t *native_figures(struct api *api, const struct pipeline_snapshot *s);

/* Name, states, classes, version, times, sums and rates. NULL: no memory. [any] */
json_t *native_summary(struct api *api, const struct pipeline_snapshot *s);

/* The same, and its tasks and configuration, secrets masked. NULL: no memory. [any] */
json_t *native_detail(struct api *api, const struct pipeline_snapshot *s);

/* Settings as an object of texts, and nested, secrets masked; nested may be NULL. NULL: no memory. [any] */
json_t *native_settings(struct api *api, enum mask_of what, const struct settings *s, json_t **nested);

#endif

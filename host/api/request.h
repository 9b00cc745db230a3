/* SPDX-License-Identifier: Apache-2.0 */
/* request.h: an HTTP request taken apart: nothing in it depends on the server that read it. */
#ifndef HOST_API_REQUEST_H
#define HOST_API_REQUEST_H
#include <outflow/abi.h>

#define REQUEST_PARAMETERS_MAX 4
#define REQUEST_FORM_MAX 200u

/* A header, or a part of the query, decoded. */
struct field {
	char *name, *value;
};

struct fields {
	struct field *list;
	size_t n, room;
};

struct request {
	char *method;
	char *target;    /* as it came */
	char **segments; /* of the path, each percent-decoded by itself, UTF-8 without control characters */
	size_t n_segments;
	struct fields query, headers;
	char *body; /* with a NUL behind its end; NULL: none */
	size_t body_length;

	/* What the server knows beside it. */
	const char *parameters[REQUEST_PARAMETERS_MAX]; /* segments that stand for the {} of the route, in order */
	int secure;                                     /* by https */
	const char *user;                               /* who asks; NULL: nobody had to say */
	int read_only;                                  /* and may look only */
	int64_t deadline_ns;                            /* monotonic: when the client is told that it takes too long */
};

/* Takes method and target apart; the caller adds headers and body. OUTFLOW_E_CONFIG: err says what is wrong with the target;
 * OUTFLOW_E_NOMEM. [any] */
outflow_status request_new(const char *method, const char *target, struct request **result, outflow_error *err);

/* Clears the pointer and accepts NULL inside. [any] */
void request_free(struct request **q);

/* Copies both. OUTFLOW_E_NOMEM. [any] */
outflow_status fields_add(struct fields *f, const char *name, const char *value);
void fields_clear(struct fields *f);

/* The value of a header, in any case, or NULL; the first when it is there twice. [any] */
const char *request_header(const struct request *q, const char *name);

/* The value of a part of the query, or NULL; the first when it is there twice. [any] */
const char *request_query(const struct request *q, const char *name);

/* Is it there with this value? [any] */
int request_query_has(const struct request *q, const char *name, const char *value);

/* Is it there with the value true, in any case? Everything else is false, as in Kafka Connect. [any] */
int request_flag(const struct request *q, const char *name);

/* Adds the fields of a body that is a form (application/x-www-form-urlencoded), decoded: UTF-8 without NUL. OUTFLOW_E_CONFIG:
 * err says why it is none, or that it has more than REQUEST_FORM_MAX; OUTFLOW_E_NOMEM. [any] */
outflow_status request_form(const struct request *q, struct fields *to, outflow_error *err);

/* How long a handler may still wait for something; 0: no more. [any] */
int64_t request_time_left_ns(const struct request *q);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h: what the handlers of the HTTP API get to see.
 *
 * How a route is added: a file of its own (host/api/native_pipelines.c) has the handlers and a table of struct route, which
 * ends with a zeroed one; route.c lists the tables, and openapi.json describes each route (tests/lint/openapi).
 *
 *	static void show(struct api *api, const struct request *q, struct response *r)
 *	{
 *		const char *name = q->parameters[0];
 *		...
 *		response_json(r, 200, json_pack("{s:s}", "name", name));
 *	}
 *
 *	const struct route native_routes[] = {
 *		{ "GET", "/v1/pipelines/{name}", ACCESS_READ, .handle = show },
 *		{ "POST", "/v1/pipelines/{name}/start", ACCESS_ADMIN, .handle = start },
 *		{ 0 },
 *	};
 *
 * The server has done before: authentication and role, Host and Origin, 404, 405, 406, 415, HEAD (from GET), OPTIONS,
 * limits, percent-decoding. A handler runs in a thread of its own, so it may wait, but not beyond q->deadline_ns, and it runs
 * no plugin's code: fleet.h does that elsewhere. It reads its body with request_json, and leaves a response in any case.
 * Until the pipelines are known only routes with `early` are answered, all others with 503; from then on api->fleet and
 * api->environment are there until the last handler has ended.
 */
#ifndef HOST_API_API_H
#define HOST_API_API_H
#include "host/api/changes.h"
#include "host/api/request.h"
#include "host/api/response.h"
#include "host/api/workers.h"
#include "host/config/model.h"
#include "host/pipeline/fleet.h"

/* How many taps there are at most, of all pipelines. */
#define API_TAPS_MAX 16

enum api_phase { API_STARTING, API_READY, API_STOPPING };

struct events;
struct rates;
struct nonces;

/* Who reads the files that declare pipelines: as fleet_declare. [any] */
struct api_files {
	enum fleet_answer (*read)(void *ctx, int apply, const char *hash, int64_t timeout_ns, struct fleet_plan *plan,
	                          struct problems *problems, outflow_error *err);
	void *ctx;
};

struct api {
	const struct host_model *host;
	struct fleet *fleet;                   /* NULL until API_READY */
	const struct environment *environment; /* the same */
	const struct api_files *files;         /* the same */
	struct rates *rates;                   /* how fast pipelines are */
	struct nonces *nonces;                 /* of signed requests */
	struct changes *changes;               /* whose pipeline has changed; watch it for live status */
	struct events *events;                 /* who listens to them */
	struct workers *tapping;               /* one thread a tap */
	char worker_id[300];                   /* "127.0.0.1:8083": who Kafka Connect's answers say they are from */
	int64_t started_ms;                    /* wall clock */
	int phase;                             /* atomic, enum api_phase */
};

enum api_phase api_phase(const struct api *api);

/* Who may call: everybody, all users, only those whose role is admin. */
enum access { ACCESS_PUBLIC, ACCESS_READ, ACCESS_ADMIN };

struct route {
	const char *method;
	const char *path; /* its {} are in request.parameters, in order */
	enum access access;
	void (*handle)(struct api *api, const struct request *q, struct response *r);
	const char *consumes; /* media type of the body; NULL: application/json */
	const char *produces; /* NULL: application/json */
	int early;
	const char *header; /* NULL, or only requests with this header find it */
	/* May the request, with its body, be handled? For access that is not told by users of the API alone; sets user and
	 * read_only. 0: no, r says why. */
	int (*admit)(struct api *api, struct request *q, struct response *r);
};

#endif

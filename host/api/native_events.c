/* SPDX-License-Identifier: Apache-2.0 */
/* GET /v1/events: what pipelines do, as it happens. */
#include "host/api/events.h"
#include "host/api/native.h"
#include "host/api/server_sent.h"

static void listen(struct api *api, const struct request *q, struct response *r)
{
	const char *prefix = request_query(q, "prefix");
	struct stream *s = stream_new(SERVER_SENT_HEARTBEAT);
	outflow_status status = OUTFLOW_E_NOMEM;

	if (s != NULL)
		status = events_listen(api->events, stream_keep(s), prefix ? prefix : "");
	if (status == OUTFLOW_OK) {
		response_header(r, "Cache-Control", "no-store");
		response_stream(r, SERVER_SENT_TYPE, s);
		return;
	}
	stream_release(&s);
	native_refuse(r, status == OUTFLOW_E_NOMEM ? 500 : 503,
	              status == OUTFLOW_E_NOMEM   ? "no memory"
	              : status == OUTFLOW_E_RETRY ? "no thread can be started for events"
	                                          : "Outflow is stopping",
	              NULL, NULL);
}

const struct route native_event_routes[] = {
	{ "GET", "/v1/events", ACCESS_READ, .handle = listen, .produces = SERVER_SENT_TYPE },
	{ 0 },
};

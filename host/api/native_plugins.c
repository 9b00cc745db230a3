/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/plugins: which components there are. */
#include "host/api/native.h"
#include "host/plugin/describe.h"

/* As another process has told: none is loaded for this. */
static void list(struct api *api, const struct request *q, struct response *r)
{
	(void)q;
	response_json(r, 200, describe_inventory(api->environment->inventory));
}

const struct route native_plugin_routes[] = {
	{ "GET", "/v1/plugins", ACCESS_READ, .handle = list },
	{ 0 },
};

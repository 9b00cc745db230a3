/* SPDX-License-Identifier: Apache-2.0 */
/* /v1/openapi.json: what this API is, for programs. */
#include "host/api/native.h"

#include <stdlib.h>

/* host/api/openapi.json, which the build makes C of. */
extern const unsigned char openapi_json[];
extern const size_t openapi_json_size;

static void show(struct api *api, const struct request *q, struct response *r)
{
	char *copy = malloc(openapi_json_size);

	(void)api;
	(void)q;
	if (copy != NULL)
		memcpy(copy, openapi_json, openapi_json_size);
	response_bytes(r, 200, "application/json", copy, openapi_json_size);
}

const struct route native_document_routes[] = {
	{ "GET", "/v1/openapi.json", ACCESS_READ, show, .early = 1 },
	{ 0 },
};

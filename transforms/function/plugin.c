/* SPDX-License-Identifier: Apache-2.0 */
#include "function.h"

#include <outflow/util.h>

#include <curl/curl.h>

static const outflow_component *const components[] = { &function_component };

/* Before there are threads that might do the same. */
static outflow_status load(const outflow_host *h, outflow_error *err)
{
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);

	(void)h;
	if (code == CURLE_OK)
		return OUTFLOW_OK;
	return outflow_fail_native(err, OUTFLOW_E_UNSUPPORTED, "curl", (int32_t)code, "libcurl cannot be used: %s",
	                           curl_easy_strerror(code));
}

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "function",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "Functions outside the program, called over HTTP.",
	.components = components,
	.n_components = sizeof components / sizeof components[0],
	.load = load,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* A sink that keeps nothing: for trying a pipeline, and for measuring everything before the sink. */
#include <outflow/util.h>

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	static char nothing;

	(void)h;
	(void)c;
	(void)err;
	*self = &nothing;
	return OUTFLOW_OK;
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	(void)self;
	(void)recs;
	(void)err;
	*taken = n;
	return OUTFLOW_OK;
}

static void destroy(void *self)
{
	(void)self;
}

static const outflow_sink_ops ops = {
	.size = sizeof ops,
	.flags = OUTFLOW_SINK_SYNC,
	.create = create,
	.put = put,
	.destroy = destroy,
};
static const outflow_component sink = {
	.size = sizeof sink,
	.kind = OUTFLOW_SINK,
	.name = "sink",
	.doc = "Takes every record and keeps none.",
	.ops = &ops,
};
static const outflow_component *const components[] = { &sink };
static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "null",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "A sink for trials.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

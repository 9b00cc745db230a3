/* SPDX-License-Identifier: Apache-2.0 */
/* parts.h: a sink that is as it should be; each plugin in this directory spoils one thing about it. */
#ifndef TESTS_PLUG_PARTS_H
#define TESTS_PLUG_PARTS_H
#include <outflow/abi.h>

static inline outflow_status sink_create(const outflow_host *h, const outflow_config *c, void **self,
                                         outflow_error *err)
{
	(void)c;
	(void)err;
	*self = (void *)(uintptr_t)h;
	return OUTFLOW_OK;
}

static inline outflow_status sink_put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	(void)self;
	(void)recs;
	(void)err;
	*taken = n;
	return OUTFLOW_OK;
}

static inline void sink_destroy(void *self)
{
	(void)self;
}

#define SINK_OPS                                                                                                       \
	{                                                                                                              \
		.size = sizeof(outflow_sink_ops), .flags = OUTFLOW_SINK_SYNC, .create = sink_create, .put = sink_put,  \
		.destroy = sink_destroy,                                                                               \
	}
#define SINK_COMPONENT(OPS)                                                                                            \
	{                                                                                                              \
		.size = sizeof(outflow_component), .kind = OUTFLOW_SINK, .name = "sink", .doc = "Takes records.",      \
		.ops = OPS                                                                                             \
	}
#define PLUGIN(ID, COMPONENTS)                                                                                         \
	.size = sizeof(outflow_plugin), .id = ID, .version = "1.0.0", .license = "Apache-2.0",                         \
	.doc = "For tests of the loader.", .components = COMPONENTS,                                                   \
	.n_components = sizeof COMPONENTS / sizeof COMPONENTS[0]

outflow_plugin_entry_fn outflow_plugin_entry_v1;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * label.c: a plugin to start from. Its one component, the transform `label`, adds a header to each record:
 *
 *   transforms = ( { class = "label"; header = "site"; value = "hall-7"; } );
 *
 * Everything that a plugin needs is here: a schema, an instance without global state, operations, the entry function.
 */
#include <outflow/util.h>

#include <stdlib.h>

struct label {
	const outflow_host *host;
	outflow_header header; /* bytes of the configuration, which outlives the instance */
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct label *l = calloc(1, sizeof *l);
	outflow_str value = outflow_config_text(h, c, "value");

	if (l == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a label");
	l->host = h;
	l->header.name = outflow_config_text(h, c, "header");
	l->header.value = outflow_text_bytes(value);
	*self = l;
	return OUTFLOW_OK;
}

/* The inputs stay as they are; each output begins as a copy of its input and changes from there. */
static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct label *l = self;

	for (size_t i = 0; i < n; i++) {
		outflow_record *r = outflow_emit(l->host, out, &in[i]);

		if (r == NULL || outflow_add_headers(l->host, out, r, &l->header, 1) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %zu labels", n);
	}
	return OUTFLOW_OK;
}

static const outflow_cfg_key keys[] = {
	{ .name = "header",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .flags = OUTFLOW_K_REQUIRED,
	  .group = "Label",
	  .doc = "Name of the header." },
	{ .name = "value",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .dflt = "yes",
	  .group = "Label",
	  .doc = "Value of the header." },
};

static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = free,
};

static const outflow_component label = {
	.size = sizeof label,
	.kind = OUTFLOW_TRANSFORM,
	.name = "label",
	.doc = "Adds a header to each record.",
	.config = &config,
	.ops = &ops,
};

static const outflow_component *const components[] = { &label };

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "label",
	.version = "1.0.0",
	.license = "Apache-2.0",
	.doc = "Labels records.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

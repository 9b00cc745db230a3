/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newplugin.c: a transform. It gives each record a header, and drops those with an empty value:
 *
 *   transforms = ( { class = "newplugin"; header = "site"; value = "hall-7"; } );
 *
 * Everything that a plugin needs is here: keys, an instance without global state, operations, the entry function.
 * What to change first: `keys`, `struct instance` and `apply`.
 */
#include <outflow/util.h>

#include <stdlib.h>

struct instance {
	const outflow_host *host;
	outflow_header header; /* bytes of the configuration, which outlives the instance */
};

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct instance *t = calloc(1, sizeof *t);

	if (t == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	t->host = h;
	t->header.name = outflow_config_text(h, c, "header");
	t->header.value = outflow_text_bytes(outflow_config_text(h, c, "value"));
	*self = t;
	return OUTFLOW_OK;
}

/* The inputs stay as they are; each output begins as a copy of its input and changes from there. An input without output
 * is filtered. One that can never be transformed is given to host->reject instead. */
static outflow_status apply(void *self, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	struct instance *t = self;

	for (size_t i = 0; i < n; i++) {
		outflow_record *r;

		if (in[i].value.len == 0)
			continue;
		r = outflow_emit(t->host, out, &in[i]);
		if (r == NULL || outflow_add_headers(t->host, out, r, &t->header, 1) != OUTFLOW_OK)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for %zu records", n);
	}
	return OUTFLOW_OK;
}

static const outflow_transform_ops ops = {
	.size = sizeof ops,
	.create = create,
	.apply = apply,
	.destroy = free,
};

static const outflow_cfg_key keys[] = {
	{ .name = "header",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .flags = OUTFLOW_K_REQUIRED,
	  .doc = "Name of the header." },
	{ .name = "value",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .dflt = "yes",
	  .doc = "Value of the header." },
};
static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static const outflow_component component = {
	.size = sizeof component,
	.kind = OUTFLOW_TRANSFORM,
	.name = "newplugin",
	.doc = "Adds a header to each record, and drops empty ones.",
	.config = &config,
	.ops = &ops,
};
static const outflow_component *const components[] = { &component };

static const outflow_plugin plugin = {
	.stamp = OUTFLOW_STAMP,
	.size = sizeof plugin,
	.id = "newplugin",
	.version = "0.1.0",
	.license = "Apache-2.0",
	.doc = "The transform newplugin.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

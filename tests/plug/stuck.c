/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stuck.c: a transform that lets everything pass, but hangs where its key `at` says, until the file `until` is there. Each
 * instance has a copy of the plugin of its own.
 */
#include "tests/plug/parts.h"

#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct stuck {
	const outflow_host *host;
	int at_apply;
	char until[256];
};

static void hang(const struct stuck *self)
{
	struct timespec turn = { 0, 2000000 };

	while (access(self->until, F_OK) != 0)
		nanosleep(&turn, NULL);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **result, outflow_error *err)
{
	struct stuck *self = calloc(1, sizeof *self);
	outflow_str text = { "", 0 };

	if (self == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	self->host = h;
	(void)h->config->str(c, "until", &text);
	snprintf(self->until, sizeof self->until, "%.*s", (int)text.len, text.ptr);
	(void)h->config->str(c, "at", &text);
	self->at_apply = outflow_equal(text, "apply");
	if (!self->at_apply)
		hang(self);
	*result = self;
	return OUTFLOW_OK;
}

static outflow_status apply(void *arg, const outflow_record *in, size_t n, outflow_batch *out, outflow_error *err)
{
	const struct stuck *self = arg;

	if (self->at_apply)
		hang(self);
	for (size_t i = 0; i < n; i++)
		if (outflow_emit(self->host, out, &in[i]) == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	return OUTFLOW_OK;
}

static const char *const places[] = { "create", "apply", NULL };
static const outflow_cfg_key keys[] = {
	{ .name = "at", .type = OUTFLOW_T_ENUM, .dflt = "apply", .choices = places, .doc = "Where it hangs." },
	{ .name = "until", .type = OUTFLOW_T_STRING, .dflt = "/", .doc = "The file that ends it." },
	{ .name = "password", .type = OUTFLOW_T_STRING, .flags = OUTFLOW_K_SECRET, .doc = "Has no effect." },
};
static const outflow_cfg_def schema = {
	.size = sizeof schema, .key_size = sizeof keys[0], .keys = keys, .n_keys = sizeof keys / sizeof keys[0]
};
static const outflow_transform_ops ops = { .size = sizeof ops, .create = create, .apply = apply, .destroy = free };
static const outflow_component transform = {
	.size = sizeof transform,
	.kind = OUTFLOW_TRANSFORM,
	.flags = OUTFLOW_PRIVATE_COPY,
	.name = "stuck",
	.doc = "Hangs.",
	.ops = &ops,
	.config = &schema,
};
static const outflow_component *const components[] = { &transform };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("stuck", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

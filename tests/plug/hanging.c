/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hanging.c: a source without records that hangs where its key `at` says, until the file `until` is there; with `fails` it
 * cannot be started.
 */
#include "tests/plug/parts.h"

#include <outflow/ext/offsets.h>
#include <outflow/ext/probe.h>
#include <outflow/util.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct hanging {
	const outflow_host *host;
	char at[16], until[256];
	int32_t fails;
};

static void read_text(const outflow_host *h, const outflow_config *c, const char *key, char *to, size_t size)
{
	outflow_str s = { "", 0 };

	(void)h->config->str(c, key, &s);
	snprintf(to, size, "%.*s", (int)s.len, s.ptr);
}

/* Whoever waits for it to hang looks for a file beside the one that ends it. */
static void tell(const struct hanging *self)
{
	char path[sizeof self->until + 8];
	int fd;

	snprintf(path, sizeof path, "%s.waits", self->until);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
}

static void hang(const struct hanging *self, const char *here)
{
	struct timespec turn = { 0, 2000000 };

	if (strcmp(self->at, here) == 0)
		tell(self);

	while (strcmp(self->at, here) == 0 && access(self->until, F_OK) != 0)
		nanosleep(&turn, NULL);
}

static void read_keys(struct hanging *self, const outflow_host *h, const outflow_config *c)
{
	self->host = h;
	read_text(h, c, "at", self->at, sizeof self->at);
	read_text(h, c, "until", self->until, sizeof self->until);
	(void)h->config->boolean(c, "fails", &self->fails);
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct hanging self = { 0 };

	(void)err;
	read_keys(&self, h, c);
	hang(&self, "check");
	return OUTFLOW_OK;
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **result, outflow_error *err)
{
	struct hanging *self = calloc(1, sizeof *self);

	if (self == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	read_keys(self, h, c);
	hang(self, "create");
	*result = self;
	return OUTFLOW_OK;
}

static outflow_status start(void *arg, outflow_error *err)
{
	struct hanging *self = arg;

	hang(self, "start");
	return self->fails ? outflow_fail(err, OUTFLOW_E_CONFIG, "it shall fail") : OUTFLOW_OK;
}

static outflow_status poll(void *arg, outflow_batch *batch, int64_t deadline_ns, outflow_error *err)
{
	(void)batch;
	(void)deadline_ns;
	(void)err;
	hang(arg, "poll");
	return OUTFLOW_AGAIN;
}

static void interrupt(void *arg)
{
	hang(arg, "interrupt");
}

static outflow_status stop(void *arg, int64_t deadline_ns, outflow_error *err)
{
	(void)deadline_ns;
	(void)err;
	hang(arg, "stop");
	return OUTFLOW_OK;
}

static void destroy(void *arg)
{
	free(arg);
}

static outflow_status probe(const outflow_host *h, const outflow_config *c, const outflow_probe_steps *steps,
                            int64_t deadline_ns, outflow_error *err)
{
	struct hanging self = { 0 };

	(void)deadline_ns;
	read_keys(&self, h, c);
	steps->begin(h, "first");
	steps->done(h, self.until);
	steps->begin(h, "second");
	hang(&self, "probe");
	return self.fails ? outflow_fail(err, OUTFLOW_E_OUTAGE, "it shall fail") : OUTFLOW_OK;
}

/* ---- positions: those of two partitions, which never change ---- */

static outflow_status list_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                   void (*show)(void *ctx, outflow_str partition_json, uint64_t next), void *ctx,
                                   outflow_error *err)
{
	struct hanging self = { 0 };

	(void)deadline_ns;
	(void)err;
	read_keys(&self, h, c);
	hang(&self, "offsets");
	show(ctx, outflow_text("{\"part\":0}"), 7);
	show(ctx, outflow_text("{\"part\":1}"), 8);
	return OUTFLOW_OK;
}

static outflow_status reset_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                    outflow_error *err)
{
	struct hanging self = { 0 };

	(void)deadline_ns;
	read_keys(&self, h, c);
	hang(&self, "offsets");
	return self.fails ? outflow_fail(err, OUTFLOW_E_CONFIG, "%s shall fail", h->pipeline) : OUTFLOW_OK;
}

static outflow_status alter_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                    const outflow_offset *list, size_t n, outflow_error *err)
{
	if (n != 1 || !outflow_equal(list[0].partition_json, "{\"part\":1}") || list[0].next != 3 || list[0].forget)
		return outflow_fail(err, OUTFLOW_E_TASK, "not what was asked for");
	return reset_offsets(h, c, deadline_ns, err);
}

static const outflow_offsets_api offsets = {
	.size = sizeof offsets,
	.list = list_offsets,
	.alter = alter_offsets,
	.reset = reset_offsets,
};

static const void *extension(const char *id)
{
	static const outflow_probe_api api = { .size = sizeof api, .probe = probe };

	if (strcmp(id, OUTFLOW_EXT_OFFSETS) == 0)
		return &offsets;
	return strcmp(id, OUTFLOW_EXT_PROBE) == 0 ? &api : NULL;
}

static const char *const places[] = { "nowhere",   "check", "create", "start",   "poll",
	                              "interrupt", "stop",  "probe",  "offsets", NULL };
static const outflow_cfg_key keys[] = {
	{ .name = "at", .type = OUTFLOW_T_ENUM, .dflt = "nowhere", .choices = places, .doc = "Where it hangs." },
	{ .name = "until", .type = OUTFLOW_T_STRING, .dflt = "/", .doc = "The file that ends it." },
	{ .name = "fails", .type = OUTFLOW_T_BOOL, .dflt = "false", .doc = "Refuses to start." },
};
static const outflow_cfg_def schema = {
	.size = sizeof schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};
static const outflow_source_ops ops = {
	.size = sizeof ops,
	.flags = OUTFLOW_SRC_OWNS_OFFSETS,
	.create = create,
	.start = start,
	.poll = poll,
	.interrupt = interrupt,
	.stop = stop,
	.destroy = destroy,
};
static const outflow_component source = {
	.size = sizeof source,
	.kind = OUTFLOW_SOURCE,
	.name = "source",
	.doc = "Hangs.",
	.ops = &ops,
	.config = &schema,
	.extension = extension,
};
static const outflow_component *const components[] = { &source };
static const outflow_plugin plugin = { .stamp = OUTFLOW_STAMP, PLUGIN("hanging", components) };

OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

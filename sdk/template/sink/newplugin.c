/* SPDX-License-Identifier: Apache-2.0 */
/*
 * newplugin.c: a sink. It appends a line for each record to a file, topic and value with a tab between them:
 *
 *   sink = { class = "newplugin"; path = "/var/tmp/records.txt"; };
 *
 * What put() has taken is on disk when it returns (OUTFLOW_SINK_SYNC), so that the host may count it as delivered. A sink
 * whose client confirms later, on a thread of its own, has no such flag and calls host->ack->resolve for each record.
 * What to change first: `keys`, `struct instance` and `put`.
 */
#include <outflow/util.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

struct instance {
	const outflow_host *host;
	char *path;
	int fd;
};

static void destroy(void *self)
{
	struct instance *s = self;

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct instance *s = calloc(1, sizeof *s);

	if (s == NULL || (s->path = outflow_config_string(h, c, "path")) == NULL) {
		free(s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	s->host = h;
	s->fd = -1;
	*self = s;
	return OUTFLOW_OK;
}

/* Connects, and says what is wrong with the other side before records are on their way. */
static outflow_status start(void *self, outflow_error *err)
{
	struct instance *s = self;

	s->fd = open(s->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (s->fd < 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", s->path);
	outflow_log(s->host, OUTFLOW_LOG_INFO, "writing to %s", s->path);
	return OUTFLOW_OK;
}

static int write_line(int fd, const outflow_record *r)
{
	struct iovec parts[] = {
		{ (void *)(uintptr_t)r->topic.ptr, r->topic.len },
		{ "\t", 1 },
		{ (void *)(uintptr_t)r->value.ptr, r->value.len },
		{ "\n", 1 },
	};
	size_t size = r->topic.len + r->value.len + 2;
	ssize_t written = writev(fd, parts, 4);

	if (written >= 0 && (size_t)written < size)
		errno = ENOSPC;
	return written == (ssize_t)size ? 0 : -1;
}

/* All of it or, after an error, nothing: what was written is cut off again. OUTFLOW_E_OUTAGE is no record's fault: the host
 * waits and puts them again. OUTFLOW_E_RECORD would be for a record that can never be stored, with *taken its number. */
static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct instance *s = self;
	struct stat before;
	size_t i = 0;

	*taken = 0;
	if (fstat(s->fd, &before) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_OUTAGE, errno, "%s cannot be examined", s->path);
	while (i < n && write_line(s->fd, &recs[i]) == 0)
		i++;
	if (i < n || fdatasync(s->fd) != 0) {
		outflow_fail_errno(err, OUTFLOW_E_OUTAGE, errno, "%s cannot be written", s->path);
		if (ftruncate(s->fd, before.st_size) != 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut back", s->path);
		return OUTFLOW_E_OUTAGE;
	}
	*taken = n;
	return OUTFLOW_OK;
}

static const outflow_sink_ops ops = {
	.size = sizeof ops,
	.flags = OUTFLOW_SINK_SYNC,
	.create = create,
	.start = start,
	.put = put,
	.destroy = destroy,
};

static const outflow_cfg_key keys[] = {
	{ .name = "path",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .flags = OUTFLOW_K_REQUIRED,
	  .doc = "The file; it is made when it is not there, and appended to." },
};
static const outflow_cfg_def config = {
	.size = sizeof config,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static const outflow_component component = {
	.size = sizeof component,
	.kind = OUTFLOW_SINK,
	.name = "newplugin",
	.doc = "Appends a line for each record to a file.",
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
	.doc = "The sink newplugin.",
	.components = components,
	.n_components = 1,
};

outflow_plugin_entry_fn outflow_plugin_entry_v1;
OUTFLOW_EXPORT const outflow_plugin *outflow_plugin_entry_v1(void)
{
	return &plugin;
}

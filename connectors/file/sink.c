/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file sink: one record a line. A put is one write (and with sync = true one fdatasync), after which its records are
 * stored; a put that fails is cut off again, so that a line is there whole or not at all. Several sinks may write to one
 * file, of other processes too (a replay beside the daemon): each put holds the file's lock and begins where it now ends.
 */
#include "connectors/file/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct file_sink {
	const outflow_host *host;
	char *path;
	int as_json, sync;
	char *null; /* what stands for a null value; NULL: nothing */
	int fd;
	off_t end;
	struct line line;
};

static const char *const formats[] = { "value", "json", NULL };

static const outflow_cfg_key keys[] = {
	{ .name = "path",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_REQUIRED,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .group = "File",
	  .doc = "The file; it is made when it is not there, and appended to." },
	{ .name = "format",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "value",
	  .choices = formats,
	  .group = "File",
	  .doc = "What a line holds: the value's bytes, or the whole record as JSON with topic, key, value, headers and "
	         "timestamp; bytes that are not UTF-8 as {\"base64\": ...}." },
	{ .name = "null",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .group = "File",
	  .doc = "With format = value: what a line holds whose record has a null value. Unset: nothing." },
	{ .name = "sync",
	  .type = OUTFLOW_T_BOOL,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "false",
	  .group = "File",
	  .doc = "Wait for the disk before records count as stored." },
};
const outflow_cfg_def file_sink_schema = {
	.size = sizeof file_sink_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static void destroy(void *self)
{
	struct file_sink *s = self;

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->null);
	free(s->line.text);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct file_sink *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->fd = -1;
	s->path = outflow_config_string(h, c, "path");
	s->null = outflow_config_string(h, c, "null");
	s->as_json = outflow_equal(outflow_config_text(h, c, "format"), "json");
	s->sync = outflow_config_flag(h, c, "sync");
	if (s->path == NULL) {
		destroy(s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	*self = s;
	return OUTFLOW_OK;
}

/* A line without its end is what a crash left of a put that was never confirmed: its records come again. */
static outflow_status cut_torn_line(struct file_sink *s, outflow_error *err)
{
	off_t end = s->end;
	char byte = '\n';

	while (end > 0) {
		if (pread(s->fd, &byte, 1, end - 1) != 1)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->path);
		if (byte == '\n')
			break;
		end--;
	}
	if (end == s->end)
		return OUTFLOW_OK;
	outflow_log(s->host, OUTFLOW_LOG_WARN, "%s: cut off an unfinished line of %lld bytes", s->path,
	            (long long)(s->end - end));
	if (ftruncate(s->fd, end) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut", s->path);
	s->end = end;
	return OUTFLOW_OK;
}

static int lock(struct file_sink *s, int operation)
{
	int rc;

	do
		rc = flock(s->fd, operation);
	while (rc != 0 && errno == EINTR);
	return rc;
}

/* With the lock held: where the file ends. Whatever another writer left unfinished there, it is not writing any more. */
static outflow_status find_end(struct file_sink *s, outflow_error *err)
{
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be examined", s->path);
	if (!S_ISREG(st.st_mode))
		return outflow_fail(err, OUTFLOW_E_TASK, "%s is not a regular file", s->path);
	if (st.st_size == s->end)
		return OUTFLOW_OK;
	s->end = st.st_size;
	return cut_torn_line(s, err);
}

static outflow_status start(void *self, outflow_error *err)
{
	struct file_sink *s = self;
	outflow_status status;

	s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (s->fd < 0 || lock(s, LOCK_EX) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", s->path);
	status = find_end(s, err);
	(void)lock(s, LOCK_UN);
	return status;
}

static int write_all(struct file_sink *s)
{
	size_t done = 0;

	while (done < s->line.n) {
		ssize_t n = pwrite(s->fd, s->line.text + done, s->line.n - done, s->end + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += (size_t)n;
	}
	return s->sync ? fdatasync(s->fd) : 0;
}

/* With the lock held. OUTFLOW_E_OUTAGE: nothing is written; a full disk or a broken one is no record's fault. */
static outflow_status append(struct file_sink *s, outflow_error *err)
{
	outflow_status status = find_end(s, err);

	if (status != OUTFLOW_OK)
		return status;
	if (write_all(s) != 0) {
		outflow_fail_errno(err, OUTFLOW_E_OUTAGE, errno, "%s cannot be written", s->path);
		if (ftruncate(s->fd, s->end) != 0)
			return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be cut back after an error",
			                          s->path);
		return OUTFLOW_E_OUTAGE;
	}
	s->end += (off_t)s->line.n;
	return OUTFLOW_OK;
}

static outflow_status put(void *self, outflow_record *recs, size_t n, size_t *taken, outflow_error *err)
{
	struct file_sink *s = self;
	outflow_status status;

	*taken = 0;
	s->line.n = 0;
	s->line.failed = 0;
	for (size_t i = 0; i < n; i++) {
		if (s->as_json)
			line_append_record(&s->line, &recs[i]);
		else if (recs[i].value.ptr == NULL && s->null != NULL)
			line_append(&s->line, s->null, strlen(s->null));
		else
			line_append(&s->line, recs[i].value.ptr, recs[i].value.len);
		line_append(&s->line, "\n", 1);
	}
	if (s->line.failed)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the lines of %zu records", n);
	if (lock(s, LOCK_EX) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_OUTAGE, errno, "%s cannot be locked", s->path);
	status = append(s, err);
	(void)lock(s, LOCK_UN);
	if (status == OUTFLOW_OK)
		*taken = n;
	return status;
}

const outflow_sink_ops file_sink_ops = {
	.size = sizeof file_sink_ops,
	.flags = OUTFLOW_SINK_SYNC,
	.create = create,
	.start = start,
	.put = put,
	.destroy = destroy,
};

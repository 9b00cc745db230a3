/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file source: one record a line. The position of a record is the offset of its line, so that a restart goes on behind
 * the last one that was confirmed. The line's end is not part of the value.
 *
 * A file that is not followed is read up to where it ended at the start: what is appended meanwhile, perhaps by what this
 * source feeds, is left for the next run.
 */
#include "connectors/file/file.h"

#include <outflow/ext/lag.h>
#include <outflow/json.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_BUFFER 65536u
#define LOOK_AGAIN_NS INT64_C(200000000)

struct file_source {
	const outflow_host *host;
	char *path;
	int follow, as_json;
	int wait;            /* for a file that is not there */
	int any_end;         /* CR and CR LF end a line, too */
	uint32_t poll_lines; /* at most so many a poll */
	size_t line_max;
	int fd;
	uint32_t stream;
	uint64_t limit; /* lines from here on are not read */
	struct {
		uint64_t offset, lines;
	} counted;       /* line ends before an offset, for messages */
	uint64_t offset; /* of the next line */
	char *buffer;    /* from offset on */
	size_t n, room;
	int64_t look_at_ns; /* when a followed file is read again */
};

static const char *const formats[] = { "value", "json", NULL };
static const char *const if_missing[] = { "fail", "wait", NULL };
static const char *const line_ends[] = { "lf", "any", NULL };

static const outflow_cfg_key keys[] = {
	{ .name = "path",
	  .type = OUTFLOW_T_STRING,
	  .flags = OUTFLOW_K_REQUIRED,
	  .importance = OUTFLOW_IMPORTANCE_HIGH,
	  .group = "File",
	  .doc = "The file." },
	{ .name = "follow",
	  .type = OUTFLOW_T_BOOL,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "false",
	  .group = "File",
	  .doc = "Wait for more at the end of the file. A last line without its end is then unfinished, else it is a record." },
	{ .name = "missing",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "fail",
	  .choices = if_missing,
	  .group = "File",
	  .doc = "A file that is not there at the start: fail ends the task, wait waits for it." },
	{ .name = "poll.lines",
	  .type = OUTFLOW_T_INT,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "10000",
	  .min = 1,
	  .max = INT32_MAX,
	  .group = "File",
	  .doc = "At most so many lines are read before the stages work on them." },
	{ .name = "line.end",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "lf",
	  .choices = line_ends,
	  .group = "File",
	  .doc = "What ends a line: lf, a line feed; any, also a carriage return, or the two of them." },
	{ .name = "line.format",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "value",
	  .choices = formats,
	  .group = "File",
	  .doc = "What a line holds: a value, or a whole record as the sink writes it with format = json." },
	{ .name = "line.max",
	  .type = OUTFLOW_T_SIZE,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "1MiB",
	  .min = 1,
	  .max = 1 << 28,
	  .group = "File",
	  .doc = "A longer line stops the task, which says where it is." },
};
const outflow_cfg_def file_source_schema = {
	.size = sizeof file_source_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
};

static void destroy(void *self)
{
	struct file_source *s = self;

	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->buffer);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct file_source *s = calloc(1, sizeof *s);

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->host = h;
	s->fd = -1;
	s->path = outflow_config_string(h, c, "path");
	s->follow = outflow_config_flag(h, c, "follow");
	s->as_json = outflow_equal(outflow_config_text(h, c, "line.format"), "json");
	s->wait = outflow_equal(outflow_config_text(h, c, "missing"), "wait");
	s->any_end = outflow_equal(outflow_config_text(h, c, "line.end"), "any");
	s->poll_lines = (uint32_t)outflow_config_number(h, c, "poll.lines");
	s->line_max = (size_t)outflow_config_number(h, c, "line.max");
	s->room = FIRST_BUFFER;
	s->buffer = malloc(s->room);
	if (s->path == NULL || s->buffer == NULL) {
		destroy(s);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	*self = s;
	return OUTFLOW_OK;
}

/* OUTFLOW_AGAIN: the file is not there, and is waited for. */
static outflow_status open_file(struct file_source *s, outflow_error *err)
{
	struct stat st;

	s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
	if (s->fd < 0 && errno == ENOENT && s->wait)
		return OUTFLOW_AGAIN;
	if (s->fd < 0 || fstat(s->fd, &st) != 0)
		return outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be opened", s->path);
	if ((uint64_t)st.st_size < s->offset)
		return outflow_fail(
			err, OUTFLOW_E_TASK,
			"%s has %lld bytes, but its records are confirmed up to byte %llu: it was cut or replaced",
			s->path, (long long)st.st_size, (unsigned long long)s->offset);
	s->limit = s->follow ? UINT64_MAX : (uint64_t)st.st_size;
	return OUTFLOW_OK;
}

/* A stream for each file, called as Kafka Connect calls it: another path begins anew. */
static outflow_status open_stream(struct file_source *s, outflow_error *err)
{
	struct line name = { .n = 0 };
	outflow_resume resume;
	outflow_status status;

	line_append(&name, "{\"filename\":", strlen("{\"filename\":"));
	line_append_string(&name, s->path, strlen(s->path));
	line_append(&name, "}", 1);
	if (name.failed)
		status = OUTFLOW_E_NOMEM;
	else
		status = s->host->stream->open(s->host, (outflow_str){ name.text, name.n }, &s->stream, &resume);
	free(name.text);
	if (status != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_TASK, "the stream cannot be opened");
	s->offset = resume.valid ? resume.next : 0;
	return OUTFLOW_OK;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct file_source *s = self;
	outflow_status status = open_stream(s, err);

	if (status == OUTFLOW_OK)
		status = open_file(s, err);
	if (status != OUTFLOW_AGAIN)
		return status;
	outflow_log(s->host, OUTFLOW_LOG_WARN, "%s is not there; waiting for it", s->path);
	return OUTFLOW_OK;
}

/* At the end: a file that has become shorter is another one. 0, or -1. */
static int check_length(struct file_source *s, outflow_error *err)
{
	struct stat st;

	if (fstat(s->fd, &st) == 0 && (uint64_t)st.st_size >= s->offset + s->n)
		return 0;
	outflow_fail(err, OUTFLOW_E_TASK, "%s became shorter than what was read of it: it was cut", s->path);
	return -1;
}

/* Reads on behind what the buffer holds. 1: there was more; 0: the end of the file; -1: an error. */
static int read_more(struct file_source *s, outflow_error *err)
{
	size_t most = s->line_max + 1 > FIRST_BUFFER ? s->line_max + 1 : FIRST_BUFFER;
	ssize_t n;

	if (s->n == s->room && s->room < most) {
		size_t room = s->room * 2 < most ? s->room * 2 : most;
		char *buffer = realloc(s->buffer, room);

		if (buffer == NULL) {
			outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a line");
			return -1;
		}
		s->buffer = buffer;
		s->room = room;
	}
	do
		n = pread(s->fd, s->buffer + s->n, s->room - s->n, (off_t)(s->offset + s->n));
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		outflow_fail_errno(err, OUTFLOW_E_TASK, errno, "%s cannot be read", s->path);
		return -1;
	}
	s->n += (size_t)n;
	return n > 0 ? 1 : check_length(s, err);
}

/* The number of the next line, from 1. Only messages need it, and a restart does not know it: so it is counted here. */
static uint64_t line_number(struct file_source *s)
{
	char block[8192];

	while (s->counted.offset < s->offset) {
		uint64_t left = s->offset - s->counted.offset;
		ssize_t n = pread(s->fd, block, left < sizeof block ? left : sizeof block, (off_t)s->counted.offset);

		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			s->counted.lines += block[i] == '\n';
		s->counted.offset += (uint64_t)n;
	}
	return s->counted.lines + 1;
}

/* A line that is no record is emitted as it stands and rejected at once, so that it is accounted for like any other. */
static int emit_malformed(struct file_source *s, outflow_batch *out, outflow_record *r, const outflow_error *why)
{
	outflow_error err = { .size = sizeof err };

	if (r->value.ptr == NULL || (r = outflow_emit(s->host, out, r)) == NULL)
		return 0;
	outflow_fail(&err, OUTFLOW_E_RECORD, "%.200s:%llu: not a record as JSON: %.200s", s->path,
	             (unsigned long long)line_number(s), why->msg);
	s->host->reject(s->host, r, OUTFLOW_E_RECORD, &err);
	return 1;
}

/* Emits the first n bytes of the buffer as a line, whose end has `end` bytes more. 0: no room in the batch. */
static int emit_line(struct file_source *s, outflow_batch *out, const char *line, size_t n, size_t end)
{
	outflow_record plain = { .partition = -1,
		                 .stream = s->stream,
		                 .pos = s->offset,
		                 .next = s->offset + n + end,
		                 .topic = outflow_text(s->path),
		                 .timestamp_ms = s->host->time->wall_ms(s->host) };
	outflow_record r = plain;
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_OK;
	int emitted;

	if (s->as_json)
		status = line_read_record(s->host, out, (outflow_str){ line, n }, &r, &err);
	else
		r.value = outflow_copy(s->host, out, (outflow_bytes){ line, n });
	if (status == OUTFLOW_E_RECORD) {
		plain.value = outflow_copy(s->host, out, (outflow_bytes){ line, n });
		emitted = emit_malformed(s, out, &plain, &err);
	} else {
		emitted = status == OUTFLOW_OK && (s->as_json || r.value.ptr != NULL) &&
		          outflow_emit(s->host, out, &r) != NULL;
	}
	if (emitted)
		s->offset = r.next;
	return emitted;
}

/* The end of the line that begins at `line`, and how many bytes it has; NULL: it is not in the buffer. */
static const char *find_end(const struct file_source *s, const char *line, size_t *bytes)
{
	const char *limit = s->buffer + s->n;
	const char *feed = memchr(line, '\n', (size_t)(limit - line));
	const char *end = s->any_end ? memchr(line, '\r', (size_t)((feed ? feed : limit) - line)) : NULL;

	*bytes = 1;
	if (end == NULL)
		return feed;
	/* The next byte may be the line feed that belongs to it. */
	if (end + 1 == limit)
		return NULL;
	*bytes += end[1] == '\n';
	return end;
}

/* Emits the whole lines of the buffer up to one that is too long. 0: the batch is full. */
static int emit_lines(struct file_source *s, outflow_batch *out)
{
	const char *line = s->buffer, *limit = s->buffer + s->n;
	const char *end;
	size_t bytes;
	int room = 1;

	while (room && s->offset < s->limit && (end = find_end(s, line, &bytes)) != NULL &&
	       (size_t)(end - line) <= s->line_max) {
		room = out->n < s->poll_lines && emit_line(s, out, line, (size_t)(end - line), bytes);
		if (room)
			line = end + bytes;
	}
	s->n = (size_t)(limit - line);
	memmove(s->buffer, line, s->n);
	return room;
}

/* Records are written with their end: a last line without it is perhaps being written, unless it is whole all the same. */
static int is_unfinished(const struct file_source *s)
{
	outflow_json *json = NULL;
	outflow_status status = outflow_json_parse((outflow_str){ s->buffer, s->n }, &json, NULL);

	outflow_json_free(&json);
	return status == OUTFLOW_E_CONFIG;
}

/* A last line without its end. */
static outflow_status emit_rest(struct file_source *s, outflow_batch *out)
{
	size_t end = s->any_end && s->n > 0 && s->buffer[s->n - 1] == '\r';

	if (s->n > 0 && s->as_json && is_unfinished(s))
		outflow_log(s->host, OUTFLOW_LOG_WARN, "%s:%llu: the last line is not finished and is left where it is",
		            s->path, (unsigned long long)line_number(s));
	else if (s->n > 0 && !emit_line(s, out, s->buffer, s->n - end, end))
		return OUTFLOW_AGAIN;
	s->n = 0;
	s->limit = s->offset;
	return OUTFLOW_EOF;
}

static int is_too_long(const struct file_source *s)
{
	size_t bytes;
	const char *end = find_end(s, s->buffer, &bytes);

	return (end ? (size_t)(end - s->buffer) : s->n) > s->line_max;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct file_source *s = self;
	int more = 1, room;
	outflow_status status;

	(void)deadline_ns;
	if (out->cap == 0 || s->look_at_ns > s->host->time->mono_ns(s->host))
		return OUTFLOW_AGAIN;
	status = s->fd < 0 ? open_file(s, err) : OUTFLOW_OK;
	if (status == OUTFLOW_AGAIN)
		s->look_at_ns = s->host->time->mono_ns(s->host) + LOOK_AGAIN_NS;
	if (status != OUTFLOW_OK)
		return status;
	while ((room = emit_lines(s, out)) && out->n == 0 && more && s->offset < s->limit) {
		if (is_too_long(s))
			return outflow_fail(err, OUTFLOW_E_TASK,
			                    "%s: the line at byte %llu is longer than %zu bytes, see line.max", s->path,
			                    (unsigned long long)s->offset, s->line_max);
		more = read_more(s, err);
		if (more < 0)
			return OUTFLOW_E_TASK;
	}
	if (out->n > 0)
		return OUTFLOW_OK;
	if (!room)
		return outflow_fail(err, OUTFLOW_E_TASK, "%s: no memory for the line at byte %llu", s->path,
		                    (unsigned long long)s->offset);
	if (s->follow) {
		s->look_at_ns = s->host->time->mono_ns(s->host) + LOOK_AGAIN_NS;
		return OUTFLOW_AGAIN;
	}
	return s->offset < s->limit ? emit_rest(s, out) : OUTFLOW_EOF;
}

/* What is appended to a file that is not followed is left for the next run. */
static void lag(void *self, void (*show)(void *ctx, uint32_t stream, uint64_t behind), void *ctx)
{
	const struct file_source *s = self;
	uint64_t done, end = s->limit;
	struct stat st;

	if (s->fd < 0 || s->host->stream->position(s->host, s->stream, &done) != OUTFLOW_OK)
		return;
	if (s->follow) {
		if (fstat(s->fd, &st) != 0)
			return;
		end = (uint64_t)st.st_size;
	}
	show(ctx, s->stream, end > done ? end - done : 0);
}

const void *file_source_extension(const char *id)
{
	static const outflow_lag_api api = { .size = sizeof api, .unit = "bytes", .lag = lag };

	return strcmp(id, OUTFLOW_EXT_LAG) == 0 ? &api : NULL;
}

const outflow_source_ops file_source_ops = {
	.size = sizeof file_source_ops,
	.create = create,
	.start = start,
	.poll = poll,
	.destroy = destroy,
};

/* SPDX-License-Identifier: Apache-2.0 */
#include <outflow/util.h>

#include <stdio.h>
#include <stdlib.h>

static void fill(outflow_error *err, const char *domain, int32_t native, const char *format, va_list args)
	OUTFLOW_PRINTF(4, 0);
static void fill(outflow_error *err, const char *domain, int32_t native, const char *format, va_list args)
{
	err->size = sizeof *err;
	err->native = native;
	snprintf(err->domain, sizeof err->domain, "%s", domain);
	vsnprintf(err->msg, sizeof err->msg, format, args);
}

outflow_status outflow_fail(outflow_error *err, outflow_status status, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return status;
	va_start(args, format);
	fill(err, "", 0, format, args);
	va_end(args);
	return status;
}

outflow_status outflow_fail_native(outflow_error *err, outflow_status status, const char *domain, int32_t native,
                                   const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return status;
	va_start(args, format);
	fill(err, domain, native, format, args);
	va_end(args);
	return status;
}

outflow_status outflow_fail_errno(outflow_error *err, outflow_status status, int code, const char *format, ...)
{
	char reason[128];
	size_t used;
	va_list args;

	if (err == NULL)
		return status;
	va_start(args, format);
	fill(err, "errno", code, format, args);
	va_end(args);
	used = strlen(err->msg);
	/* The GNU and the POSIX strerror_r differ in what they return; glibc's plain one is thread-safe. */
	snprintf(reason, sizeof reason, ": %s", strerror(code));
	snprintf(err->msg + used, sizeof err->msg - used, "%s", reason);
	return status;
}

void outflow_log(const outflow_host *h, int level, const char *format, ...)
{
	char line[1001];
	va_list args;

	if (!h->log->enabled(h, level))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	h->log->write(h, level, line);
}

outflow_str outflow_print(const outflow_host *h, outflow_batch *b, const char *format, ...)
{
	outflow_str none = { NULL, 0 };
	va_list args, again;
	char *text;
	int n;

	va_start(args, format);
	va_copy(again, args);
	n = vsnprintf(NULL, 0, format, args);
	va_end(args);
	text = n < 0 ? NULL : outflow_alloc(h, b, (size_t)n + 1, 1);
	if (text != NULL)
		vsnprintf(text, (size_t)n + 1, format, again);
	va_end(again);
	if (text == NULL)
		return none;
	return (outflow_str){ text, (size_t)n };
}

outflow_bytes outflow_copy(const outflow_host *h, outflow_batch *b, outflow_bytes s)
{
	outflow_bytes copy = { NULL, 0 };
	void *p;

	if (s.ptr == NULL)
		return copy;
	p = outflow_alloc(h, b, s.len + 1, 1);
	if (p == NULL)
		return copy;
	memcpy(p, s.ptr, s.len);
	copy.ptr = p;
	copy.len = s.len;
	return copy;
}

outflow_status outflow_add_headers(const outflow_host *h, outflow_batch *b, outflow_record *r,
                                   const outflow_header *more, uint32_t n)
{
	size_t old = r->n_headers;
	outflow_header *all = outflow_alloc(h, b, (old + n) * sizeof *all, _Alignof(outflow_header));

	if (all == NULL)
		return OUTFLOW_E_NOMEM;
	if (old > 0)
		memcpy(all, r->headers, old * sizeof *all);
	memcpy(all + old, more, n * sizeof *all);
	r->headers = all;
	r->n_headers = (uint32_t)old + n;
	return OUTFLOW_OK;
}

outflow_str outflow_config_text(const outflow_host *h, const outflow_config *c, const char *key)
{
	outflow_str value = { "", 0 };

	(void)h->config->str(c, key, &value);
	return value;
}

int64_t outflow_config_number(const outflow_host *h, const outflow_config *c, const char *key)
{
	int64_t value = 0;

	(void)h->config->i64(c, key, &value);
	return value;
}

int outflow_config_flag(const outflow_host *h, const outflow_config *c, const char *key)
{
	int32_t value = 0;

	(void)h->config->boolean(c, key, &value);
	return value != 0;
}

char *outflow_config_string(const outflow_host *h, const outflow_config *c, const char *key)
{
	outflow_str value;
	char *copy;

	if (h->config->str(c, key, &value) != OUTFLOW_OK)
		return NULL;
	copy = malloc(value.len + 1);
	if (copy == NULL)
		return NULL;
	memcpy(copy, value.ptr, value.len);
	copy[value.len] = '\0';
	return copy;
}

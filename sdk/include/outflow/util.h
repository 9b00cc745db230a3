/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/util.h: what nearly every plugin writes otherwise by hand. Built on abi.h alone; nothing in it is part of the
 * ABI, everything is inline or in liboutflow_sdk.a.
 */
#ifndef OUTFLOW_UTIL_H
#define OUTFLOW_UTIL_H
#include <outflow/abi.h>
#include <stdarg.h>
#include <string.h>
#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OUTFLOW_PRINTF(FORMAT, FIRST) __attribute__((format(printf, FORMAT, FIRST)))
#else
#define OUTFLOW_PRINTF(FORMAT, FIRST)
#endif

/* Fills err (NULL is fine) with a printf text and returns status, so that failing is one line:
 * return outflow_fail(err, OUTFLOW_E_CONFIG, "topics: '%s' is not a topic filter", text); [any] */
outflow_status outflow_fail(outflow_error *err, outflow_status status, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* The same with the client library's own code and its name ("errno", "mqtt", "rdkafka"). [any] */
outflow_status outflow_fail_native(outflow_error *err, outflow_status status, const char *domain, int32_t native,
                                   const char *format, ...) OUTFLOW_PRINTF(5, 6);

/* The same for errno: ": " and its text are added at the end. [any] */
outflow_status outflow_fail_errno(outflow_error *err, outflow_status status, int code, const char *format, ...)
	OUTFLOW_PRINTF(4, 5);

/* Logs a printf text when the level is on; longer than 1,000 bytes is cut. [any] */
void outflow_log(const outflow_host *h, int level, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* A printf text in the batch's arena, with a NUL after it; ptr NULL: no memory. [task] */
outflow_str outflow_print(const outflow_host *h, outflow_batch *b, const char *format, ...) OUTFLOW_PRINTF(3, 4);

/* A copy in the batch's arena; ptr NULL: no memory (or s was null). [task] */
outflow_bytes outflow_copy(const outflow_host *h, outflow_batch *b, outflow_bytes s);

/* Headers of r with n more appended, in the batch's arena; the bytes of the new ones are not copied. OUTFLOW_E_NOMEM:
 * r is unchanged. [task] */
outflow_status outflow_add_headers(const outflow_host *h, outflow_batch *b, outflow_record *r,
                                   const outflow_header *more, uint32_t n);

/* Configuration of an instance, for keys that have a default or are required (the schema has been checked, so they are
 * there); the plain readers in outflow_config_api tell "not set". [any] */
outflow_str outflow_config_text(const outflow_host *h, const outflow_config *c, const char *key);
int64_t outflow_config_number(const outflow_host *h, const outflow_config *c, const char *key);
int outflow_config_flag(const outflow_host *h, const outflow_config *c, const char *key);
/* A malloc'd copy with a NUL at the end, for C libraries; the caller frees it. NULL: not set, or no memory. */
char *outflow_config_string(const outflow_host *h, const outflow_config *c, const char *key);

static inline outflow_str outflow_text(const char *s)
{
	outflow_str t = { s, s ? strlen(s) : 0 };
	return t;
}

static inline outflow_bytes outflow_text_bytes(outflow_str s)
{
	outflow_bytes b = { s.ptr, s.len };
	return b;
}

static inline int outflow_equal(outflow_str a, const char *b)
{
	return a.len == strlen(b) && (a.len == 0 || memcmp(a.ptr, b, a.len) == 0);
}

/* The last header of that name, or NULL. [any] */
static inline const outflow_header *outflow_find_header(const outflow_record *r, const char *name)
{
	for (uint32_t i = r->n_headers; i-- > 0;)
		if (outflow_equal(r->headers[i].name, name))
			return &r->headers[i];
	return NULL;
}

#ifdef __cplusplus
}
#endif
#endif

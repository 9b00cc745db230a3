/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: what the files of this plugin share. */
#ifndef CONNECTORS_FILE_H
#define CONNECTORS_FILE_H
#include <outflow/util.h>

/* source.c */
extern const outflow_cfg_def file_source_schema;
extern const outflow_source_ops file_source_ops;
const void *file_source_extension(const char *id);

/* sink.c */
extern const outflow_cfg_def file_sink_schema;
extern const outflow_sink_ops file_sink_ops;

/* line.c: text that grows; zeroed is empty, free(text) ends it. */
struct line {
	char *text;
	size_t n, room;
	int failed; /* sticky: no memory */
};

void line_append(struct line *l, const void *bytes, size_t n);

/* A text as JSON, with its quotes; escapes what RFC 8259, section 7, wants escaped. */
void line_append_string(struct line *l, const char *s, size_t n);

/* The whole record as one JSON object, without a newline: topic, key, value, headers, timestamp. Bytes that are not UTF-8
 * become {"base64": "..."}. */
void line_append_record(struct line *l, const outflow_record *r);

/* Reads such a line back into topic, key, value, headers and timestamp of r, byte for byte, with the bytes in the batch's
 * arena; the rest of r is left alone. What is missing is null. OUTFLOW_E_RECORD: the line is something else, the error says
 * what is wrong with it; OUTFLOW_E_NOMEM: the batch is full. */
outflow_status line_read_record(const outflow_host *h, outflow_batch *out, outflow_str line, outflow_record *r,
                                outflow_error *err);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* file.h: what the files of this plugin share. */
#ifndef CONNECTORS_FILE_H
#define CONNECTORS_FILE_H
#include <outflow/util.h>

/* source.c */
extern const outflow_cfg_def file_source_schema;
extern const outflow_source_ops file_source_ops;

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

/* The whole record as one JSON object, without a newline: topic, key, value, headers, timestamp. Bytes that are not UTF-8
 * become {"base64": "..."}. */
void line_append_record(struct line *l, const outflow_record *r);

#endif

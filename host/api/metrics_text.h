/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_text.h: writes Prometheus' text format (version 0.0.4) into memory that grows. */
#ifndef HOST_API_METRICS_TEXT_H
#define HOST_API_METRICS_TEXT_H
#include "host/base/histogram.h"

#include <stddef.h>
#include <stdint.h>

/* Zeroed is empty. */
struct metrics_text {
	char *text;
	size_t n, room;
	int failed; /* no memory: what is written is not whole */
};

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM, METRICS_UNTYPED };

/* Appends bytes as they are. */
void metrics_put(struct metrics_text *t, const char *text, size_t n);
void metrics_put_text(struct metrics_text *t, const char *text);

/* Appends one label, `name="value"`, escaped; bytes that are not UTF-8 become '?'. */
void metrics_put_label(struct metrics_text *t, const char *name, const char *value);

/* Begins a family; once for each name, before its samples. */
void metrics_begin(struct metrics_text *t, const char *name, enum metrics_type type, const char *help);

/* One sample, with the name from begin. labels: as metrics_put_label makes them, joined by commas; NULL: none; extra (NULL:
 * none) follows them. value counts units of 10^-digits: 1500 with 3 digits is 1.5. */
void metrics_sample(struct metrics_text *t, const char *name, const char *labels, const char *extra, int64_t value,
                    unsigned digits);

/* The samples of one histogram, in seconds. */
void metrics_histogram(struct metrics_text *t, const char *name, const char *labels, const struct histogram *h);

#endif

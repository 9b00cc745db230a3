/* SPDX-License-Identifier: Apache-2.0 */
/* moment.h: points in time, in microseconds since 1970 UTC, as payloads spell them. All [any]. */
#ifndef FIELDS_MOMENT_H
#define FIELDS_MOMENT_H
#include <outflow/abi.h>

#include <stdbool.h>

enum moment_unit { MOMENT_S, MOMENT_MS, MOMENT_US, MOMENT_RFC3339 };
#define MOMENT_SIZE 64

/* The names of the units in their order, NULL behind the last. */
extern const char *const moment_units[];

/* Reads a number of the unit, with a fraction or without, or a text of RFC 3339; digits beyond microseconds do not
 * count. false: it is none, or lies before 1970 or behind the year 9999. */
bool moment_read(outflow_str text, enum moment_unit unit, int64_t *us);

/* The moment as JSON: a whole number of the unit, or a text with milliseconds, or microseconds when it has some. */
outflow_str moment_write(int64_t us, enum moment_unit unit, char buffer[MOMENT_SIZE]);

#endif

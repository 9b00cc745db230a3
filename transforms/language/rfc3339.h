/* SPDX-License-Identifier: Apache-2.0 */
/* rfc3339.h: points in time as text and back. All [any]. */
#ifndef EVENT_RFC3339_H
#define EVENT_RFC3339_H
#include <outflow/abi.h>

#include <stdbool.h>

#define RFC3339_SIZE 64

/* "2026-11-23T10:15:00.123Z" for milliseconds since 1970 UTC, not negative, with a NUL. */
void rfc3339_write(int64_t ms, char text[RFC3339_SIZE]);

/* Reads such a text, with or without fraction, with Z or an offset. false: it is none. */
bool rfc3339_read(outflow_str text, int64_t *ms);

#endif

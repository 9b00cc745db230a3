/* SPDX-License-Identifier: Apache-2.0 */
/* utc.h: a time as text, 2026-11-24T14:00:01.123Z (RFC 3339, 5.6). */
#ifndef HOST_BASE_UTC_H
#define HOST_BASE_UTC_H
#include <stdint.h>

struct utc_text {
	char text[40]; /* "" for what the calendar does not reach */
};

/* Milliseconds since 1970. [any] */
struct utc_text utc_text(int64_t wall_ms);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/base/utc.h"

#include <stdio.h>
#include <time.h>

struct utc_text utc_text(int64_t wall_ms)
{
	struct utc_text result = { "" };
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts;
	size_t n;

	if (wall_ms < 0 || gmtime_r(&seconds, &parts) == NULL)
		return result;
	n = strftime(result.text, sizeof result.text - 6, "%Y-%m-%dT%H:%M:%S", &parts);
	if (n > 0)
		snprintf(result.text + n, sizeof result.text - n, ".%03dZ", (int)(wall_ms % 1000));
	return result;
}

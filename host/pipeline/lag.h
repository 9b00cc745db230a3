/* SPDX-License-Identifier: Apache-2.0 */
/* lag.h: how far a task's source is behind what it reads, stream by stream, by its own word (outflow.lag/1). */
#ifndef HOST_PIPELINE_LAG_H
#define HOST_PIPELINE_LAG_H
#include "host/pipeline/instance.h"

enum lag_unit { LAG_UNKNOWN, LAG_RECORDS, LAG_BYTES };

struct stream_lag {
	char *partition; /* JSON, as the source calls it */
	uint64_t behind;
};

/* Zeroed: not known. */
struct lag {
	enum lag_unit unit;
	struct stream_lag *list;
	size_t n, room;
	uint64_t sum;
};

/* Asks the source, which has been started. Without memory, or when the source cannot tell, it is not known. [task] */
void lag_ask(struct lag *l, const struct instance *source);

/* OUTFLOW_E_NOMEM: to is zeroed. [any] */
outflow_status lag_copy(const struct lag *from, struct lag *to);
void lag_clear(struct lag *l);

#endif

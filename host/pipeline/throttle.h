/* SPDX-License-Identifier: Apache-2.0 */
/* throttle.h: no more records a second than throttle.records.per.second; nothing is dropped, the source waits. [task] */
#ifndef HOST_PIPELINE_THROTTLE_H
#define HOST_PIPELINE_THROTTLE_H
#include <stdint.h>

struct throttle {
	int64_t per_second; /* of all n_tasks; 0: no limit */
	uint32_t n_tasks, bunch;
	int64_t next_ns; /* when more may come */
};

/* bunch: records that may come at once, when a tenth of a second allows fewer. */
void throttle_init(struct throttle *t, int64_t per_second, uint32_t n_tasks, uint32_t bunch);

/* How many may come now; 0: none before t->next_ns; UINT32_MAX: no limit. */
uint32_t throttle_room(const struct throttle *t);

/* So many have come. */
void throttle_spend(struct throttle *t, uint32_t n);

#endif

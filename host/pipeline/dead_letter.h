/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter.h: the record that is stored for one that failed for good. */
#ifndef HOST_PIPELINE_DEAD_LETTER_H
#define HOST_PIPELINE_DEAD_LETTER_H
#include "host/pipeline/instance.h"

/* A record in the family's arena: key, value, headers and timestamp as the source emitted them, then the headers of
 * Kafka Connect's dead letters (KIP-298, "__connect.errors.*"). where: the stage that gave the record up. NULL: no
 * memory. [task] */
outflow_record *dead_letter_new(const struct services *s, const struct slot *slot, const struct instance *where,
                                outflow_status status, const outflow_error *err);

#endif

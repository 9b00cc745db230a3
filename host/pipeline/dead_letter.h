/* SPDX-License-Identifier: Apache-2.0 */
/* dead_letter.h: the record that is stored for one that failed for good. */
#ifndef HOST_PIPELINE_DEAD_LETTER_H
#define HOST_PIPELINE_DEAD_LETTER_H
#include "host/pipeline/faults.h"

/* A record in the family's arena: key, value, headers and timestamp as the source emitted them. Unless deadletter.mode is
 * raw, the headers of Kafka Connect's dead letters follow (KIP-298, "__connect.errors.*"), then those that Connect has no
 * name for ("outflow.errors.*"). NULL: no memory. [task] */
outflow_record *dead_letter_new(const struct services *s, const struct slot *slot, const struct failure *failure);

#endif

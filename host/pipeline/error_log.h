/* SPDX-License-Identifier: Apache-2.0 */
/* error_log.h: errors.log.enable, a line in the log for each record that failed for good (Kafka Connect, KIP-298). */
#ifndef HOST_PIPELINE_ERROR_LOG_H
#define HOST_PIPELINE_ERROR_LOG_H
#include "host/pipeline/faults.h"

/* Writes it when it is wanted: why and where the record failed, where it came from, and, with errors.log.include.messages, how
 * its key and value begin. [task] */
void error_log_write(const struct services *s, const struct slot *slot, const struct failure *failure);

#endif

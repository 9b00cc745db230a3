/* SPDX-License-Identifier: Apache-2.0 */
/* topic.h: what Kafka takes as the name of a topic; for every name that comes out of a payload. */
#ifndef EVENT_TOPIC_H
#define EVENT_TOPIC_H
#include <outflow/abi.h>

#include <stdbool.h>

#define TOPIC_RULE "1 to 249 letters, digits, '.', '_' and '-', but neither . nor .."

/* Does name follow TOPIC_RULE? [any] */
bool topic_is_valid(outflow_str name);

#endif

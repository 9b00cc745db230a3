/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/topic.h: names of topics, which often come from data: a path, a template, a rule, the topic of a record. Everything
 * that sends a record somewhere by such a name asks here, so that all refuse the same names, in the same words.
 */
#ifndef OUTFLOW_TOPIC_H
#define OUTFLOW_TOPIC_H
#include <outflow/abi.h>
#ifdef __cplusplus
extern "C" {
#endif

enum {
	OUTFLOW_TOPIC_KAFKA = 1, /* 1 to 249 letters, digits, '.', '_' and '-', but neither . nor .. */
	OUTFLOW_TOPIC_MQTT       /* MQTT 5.0, sections 3.3.2.1 and 4.7.3: a name, no filter; 1 to 65,535 bytes */
};

/* Can a record be sent to a topic of this name? Else OUTFLOW_E_RECORD, and err (NULL is fine) shows the name, cut and without
 * control characters, and the rule. [any] */
outflow_status outflow_topic_check(uint32_t rule, outflow_str name, outflow_error *err);

/* The topic that the configuration of a sink gives to every record (`topic` without path and template), malloc'd; NULL: each
 * record has its own, or no memory. [any] */
char *outflow_topic_constant(const outflow_host *h, const outflow_config *c);

/* For the check of a sink's schema: that one topic, by the rule; reports the problem. OUTFLOW_E_CONFIG. [any] */
outflow_status outflow_topic_check_constant(const outflow_host *h, const outflow_config *c, uint32_t rule);

#ifdef __cplusplus
}
#endif
#endif

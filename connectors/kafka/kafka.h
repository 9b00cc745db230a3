/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: what the files of this plugin share. */
#ifndef CONNECTORS_KAFKA_H
#define CONNECTORS_KAFKA_H
#include <outflow/util.h>

#include <librdkafka/rdkafka.h>

/* errors.c: what a delivery report's code says about the record: OUTFLOW_OK, OUTFLOW_E_RETRY (this attempt failed),
 * OUTFLOW_E_RECORD (this record can never be stored), OUTFLOW_E_TASK (nothing can). */
outflow_status kafka_classify(rd_kafka_resp_err_t code);

/* options.c: the schema of the sink, and librdkafka's configuration made from it. */
extern const outflow_cfg_def kafka_sink_schema;

/* NULL: err says which key is wrong. The caller owns the result (rd_kafka_new takes it over). */
rd_kafka_conf_t *kafka_sink_conf(const outflow_host *h, const outflow_config *c, outflow_error *err);

/* sink.c */
extern const outflow_sink_ops kafka_sink_ops;

#endif

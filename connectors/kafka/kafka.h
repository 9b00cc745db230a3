/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: what the files of this plugin share. */
#ifndef CONNECTORS_KAFKA_H
#define CONNECTORS_KAFKA_H
#include <outflow/util.h>

#include <librdkafka/rdkafka.h>

/* errors.c: what a delivery report's code says about the record: OUTFLOW_OK, OUTFLOW_E_RETRY (this attempt failed),
 * OUTFLOW_E_RECORD (this record can never be stored), OUTFLOW_E_TASK (nothing can). */
outflow_status kafka_classify(rd_kafka_resp_err_t code);

/* conf.c: librdkafka's configuration in the making; the first thing that is wrong is kept. */
struct kafka_conf {
	rd_kafka_conf_t *conf;
	const char *prefix; /* of the keys that are passed through: "producer." */
	outflow_error *err;
	int failed;
};

void kafka_conf_begin(struct kafka_conf *k, const char *prefix, outflow_error *err);
void kafka_conf_set(struct kafka_conf *k, const char *name, const char *value);
void kafka_conf_set_number(struct kafka_conf *k, const char *name, int64_t value);
void kafka_conf_set_text(struct kafka_conf *k, const char *name, outflow_str value);

/* Sets every key below the prefix as librdkafka's property of the rest of its name. */
void kafka_conf_pass_through(struct kafka_conf *k, const outflow_host *h, const outflow_config *c);

/* NULL: err, as given at the beginning, says which key is wrong. The caller owns the result (rd_kafka_new takes it over). */
rd_kafka_conf_t *kafka_conf_end(struct kafka_conf *k);

/* For a schema's check: frees conf, or reports what is wrong with it (NULL) by what err says. */
outflow_status kafka_conf_report(const outflow_host *h, rd_kafka_conf_t *conf, outflow_error *err);

/* options.c: the schema of the sink, and librdkafka's configuration made from it, as kafka_conf_end. */
extern const outflow_cfg_def kafka_sink_schema;
rd_kafka_conf_t *kafka_sink_conf(const outflow_host *h, const outflow_config *c, outflow_error *err);

/* sink.c */
extern const outflow_sink_ops kafka_sink_ops;

#endif

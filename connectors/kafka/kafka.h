/* SPDX-License-Identifier: Apache-2.0 */
/* kafka.h: what the files of this plugin share. */
#ifndef CONNECTORS_KAFKA_H
#define CONNECTORS_KAFKA_H
#include <outflow/util.h>

#include <librdkafka/rdkafka.h>

#include <pthread.h>

/* A topic that was made just now, or a broker that has just started, may be unknown for so long. */
#define KAFKA_UNKNOWN_NS INT64_C(2000000000)

/* errors.c: what a delivery report's code alone says about the record: OUTFLOW_OK, OUTFLOW_E_RETRY (this attempt failed),
 * OUTFLOW_E_RECORD (this record can never be stored), OUTFLOW_E_TASK (nothing can, by this client), OUTFLOW_E_CONFIG
 * (nothing ever can). */
outflow_status kafka_classify(rd_kafka_resp_err_t code);

/* cluster.c: what a failed delivery means in the light of what the cluster says. */
struct kafka_cluster {
	const outflow_host *host;
	rd_kafka_t *client;
	rd_kafka_topic_t *topic; /* the one that all records go to; NULL: each brings its own */
	int64_t attempt_ns;      /* how long one attempt takes at most */
	int64_t grace_ns;        /* how long a missing topic or a refused login is waited out */
	/* The last question, of the thread that asks. */
	rd_kafka_resp_err_t answer;
	int64_t asked_ns;
	pthread_mutex_t lock;        /* over all that follows */
	int away;                    /* no broker can be reached */
	int64_t back_ns;             /* when the cluster was last found to be there again */
	rd_kafka_resp_err_t refusal; /* a broker's last "no" to TLS or to the login, and when */
	int64_t refusal_ns;
	rd_kafka_resp_err_t complaint; /* what is being waited out, and since when */
	int64_t complaint_ns;
};

/* Client and topic are set by the caller later; clear gives back the topic before its client goes. */
void kafka_cluster_init(struct kafka_cluster *c, const outflow_host *h, int64_t attempt_ms, int64_t grace_ms);
void kafka_cluster_clear(struct kafka_cluster *c);
void kafka_cluster_destroy(struct kafka_cluster *c);

/* An error event of the client, and a record that was stored. [any] */
void kafka_cluster_event(struct kafka_cluster *c, rd_kafka_resp_err_t code);
void kafka_cluster_delivered(struct kafka_cluster *c);
int kafka_cluster_is_away(struct kafka_cluster *c);
/* _SSL or that of a refused login, while it lasts; else 0. */
rd_kafka_resp_err_t kafka_cluster_refusal(struct kafka_cluster *c);

/* Asks the cluster about the topic, for a second at most: the topic's error, or _ALL_BROKERS_DOWN when no answer came.
 * Never from two threads at once; so the next two. */
rd_kafka_resp_err_t kafka_cluster_ask(struct kafka_cluster *c);

/* To be called now and then: asks while something is being waited out. */
void kafka_cluster_look(struct kafka_cluster *c);

/* What becomes of a record whose delivery ended with *code, which is replaced by the cause when that is known. may_ask:
 * this is the thread that asks. [any] without it */
outflow_status kafka_cluster_verdict(struct kafka_cluster *c, rd_kafka_resp_err_t *code, int may_ask);

/* The sentence for such a verdict. */
void kafka_cluster_explain(const struct kafka_cluster *c, rd_kafka_resp_err_t code, const char *topic,
                           outflow_status status, outflow_error *err);

/* conf.c: librdkafka's configuration in the making; the first thing that is wrong is kept. */
struct kafka_conf {
	rd_kafka_conf_t *conf;
	const char *prefix; /* of the keys that are passed through: "producer." */
	outflow_error *err;
	int failed;
};

void kafka_conf_begin(struct kafka_conf *k, const char *prefix, outflow_error *err);
void kafka_conf_set(struct kafka_conf *k, const char *name, const char *value);
/* The same, with an error that says another name: what the user wrote. */
void kafka_conf_set_as(struct kafka_conf *k, const char *shown, const char *name, const char *value);
void kafka_conf_fail(struct kafka_conf *k, const char *name, const char *why);
void kafka_conf_set_number(struct kafka_conf *k, const char *name, int64_t value);
void kafka_conf_set_text(struct kafka_conf *k, const char *name, outflow_str value);

/* java_names.c: sets a property that Java's clients spell otherwise than librdkafka. 0: it is none of those. */
int kafka_java_property(struct kafka_conf *k, const char *name, const char *value);

/* Sets every key below the prefix as librdkafka's property of the rest of its name, or as Java's. */
void kafka_conf_pass_through(struct kafka_conf *k, const outflow_host *h, const outflow_config *c);

/* Fails when that property has become another one by what was passed through. */
void kafka_conf_insist(struct kafka_conf *k, const char *name, const char *value, const char *why);

/* NULL: err, as given at the beginning, says which key is wrong. The caller owns the result (rd_kafka_new takes it over). */
rd_kafka_conf_t *kafka_conf_end(struct kafka_conf *k);

/* For a schema's check: frees conf, or reports what is wrong with it (NULL) by what err says. */
outflow_status kafka_conf_report(const outflow_host *h, rd_kafka_conf_t *conf, outflow_error *err);

/* options.c: the schema of the sink, and librdkafka's configuration made from it, as kafka_conf_end. */
extern const outflow_cfg_def kafka_sink_schema;
rd_kafka_conf_t *kafka_sink_conf(const outflow_host *h, const outflow_config *c, outflow_error *err);

/* create.c: topics that are created when they do not exist (create.partitions, create.replicas, create.config.*). */
struct kafka_creation {
	const outflow_host *host;
	int wanted;               /* create.partitions is set */
	int partitions, replicas; /* -1: as the brokers choose */
	char **settings;          /* names and values, by turns */
	size_t n_settings;
	char **known; /* topics that are there, sorted */
	size_t n_known;
};

/* OUTFLOW_E_NOMEM: clear it all the same. */
outflow_status kafka_creation_init(struct kafka_creation *c, const outflow_host *h, const outflow_config *config,
                                   outflow_error *err);
void kafka_creation_clear(struct kafka_creation *c);

/* Has the topic created when it does not exist and that is wanted. Waits for the brokers' answer, once a topic.
 * OUTFLOW_E_OUTAGE: there was none; OUTFLOW_E_TASK: they refuse. Never from two threads at once. */
outflow_status kafka_creation_ensure(struct kafka_creation *c, rd_kafka_t *client, const char *topic,
                                     outflow_error *err);

/* probe.c: a component's extensions that source and sink share; NULL: it is none of those. */
const void *kafka_producer_extension(const char *id);
const void *kafka_consumer_extension(const char *id);

/* sink.c */
extern const outflow_sink_ops kafka_sink_ops;

/* source.c, reader.c */
extern const outflow_cfg_def kafka_source_schema, kafka_reader_schema;
extern const outflow_source_ops kafka_source_ops, kafka_reader_ops;
const void *kafka_source_extension(const char *id);

#endif

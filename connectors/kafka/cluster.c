/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a failed delivery means in the light of what the cluster says. A time-out alone does not tell whose fault it was: a
 * cluster that answers has refused the record, one that does not is away. And a topic that is gone, or brokers that refuse
 * the login, may be somebody's work in progress: a running task waits for a while before it gives up.
 */
#include "connectors/kafka/kafka.h"

/* The client looks for records whose time is over once a second, and an answer counts for another. */
#define LATE_NS INT64_C(3000000000)
/* The client repeats an error that lasts every 30 s; one that was not repeated is over. */
#define REFUSAL_LASTS_NS INT64_C(60000000000)
/* How long an answer may take, and for how long it counts. */
#define ANSWER_MS 1000
#define ANSWER_LASTS_NS INT64_C(1000000000)

static int is_unknown_topic(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static int is_refused_login(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
	       code == RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM;
}

static int is_forbidden(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
	       code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

static int64_t now_of(const struct kafka_cluster *c)
{
	return c->host->time->mono_ns(c->host);
}

void kafka_cluster_init(struct kafka_cluster *c, const outflow_host *h, int64_t attempt_ms, int64_t grace_ms)
{
	c->host = h;
	c->attempt_ns = attempt_ms * 1000000;
	c->grace_ns = grace_ms * 1000000;
	pthread_mutex_init(&c->lock, NULL);
}

void kafka_cluster_clear(struct kafka_cluster *c)
{
	if (c->topic != NULL)
		rd_kafka_topic_destroy(c->topic);
	c->topic = NULL;
}

void kafka_cluster_destroy(struct kafka_cluster *c)
{
	kafka_cluster_clear(c);
	pthread_mutex_destroy(&c->lock);
}

/* ---- what is known ---- */

static void set_away(struct kafka_cluster *c, int away)
{
	pthread_mutex_lock(&c->lock);
	if (c->away && !away)
		c->back_ns = now_of(c);
	c->away = away;
	pthread_mutex_unlock(&c->lock);
}

void kafka_cluster_event(struct kafka_cluster *c, rd_kafka_resp_err_t code)
{
	if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		set_away(c, 1);
	if (!is_refused_login(code) && code != RD_KAFKA_RESP_ERR__SSL)
		return;
	pthread_mutex_lock(&c->lock);
	c->refusal = code;
	c->refusal_ns = now_of(c);
	pthread_mutex_unlock(&c->lock);
}

void kafka_cluster_delivered(struct kafka_cluster *c)
{
	set_away(c, 0);
	pthread_mutex_lock(&c->lock);
	c->refusal = c->complaint = RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&c->lock);
}

rd_kafka_resp_err_t kafka_cluster_refusal(struct kafka_cluster *c)
{
	rd_kafka_resp_err_t refusal;

	pthread_mutex_lock(&c->lock);
	if (c->refusal && now_of(c) - c->refusal_ns > REFUSAL_LASTS_NS)
		c->refusal = RD_KAFKA_RESP_ERR_NO_ERROR;
	refusal = c->refusal;
	pthread_mutex_unlock(&c->lock);
	return refusal;
}

int kafka_cluster_is_away(struct kafka_cluster *c)
{
	int away;

	pthread_mutex_lock(&c->lock);
	away = c->away;
	pthread_mutex_unlock(&c->lock);
	return away;
}

/* ---- asking ---- */

rd_kafka_resp_err_t kafka_cluster_ask(struct kafka_cluster *c)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(c->client, 0, c->topic, &metadata, ANSWER_MS);

	c->asked_ns = now_of(c);
	c->answer = RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
		c->answer = c->topic != NULL && metadata->topic_cnt > 0 ? metadata->topics[0].err : code;
		rd_kafka_metadata_destroy(metadata);
		set_away(c, 0);
	}
	return c->answer;
}

static rd_kafka_resp_err_t ask_if_due(struct kafka_cluster *c)
{
	if (c->asked_ns == 0 || now_of(c) - c->asked_ns >= ANSWER_LASTS_NS) {
		if (kafka_cluster_ask(c) == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
			set_away(c, 1);
	}
	return c->answer;
}

/* The client learns only by a question that a topic is there again. */
void kafka_cluster_look(struct kafka_cluster *c)
{
	int complaint;

	pthread_mutex_lock(&c->lock);
	complaint = c->complaint != RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&c->lock);
	if (complaint)
		ask_if_due(c);
}

/* ---- verdicts ---- */

/* A complaint that may pass: an outage until its time is over. */
static outflow_status complain(struct kafka_cluster *c, rd_kafka_resp_err_t code)
{
	int64_t now = now_of(c);
	outflow_status status;

	pthread_mutex_lock(&c->lock);
	if (c->complaint != code) {
		c->complaint = code;
		c->complaint_ns = now;
	}
	status = now - c->complaint_ns < c->grace_ns ? OUTFLOW_E_OUTAGE : OUTFLOW_E_TASK;
	pthread_mutex_unlock(&c->lock);
	return status;
}

static void forget_complaint(struct kafka_cluster *c)
{
	pthread_mutex_lock(&c->lock);
	c->complaint = RD_KAFKA_RESP_ERR_NO_ERROR;
	pthread_mutex_unlock(&c->lock);
}

/* An attempt that began before the cluster was back tells nothing about the cluster as it is now. */
static int has_been_away(struct kafka_cluster *c)
{
	int away;

	pthread_mutex_lock(&c->lock);
	away = c->away || (c->back_ns != 0 && now_of(c) - c->back_ns < c->attempt_ns + LATE_NS);
	pthread_mutex_unlock(&c->lock);
	return away;
}

outflow_status kafka_cluster_verdict(struct kafka_cluster *c, rd_kafka_resp_err_t *code, int may_ask)
{
	outflow_status status = kafka_classify(*code);
	rd_kafka_resp_err_t answer;

	if (is_unknown_topic(*code))
		return c->topic != NULL ? complain(c, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) : OUTFLOW_E_RECORD;
	if (status != OUTFLOW_E_RETRY || !may_ask)
		return status;
	answer = ask_if_due(c);
	if (is_unknown_topic(answer)) {
		*code = answer;
		return complain(c, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
	}
	/* A broker that ends in the midst of a TLS handshake looks like one that refuses it: only a login is sure. */
	if (kafka_cluster_is_away(c) && is_refused_login(kafka_cluster_refusal(c))) {
		*code = RD_KAFKA_RESP_ERR__AUTHENTICATION;
		return complain(c, *code);
	}
	forget_complaint(c);
	if (has_been_away(c))
		return OUTFLOW_E_OUTAGE;
	if (kafka_classify(answer) == OUTFLOW_E_TASK) {
		*code = answer;
		return OUTFLOW_E_TASK;
	}
	return OUTFLOW_E_RETRY;
}

void kafka_cluster_explain(const struct kafka_cluster *c, rd_kafka_resp_err_t code, const char *topic,
                           outflow_status status, outflow_error *err)
{
	char why[300];

	if (is_unknown_topic(code))
		outflow_fail_native(err, status, "rdkafka", code,
		                    "the topic '%s' does not exist: create it, or correct the key 'topic'", topic);
	else if (is_refused_login(code))
		outflow_fail_native(err, status, "rdkafka", code,
		                    "the brokers refuse the login, in the words that stand in the log before this: "
		                    "correct producer.sasl.*");
	else if (code == RD_KAFKA_RESP_ERR__SSL)
		outflow_fail_native(
			err, status, "rdkafka", code,
			"the brokers cannot be spoken to by TLS, for the reason that stands in the log before "
			"this: correct producer.security.protocol and producer.ssl.*");
	else if (status == OUTFLOW_E_TASK && !is_forbidden(code) &&
	         rd_kafka_fatal_error(c->client, why, sizeof why) != 0)
		outflow_fail_native(err, status, "rdkafka", code, "the client has given up, a new one is needed: %s",
		                    why);
	else
		outflow_fail_native(err, status, "rdkafka", code, "topic '%s': %s: %s", topic, rd_kafka_err2name(code),
		                    rd_kafka_err2str(code));
}

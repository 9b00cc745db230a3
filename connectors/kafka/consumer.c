/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>

/* Between two questions about a topic that may only just have been made. */
#define AGAIN_MS 200

/* ---- the client ---- */

char *consumer_group(const outflow_host *h, const outflow_config *c)
{
	char *group = outflow_config_string(h, c, "group");
	char name[300];

	if (group != NULL)
		return group;
	snprintf(name, sizeof name, "connect-%s", h->pipeline ? h->pipeline : "check");
	return strdup(name);
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
	struct consumer *k = opaque;

	(void)client;
	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL) {
		snprintf(k->refused, sizeof k->refused, "%s", reason);
		/* A broker that ends in the midst of a TLS handshake looks like one that refuses it. */
		k->refusal = code == RD_KAFKA_RESP_ERR__SSL ? OUTFLOW_E_TASK : OUTFLOW_E_CONFIG;
	}
	outflow_log(k->host, OUTFLOW_LOG_WARN, "%s: %s", rd_kafka_err2name((rd_kafka_resp_err_t)code), reason);
}

static void on_messages(rd_kafka_t *client, void *opaque)
{
	struct consumer *k = opaque;

	(void)client;
	k->host->wake(k->host);
}

outflow_status consumer_configure(struct consumer *k, const outflow_host *h, const outflow_config *c, const char *group,
                                  outflow_error *err)
{
	struct kafka_conf conf;
	char client[200];

	k->host = h;
	kafka_conf_begin(&conf, "consumer.", err);
	snprintf(client, sizeof client, "connector-consumer-%s-%u", h->pipeline ? h->pipeline : "check", h->task);
	kafka_conf_set_text(&conf, "bootstrap.servers", outflow_config_text(h, c, "bootstrap"));
	kafka_conf_set(&conf, "client.id", client);
	kafka_conf_set(&conf, "group.id", group);
	/* What is committed is what the ledger has resolved, never what was merely read. */
	kafka_conf_set(&conf, "enable.auto.commit", "false");
	kafka_conf_set(&conf, "enable.auto.offset.store", "false");
	kafka_conf_set(&conf, "isolation.level", "read_committed");
	kafka_conf_set(&conf, "allow.auto.create.topics", "false");
	/* Where nothing is read, that is how one learns where one stands. */
	kafka_conf_set(&conf, "enable.partition.eof", "true");
	kafka_conf_set(&conf, "reconnect.backoff.max.ms", "1000");
	/* With cooperative assignors 2.0.2 can hang or lose its assignment. */
	kafka_conf_set(&conf, "partition.assignment.strategy", "range,roundrobin");
	/* Far above what one turn takes; larger only costs memory. */
	kafka_conf_set(&conf, "queued.max.messages.kbytes", "16384");
	kafka_conf_pass_through(&conf, h, c);
	k->conf = kafka_conf_end(&conf);
	if (k->conf == NULL)
		return OUTFLOW_E_CONFIG;
	rd_kafka_conf_set_opaque(k->conf, k);
	rd_kafka_conf_set_error_cb(k->conf, on_error);
	return OUTFLOW_OK;
}

outflow_status consumer_start(struct consumer *k, outflow_error *err)
{
	char why[300];

	k->client = rd_kafka_new(RD_KAFKA_CONSUMER, k->conf, why, sizeof why);
	if (k->client == NULL)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the Kafka client cannot be made: %s", why);
	k->conf = NULL;
	rd_kafka_poll_set_consumer(k->client);
	k->queue = rd_kafka_queue_get_consumer(k->client);
	rd_kafka_queue_cb_event_enable(k->queue, on_messages, k);
	return OUTFLOW_OK;
}

void consumer_clear(struct consumer *k)
{
	if (k->kept != NULL)
		rd_kafka_message_destroy(k->kept);
	if (k->queue != NULL) {
		rd_kafka_queue_cb_event_enable(k->queue, NULL, NULL);
		rd_kafka_queue_destroy(k->queue);
	}
	if (k->client != NULL)
		rd_kafka_destroy(k->client);
	if (k->conf != NULL)
		rd_kafka_conf_destroy(k->conf);
	for (size_t i = 0; i < k->n; i++)
		free(k->partitions[i].topic);
	free(k->partitions);
	*k = (struct consumer){ 0 };
}

int consumer_is_name(outflow_str topic)
{
	return topic.len > 0 && topic.ptr[0] != '^';
}

static outflow_status no_answer(const char *topic, rd_kafka_resp_err_t code, outflow_error *err)
{
	return outflow_fail_native(err, OUTFLOW_E_OUTAGE, "rdkafka", code, "topic '%s': no broker answers: %s", topic,
	                           rd_kafka_err2str(code));
}

/* One question: the topic's error, or that of no answer. */
static rd_kafka_resp_err_t ask(struct consumer *k, rd_kafka_topic_t *handle, int timeout_ms, int32_t *n)
{
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_metadata(k->client, 0, handle, &metadata, timeout_ms);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return code;
	code = metadata->topic_cnt > 0 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	*n = metadata->topic_cnt > 0 ? metadata->topics[0].partition_cnt : 0;
	rd_kafka_metadata_destroy(metadata);
	return code;
}

outflow_status consumer_ask(struct consumer *k, const char *topic, int timeout_ms, int32_t *n, outflow_error *err)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(k->client, topic, NULL);
	int64_t begin = k->host->time->mono_ns(k->host);
	rd_kafka_resp_err_t code = rd_kafka_last_error();
	outflow_status status;

	if (handle == NULL)
		return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code, "topic '%s': %s", topic,
		                           rd_kafka_err2str(code));
	while ((code = ask(k, handle, timeout_ms, n)) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART &&
	       k->host->time->mono_ns(k->host) - begin < KAFKA_UNKNOWN_NS)
		rd_kafka_poll(k->client, AGAIN_MS);
	rd_kafka_topic_destroy(handle);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR && *n > 0)
		return OUTFLOW_OK;
	status = kafka_classify(code);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR || status == OUTFLOW_E_RETRY)
		return no_answer(topic, code, err);
	/* Rights may be given; a topic that is not there, or cannot be, stays so. */
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || status == OUTFLOW_E_RECORD)
		status = OUTFLOW_E_CONFIG;
	return outflow_fail_native(err, status, "rdkafka", code, "topic '%s': %s", topic, rd_kafka_err2str(code));
}

/* ---- partitions ---- */

struct partition *consumer_find(struct consumer *k, const char *topic, int32_t number)
{
	/* Messages come in runs of one partition. */
	for (size_t i = 0; i < k->n; i++) {
		struct partition *p = &k->partitions[(k->latest + i) % k->n];

		if (p->number == number && strcmp(p->topic, topic) == 0) {
			k->latest = (size_t)(p - k->partitions);
			return p;
		}
	}
	return NULL;
}

void consumer_stream_name(const char *topic, int32_t number, char name[CONSUMER_STREAM_MAX])
{
	/* A topic's name holds nothing that JSON would escape. */
	snprintf(name, CONSUMER_STREAM_MAX, "{\"kafka_topic\":\"%s\",\"kafka_partition\":%d}", topic, number);
}

outflow_status consumer_add(struct consumer *k, const char *topic, int32_t number, outflow_resume *resume,
                            outflow_error *err)
{
	struct partition *list = realloc(k->partitions, (k->n + 1) * sizeof *list);
	struct partition p = {
		.topic = strdup(topic), .number = number, .first = -1, .next = -1, .read = -1, .asked_end = -1
	};
	outflow_resume unused;
	outflow_status status;
	char name[CONSUMER_STREAM_MAX];

	if (list != NULL)
		k->partitions = list;
	if (list == NULL || p.topic == NULL) {
		free(p.topic);
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a partition");
	}
	consumer_stream_name(topic, number, name);
	status = k->host->stream->open(k->host, outflow_text(name), &p.stream, resume ? resume : &unused);
	if (status != OUTFLOW_OK) {
		free(p.topic);
		return outflow_fail(err, status, "the stream of %s [%d] cannot be opened", topic, number);
	}
	k->partitions[k->n++] = p;
	k->started = 1;
	return OUTFLOW_OK;
}

void consumer_remove(struct consumer *k, struct partition *p)
{
	k->host->stream->close(k->host, p->stream);
	free(p->topic);
	*p = k->partitions[--k->n];
	k->latest = 0;
}

/* ---- messages ---- */

static outflow_status copy_headers(struct consumer *k, const rd_kafka_message_t *m, outflow_batch *out,
                                   outflow_record *r)
{
	const outflow_host *h = k->host;
	outflow_header *list;
	rd_kafka_headers_t *headers;
	size_t n;

	if (rd_kafka_message_headers(m, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return OUTFLOW_OK;
	n = rd_kafka_header_cnt(headers);
	list = outflow_alloc(h, out, n * sizeof *list, _Alignof(outflow_header));
	for (size_t i = 0; list != NULL && i < n; i++) {
		const char *name;
		outflow_bytes value;
		outflow_str text;

		rd_kafka_header_get_all(headers, i, &name, &value.ptr, &value.len);
		text = outflow_text(name);
		text.ptr = outflow_copy(h, out, outflow_text_bytes(text)).ptr;
		list[i] = (outflow_header){ text, outflow_copy(h, out, value) };
		if (text.ptr == NULL || (value.ptr != NULL && list[i].value.ptr == NULL))
			return OUTFLOW_E_NOMEM;
	}
	r->headers = list;
	r->n_headers = (uint32_t)n;
	return list != NULL || n == 0 ? OUTFLOW_OK : OUTFLOW_E_NOMEM;
}

/* Copies: a message of librdkafka keeps the whole fetch response alive, and must be gone before its client. */
outflow_status consumer_emit(struct consumer *k, struct partition *p, const rd_kafka_message_t *m, outflow_batch *out)
{
	outflow_record model = { .partition = -1, .stream = p->stream, .pos = (uint64_t)m->offset };
	rd_kafka_timestamp_type_t type;
	outflow_record *r;

	model.timestamp_ms = rd_kafka_message_timestamp(m, &type);
	if (type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE)
		model.timestamp_ms = -1;
	r = outflow_emit(k->host, out, &model);
	if (r == NULL)
		return OUTFLOW_AGAIN;
	r->topic = outflow_text(rd_kafka_topic_name(m->rkt));
	r->topic.ptr = outflow_copy(k->host, out, outflow_text_bytes(r->topic)).ptr;
	r->key = outflow_copy(k->host, out, (outflow_bytes){ m->key, m->key_len });
	r->value = outflow_copy(k->host, out, (outflow_bytes){ m->payload, m->len });
	if (r->topic.ptr == NULL || (m->key != NULL && r->key.ptr == NULL) ||
	    (m->payload != NULL && r->value.ptr == NULL) || copy_headers(k, m, out, r) != OUTFLOW_OK) {
		out->n--;
		return OUTFLOW_E_NOMEM;
	}
	if (p->first < 0)
		p->first = m->offset;
	p->next = p->read = m->offset + 1;
	return OUTFLOW_OK;
}

outflow_status consumer_check_refused(const struct consumer *k, outflow_error *err)
{
	if (k->started || k->refused[0] == '\0')
		return OUTFLOW_OK;
	return outflow_fail(err, k->refusal, "refused by Kafka: %s", k->refused);
}

outflow_status consumer_error(struct consumer *k, const rd_kafka_message_t *m, outflow_error *err)
{
	outflow_status status;

	switch (m->err) {
	case RD_KAFKA_RESP_ERR__PARTITION_EOF:
		return OUTFLOW_OK;
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
	case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
		/* Gone while we run: the client looks for it again and again. */
		status = OUTFLOW_E_RETRY;
		break;
	default:
		status = kafka_classify(m->err);
	}
	outflow_fail_native(err, status, "rdkafka", m->err, "%s: %s", rd_kafka_err2name(m->err),
	                    rd_kafka_message_errstr(m));
	if (status == OUTFLOW_E_TASK || status == OUTFLOW_E_CONFIG)
		return status;
	outflow_log(k->host, OUTFLOW_LOG_WARN, "%s", err->msg);
	return OUTFLOW_OK;
}

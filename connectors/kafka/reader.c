/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounded reader: what the topics hold when it starts, then the end. No consumer group: positions are the host's, so a
 * second run of the same pipeline reads what has come since.
 */
#include "connectors/kafka/consumer.h"

#include <stdio.h>
#include <stdlib.h>

/* How long one question to the cluster may take. */
#define ASK_MS 10000

struct reader {
	struct consumer consumer; /* first: the client's callbacks get its address */
	char **topics;
	size_t n_topics;
	size_t n_open; /* partitions that have not been read to their end */
};

static const outflow_cfg_key keys[] = { CONSUMER_KEYS("Topics to read, from where the last run ended to their end.") };

static outflow_status configure(struct reader *s, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	/* librdkafka wants a name although nobody joins this group. */
	outflow_status status = consumer_configure(&s->consumer, h, c, "outflow-reader", err);

	if (status == OUTFLOW_OK) {
		rd_kafka_conf_set(s->consumer.conf, "auto.offset.reset", "earliest", NULL, 0);
		rd_kafka_conf_set(s->consumer.conf, "enable.partition.eof", "true", NULL, 0);
	}
	return status;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct reader s = { .n_topics = 0 };

	(void)configure(&s, h, c, err);
	return kafka_conf_report(h, s.consumer.conf, err);
}

const outflow_cfg_def kafka_reader_schema = {
	.size = sizeof kafka_reader_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

static void destroy(void *self)
{
	struct reader *s = self;

	consumer_clear(&s->consumer);
	for (size_t i = 0; i < s->n_topics; i++)
		free(s->topics[i]);
	free(s->topics);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct reader *s = calloc(1, sizeof *s);
	outflow_str topic = { NULL, 0 };
	size_t n = h->config->list(c, "topics", SIZE_MAX, &topic);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	s->topics = calloc(n, sizeof *s->topics);
	status = s->topics ? configure(s, h, c, err) : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	for (; status == OUTFLOW_OK && s->n_topics < n; s->n_topics++) {
		h->config->list(c, "topics", s->n_topics, &topic);
		s->topics[s->n_topics] = strndup(topic.ptr, topic.len);
		if (s->topics[s->n_topics] == NULL)
			status = outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	if (status == OUTFLOW_OK)
		*self = s;
	else
		destroy(s);
	return status;
}

/* ---- from where to where ---- */

static outflow_status add_partition(struct reader *s, const char *topic, int32_t number,
                                    rd_kafka_topic_partition_list_t *assignment, outflow_error *err)
{
	int64_t low = 0, high = 0, from;
	outflow_resume resume;
	rd_kafka_resp_err_t code =
		rd_kafka_query_watermark_offsets(s->consumer.client, topic, number, &low, &high, ASK_MS);
	outflow_status status;
	struct partition *p;

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return outflow_fail_native(err, OUTFLOW_E_TASK, "rdkafka", code,
		                           "%s [%d]: where it ends is not known: %s", topic, number,
		                           rd_kafka_err2str(code));
	status = consumer_add(&s->consumer, topic, number, &resume, err);
	if (status != OUTFLOW_OK)
		return status;
	p = consumer_find(&s->consumer, topic, number);
	from = resume.valid && (int64_t)resume.next > low ? (int64_t)resume.next : low;
	p->end = high;
	p->done = from >= high;
	if (p->done)
		return OUTFLOW_OK;
	s->n_open++;
	rd_kafka_topic_partition_list_add(assignment, topic, number)->offset = from;
	return OUTFLOW_OK;
}

static outflow_status add_topic(struct reader *s, const char *topic, rd_kafka_topic_partition_list_t *assignment,
                                outflow_error *err)
{
	int32_t n = 0;
	outflow_status status = consumer_ask(&s->consumer, topic, ASK_MS, &n, err);

	/* Somebody waits for the answer: an outage ends this run too. */
	if (status == OUTFLOW_E_OUTAGE)
		return OUTFLOW_E_TASK;
	for (int32_t i = 0; i < n && status == OUTFLOW_OK; i++)
		status = add_partition(s, topic, i, assignment, err);
	return status;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct reader *s = self;
	outflow_status status = consumer_start(&s->consumer, err);
	rd_kafka_topic_partition_list_t *assignment = rd_kafka_topic_partition_list_new(8);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (size_t i = 0; i < s->n_topics && status == OUTFLOW_OK; i++)
		status = add_topic(s, s->topics[i], assignment, err);
	if (status == OUTFLOW_OK && assignment->cnt > 0)
		code = rd_kafka_assign(s->consumer.client, assignment);
	rd_kafka_topic_partition_list_destroy(assignment);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return outflow_fail_native(err, OUTFLOW_E_TASK, "rdkafka", code, "assignment: %s",
		                           rd_kafka_err2str(code));
	return status;
}

/* ---- reading ---- */

static void finish(struct reader *s, struct partition *p)
{
	if (p->done)
		return;
	p->done = 1;
	s->n_open--;
}

/* The last offsets may be those of markers that are no messages: then the partition's end says that it is over. */
static void note_end(struct reader *s, const rd_kafka_message_t *m)
{
	struct partition *p = consumer_find(&s->consumer, rd_kafka_topic_name(m->rkt), m->partition);

	if (p != NULL && m->offset >= p->end)
		finish(s, p);
}

static outflow_status take(struct reader *s, rd_kafka_message_t *m, outflow_batch *out, outflow_error *err)
{
	struct partition *p;
	outflow_status status = OUTFLOW_OK;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		note_end(s, m);
	} else if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		status = consumer_error(&s->consumer, m, err);
	} else {
		p = consumer_find(&s->consumer, rd_kafka_topic_name(m->rkt), m->partition);
		if (p != NULL && !p->done && m->offset < p->end)
			status = consumer_emit(&s->consumer, p, m, out);
		if (status == OUTFLOW_AGAIN || status == OUTFLOW_E_NOMEM) {
			s->consumer.kept = m;
			return OUTFLOW_AGAIN;
		}
		if (p != NULL && m->offset + 1 >= p->end)
			finish(s, p);
	}
	rd_kafka_message_destroy(m);
	return status;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct reader *s = self;
	outflow_status status = OUTFLOW_OK;
	rd_kafka_message_t *m = s->consumer.kept;

	(void)deadline_ns; /* the client wakes the task when something has come */
	if (out->cap == 0)
		return OUTFLOW_AGAIN;
	s->consumer.kept = NULL;
	while (s->n_open > 0 && status == OUTFLOW_OK &&
	       (m != NULL || (m = rd_kafka_consumer_poll(s->consumer.client, 0)) != NULL)) {
		status = take(s, m, out, err);
		m = NULL;
	}
	if (status < 0)
		return status;
	if (s->n_open == 0)
		return OUTFLOW_EOF;
	return out->n > 0 ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct reader *s = self;

	(void)deadline_ns;
	(void)err;
	if (s->consumer.client != NULL)
		rd_kafka_consumer_close(s->consumer.client);
	return OUTFLOW_OK;
}

const outflow_source_ops kafka_reader_ops = {
	.size = sizeof kafka_reader_ops,
	.create = create,
	.start = start,
	.poll = poll,
	.stop = stop,
	.destroy = destroy,
};

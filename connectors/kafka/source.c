/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka source: a member of a consumer group. Positions live in Kafka, as the group's offsets: the host tells what is
 * resolved, and that is committed. When a partition goes to another member, what it has resolved is committed first;
 * acknowledgements that come later find its stream closed.
 */
#include "connectors/kafka/consumer.h"

#include <outflow/ext/lag.h>
#include <outflow/ext/offsets.h>
#include <outflow/ext/plan.h>

#include <stdio.h>
#include <stdlib.h>

/* How long start waits for the cluster to say whether the topics exist. */
#define ASK_MS 5000
/* How often the client looks whether a topic that is waited for is there. */
#define LOOK_AGAIN_MS "5000"
/* Back-pressure lasts this long before the client is told to stop fetching: each stop throws away what it has fetched. */
#define PAUSE_AFTER_NS INT64_C(500000000)

struct source {
	struct consumer consumer; /* first: the client's callbacks get its address */
	rd_kafka_topic_partition_list_t *topics;
	outflow_status rebalance; /* an error inside the rebalance callback */
	outflow_error *err;       /* of the poll in progress */
	int64_t full_since_ns;    /* 0: there is room */
	int wait;                 /* for topics that do not exist */
	int paused;
};

static const char *const resets[] = { "earliest", "latest", NULL };
static const char *const if_missing[] = { "fail", "wait", NULL };

static const outflow_cfg_key keys[] = {
	CONSUMER_KEYS("Topics to read; one that begins with ^ is a regular expression."),
	{ .name = "group",
	  .type = OUTFLOW_T_STRING,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .group = "Kafka",
	  .doc = "Consumer group. Unset: connect- and the pipeline's name, as Kafka Connect calls it." },
	{ .name = "offset.reset",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_MEDIUM,
	  .dflt = "earliest",
	  .choices = resets,
	  .group = "Kafka",
	  .doc = "Where to begin in a partition for which the group has no offset." },
	{ .name = "missing",
	  .type = OUTFLOW_T_ENUM,
	  .importance = OUTFLOW_IMPORTANCE_LOW,
	  .dflt = "fail",
	  .choices = if_missing,
	  .group = "Kafka",
	  .doc = "A topic that does not exist at the start: fail ends the task, wait waits for it." },
};

/* ---- the group ---- */

static void on_assign(struct source *s, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt && s->rebalance == OUTFLOW_OK; i++)
		s->rebalance = consumer_add(&s->consumer, list->elems[i].topic, list->elems[i].partition, NULL, s->err);
	outflow_log(s->consumer.host, OUTFLOW_LOG_INFO, "assigned %d partition(s)", list->cnt);
}

/* What is resolved up to now; nothing of a partition of which no record is. */
static rd_kafka_topic_partition_list_t *resolved(struct source *s)
{
	const outflow_host *h = s->consumer.host;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->consumer.n);

	for (size_t i = 0; i < s->consumer.n; i++) {
		const struct partition *p = &s->consumer.partitions[i];
		uint64_t next = 0;

		if (h->stream->position(h, p->stream, &next) == OUTFLOW_OK && next > 0)
			rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset = (int64_t)next;
	}
	return list;
}

static void commit_resolved(struct source *s)
{
	rd_kafka_topic_partition_list_t *list = resolved(s);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	if (list->cnt > 0)
		code = rd_kafka_commit(s->consumer.client, list, 0);
	rd_kafka_topic_partition_list_destroy(list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		outflow_log(s->consumer.host, OUTFLOW_LOG_WARN,
		            "offsets are not committed, their records will come again: %s", rd_kafka_err2str(code));
}

static void on_revoke(struct source *s, int lost)
{
	/* A lost partition has a new owner already, whose commits are the valid ones. */
	if (!lost)
		commit_resolved(s);
	outflow_log(s->consumer.host, OUTFLOW_LOG_INFO, "%s %zu partition(s)", lost ? "lost" : "gave back",
	            s->consumer.n);
	while (s->consumer.n > 0)
		consumer_remove(&s->consumer, &s->consumer.partitions[0]);
	if (s->consumer.kept != NULL)
		rd_kafka_message_destroy(s->consumer.kept);
	s->consumer.kept = NULL;
	s->paused = 0;
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
	struct source *s = (struct source *)opaque;

	if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		on_assign(s, list);
		rd_kafka_assign(client, list);
	} else {
		on_revoke(s, rd_kafka_assignment_lost(client));
		rd_kafka_assign(client, NULL);
	}
}

/* ---- life ---- */

static outflow_status configure(struct source *s, const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	char *group = consumer_group(h, c);
	char *reset = outflow_config_string(h, c, "offset.reset");
	outflow_status status = OUTFLOW_E_NOMEM;

	if (group != NULL && reset != NULL)
		status = consumer_configure(&s->consumer, h, c, group, err);
	else
		outflow_fail(err, status, "no memory");
	s->wait = outflow_equal(outflow_config_text(h, c, "missing"), "wait");
	if (status == OUTFLOW_OK && s->wait)
		rd_kafka_conf_set(s->consumer.conf, "topic.metadata.refresh.interval.ms", LOOK_AGAIN_MS, NULL, 0);
	if (status == OUTFLOW_OK) {
		rd_kafka_conf_set(s->consumer.conf, "auto.offset.reset", reset, NULL, 0);
		s->consumer.from_end = strcmp(reset, "latest") == 0;
		rd_kafka_conf_set_rebalance_cb(s->consumer.conf, on_rebalance);
	}
	free(group);
	free(reset);
	return status;
}

static outflow_status check(const outflow_host *h, const outflow_config *c, outflow_error *err)
{
	struct source s = { .rebalance = OUTFLOW_OK };

	(void)configure(&s, h, c, err);
	return kafka_conf_report(h, s.consumer.conf, err);
}

const outflow_cfg_def kafka_source_schema = {
	.size = sizeof kafka_source_schema,
	.key_size = sizeof keys[0],
	.keys = keys,
	.n_keys = sizeof keys / sizeof keys[0],
	.check = check,
};

static uint32_t tasks(const outflow_config *c, const outflow_config_api *api, uint32_t max)
{
	(void)c;
	(void)api;
	return max;
}

const void *kafka_source_extension(const char *id)
{
	static const outflow_plan_api plan = { .size = sizeof plan, .tasks = tasks };

	if (strcmp(id, OUTFLOW_EXT_LAG) == 0)
		return &kafka_lag;
	if (strcmp(id, OUTFLOW_EXT_OFFSETS) == 0)
		return &kafka_offsets;
	return strcmp(id, OUTFLOW_EXT_PLAN) == 0 ? &plan : kafka_consumer_extension(id);
}

static void destroy(void *self)
{
	struct source *s = self;

	consumer_clear(&s->consumer);
	if (s->topics != NULL)
		rd_kafka_topic_partition_list_destroy(s->topics);
	free(s);
}

static outflow_status create(const outflow_host *h, const outflow_config *c, void **self, outflow_error *err)
{
	struct source *s = calloc(1, sizeof *s);
	outflow_str topic = { NULL, 0 };
	size_t n = h->config->list(c, "topics", SIZE_MAX, &topic);
	outflow_status status;

	if (s == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	status = configure(s, h, c, err);
	s->topics = rd_kafka_topic_partition_list_new((int)n);
	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		char name[250];

		h->config->list(c, "topics", i, &topic);
		snprintf(name, sizeof name, "%.*s", (int)topic.len, topic.ptr);
		rd_kafka_topic_partition_list_add(s->topics, name, RD_KAFKA_PARTITION_UA);
	}
	if (status == OUTFLOW_OK)
		*self = s;
	else
		destroy(s);
	return status;
}

/* A topic that does not exist is worth a failed start, unless it is waited for. */
static outflow_status check_topic(struct source *s, const char *topic, outflow_error *err)
{
	int32_t n;
	outflow_status status = consumer_ask(&s->consumer, topic, ASK_MS, &n, err);

	if (!s->wait || status != OUTFLOW_E_CONFIG || err->native != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return status;
	outflow_log(s->consumer.host, OUTFLOW_LOG_WARN, "topic '%s' is not there; waiting for it", topic);
	return OUTFLOW_OK;
}

/* A cluster that does not answer is only away. */
static outflow_status check_topics(struct source *s, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	for (int i = 0; i < s->topics->cnt && status == OUTFLOW_OK; i++)
		if (consumer_is_name(outflow_text(s->topics->elems[i].topic)))
			status = check_topic(s, s->topics->elems[i].topic, err);
	if (status != OUTFLOW_E_OUTAGE)
		return status;
	/* Has the callback say why there was no answer. */
	rd_kafka_poll(s->consumer.client, 0);
	status = consumer_check_refused(&s->consumer, err);
	if (status != OUTFLOW_OK)
		return status;
	outflow_log(s->consumer.host, OUTFLOW_LOG_WARN, "%s; waiting for it", err->msg);
	return OUTFLOW_OK;
}

static outflow_status start(void *self, outflow_error *err)
{
	struct source *s = self;
	outflow_status status = consumer_start(&s->consumer, err);
	rd_kafka_resp_err_t code;

	if (status == OUTFLOW_OK)
		status = check_topics(s, err);
	if (status != OUTFLOW_OK)
		return status;
	code = rd_kafka_subscribe(s->consumer.client, s->topics);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code, "topics: %s",
		                           rd_kafka_err2str(code));
	return OUTFLOW_OK;
}

/* ---- poll ---- */

static void fetch(struct source *s, int on)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)s->consumer.n);

	for (size_t i = 0; i < s->consumer.n; i++)
		rd_kafka_topic_partition_list_add(list, s->consumer.partitions[i].topic,
		                                  s->consumer.partitions[i].number);
	if (on)
		rd_kafka_resume_partitions(s->consumer.client, list);
	else
		rd_kafka_pause_partitions(s->consumer.client, list);
	rd_kafka_topic_partition_list_destroy(list);
	s->paused = !on;
}

/* Back-pressure: the group is served; what comes out of the client's queue all the same is kept, one message. */
static void serve(struct source *s)
{
	const outflow_host *h = s->consumer.host;
	int64_t now = h->time->mono_ns(h);

	if (s->full_since_ns == 0)
		s->full_since_ns = now;
	if (!s->paused && s->consumer.n > 0 && now - s->full_since_ns >= PAUSE_AFTER_NS)
		fetch(s, 0);
	if (s->consumer.kept == NULL)
		s->consumer.kept = rd_kafka_consumer_poll(s->consumer.client, 0);
	if (s->paused)
		consumer_ask_for_ends(&s->consumer, now);
}

static rd_kafka_message_t *next_message(struct source *s)
{
	rd_kafka_message_t *m = s->consumer.kept;

	s->consumer.kept = NULL;
	return m != NULL ? m : rd_kafka_consumer_poll(s->consumer.client, 0);
}

static outflow_status take(struct source *s, rd_kafka_message_t *m, outflow_batch *out, outflow_error *err)
{
	struct partition *p;
	outflow_status status;

	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		/* What is there has been read, and where nothing was, that is how one learns where one stands. */
		p = consumer_find(&s->consumer, rd_kafka_topic_name(m->rkt), m->partition);
		if (p != NULL)
			p->read = m->offset;
		status = OUTFLOW_OK;
	} else if (m->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		status = consumer_error(&s->consumer, m, err);
	} else {
		p = consumer_find(&s->consumer, rd_kafka_topic_name(m->rkt), m->partition);
		/* Fetched before the partition went: its new owner reads it. */
		status = p != NULL ? consumer_emit(&s->consumer, p, m, out) : OUTFLOW_OK;
		if (status == OUTFLOW_AGAIN || status == OUTFLOW_E_NOMEM) {
			s->consumer.kept = m;
			return OUTFLOW_AGAIN;
		}
	}
	rd_kafka_message_destroy(m);
	return status;
}

static outflow_status poll(void *self, outflow_batch *out, int64_t deadline_ns, outflow_error *err)
{
	struct source *s = self;
	outflow_status status = OUTFLOW_OK;
	rd_kafka_message_t *m;

	(void)deadline_ns; /* the client wakes the task when something has come */
	s->err = err;
	if (out->cap == 0) {
		serve(s);
	} else {
		s->full_since_ns = 0;
		if (s->paused)
			fetch(s, 1);
		while (status == OUTFLOW_OK && (m = next_message(s)) != NULL)
			status = take(s, m, out, err);
	}
	if (s->rebalance != OUTFLOW_OK)
		return s->rebalance;
	if (status < 0)
		return status;
	status = consumer_check_refused(&s->consumer, err);
	return status < 0 ? status : out->n > 0 ? OUTFLOW_OK : OUTFLOW_AGAIN;
}

static outflow_status committed(void *self, const outflow_commit *commits, size_t n, outflow_error *err)
{
	struct source *s = self;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s->consumer.n; k++) {
			const struct partition *p = &s->consumer.partitions[k];

			if (p->stream == commits[i].stream)
				rd_kafka_topic_partition_list_add(list, p->topic, p->number)->offset =
					(int64_t)commits[i].next;
		}
	if (list->cnt > 0)
		code = rd_kafka_commit(s->consumer.client, list, 1);
	rd_kafka_topic_partition_list_destroy(list);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return outflow_fail_native(err, OUTFLOW_E_RETRY, "rdkafka", code, "offsets: %s",
		                           rd_kafka_err2str(code));
	return OUTFLOW_OK;
}

/* Leaves the group, which takes the partitions away through on_rebalance: what is resolved is committed there. */
static outflow_status stop(void *self, int64_t deadline_ns, outflow_error *err)
{
	struct source *s = self;
	outflow_error unused = { .size = sizeof unused };

	(void)deadline_ns;
	s->err = err ? err : &unused;
	if (s->consumer.client != NULL)
		rd_kafka_consumer_close(s->consumer.client);
	return OUTFLOW_OK;
}

const outflow_source_ops kafka_source_ops = {
	.size = sizeof kafka_source_ops,
	.flags = OUTFLOW_SRC_OWNS_OFFSETS,
	.create = create,
	.start = start,
	.poll = poll,
	.committed = committed,
	.stop = stop,
	.destroy = destroy,
};

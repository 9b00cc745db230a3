/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offsets of a source's consumer group, asked of the group's coordinator by requests of Kafka's admin clients. Kafka itself
 * refuses to change them while the group has members.
 */
#include "connectors/kafka/consumer.h"

#include <outflow/json.h>
#include <outflow/topic.h>

#include <stdio.h>
#include <stdlib.h>

/* Between two questions while the group moves to another coordinator. */
#define AGAIN_MS 200
/* Beyond the time that a request may take: the client's own word that it took too long. */
#define LATE_MS 500

struct group {
	struct consumer consumer; /* first: the client's callbacks get its address */
	char name[300];
	rd_kafka_queue_t *answers;
	int64_t deadline_ns;
};

enum question { LIST, ALTER, FORGET, RESET };

/* ---- life ---- */

static void group_close(struct group *g)
{
	if (g->answers != NULL)
		rd_kafka_queue_destroy(g->answers);
	consumer_clear(&g->consumer);
}

static outflow_status group_open(struct group *g, const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                 outflow_error *err)
{
	char *group = consumer_group(h, c);
	char client[200], why[300];
	size_t size = sizeof g->name;
	outflow_status status;

	*g = (struct group){ .deadline_ns = deadline_ns };
	status = group ? consumer_configure(&g->consumer, h, c, group, err)
	               : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	free(group);
	if (status != OUTFLOW_OK)
		return status;
	/* consumer.group.id wins over the key. */
	rd_kafka_conf_get(g->consumer.conf, "group.id", g->name, &size);
	snprintf(client, sizeof client, "connector-adminclient-%s", h->pipeline ? h->pipeline : "check");
	rd_kafka_conf_set(g->consumer.conf, "client.id", client, why, sizeof why);
	g->consumer.client = rd_kafka_new(RD_KAFKA_CONSUMER, g->consumer.conf, why, sizeof why);
	if (g->consumer.client == NULL) {
		group_close(g);
		return outflow_fail(err, OUTFLOW_E_CONFIG, "the Kafka client cannot be made: %s", why);
	}
	g->consumer.conf = NULL;
	g->answers = rd_kafka_queue_new(g->consumer.client);
	return OUTFLOW_OK;
}

/* ---- questions ---- */

static int left_ms(const struct group *g)
{
	const outflow_host *h = g->consumer.host;
	int64_t left = (g->deadline_ns - h->time->mono_ns(h)) / 1000000 - LATE_MS;

	return left < 1 ? 1 : left > 600000 ? 600000 : (int)left;
}

static void send_list(struct group *g, const rd_kafka_AdminOptions_t *options)
{
	/* NULL: of all partitions. */
	rd_kafka_ListConsumerGroupOffsets_t *request = rd_kafka_ListConsumerGroupOffsets_new(g->name, NULL);

	rd_kafka_ListConsumerGroupOffsets(g->consumer.client, &request, 1, options, g->answers);
	rd_kafka_ListConsumerGroupOffsets_destroy(request);
}

static void send_alter(struct group *g, const rd_kafka_topic_partition_list_t *list,
                       const rd_kafka_AdminOptions_t *options)
{
	rd_kafka_AlterConsumerGroupOffsets_t *request = rd_kafka_AlterConsumerGroupOffsets_new(g->name, list);

	rd_kafka_AlterConsumerGroupOffsets(g->consumer.client, &request, 1, options, g->answers);
	rd_kafka_AlterConsumerGroupOffsets_destroy(request);
}

static void send_forget(struct group *g, const rd_kafka_topic_partition_list_t *list,
                        const rd_kafka_AdminOptions_t *options)
{
	rd_kafka_DeleteConsumerGroupOffsets_t *request = rd_kafka_DeleteConsumerGroupOffsets_new(g->name, list);

	rd_kafka_DeleteConsumerGroupOffsets(g->consumer.client, &request, 1, options, g->answers);
	rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
}

static void send_reset(struct group *g, const rd_kafka_AdminOptions_t *options)
{
	rd_kafka_DeleteGroup_t *request = rd_kafka_DeleteGroup_new(g->name);

	rd_kafka_DeleteGroups(g->consumer.client, &request, 1, options, g->answers);
	rd_kafka_DeleteGroup_destroy(request);
}

static void ask(struct group *g, enum question what, const rd_kafka_topic_partition_list_t *list)
{
	static const rd_kafka_admin_op_t operations[] = {
		RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS,
		RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS,
		RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS,
		RD_KAFKA_ADMIN_OP_DELETEGROUPS,
	};
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(g->consumer.client, operations[what]);

	rd_kafka_AdminOptions_set_request_timeout(options, left_ms(g), NULL, 0);
	if (what == LIST)
		send_list(g, options);
	else if (what == ALTER)
		send_alter(g, list, options);
	else if (what == FORGET)
		send_forget(g, list, options);
	else
		send_reset(g, options);
	rd_kafka_AdminOptions_destroy(options);
}

/* ---- answers ---- */

static const rd_kafka_group_result_t *group_of(rd_kafka_event_t *answer)
{
	const rd_kafka_group_result_t **groups = NULL;
	size_t n = 0;

	switch (rd_kafka_event_type(answer)) {
	case RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT:
		groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
			rd_kafka_event_ListConsumerGroupOffsets_result(answer), &n);
		break;
	case RD_KAFKA_EVENT_ALTERCONSUMERGROUPOFFSETS_RESULT:
		groups = rd_kafka_AlterConsumerGroupOffsets_result_groups(
			rd_kafka_event_AlterConsumerGroupOffsets_result(answer), &n);
		break;
	case RD_KAFKA_EVENT_DELETECONSUMERGROUPOFFSETS_RESULT:
		groups = rd_kafka_DeleteConsumerGroupOffsets_result_groups(
			rd_kafka_event_DeleteConsumerGroupOffsets_result(answer), &n);
		break;
	case RD_KAFKA_EVENT_DELETEGROUPS_RESULT:
		groups = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(answer), &n);
		break;
	default:
		break;
	}
	return n > 0 ? groups[0] : NULL;
}

/* The first thing that went wrong; *where: the partition of which it did, or NULL. */
static rd_kafka_resp_err_t code_of(rd_kafka_event_t *answer, const rd_kafka_topic_partition_t **where)
{
	const rd_kafka_group_result_t *group;
	const rd_kafka_topic_partition_list_t *list;

	*where = NULL;
	if (answer == NULL)
		return RD_KAFKA_RESP_ERR__TIMED_OUT;
	if (rd_kafka_event_error(answer))
		return rd_kafka_event_error(answer);
	group = group_of(answer);
	if (group == NULL || rd_kafka_group_result_error(group) != NULL)
		return group ? rd_kafka_error_code(rd_kafka_group_result_error(group)) : RD_KAFKA_RESP_ERR__FAIL;
	list = rd_kafka_group_result_partitions(group);
	for (int i = 0; list != NULL && i < list->cnt; i++)
		if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) {
			*where = &list->elems[i];
			return list->elems[i].err;
		}
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static int is_moving(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS ||
	       code == RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR_NOT_COORDINATOR;
}

/* There is nothing to forget. */
static int is_nothing(enum question what, rd_kafka_resp_err_t code)
{
	return (what == FORGET || what == RESET) &&
	       (code == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART);
}

static outflow_status no_answer(struct group *g, rd_kafka_resp_err_t code, outflow_error *err)
{
	/* Has the callback say why. */
	rd_kafka_poll(g->consumer.client, 0);
	if (g->consumer.refused[0] != '\0')
		return outflow_fail_native(err, OUTFLOW_E_TASK, "rdkafka", code, "refused by Kafka: %s",
		                           g->consumer.refused);
	return outflow_fail_native(err, OUTFLOW_E_OUTAGE, "rdkafka", code,
	                           "the offsets of group '%s': no broker answers: %s", g->name, rd_kafka_err2str(code));
}

static outflow_status refuse(struct group *g, rd_kafka_resp_err_t code, const rd_kafka_topic_partition_t *where,
                             outflow_error *err)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
		return no_answer(g, code, err);
	case RD_KAFKA_RESP_ERR_NON_EMPTY_GROUP:
	case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID:
	case RD_KAFKA_RESP_ERR_GROUP_SUBSCRIBED_TO_TOPIC:
		return outflow_fail_native(err, OUTFLOW_E_RETRY, "rdkafka", code,
		                           "group '%s' still has members: stop whoever else reads with it; one that "
		                           "was killed is forgotten after its session.timeout.ms",
		                           g->name);
	case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
		if (where != NULL)
			return outflow_fail_native(err, OUTFLOW_E_CONFIG, "rdkafka", code,
			                           "there is no partition %d of a topic '%s'", (int)where->partition,
			                           where->topic);
		break;
	default:
		break;
	}
	return outflow_fail_native(err, OUTFLOW_E_TASK, "rdkafka", code, "the offsets of group '%s'%s%s: %s: %s",
	                           g->name, where ? ", topic " : "", where ? where->topic : "", rd_kafka_err2name(code),
	                           rd_kafka_err2str(code));
}

/* Asks until there is a verdict. OUTFLOW_OK: *answer, which may be NULL, holds it for the caller to destroy. */
static outflow_status answer(struct group *g, enum question what, const rd_kafka_topic_partition_list_t *list,
                             rd_kafka_event_t **result, outflow_error *err)
{
	const rd_kafka_topic_partition_t *where;
	outflow_status status = OUTFLOW_OK;
	rd_kafka_resp_err_t code;

	for (;;) {
		ask(g, what, list);
		*result = rd_kafka_queue_poll(g->answers, left_ms(g) + LATE_MS / 2);
		code = code_of(*result, &where);
		if (!is_moving(code) || left_ms(g) <= AGAIN_MS)
			break;
		rd_kafka_event_destroy(*result);
		rd_kafka_poll(g->consumer.client, AGAIN_MS);
	}
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR && !is_nothing(what, code))
		status = refuse(g, code, where, err);
	if (status != OUTFLOW_OK && *result != NULL)
		rd_kafka_event_destroy(*result);
	return status;
}

static outflow_status tell(struct group *g, enum question what, const rd_kafka_topic_partition_list_t *list,
                           outflow_error *err)
{
	rd_kafka_event_t *result;
	outflow_status status = answer(g, what, list, &result, err);

	if (status == OUTFLOW_OK)
		rd_kafka_event_destroy(result);
	return status;
}

/* ---- the extension ---- */

static outflow_status list_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                   void (*show)(void *ctx, outflow_str partition_json, uint64_t next), void *ctx,
                                   outflow_error *err)
{
	const rd_kafka_topic_partition_list_t *list;
	struct group g;
	rd_kafka_event_t *result;
	outflow_status status = group_open(&g, h, c, deadline_ns, err);

	if (status != OUTFLOW_OK)
		return status;
	status = answer(&g, LIST, NULL, &result, err);
	list = status == OUTFLOW_OK ? rd_kafka_group_result_partitions(group_of(result)) : NULL;
	for (int i = 0; list != NULL && i < list->cnt; i++) {
		char name[CONSUMER_STREAM_MAX];

		if (list->elems[i].offset < 0)
			continue;
		consumer_stream_name(list->elems[i].topic, list->elems[i].partition, name);
		show(ctx, outflow_text(name), (uint64_t)list->elems[i].offset);
	}
	if (status == OUTFLOW_OK)
		rd_kafka_event_destroy(result);
	group_close(&g);
	return status;
}

static int read_number(outflow_str text, int32_t *result)
{
	int64_t n = 0;

	if (text.len == 0 || text.len > 10)
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return 0;
		n = n * 10 + (text.ptr[i] - '0');
	}
	*result = (int32_t)n;
	return n <= INT32_MAX;
}

static outflow_status read_partition(outflow_str text, char topic[250], int32_t *partition, outflow_error *err)
{
	outflow_json *j = NULL;
	outflow_status status = outflow_json_parse(text, &j, err);
	uint32_t name, number;

	if (status != OUTFLOW_OK)
		return status;
	name = outflow_json_type(j, 0) == OUTFLOW_JSON_OBJECT ? outflow_json_member(j, 0, outflow_text("kafka_topic"))
	                                                      : 0;
	number = name ? outflow_json_member(j, 0, outflow_text("kafka_partition")) : 0;
	/* A name that is valid needs no escape. */
	if (number == 0 || outflow_json_type(j, name) != OUTFLOW_JSON_STRING ||
	    outflow_topic_check(OUTFLOW_TOPIC_KAFKA, outflow_json_text(j, name), NULL) != OUTFLOW_OK ||
	    !read_number(outflow_json_text(j, number), partition))
		status = outflow_fail(
			err, OUTFLOW_E_CONFIG,
			"a partition of Kafka has kafka_topic, the name of a topic, and kafka_partition, a "
			"whole number, not: %.*s",
			text.len < 200 ? (int)text.len : 200, text.ptr);
	else
		snprintf(topic, 250, "%.*s", (int)outflow_json_text(j, name).len, outflow_json_text(j, name).ptr);
	outflow_json_free(&j);
	return status;
}

/* Of a partition that is named twice the last word counts. */
static outflow_status sort(const outflow_offset *list, size_t n, rd_kafka_topic_partition_list_t *to_set,
                           rd_kafka_topic_partition_list_t *to_forget, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	for (size_t i = 0; i < n && status == OUTFLOW_OK; i++) {
		rd_kafka_topic_partition_list_t *to = list[i].forget ? to_forget : to_set;
		char topic[250];
		int32_t partition = 0;

		status = read_partition(list[i].partition_json, topic, &partition, err);
		if (status == OUTFLOW_OK && list[i].next > INT64_MAX)
			status = outflow_fail(err, OUTFLOW_E_CONFIG, "an offset of Kafka is below 2^63");
		if (status != OUTFLOW_OK)
			break;
		rd_kafka_topic_partition_list_del(to_set, topic, partition);
		rd_kafka_topic_partition_list_del(to_forget, topic, partition);
		rd_kafka_topic_partition_list_add(to, topic, partition)->offset = (int64_t)list[i].next;
	}
	return status;
}

static outflow_status alter_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                    const outflow_offset *list, size_t n, outflow_error *err)
{
	rd_kafka_topic_partition_list_t *to_set = rd_kafka_topic_partition_list_new((int)n);
	rd_kafka_topic_partition_list_t *to_forget = rd_kafka_topic_partition_list_new((int)n);
	outflow_status status = sort(list, n, to_set, to_forget, err);
	struct group g = { .answers = NULL };

	if (status == OUTFLOW_OK)
		status = group_open(&g, h, c, deadline_ns, err);
	if (status == OUTFLOW_OK && to_set->cnt > 0)
		status = tell(&g, ALTER, to_set, err);
	if (status == OUTFLOW_OK && to_forget->cnt > 0)
		status = tell(&g, FORGET, to_forget, err);
	group_close(&g);
	rd_kafka_topic_partition_list_destroy(to_set);
	rd_kafka_topic_partition_list_destroy(to_forget);
	return status;
}

static outflow_status reset_offsets(const outflow_host *h, const outflow_config *c, int64_t deadline_ns,
                                    outflow_error *err)
{
	struct group g;
	outflow_status status = group_open(&g, h, c, deadline_ns, err);

	if (status != OUTFLOW_OK)
		return status;
	status = tell(&g, RESET, NULL, err);
	group_close(&g);
	return status;
}

const outflow_offsets_api kafka_offsets = {
	.size = sizeof kafka_offsets,
	.list = list_offsets,
	.alter = alter_offsets,
	.reset = reset_offsets,
};

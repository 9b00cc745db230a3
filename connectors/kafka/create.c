/* SPDX-License-Identifier: Apache-2.0 */
/* Topics that do not exist are created before the first record goes to them. */
#include "connectors/kafka/kafka.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MS 10000
#define ASK_MS 5000

outflow_status kafka_creation_init(struct kafka_creation *c, const outflow_host *h, const outflow_config *config,
                                   outflow_error *err)
{
	outflow_str key, value;

	*c = (struct kafka_creation){ .host = h };
	if (h->config->str(config, "create.partitions", &value) != OUTFLOW_OK)
		return OUTFLOW_OK;
	c->wanted = 1;
	c->partitions = (int)outflow_config_number(h, config, "create.partitions");
	c->replicas = (int)outflow_config_number(h, config, "create.replicas");
	c->settings = calloc(2 * h->config->prefix(config, "create.config.", SIZE_MAX, &key, &value) + 1,
	                     sizeof *c->settings);
	for (size_t i = 0; c->settings != NULL && i < h->config->prefix(config, "create.config.", i, &key, &value);
	     i++) {
		c->settings[c->n_settings++] = strndup(key.ptr, key.len);
		c->settings[c->n_settings++] = strndup(value.ptr, value.len);
		if (c->settings[2 * i] == NULL || c->settings[2 * i + 1] == NULL)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	}
	return c->settings != NULL ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
}

void kafka_creation_clear(struct kafka_creation *c)
{
	for (size_t i = 0; i < c->n_settings; i++)
		free(c->settings[i]);
	free(c->settings);
	for (size_t i = 0; i < c->n_known; i++)
		free(c->known[i]);
	free(c->known);
	*c = (struct kafka_creation){ .host = c->host };
}

/* ---- topics that are known to be there, sorted ---- */

/* Where it is, or would be. */
static size_t search(const struct kafka_creation *c, const char *topic, int *found)
{
	size_t low = 0, high = c->n_known;

	*found = 0;
	while (low < high && !*found) {
		size_t middle = (low + high) / 2;
		int order = strcmp(c->known[middle], topic);

		*found = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return high;
}

/* Without memory it is asked for again. */
static void remember(struct kafka_creation *c, const char *topic)
{
	int found;
	size_t at = search(c, topic, &found);
	char **known = found ? NULL : realloc(c->known, (c->n_known + 1) * sizeof *known);
	char *copy = known ? strdup(topic) : NULL;

	if (known != NULL)
		c->known = known;
	if (copy == NULL)
		return;
	memmove(known + at + 1, known + at, (c->n_known - at) * sizeof *known);
	known[at] = copy;
	c->n_known++;
}

/* ---- asking and creating ---- */

static rd_kafka_resp_err_t ask(rd_kafka_t *client, const char *topic)
{
	rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
	const struct rd_kafka_metadata *metadata;
	rd_kafka_resp_err_t code = rd_kafka_last_error();

	if (handle == NULL)
		return code;
	code = rd_kafka_metadata(client, 0, handle, &metadata, ASK_MS);
	rd_kafka_topic_destroy(handle);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return code;
	code = metadata->topic_cnt > 0 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
	rd_kafka_metadata_destroy(metadata);
	return code;
}

/* The answer to CreateTopics; why: a text of the brokers. */
static rd_kafka_resp_err_t request(rd_kafka_t *client, rd_kafka_NewTopic_t *topic, char *why, size_t size)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_event_t *event;
	const rd_kafka_topic_result_t *const *results;
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__TIMED_OUT;
	const char *text = NULL;
	size_t n = 0;

	rd_kafka_CreateTopics(client, &topic, 1, NULL, queue);
	event = rd_kafka_queue_poll(queue, ANSWER_MS);
	if (event != NULL) {
		code = rd_kafka_event_error(event);
		text = rd_kafka_event_error_string(event);
		results = code ? NULL
		               : rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
		if (n > 0) {
			code = rd_kafka_topic_result_error(results[0]);
			text = rd_kafka_topic_result_error_string(results[0]);
		}
	}
	snprintf(why, size, "%s", text ? text : rd_kafka_err2str(code));
	if (event != NULL)
		rd_kafka_event_destroy(event);
	rd_kafka_queue_destroy(queue);
	return code;
}

/* Else the brokers have said no, and will again. */
static int is_outage(rd_kafka_resp_err_t code)
{
	switch (code) {
	case RD_KAFKA_RESP_ERR__TIMED_OUT:
	case RD_KAFKA_RESP_ERR__TRANSPORT:
	case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
	case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
	case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
	case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
	case RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED:
		return 1;
	default:
		return 0;
	}
}

static outflow_status create(struct kafka_creation *c, rd_kafka_t *client, const char *topic, outflow_error *err)
{
	char why[300] = "";
	rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(topic, c->partitions, c->replicas, why, sizeof why);
	rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR__INVALID_ARG;

	for (size_t i = 0; new != NULL &&i < c->n_settings; i += 2)
		rd_kafka_NewTopic_set_config(new, c->settings[i], c->settings[i + 1]);
	if (new != NULL) {
		code = request(client, new, why, sizeof why);
		rd_kafka_NewTopic_destroy(new);
	}
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		outflow_log(c->host, OUTFLOW_LOG_INFO, "created the topic '%s'", topic);
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return OUTFLOW_OK;
	return outflow_fail_native(err, is_outage(code) ? OUTFLOW_E_OUTAGE : OUTFLOW_E_TASK, "rdkafka", code,
	                           "the topic '%s' cannot be created: %s: %s", topic, rd_kafka_err2name(code), why);
}

outflow_status kafka_creation_ensure(struct kafka_creation *c, rd_kafka_t *client, const char *topic,
                                     outflow_error *err)
{
	rd_kafka_resp_err_t code;
	outflow_status status = OUTFLOW_OK;
	int found;

	if (!c->wanted)
		return OUTFLOW_OK;
	(void)search(c, topic, &found);
	if (found)
		return OUTFLOW_OK;
	code = ask(client, topic);
	if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		status = create(c, client, topic, err);
	else if (is_outage(code))
		status = outflow_fail_native(err, OUTFLOW_E_OUTAGE, "rdkafka", code, "topic '%s': no broker answers",
		                             topic);
	/* Everything else the records' own reports tell better. */
	if (status == OUTFLOW_OK)
		remember(c, topic);
	return status;
}

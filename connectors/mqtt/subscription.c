/* SPDX-License-Identifier: Apache-2.0 */
#include "connectors/mqtt/mqtt.h"

#include <stdio.h>
#include <stdlib.h>

static const outflow_str topics_key = { "topics", 6 };
static const outflow_str session_key = { "session", 7 };
/* A broker that does not answer for so long will send nothing either. */
#define ANSWER_NS INT64_C(30000000000)

/* ---- subscribing, on Paho's thread ---- */

static int64_t now_of(const struct mqtt_subscription *s)
{
	return s->host->time->mono_ns(s->host);
}

static void set_asked(struct mqtt_subscription *s, int64_t ns)
{
	__atomic_store_n(&s->asked_ns, ns, __ATOMIC_RELEASE);
}

static void subscribed(struct mqtt_subscription *s)
{
	size_t n = s->options->n_topics;

	set_asked(s, 0);
	__atomic_store_n(&s->subscribed, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&s->has_session, 1, __ATOMIC_RELEASE);
	outflow_log(s->host, OUTFLOW_LOG_INFO, "subscribed to %zu topic filter%s", n, n == 1 ? "" : "s");
	s->connection->events->wake(s->connection->owner);
}

/* A refusal of the first subscription is a matter of configuration; a later one may pass. */
static void check_grant(struct mqtt_subscription *s, size_t i, int code)
{
	int first = !__atomic_load_n(&s->subscribed, __ATOMIC_ACQUIRE);
	char what[300];

	if (code < 0x80 && code >= s->options->qos)
		return;
	if (code < 0x80) {
		snprintf(what, sizeof what, "the broker grants QoS %d only to '%.200s'", code, s->options->topics[i]);
		mqtt_connection_fail(s->connection, first ? OUTFLOW_E_CONFIG : OUTFLOW_E_TASK, code, what,
		                     "messages of QoS 0 may be lost; qos = 0 says that this is wished for");
		return;
	}
	snprintf(what, sizeof what, "the broker refuses the subscription to '%.200s'", s->options->topics[i]);
	mqtt_connection_fail(s->connection, first ? OUTFLOW_E_CONFIG : OUTFLOW_E_TASK, code, what,
	                     s->options->endpoint.version == MQTTVERSION_5
	                             ? MQTTReasonCode_toString((enum MQTTReasonCodes)code)
	                             : "not authorised, or not allowed there");
}

static void on_subscribed(void *context, MQTTAsync_successData *data)
{
	struct mqtt_subscription *s = context;

	for (size_t i = 0; i < s->options->n_topics; i++)
		check_grant(s, i, s->options->n_topics == 1 ? data->alt.qos : data->alt.qosList[i]);
	subscribed(s);
}

static void on_subscribed5(void *context, MQTTAsync_successData5 *data)
{
	struct mqtt_subscription *s = context;
	int n = data->alt.sub.reasonCodeCount;

	/* Of a single one there is no list: what looks like it is not initialised. */
	if (n <= 1)
		check_grant(s, 0, data->reasonCode);
	for (int i = 0; n > 1 && i < n && (size_t)i < s->options->n_topics; i++)
		check_grant(s, (size_t)i, data->alt.sub.reasonCodes[i]);
	subscribed(s);
}

/* A code from 0x80 on is the broker's refusal; others are the connection, which says so itself, is made again and subscribed
 * again. */
static void subscription_failed(struct mqtt_subscription *s, int code, const char *message)
{
	if (code >= 0x80)
		check_grant(s, 0, code);
	else
		outflow_log(s->host, message ? OUTFLOW_LOG_WARN : OUTFLOW_LOG_DEBUG,
		            "subscribing failed, will be tried with the next connection: %s",
		            message ? message : "the connection was lost");
}

static void on_failure(void *context, MQTTAsync_failureData *data)
{
	subscription_failed(context, data ? data->code : 0, data ? data->message : NULL);
}

static void on_failure5(void *context, MQTTAsync_failureData5 *data)
{
	subscription_failed(context, data ? (int)data->reasonCode : 0, data ? data->message : NULL);
}

static void unsubscribe_stale(struct mqtt_subscription *s)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;

	if (s->n_stale > 0 &&
	    MQTTAsync_unsubscribeMany(s->connection->client, (int)s->n_stale, s->stale, &response) == MQTTASYNC_SUCCESS)
		outflow_log(s->host, OUTFLOW_LOG_INFO,
		            "unsubscribed from %zu topic filter%s that the configuration no longer has", s->n_stale,
		            s->n_stale == 1 ? "" : "s");
}

static void subscribe(struct mqtt_subscription *s)
{
	MQTTAsync_responseOptions response = MQTTAsync_responseOptions_initializer;
	MQTTSubscribe_options options[MQTT_TOPICS_MAX];
	size_t n = s->options->n_topics;
	int qos[MQTT_TOPICS_MAX], rc;

	for (size_t i = 0; i < n; i++) {
		qos[i] = s->options->qos;
		options[i] = (MQTTSubscribe_options)MQTTSubscribe_options_initializer;
		/* Retained messages come with a new subscription only (MQTT 5.0, section 3.8.3.1). */
		options[i].retainHandling = 1;
	}
	response.context = s;
	if (s->options->endpoint.version == MQTTVERSION_5) {
		response.onSuccess5 = on_subscribed5;
		response.onFailure5 = on_failure5;
		response.subscribeOptions = options[0];
		response.subscribeOptionsCount = (int)n;
		response.subscribeOptionsList = options;
	} else {
		response.onSuccess = on_subscribed;
		response.onFailure = on_failure;
	}
	set_asked(s, now_of(s));
	rc = MQTTAsync_subscribeMany(s->connection->client, (int)n, s->options->topics, qos, &response);
	if (rc == MQTTASYNC_SUCCESS)
		return;
	outflow_log(s->host, OUTFLOW_LOG_WARN, "subscribing failed (%d), will be tried with the next connection", rc);
	set_asked(s, now_of(s) - ANSWER_NS);
}

int mqtt_subscription_begin(struct mqtt_subscription *s, int session_present)
{
	int lost = !session_present && __atomic_load_n(&s->has_session, __ATOMIC_ACQUIRE);

	if (lost) {
		s->host->metric->add(s->sessions_lost, 1);
		outflow_log(s->host, OUTFLOW_LOG_ERROR,
		            "the broker has forgotten the session of %s: messages that it kept for us while we were "
		            "away are lost (a possible gap)",
		            s->options->endpoint.client_id);
	}
	unsubscribe_stale(s);
	/* Also when the session is there: the broker may have lost a part of it. */
	if (!s->options->retired)
		subscribe(s);
	return lost;
}

/* ---- what was subscribed before ---- */

static int is_wanted(const struct mqtt_subscription *s, const char *topic, size_t n)
{
	for (size_t i = 0; i < s->options->n_topics; i++)
		if (strlen(s->options->topics[i]) == n && memcmp(s->options->topics[i], topic, n) == 0)
			return 1;
	return 0;
}

/* Topic filters hold no line break worth keeping, so lines they are. */
static outflow_status find_stale(struct mqtt_subscription *s)
{
	outflow_bytes stored = { NULL, 0 };
	const char *p, *end;

	if (s->state->get(s->host, topics_key, &stored) != OUTFLOW_OK)
		return OUTFLOW_OK;
	s->stale = calloc(MQTT_TOPICS_MAX, sizeof *s->stale);
	if (s->stale == NULL)
		return OUTFLOW_E_NOMEM;
	for (p = stored.ptr, end = p + stored.len; p < end && s->n_stale < MQTT_TOPICS_MAX;) {
		const char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((line_end ? line_end : end) - p);

		if (n > 0 && !is_wanted(s, p, n)) {
			s->stale[s->n_stale] = strndup(p, n);
			if (s->stale[s->n_stale] == NULL)
				return OUTFLOW_E_NOMEM;
			s->n_stale++;
		}
		p += n + 1;
	}
	return OUTFLOW_OK;
}

static outflow_status remember(struct mqtt_subscription *s, int with_stale, outflow_error *err)
{
	size_t size = 1, n = 0;
	outflow_status status;
	char *text;

	for (size_t i = 0; i < s->options->n_topics; i++)
		size += strlen(s->options->topics[i]) + 1;
	for (size_t i = 0; i < s->n_stale; i++)
		size += strlen(s->stale[i]) + 1;
	text = malloc(size);
	if (text == NULL)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	for (size_t i = 0; i < s->options->n_topics; i++)
		n += (size_t)snprintf(text + n, size - n, "%s\n", s->options->topics[i]);
	for (size_t i = 0; with_stale && i < s->n_stale; i++)
		n += (size_t)snprintf(text + n, size - n, "%s\n", s->stale[i]);
	status = s->state->put(s->host, topics_key, (outflow_bytes){ text, n }, err);
	free(text);
	s->remembers_stale = with_stale && s->n_stale > 0;
	return status;
}

/* The session belongs to a client's name: under another one there is none yet. */
static int knows_session(struct mqtt_subscription *s)
{
	outflow_bytes id = { NULL, 0 };
	const char *mine = s->options->endpoint.client_id;

	return s->state->get(s->host, session_key, &id) == OUTFLOW_OK && id.len == strlen(mine) &&
	       memcmp(id.ptr, mine, id.len) == 0;
}

outflow_status mqtt_subscription_open(struct mqtt_subscription *s, outflow_error *err)
{
	int expected = knows_session(s);

	s->session_is_noted = expected;
	s->has_session = expected && !s->options->clean_start;
	s->sessions_lost =
		s->host->metric->open(s->host, OUTFLOW_METRIC_COUNTER, "mqtt_sessions_lost", "",
	                              "Connections for which the broker had forgotten our session: possible gaps.");
	if (find_stale(s) != OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
	return remember(s, 1, err);
}

/* A connection on which we are not subscribed stands there for nothing. */
static void watch_answer(struct mqtt_subscription *s)
{
	int64_t asked = __atomic_load_n(&s->asked_ns, __ATOMIC_ACQUIRE);

	if (asked == 0 || now_of(s) - asked < ANSWER_NS || !mqtt_connection_is_up(s->connection))
		return;
	outflow_log(s->host, OUTFLOW_LOG_WARN, "the broker does not answer to our subscribing, connecting anew");
	set_asked(s, 0);
	mqtt_connection_drop(s->connection);
}

outflow_status mqtt_subscription_settle(struct mqtt_subscription *s, outflow_error *err)
{
	outflow_str id = outflow_text(s->options->endpoint.client_id);
	outflow_status status = OUTFLOW_OK;

	watch_answer(s);
	if (!__atomic_load_n(&s->subscribed, __ATOMIC_ACQUIRE))
		return OUTFLOW_OK;
	if (s->remembers_stale)
		status = remember(s, 0, err);
	if (status != OUTFLOW_OK || s->session_is_noted)
		return status;
	s->session_is_noted = 1;
	return s->state->put(s->host, session_key, outflow_text_bytes(id), err);
}

outflow_status mqtt_subscription_end(struct mqtt_subscription *s, outflow_error *err)
{
	outflow_status status = remember(s, 0, err);

	return status == OUTFLOW_OK ? s->state->put(s->host, session_key, (outflow_bytes){ "", 0 }, err) : status;
}

void mqtt_subscription_clear(struct mqtt_subscription *s)
{
	for (size_t i = 0; i < s->n_stale; i++)
		free(s->stale[i]);
	free(s->stale);
}

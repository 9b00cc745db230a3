/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What message.c does, the other way round: headers that stand for MQTT 5's properties become these again, the others
 * user properties. What tells of a delivery alone (QoS, DUP, packet identifier) is left behind.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/json.h>

#include <stdlib.h>

#define TOPIC_MAX 65535u
#define PAYLOAD_MAX 268435455u /* MQTT 5.0, section 2.1.4: nothing longer can be told */

static int is_utf8_string(const void *bytes, size_t n)
{
	return n <= 65535 && outflow_utf8_check((outflow_bytes){ bytes, n }) == n && memchr(bytes, '\0', n) == NULL;
}

static outflow_status take_topic(struct mqtt_publication *p, outflow_str topic, outflow_error *err)
{
	if (topic.len == 0 || topic.len > TOPIC_MAX || !is_utf8_string(topic.ptr, topic.len) ||
	    memchr(topic.ptr, '+', topic.len) != NULL || memchr(topic.ptr, '#', topic.len) != NULL)
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "'%.*s' is not a topic to publish to: 1 to 65,535 bytes of UTF-8 without + and #",
		                    (int)(topic.len < 100 ? topic.len : 100), topic.ptr ? topic.ptr : "");
	p->topic = strndup(topic.ptr, topic.len);
	return p->topic ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
}

/* ---- properties ---- */

static MQTTLenString len_string(const void *bytes, size_t n)
{
	return (MQTTLenString){ .len = (int)n, .data = (char *)(uintptr_t)bytes };
}

static int64_t number_of(outflow_bytes text)
{
	char copy[24] = "";

	if (text.len > 0 && text.len < sizeof copy)
		memcpy(copy, text.ptr, text.len);
	return strtoll(copy, NULL, 10);
}

/* 0: not one of those that are carried over. */
static int property_of(outflow_str name)
{
	static const struct {
		const char *name;
		int property;
	} known[] = {
		{ MQTT_HEADER_PREFIX "content.type", MQTTPROPERTY_CODE_CONTENT_TYPE },
		{ MQTT_HEADER_PREFIX "response.topic", MQTTPROPERTY_CODE_RESPONSE_TOPIC },
		{ MQTT_HEADER_PREFIX "correlation.data", MQTTPROPERTY_CODE_CORRELATION_DATA },
		{ MQTT_HEADER_PREFIX "payload.format", MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR },
		{ MQTT_HEADER_PREFIX "message.expiry", MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL },
	};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		if (outflow_equal(name, known[i].name))
			return known[i].property;
	return 0;
}

static int is_ours(outflow_str name)
{
	size_t n = sizeof MQTT_HEADER_PREFIX - 1;

	return name.len >= n && memcmp(name.ptr, MQTT_HEADER_PREFIX, n) == 0;
}

static int add_known(MQTTProperties *to, int identifier, outflow_bytes value)
{
	MQTTProperty property = { .identifier = (enum MQTTPropertyCodes)identifier };

	if (identifier == MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR)
		property.value.byte = (unsigned char)number_of(value);
	else if (identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL)
		property.value.integer4 = (unsigned)number_of(value);
	else
		property.value.data = len_string(value.ptr, value.len);
	return MQTTProperties_add(to, &property);
}

static int add_user(MQTTProperties *to, const outflow_header *h)
{
	MQTTProperty property = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };

	property.value.data = len_string(h->name.ptr, h->name.len);
	property.value.value = len_string(h->value.ptr ? h->value.ptr : "", h->value.len);
	return MQTTProperties_add(to, &property);
}

static outflow_status add_headers(struct mqtt_publication *p, const outflow_record *r, outflow_error *err)
{
	MQTTProperties *to = &p->message.properties;

	for (uint32_t i = 0; i < r->n_headers; i++) {
		const outflow_header *h = &r->headers[i];
		int identifier = property_of(h->name);
		int rc = 0;

		if (identifier == MQTTPROPERTY_CODE_CORRELATION_DATA ? h->value.len > 65535
		                                                     : !is_utf8_string(h->value.ptr, h->value.len))
			p->left_out++;
		else if (identifier != 0)
			rc = add_known(to, identifier, h->value);
		else if (is_ours(h->name))
			continue;
		else if (is_utf8_string(h->name.ptr, h->name.len))
			rc = add_user(to, h);
		else
			p->left_out++;
		if (rc != 0)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the properties of a message");
	}
	return OUTFLOW_OK;
}

/* ---- the whole ---- */

outflow_status mqtt_publication_make(struct mqtt_publication *p, const outflow_record *r, int with_properties,
                                     outflow_error *err)
{
	MQTTAsync_message empty = MQTTAsync_message_initializer;
	outflow_status status;

	*p = (struct mqtt_publication){ .message = empty };
	status = take_topic(p, r->topic, err);
	if (status != OUTFLOW_OK)
		return status;
	if (r->value.len > PAYLOAD_MAX)
		return outflow_fail(err, OUTFLOW_E_RECORD, "a payload of %zu bytes is longer than MQTT can carry",
		                    r->value.len);
	p->message.payload = (void *)(uintptr_t)r->value.ptr;
	p->message.payloadlen = (int)r->value.len;
	if (!with_properties) {
		p->left_out = r->n_headers;
		return OUTFLOW_OK;
	}
	return add_headers(p, r, err);
}

void mqtt_publication_clear(struct mqtt_publication *p)
{
	free(p->topic);
	MQTTProperties_free(&p->message.properties);
	p->topic = NULL;
}

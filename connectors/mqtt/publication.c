/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What message.c does, the other way round: headers that stand for MQTT 5's properties become these again, the others
 * user properties. What tells of a delivery alone (QoS, DUP, packet identifier) is left behind.
 */
#include "connectors/mqtt/mqtt.h"

#include <outflow/json.h>
#include <outflow/topic.h>

#include <stdlib.h>

/* MQTT 5.0, section 2.1.4: nothing longer can be told. */
#define PACKET_MAX 268435455u
/* Lengths of topic and properties, and the packet identifier. */
#define PACKET_OVERHEAD 8u

static int is_utf8_string(const void *bytes, size_t n)
{
	return n == 0 ||
	       (n <= 65535 && outflow_utf8_check((outflow_bytes){ bytes, n }) == n && memchr(bytes, '\0', n) == NULL);
}

static outflow_status take_topic(struct mqtt_publication *p, outflow_str topic, outflow_error *err)
{
	outflow_status status = outflow_topic_check(OUTFLOW_TOPIC_MQTT, topic, err);

	if (status != OUTFLOW_OK)
		return status;
	p->topic = strndup(topic.ptr, topic.len);
	return p->topic ? OUTFLOW_OK : outflow_fail(err, OUTFLOW_E_NOMEM, "no memory");
}

/* ---- properties ---- */

static MQTTLenString len_string(const void *bytes, size_t n)
{
	return (MQTTLenString){ .len = (int)n, .data = (char *)(uintptr_t)bytes };
}

/* -1: not a decimal number up to most. */
static int64_t number_of(outflow_bytes text, int64_t most)
{
	const char *digits = text.ptr;
	int64_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -1;
		n = n * 10 + (digits[i] - '0');
		if (n > most)
			return -1;
	}
	return text.len > 0 ? n : -1;
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

/* One that a broker would hang up for (MQTT 5.0, section 3.3.2.3) is none: twice the same, or a value out of its range. */
static int is_good_property(const MQTTProperties *properties, int identifier, outflow_bytes value)
{
	for (int i = 0; i < properties->count; i++)
		if ((int)properties->array[i].identifier == identifier)
			return 0;
	switch (identifier) {
	case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
		return number_of(value, 1) >= 0;
	case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
		return number_of(value, UINT32_MAX) >= 0;
	case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
		return outflow_topic_check(OUTFLOW_TOPIC_MQTT, (outflow_str){ value.ptr, value.len }, NULL) ==
		       OUTFLOW_OK;
	case MQTTPROPERTY_CODE_CORRELATION_DATA:
		return value.len <= 65535;
	default:
		return is_utf8_string(value.ptr, value.len);
	}
}

static int add_known(MQTTProperties *to, int identifier, outflow_bytes value)
{
	MQTTProperty property = { .identifier = (enum MQTTPropertyCodes)identifier };

	if (identifier == MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR)
		property.value.byte = (unsigned char)number_of(value, 1);
	else if (identifier == MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL)
		property.value.integer4 = (unsigned)number_of(value, UINT32_MAX);
	else
		property.value.data = len_string(value.len > 0 ? value.ptr : "", value.len);
	return MQTTProperties_add(to, &property);
}

static int add_user(MQTTProperties *to, const outflow_header *h)
{
	MQTTProperty property = { .identifier = MQTTPROPERTY_CODE_USER_PROPERTY };

	property.value.data = len_string(h->name.len > 0 ? h->name.ptr : "", h->name.len);
	property.value.value = len_string(h->value.len > 0 ? h->value.ptr : "", h->value.len);
	return MQTTProperties_add(to, &property);
}

/* 0; Paho's code when there is no memory. */
static int add_header(struct mqtt_publication *p, const outflow_header *h)
{
	MQTTProperties *to = &p->message.properties;
	int identifier = property_of(h->name);

	if (identifier != 0 && is_good_property(to, identifier, h->value))
		return add_known(to, identifier, h->value);
	if (identifier == 0 && is_ours(h->name))
		return 0;
	if (identifier == 0 && is_utf8_string(h->name.ptr, h->name.len) && is_utf8_string(h->value.ptr, h->value.len))
		return add_user(to, h);
	p->left_out++;
	return 0;
}

static outflow_status add_headers(struct mqtt_publication *p, const outflow_record *r, outflow_error *err)
{
	for (uint32_t i = 0; i < r->n_headers; i++)
		if (add_header(p, &r->headers[i]) != 0)
			return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for the properties of a message");
	return OUTFLOW_OK;
}

/* ---- the whole ---- */

outflow_status mqtt_publication_make(struct mqtt_publication *p, const outflow_record *r, int with_properties,
                                     outflow_error *err)
{
	MQTTAsync_message empty = MQTTAsync_message_initializer;
	outflow_status status;
	size_t size;

	*p = (struct mqtt_publication){ .message = empty };
	status = take_topic(p, r->topic, err);
	if (status != OUTFLOW_OK)
		return status;
	p->left_out = with_properties ? 0 : r->n_headers;
	if (with_properties)
		status = add_headers(p, r, err);
	if (status != OUTFLOW_OK)
		return status;
	size = r->value.len + r->topic.len + (size_t)p->message.properties.length + PACKET_OVERHEAD;
	if (size > PACKET_MAX)
		return outflow_fail(err, OUTFLOW_E_RECORD, "a message of %zu bytes is longer than MQTT can carry",
		                    size);
	p->message.payload = (void *)(uintptr_t)r->value.ptr;
	p->message.payloadlen = (int)r->value.len;
	return OUTFLOW_OK;
}

void mqtt_publication_clear(struct mqtt_publication *p)
{
	free(p->topic);
	MQTTProperties_free(&p->message.properties);
	p->topic = NULL;
}

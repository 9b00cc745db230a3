/* SPDX-License-Identifier: Apache-2.0 */
/* What MQTT says about a message besides topic and payload travels as headers of the record. */
#include "connectors/mqtt/mqtt.h"

#include <stdio.h>

#define PREFIX MQTT_HEADER_PREFIX
#define USER "user."

/* One message being described. */
struct making {
	struct mqtt_record *to;
	size_t text_used, names_used;
};

static void add(struct making *mk, outflow_str name, outflow_bytes value)
{
	struct mqtt_record *to = mk->to;

	if (to->record.n_headers == MQTT_HEADERS_MAX) {
		to->dropped_headers++;
		return;
	}
	to->headers[to->record.n_headers++] = (outflow_header){ name, value };
}

static void add_number(struct making *mk, const char *name, long long n)
{
	char *text = mk->to->text + mk->text_used;
	size_t room = sizeof mk->to->text - mk->text_used;
	int length = snprintf(text, room, "%lld", n);

	/* A broker may not send a property twice (MQTT 5.0, section 3.3.2.3); Paho does not look. */
	if ((size_t)length >= room) {
		mk->to->dropped_headers++;
		return;
	}
	mk->text_used += (size_t)length + 1;
	add(mk, outflow_text(name), (outflow_bytes){ text, (size_t)length });
}

static void add_flag(struct making *mk, const char *name, int set)
{
	if (set)
		add(mk, outflow_text(name), (outflow_bytes){ "true", 4 });
}

static outflow_bytes bytes_of(const MQTTLenString *s)
{
	return (outflow_bytes){ s->data ? s->data : "", s->len > 0 ? (size_t)s->len : 0 };
}

/* A publisher's property keeps its name, unless that would pass for one of ours. */
static void add_user_property(struct making *mk, const MQTTProperty *p)
{
	outflow_bytes name = bytes_of(&p->value.data);
	outflow_str kept = { name.ptr, name.len };
	size_t room = sizeof mk->to->names - mk->names_used;
	char *renamed = mk->to->names + mk->names_used;

	if (name.len >= sizeof PREFIX - 1 && memcmp(name.ptr, PREFIX, sizeof PREFIX - 1) == 0) {
		if (name.len + sizeof USER > room) {
			mk->to->dropped_headers++;
			return;
		}
		memcpy(renamed, USER, sizeof USER - 1);
		memcpy(renamed + sizeof USER - 1, name.ptr, name.len);
		kept = (outflow_str){ renamed, name.len + sizeof USER - 1 };
		mk->names_used += kept.len;
	}
	add(mk, kept, bytes_of(&p->value.value));
}

static void add_property(struct making *mk, const MQTTProperty *p)
{
	switch (p->identifier) {
	case MQTTPROPERTY_CODE_CONTENT_TYPE:
		add(mk, outflow_text(PREFIX "content.type"), bytes_of(&p->value.data));
		break;
	case MQTTPROPERTY_CODE_RESPONSE_TOPIC:
		add(mk, outflow_text(PREFIX "response.topic"), bytes_of(&p->value.data));
		break;
	case MQTTPROPERTY_CODE_CORRELATION_DATA:
		add(mk, outflow_text(PREFIX "correlation.data"), bytes_of(&p->value.data));
		break;
	case MQTTPROPERTY_CODE_PAYLOAD_FORMAT_INDICATOR:
		add_number(mk, PREFIX "payload.format", p->value.byte);
		break;
	case MQTTPROPERTY_CODE_MESSAGE_EXPIRY_INTERVAL:
		add_number(mk, PREFIX "message.expiry", p->value.integer4);
		break;
	default:
		break;
	}
}

void mqtt_record_make(struct mqtt_record *to, const char *topic, size_t topic_length, const MQTTAsync_message *m,
                      int64_t now_ms)
{
	struct making mk = { .to = to };

	to->dropped_headers = 0;
	to->record = (outflow_record){
		.value = { m->payload ? m->payload : "", m->payloadlen > 0 ? (size_t)m->payloadlen : 0 },
		.topic = { topic, topic_length },
		.headers = to->headers,
		.partition = -1,
		.timestamp_ms = now_ms,
	};
	add_number(&mk, PREFIX "qos", m->qos);
	add_number(&mk, PREFIX "packet.id", m->msgid);
	add_flag(&mk, PREFIX "retain", m->retained);
	add_flag(&mk, PREFIX "dup", m->dup);
	for (int i = 0; i < m->properties.count; i++)
		add_property(&mk, &m->properties.array[i]);
	/* The publisher's own come last: whoever wants only these skips the others. */
	for (int i = 0; i < m->properties.count; i++)
		if (m->properties.array[i].identifier == MQTTPROPERTY_CODE_USER_PROPERTY)
			add_user_property(&mk, &m->properties.array[i]);
}

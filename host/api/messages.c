/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/messages.h"

#include "host/base/base64.h"
#include "host/config/suggest.h"

#include <outflow/util.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* The last one that RFC 3339 can write. */
#define TIMESTAMP_MAX INT64_C(253402300799999)

struct text messages_text(const outflow_json *tape, uint32_t i)
{
	int is_string = outflow_json_type(tape, i) == OUTFLOW_JSON_STRING;
	outflow_str from = is_string ? outflow_json_text(tape, i) : outflow_json_raw(tape, i);
	struct text t = { .ptr = malloc(from.len + 1), .n = from.len, .room = from.len + 1 };

	if (t.ptr == NULL)
		return (struct text){ .ptr = NULL };
	if (is_string)
		t.n = outflow_json_decode(from, t.ptr);
	else
		memcpy(t.ptr, from.ptr, from.len);
	t.ptr[t.n] = '\0';
	return t;
}

int messages_check_members(const json_t *object, const char *pointer, const char *const *names,
                           struct native_fault *fault)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		struct suggestion near = { .typed = name };
		const char *const *known = names;

		while (*known != NULL && strcmp(*known, name) != 0)
			suggestion_offer(&near, *known++);
		if (*known == NULL)
			return native_fault(fault, pointer, name, "unknown member '%.60s'%s%s%s", name,
			                    near.best ? "; did you mean '" : "", near.best ? near.best : "",
			                    near.best ? "'?" : "");
	}
	return 0;
}

/* One message being read. */
struct reading {
	const json_t *object;
	const outflow_json *tape;
	uint32_t at; /* of the same object */
	const char *pointer;
	struct message *to;
	struct native_fault *fault;
};

static int no_memory(const struct reading *rd)
{
	return native_fault(rd->fault, rd->pointer, NULL, "no memory for a message");
}

/* A member that is a text, or NULL. */
static int read_text(const struct reading *rd, const char *name, const char **text)
{
	const json_t *value = json_object_get(rd->object, name);

	*text = json_string_value(value);
	return value == NULL || *text != NULL ? 0 : native_fault(rd->fault, rd->pointer, name, "is a text");
}

static int read_base64(const struct reading *rd)
{
	const json_t *value = json_object_get(rd->object, "payload_base64");
	struct text *t = &rd->to->payload;

	if (!json_is_string(value))
		return native_fault(rd->fault, rd->pointer, "payload_base64", "is a text");
	t->ptr = base64_decode(json_string_value(value), json_string_length(value), &t->n);
	return t->ptr ? 0
	              : native_fault(rd->fault, rd->pointer, "payload_base64", "is not Base64 (RFC 4648, section 4)");
}

static int read_payload(const struct reading *rd)
{
	static const char *const names[] = { "payload", "payload_base64", "event" };
	const char *chosen = NULL;

	for (size_t i = 0; i < 3; i++) {
		if (json_object_get(rd->object, names[i]) == NULL)
			continue;
		if (chosen != NULL)
			return native_fault(rd->fault, rd->pointer, names[i], "stands beside %s: only one of them can",
			                    chosen);
		chosen = names[i];
	}
	if (chosen == NULL)
		return native_fault(rd->fault, rd->pointer, "payload", "is required, or payload_base64, or event");
	rd->to->has_payload = 1;
	rd->to->is_event = strcmp(chosen, "event") == 0;
	if (strcmp(chosen, "payload_base64") == 0)
		return read_base64(rd);
	rd->to->payload = messages_text(rd->tape, outflow_json_member(rd->tape, rd->at, outflow_text(chosen)));
	return rd->to->payload.ptr ? 0 : no_memory(rd);
}

static int add_property(const struct reading *rd, const char *name, const json_t *value)
{
	if (name == NULL || !json_is_string(value))
		return native_fault(rd->fault, rd->pointer, "properties",
		                    "is an object of texts, or a list of pairs, each a name and a text");
	return message_add_header(rd->to, outflow_text(name), outflow_text(json_string_value(value))) == OUTFLOW_OK
	               ? 0
	               : no_memory(rd);
}

static int read_properties(const struct reading *rd)
{
	json_t *all = json_object_get(rd->object, "properties"), *value;
	const char *name;
	size_t i;

	if (all != NULL && !json_is_object(all) && !json_is_array(all))
		return add_property(rd, NULL, NULL);
	json_object_foreach(all, name, value) if (add_property(rd, name, value) != 0) return -1;
	json_array_foreach(all, i, value) if (add_property(rd, json_string_value(json_array_get(value, 0)),
	                                                   json_array_size(value) == 2 ? json_array_get(value, 1)
	                                                                               : NULL) != 0) return -1;
	return 0;
}

static int read_timestamp(const struct reading *rd)
{
	const json_t *value = json_object_get(rd->object, "timestamp");

	if (value == NULL)
		return 0;
	if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > TIMESTAMP_MAX)
		return native_fault(rd->fault, rd->pointer, "timestamp",
		                    "is a number of milliseconds since 1970, before the year 10000");
	rd->to->timestamp_ms = json_integer_value(value);
	return 0;
}

static int read_message(const struct reading *rd)
{
	static const char *const members[] = { "topic", "key",        "payload",   "payload_base64",
		                               "event", "properties", "timestamp", NULL };

	if (!json_is_object(rd->object))
		return native_fault(rd->fault, rd->pointer, NULL, "is an object");
	if (messages_check_members(rd->object, rd->pointer, members, rd->fault) != 0 ||
	    read_text(rd, "topic", &rd->to->topic) != 0 || read_text(rd, "key", &rd->to->key) != 0 ||
	    read_payload(rd) != 0 || read_properties(rd) != 0)
		return -1;
	return read_timestamp(rd);
}

static int read_event(const struct reading *rd)
{
	rd->to->has_payload = rd->to->is_event = 1;
	rd->to->payload = messages_text(rd->tape, rd->at);
	return rd->to->payload.ptr ? 0 : no_memory(rd);
}

/* The one member of these that there is. NULL: fault says that there is none, or that there are several. */
static const char *choose(const json_t *body, int events, struct native_fault *fault)
{
	static const char *const names[] = { MESSAGES_MEMBERS, MESSAGES_EVENT_MEMBERS };
	const char *chosen = NULL;

	for (size_t i = 0; i < (events ? 4u : 2u); i++) {
		if (json_object_get(body, names[i]) == NULL)
			continue;
		if (chosen != NULL) {
			native_fault(fault, "", names[i], "stands beside %s: only one of them can", chosen);
			return NULL;
		}
		chosen = names[i];
	}
	if (chosen == NULL)
		native_fault(fault, "", events ? "event" : "message",
		             events ? "is required, or events, message or messages" : "is required, or messages");
	return chosen;
}

int messages_read(json_t *body, const outflow_json *tape, int events, struct messages *m, struct native_fault *fault)
{
	const char *chosen = choose(body, events, fault);
	const json_t *value = json_object_get(body, chosen ? chosen : "");
	uint32_t at;
	int is_event;

	*m = (struct messages){ .body = json_incref(body) };
	if (chosen == NULL)
		return -1;
	at = outflow_json_member(tape, 0, outflow_text(chosen));
	is_event = *chosen == 'e';
	m->is_single = chosen[strlen(chosen) - 1] != 's';
	if (!m->is_single && json_array_size(value) == 0)
		return native_fault(fault, "", chosen, "is a list with something in it");
	if (!m->is_single && json_array_size(value) > MESSAGES_MAX) {
		fault->status = 413;
		return native_fault(fault, "", chosen, "has %zu elements, and may have %u", json_array_size(value),
		                    MESSAGES_MAX);
	}
	m->list = calloc(m->is_single ? 1 : json_array_size(value), sizeof *m->list);
	if (m->list == NULL)
		return native_fault(fault, "", chosen, "no memory");
	while (m->n < (m->is_single ? 1 : json_array_size(value))) {
		struct message *to = &m->list[m->n];
		char pointer[40];
		struct reading rd = { m->is_single ? value : json_array_get(value, m->n),
			              tape,
			              m->is_single ? at : outflow_json_element(tape, at, (int64_t)m->n),
			              pointer,
			              to,
			              fault };

		snprintf(pointer, sizeof pointer, m->is_single ? "/%s" : "/%s/%zu", chosen, m->n);
		*to = (struct message){ .timestamp_ms = -1, .position = m->n };
		m->n++;
		if ((is_event ? read_event(&rd) : read_message(&rd)) != 0)
			return -1;
	}
	return 0;
}

void messages_clear(struct messages *m)
{
	for (size_t i = 0; i < m->n; i++)
		message_clear(&m->list[i]);
	free(m->list);
	json_decref(m->body);
	*m = (struct messages){ .body = NULL };
}

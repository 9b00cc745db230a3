/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/message_options.h"

#include "host/cli/tool.h"

#include <outflow/util.h>

#include <stdlib.h>

static outflow_status take_header(struct message *m, const char *argument, outflow_error *err)
{
	const char *equals = strchr(argument, '=');

	if (equals == NULL || equals == argument)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "--header takes NAME=TEXT, not '%.100s'", argument);
	if (message_add_header(m, (outflow_str){ argument, (size_t)(equals - argument) }, outflow_text(equals + 1)) !=
	    OUTFLOW_OK)
		return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a header");
	return OUTFLOW_OK;
}

static outflow_status take_timestamp(struct message *m, const char *argument, outflow_error *err)
{
	size_t digits = strspn(argument, "0123456789");

	m->timestamp_ms = argument[digits] == '\0' && digits > 4 && digits < 18 ? strtoll(argument, NULL, 10)
	                                                                        : tool_parse_time(argument);
	if (m->timestamp_ms >= 0)
		return OUTFLOW_OK;
	return outflow_fail(err, OUTFLOW_E_CONFIG,
	                    "--timestamp takes 2026-11-24T02:00Z, or milliseconds since 1970, not '%.100s'", argument);
}

static outflow_status take_payload(struct message *m, int option, const char *argument, outflow_error *err)
{
	if (m->has_payload)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "one --payload or --event, not several");
	m->has_payload = 1;
	m->is_event = option == OPTION_EVENT;
	return text_read(&m->payload, argument, err);
}

int message_options_take(struct message *m, int option, const char *argument, outflow_error *err)
{
	outflow_status status = OUTFLOW_OK;

	switch (option) {
	case OPTION_TOPIC:
		m->topic = argument;
		break;
	case OPTION_KEY:
		m->key = argument;
		break;
	case OPTION_HEADER:
		status = take_header(m, argument, err);
		break;
	case OPTION_TIMESTAMP:
		status = take_timestamp(m, argument, err);
		break;
	case OPTION_EVENT:
	case OPTION_PAYLOAD:
		status = take_payload(m, option, argument, err);
		break;
	default:
		return 0;
	}
	return status == OUTFLOW_OK ? 1 : -1;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/api/server_sent.h"

#include "host/config/json_value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *server_sent_text(uint64_t id, const char *event, json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT) : NULL, *whole = NULL;

	json_decref(data);
	if (text != NULL &&
	    asprintf(&whole, "id: %llu\nevent: %s\ndata: %s\n\n", (unsigned long long)id, event, text) < 0)
		whole = NULL;
	free(text);
	return whole;
}

int server_sent(struct stream *s, uint64_t id, const char *event, json_t *data)
{
	char *text = server_sent_text(id, event, data);
	int result = text ? stream_send(s, text, strlen(text)) : 0;

	free(text);
	return result;
}

void server_sent_end(struct stream *s, uint64_t id, const char *reason)
{
	(void)server_sent(s, id, "end", json_pack("{s:o}", "reason", json_value_sentence(reason)));
	stream_end(s);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h: what a function answered, and the records that come of it. */
#ifndef FUNCTION_ANSWER_H
#define FUNCTION_ANSWER_H
#include "transforms/language/envelope.h"

/* A record on its way to the function. */
struct item {
	const outflow_record *in;
	outflow_str event;        /* as JSON */
	enum event_format format; /* of its payload */
	bool whole;               /* the payload is an event itself */
	bool made;                /* the event could be made */
};

/* A list of values, on a tape of its own. */
struct answer {
	outflow_json *json;
	char *inner; /* the list that a JSON string held */
	bool is_list;
	size_t n; /* its length */
};

/* Reads text, which must live as long as a. A JSON string that holds a list is that list. OUTFLOW_E_RECORD: not JSON, the
 * error says where and why; OUTFLOW_E_NOMEM. The caller calls answer_clear also after an error. [any] */
outflow_status answer_read(struct answer *a, outflow_str text, outflow_error *err);

/* Frees what a holds. [any] */
void answer_clear(struct answer *a);

/* Does a have an answer for each of n events, so that element i is the one for event i? [any] */
bool answer_fits(const struct answer *a, size_t n);

/* How elements become records. */
struct answer_rules {
	const outflow_host *host;
	bool events; /* an element is an event, else a payload */
	bool nested; /* an element that is a list stands for its elements */
};

/* Emits what a says about event number i of n, to out; several records, one, or none. OUTFLOW_E_RECORD: an element is not
 * what it should be, nothing was emitted; OUTFLOW_E_NOMEM. answer_fits(a, n) must hold. [task] */
outflow_status answer_emit(const struct answer *a, size_t i, size_t n, const struct answer_rules *rules,
                           const struct item *item, outflow_batch *out, outflow_error *err);

#endif

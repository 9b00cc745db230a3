/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query.h: RFC 9535 JSONPath into an event: the envelope and the payload's tape.
 *
 * Queries of all kinds find their nodes in the order of the RFC, without memory but some of the arena's. Of equal
 * names in one object only the last is there. In the envelope, data.value is reached by its name alone: wildcards,
 * descendants and filters meet the payload once, as data.body. Work is bounded: what would take too many steps for a
 * record fails the record.
 */
#ifndef LANGUAGE_QUERY_H
#define LANGUAGE_QUERY_H
#include "envelope.h"

#define QUERY_MAX 10240u /* bytes of one query */

struct query;

/* Compiles text, which need not live on. OUTFLOW_E_CONFIG: the error says at which column and why;
 * OUTFLOW_E_NOMEM. The caller frees *q with query_free; a query serves one task at a time. [any] */
outflow_status query_compile(outflow_str text, struct query **q, outflow_error *err);

/* Frees *q and clears it; NULL inside is fine. [any] */
void query_free(struct query **q);

/* Does q find one value at most, whatever the event is? [any] */
bool query_is_singular(const struct query *q);

/* Where q begins to look inside the event: the field of the envelope that its first names lead to (ENVELOPE_NONE: to
 * none). With ENVELOPE_BODY all that it finds is on the payload's tape, unless the payload is no JSON. It says nothing
 * about records that are whole events. [any] */
enum envelope_field query_field(const struct query *q);

/* A node that was found; v lives until the callback returns, what it points to as long as the event. A value with
 * v->json != NULL is on that tape at token v->token. false: stop. */
typedef bool query_found(void *arg, const struct value *v);

/* Every node that q finds in e, in the order of RFC 9535. A failure goes into e->status: OUTFLOW_E_RECORD (the payload
 * is not valid, the query would take too long), OUTFLOW_E_NOMEM; some nodes may have been found before it. [task] */
void query_find(const struct query *q, struct event *e, query_found *found, void *arg);

/* The normalized path (RFC 9535, 2.7) of a value that query_find or path_find found in e, in the arena, such as
 * $['data']['body']['list'][0]; ptr NULL: no memory, told in e->status. [task] */
outflow_str query_path(struct event *e, const struct value *v);

#endif

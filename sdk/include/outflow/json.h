/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outflow/json.h: JSON as a tape of tokens over the payload's own bytes (view type "outflow.json/1"), and a
 * small writer.
 *
 * One pass checks a text strictly (RFC 8259, UTF-8 without overlong forms and surrogates, bounded depth) and
 * writes one token of eight bytes for each key and scalar, two for each object and array. Nothing is decoded
 * and no number is converted: a token says where its bytes are. The tape lies in the batch's arena, so every
 * stage that finds it in outflow_record.view shares the one parse.
 *
 *   {"dev":"p1","t":[21,22.5]}
 *    0 OBJECT next 9   1 STRING dev   2 STRING p1   3 STRING t   4 ARRAY next 8
 *    5 NUMBER 21       6 NUMBER 22.5  7 END of 4    8 END of 0
 *
 * In an object keys and values alternate. All functions here are [any]; a tape is constant once it is made.
 */
#ifndef OUTFLOW_JSON_H
#define OUTFLOW_JSON_H
#include <outflow/abi.h>
#ifdef __cplusplus
extern "C" {
#endif

#define OUTFLOW_VIEW_JSON "outflow.json/1"
#define OUTFLOW_JSON_DEPTH 128u         /* the usual bound: containers inside each other */
#define OUTFLOW_JSON_MAX_LENGTH 0xfffffffu /* bytes of one text */

enum { OUTFLOW_JSON_NULL, OUTFLOW_JSON_FALSE, OUTFLOW_JSON_TRUE, OUTFLOW_JSON_NUMBER, OUTFLOW_JSON_STRING,
       OUTFLOW_JSON_OBJECT, OUTFLOW_JSON_ARRAY, OUTFLOW_JSON_END };

typedef struct outflow_json_token {
	uint32_t start;   /* offset of the first byte: the quote of a string, the bracket of a container */
	uint32_t info;    /* bits 0-2 type; bit 3 see below; bits 4-31: scalars: length (of a string without its
	                   * quotes), containers: index of the token after their END, END: index of the container */
} outflow_json_token;
#define OUTFLOW_JSON_SPECIAL 8u /* of a string: it holds escapes; of a number: it has a fraction or an exponent */

typedef struct outflow_json {
	outflow_str text;
	const outflow_json_token *tokens;   /* the root value is token 0 */
	uint32_t n_tokens, spare;
} outflow_json;

/* Scans text, which must live as long as the batch, into the batch's arena. OUTFLOW_E_RECORD: not JSON; the
 * error says at which byte and why (domain "json", native: the offset). OUTFLOW_E_NOMEM. Nothing is left behind
 * but arena bytes. */
outflow_status outflow_json_scan(const outflow_host *h, outflow_batch *b, outflow_bytes text, uint32_t max_depth,
                                 const outflow_json **json, outflow_error *err);

/* The tape of r's value: its view if that is of type json_tag (host->intern(OUTFLOW_VIEW_JSON)) and of this
 * value or newer, else scanned now. It does not become r's view: r may be somebody's input. Errors as for
 * outflow_json_scan; a null value is OUTFLOW_E_RECORD. */
outflow_status outflow_json_of(const outflow_host *h, outflow_batch *b, uint32_t json_tag, const outflow_record *r,
                               const outflow_json **json, outflow_error *err);

/* The same scan for texts outside a batch, such as configuration, with OUTFLOW_JSON_DEPTH. The caller frees
 * *json with outflow_json_free and keeps the text until then. OUTFLOW_E_CONFIG: not JSON; OUTFLOW_E_NOMEM. */
outflow_status outflow_json_parse(outflow_str text, outflow_json **json, outflow_error *err);
void outflow_json_free(outflow_json **json);

/* Where the first byte is that is not strict UTF-8; text.len: everywhere it is. */
size_t outflow_utf8_check(outflow_bytes text);

/* ---- reading a tape; i is the index of a token ---- */

static inline uint32_t outflow_json_type(const outflow_json *j, uint32_t i)
{
	return j->tokens[i].info & 7u;
}

/* The token after value i: its next sibling, or the END of what it is in. */
static inline uint32_t outflow_json_next(const outflow_json *j, uint32_t i)
{
	uint32_t info = j->tokens[i].info;

	return (info & 7u) == OUTFLOW_JSON_OBJECT || (info & 7u) == OUTFLOW_JSON_ARRAY ? info >> 4 : i + 1;
}

/* The text of a scalar as it stands in the payload; of a string without its quotes, escapes not decoded. */
static inline outflow_str outflow_json_text(const outflow_json *j, uint32_t i)
{
	outflow_json_token t = j->tokens[i];
	outflow_str s = { j->text.ptr + t.start + ((t.info & 7u) == OUTFLOW_JSON_STRING), t.info >> 4 };

	return s;
}

/* Is string i free of escapes, so that its text is its value? */
static inline int outflow_json_is_plain(const outflow_json *j, uint32_t i)
{
	return !(j->tokens[i].info & OUTFLOW_JSON_SPECIAL);
}

/* Value i as JSON text: quotes and brackets included, nothing around it. */
outflow_str outflow_json_raw(const outflow_json *j, uint32_t i);

/* The value of that name in object i, the last one when the name is there twice; 0: none, or i is no object. */
uint32_t outflow_json_member(const outflow_json *j, uint32_t i, outflow_str name);

/* Element number `at` of array i, from the end when negative (-1 is the last); 0: none, or i is no array. */
uint32_t outflow_json_element(const outflow_json *j, uint32_t i, int64_t at);

/* Is the value of string i equal to s, escapes decoded? */
int outflow_json_equal(const outflow_json *j, uint32_t i, outflow_str s);

/* Decodes the escapes of text (a string's inside, already scanned) into out, which has room for text.len bytes,
 * and returns the length. Half of a surrogate pair becomes U+FFFD. */
size_t outflow_json_decode(outflow_str text, char *out);

/* The value of string i: its own bytes when it has no escapes, else decoded into the arena. ptr NULL: no memory. */
outflow_str outflow_json_string(const outflow_host *h, outflow_batch *b, const outflow_json *j, uint32_t i);

/* ---- writing ---- */

/* Writes one JSON text into the batch's arena; commas come by themselves. Memory is checked once, at the end. */
typedef struct outflow_json_writer {
	const outflow_host *host;
	outflow_batch *batch;
	char *out;
	size_t n, cap;
	int failed;
} outflow_json_writer;

/* Prepares w for a text of about n bytes; it grows when it must. */
void outflow_json_begin(outflow_json_writer *w, const outflow_host *h, outflow_batch *b, size_t n);
/* '{', '}', '[' or ']' */
void outflow_json_bracket(outflow_json_writer *w, char bracket);
/* A key, or a string value: quoted and escaped. name must be UTF-8. */
void outflow_json_put_key(outflow_json_writer *w, outflow_str name);
void outflow_json_put_string(outflow_json_writer *w, outflow_str s);
/* A value that is JSON text already. */
void outflow_json_put_raw(outflow_json_writer *w, outflow_str json);
/* A key that is JSON text already, quotes included. */
void outflow_json_put_raw_key(outflow_json_writer *w, outflow_str key);
/* A whole number. */
void outflow_json_put_number(outflow_json_writer *w, int64_t n);
/* What was written; ptr NULL: there was no memory for it. */
outflow_bytes outflow_json_finish(outflow_json_writer *w);

#ifdef __cplusplus
}
#endif
#endif

/* SPDX-License-Identifier: Apache-2.0 */
#include "regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <outflow/util.h>

#include <pcre2.h>
#include <stdlib.h>
#include <time.h>

/* What one search may use: some milliseconds, and a stack and a heap that no other task misses. */
#define STEPS_MAX 1000000u
#define DEPTH_MAX 10000u
#define HEAP_KIB_MAX 4096u

/* What all searches in one record may use, looked at now and then: the clock costs more than a search. */
#define BUDGET_NS INT64_C(2000000000)
#define SEARCHES_BETWEEN_LOOKS 64u

#define NAME_MAX_LENGTH 128u /* PCRE2 has 32, later 128 */

struct regex {
	pcre2_code *code;
	pcre2_match_context *bounds;
	pcre2_match_data *found;
	uint32_t shortest; /* characters that it fits at least */
	bool has_machine_code;
	bool anchored; /* it fits at the beginning or not at all */
};

void regex_free(struct regex **rp)
{
	struct regex *r = *rp;

	*rp = NULL;
	if (r == NULL)
		return;
	pcre2_match_data_free(r->found);
	pcre2_match_context_free(r->bounds);
	pcre2_code_free(r->code);
	free(r);
}

static outflow_status no_memory(outflow_error *err)
{
	return outflow_fail(err, OUTFLOW_E_NOMEM, "no memory for a regular expression");
}

static outflow_status compile(struct regex *r, outflow_str text, outflow_error *err)
{
	PCRE2_UCHAR message[160];
	PCRE2_SIZE offset = 0;
	int code = 0;

	r->code = pcre2_compile((PCRE2_SPTR)text.ptr, text.len, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &offset,
	                        NULL);
	if (r->code == NULL) {
		(void)pcre2_get_error_message(code, message, sizeof message);
		return outflow_fail_native(err, code == PCRE2_ERROR_HEAP_FAILED ? OUTFLOW_E_NOMEM : OUTFLOW_E_CONFIG,
		                           "pcre2", code, "byte %zu of the regular expression '%.*s': %s", offset,
		                           (int)(text.len > 200 ? 200 : text.len), text.ptr, (const char *)message);
	}
	/* Where memory cannot be made executable, matching is slower and nothing else. */
	r->has_machine_code = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
	return OUTFLOW_OK;
}

outflow_status regex_compile(outflow_str text, struct regex **result, outflow_error *err)
{
	struct regex *r;
	uint32_t all_options = 0;
	outflow_status status;

	if (text.len > REGEX_MAX)
		return outflow_fail(err, OUTFLOW_E_CONFIG, "a regular expression of %zu bytes, more than %u", text.len,
		                    REGEX_MAX);
	r = calloc(1, sizeof *r);
	if (r == NULL)
		return no_memory(err);
	status = compile(r, text, err);
	if (status == OUTFLOW_OK) {
		r->bounds = pcre2_match_context_create(NULL);
		r->found = pcre2_match_data_create_from_pattern(r->code, NULL);
		if (r->bounds == NULL || r->found == NULL)
			status = no_memory(err);
	}
	if (status != OUTFLOW_OK) {
		regex_free(&r);
		return status;
	}
	(void)pcre2_set_match_limit(r->bounds, STEPS_MAX);
	(void)pcre2_set_depth_limit(r->bounds, DEPTH_MAX);
	(void)pcre2_set_heap_limit(r->bounds, HEAP_KIB_MAX);
	(void)pcre2_pattern_info(r->code, PCRE2_INFO_MINLENGTH, &r->shortest);
	(void)pcre2_pattern_info(r->code, PCRE2_INFO_ALLOPTIONS, &all_options);
	r->anchored = all_options & PCRE2_ANCHORED;
	*result = r;
	return OUTFLOW_OK;
}

/* A text that has been checked goes to the machine code at once: for short texts the way there is most of the search. */
static int match(const struct regex *r, PCRE2_SPTR text, size_t n, size_t start, uint32_t options)
{
	if (r->has_machine_code && (options & PCRE2_NO_UTF_CHECK))
		return pcre2_jit_match(r->code, text, n, start, options & ~PCRE2_NO_UTF_CHECK, r->found, r->bounds);
	return pcre2_match(r->code, text, n, start, options, r->found, r->bounds);
}

static outflow_status run(struct regex *r, outflow_str subject, size_t start, uint32_t options, outflow_error *err)
{
	const char *text = subject.ptr ? subject.ptr : "";
	int code = match(r, (PCRE2_SPTR)text, subject.len, start, options);
	PCRE2_UCHAR message[160];

	if (code == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its stack on a heap that is larger */
		code = pcre2_match(r->code, (PCRE2_SPTR)text, subject.len, start, options | PCRE2_NO_JIT, r->found,
		                   r->bounds);
	if (code >= 0)
		return OUTFLOW_OK;
	if (code == PCRE2_ERROR_NOMATCH)
		return OUTFLOW_AGAIN;
	if (code == PCRE2_ERROR_NOMEMORY)
		return no_memory(err);
	(void)pcre2_get_error_message(code, message, sizeof message);
	return outflow_fail_native(err, OUTFLOW_E_RECORD, "pcre2", code,
	                           "a regular expression gave up on a text of %zu bytes: %s", subject.len,
	                           (const char *)message);
}

outflow_status regex_search(struct regex *r, outflow_str subject, size_t start, outflow_error *err)
{
	return run(r, subject, start, 0, err);
}

outflow_status regex_match_whole(struct regex *r, outflow_str subject, outflow_error *err)
{
	return run(r, subject, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED, err);
}

/* Processor time: a machine that is busy with something else is not the record's fault. */
static int64_t used_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static outflow_status spend(struct regex_budget *b, outflow_str subject, outflow_error *err)
{
	int64_t now;

	if (++b->searches % SEARCHES_BETWEEN_LOOKS != 0)
		return OUTFLOW_OK;
	now = used_ns();
	if (b->started_ns == 0)
		b->started_ns = now;
	if (now - b->started_ns <= BUDGET_NS)
		return OUTFLOW_OK;
	return outflow_fail(
		err, OUTFLOW_E_RECORD,
		"regular expressions need more than two seconds for this record: %u searches, the last one in "
		"a text of %zu bytes",
		b->searches, subject.len);
}

outflow_status regex_next(struct regex *r, outflow_str subject, struct regex_walk *w, outflow_error *err)
{
	/* Behind an empty place only another one that is longer, or that begins later. The text is checked once: to do it
	 * each time would make long texts with many places quadratic. */
	bool checked = w->checked || w->budget->checked;
	uint32_t options = (w->after_empty ? PCRE2_NOTEMPTY_ATSTART : 0) | (checked ? PCRE2_NO_UTF_CHECK : 0);
	size_t from = 0, to = 0;
	outflow_status status;

	if (checked && (subject.len - w->at < r->shortest || (r->anchored && w->at > 0)))
		return OUTFLOW_AGAIN;
	status = spend(w->budget, subject, err);

	if (status == OUTFLOW_OK)
		status = run(r, subject, w->at, options, err);
	if (status != OUTFLOW_OK)
		return status;
	w->checked = true;
	(void)regex_group(r, 0, &from, &to);
	if (from < w->at || to < from) /* \K in a look-around */
		return outflow_fail(err, OUTFLOW_E_RECORD,
		                    "a regular expression fits backwards: \\K is in a look-around");
	w->after_empty = from == to;
	w->at = to;
	return OUTFLOW_OK;
}

bool regex_group_number(const struct regex *r, outflow_str name, size_t *number)
{
	char text[NAME_MAX_LENGTH + 1];
	int found;

	if (name.len > NAME_MAX_LENGTH || memchr(name.ptr, '\0', name.len) != NULL)
		return false;
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	found = pcre2_substring_number_from_name(r->code, (PCRE2_SPTR)text);
	if (found <= 0)
		return false;
	*number = (size_t)found;
	return true;
}

size_t regex_n_groups(const struct regex *r)
{
	return pcre2_get_ovector_count(r->found);
}

bool regex_group(const struct regex *r, size_t i, size_t *from, size_t *to)
{
	const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(r->found);

	if (i >= regex_n_groups(r) || ends[2 * i] == PCRE2_UNSET)
		return false;
	*from = ends[2 * i];
	*to = ends[2 * i + 1];
	return true;
}

/* SPDX-License-Identifier: Apache-2.0 */
#include "host/pipeline/taps.h"

#include "host/base/check.h"
#include "host/base/clock.h"
#include "host/pipeline/faults.h"
#include "host/pipeline/tap_ring.h"

#include <outflow/util.h>

#include <pthread.h>
#include <stdlib.h>

#define TAPS_MAGIC 0x74617073u
#define RING_SIZE ((size_t)1 << 20)
/* With room for sixteen records whatever is copied of them. */
#define LARGE_RING_SIZE ((size_t)8 << 20)
#define LARGE_PREVIEW ((size_t)16 << 10)
#define NAME_BYTES 256u

struct taps {
	unsigned magic;
	int references; /* atomic */
	int n;          /* atomic: of list; also what a watch looks at */
	uint64_t numbers;
	pthread_rwlock_t lock; /* of list */
	struct tap *list[TAPS_MAX];
};

struct tap {
	struct taps *taps;
	struct tap_options options;
	uint64_t number;
	struct tap_ring *ring;
	struct wakeup wakeup;
	int64_t budget;  /* atomic: how many may be copied now */
	uint64_t missed; /* atomic */
	int64_t filled_ns;
	int end; /* atomic: enum tap_end; written after reason */
	char *reason;
};

/* ---- copying ---- */

static int is_named(const char *wanted, const char *stage)
{
	static const char prefix[] = "transforms.";

	return strcmp(wanted, stage) == 0 ||
	       (strncmp(stage, prefix, sizeof prefix - 1) == 0 && strcmp(wanted, stage + sizeof prefix - 1) == 0);
}

static int wants(const struct tap *t, const char *stage)
{
	for (size_t i = 0; i < t->options.n_stages; i++)
		if (is_named(t->options.stages[i], stage))
			return 1;
	return t->options.n_stages == 0;
}

static void miss(struct tap *t, uint64_t n)
{
	__atomic_add_fetch(&t->missed, n, __ATOMIC_RELAXED);
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* How many bytes of it are copied. */
static size_t room_for(const outflow_record *r, size_t preview)
{
	size_t n = smaller(r->key.len, preview) + smaller(r->value.len, preview) + smaller(r->topic.len, NAME_BYTES);

	for (uint32_t i = 0; i < r->n_headers && i < TAP_HEADERS_MAX; i++)
		n += smaller(r->headers[i].name.len, NAME_BYTES) + smaller(r->headers[i].value.len, preview);
	return n;
}

static outflow_bytes copy(char **to, outflow_bytes from, size_t most)
{
	outflow_bytes result = { from.ptr ? *to : NULL, smaller(from.len, most) };

	if (result.len > 0)
		memcpy(*to, from.ptr, result.len);
	*to += result.len;
	return result;
}

static outflow_str copy_text(char **to, outflow_str from)
{
	outflow_bytes text = copy(to, outflow_text_bytes(from), NAME_BYTES);

	return (outflow_str){ text.ptr, text.len };
}

static void fill(struct tap_record *to, const outflow_record *r, size_t preview, char *bytes)
{
	outflow_header *headers = (outflow_header *)(void *)(to + 1);

	to->topic = copy_text(&bytes, r->topic);
	to->key = copy(&bytes, r->key, preview);
	to->value = copy(&bytes, r->value, preview);
	to->key_length = r->key.len;
	to->value_length = r->value.len;
	to->headers = headers;
	to->headers_length = r->n_headers;
	to->n_headers = r->n_headers < TAP_HEADERS_MAX ? r->n_headers : TAP_HEADERS_MAX;
	for (uint32_t i = 0; i < to->n_headers; i++) {
		headers[i].name = copy_text(&bytes, r->headers[i].name);
		headers[i].value = copy(&bytes, r->headers[i].value, preview);
	}
	to->partition = r->partition;
	to->timestamp_ms = r->timestamp_ms;
	to->pos = r->pos;
	to->stream = r->stream;
}

/* what: what is known beside the record itself; its texts are copied, too. 0: there was no room, or no more may be shown now. */
static int show(struct tap *t, const outflow_record *r, const struct tap_record *what)
{
	uint32_t n_headers = r->n_headers < TAP_HEADERS_MAX ? r->n_headers : TAP_HEADERS_MAX;
	size_t fixed = sizeof(struct tap_record) + n_headers * sizeof(outflow_header);
	size_t texts = smaller(what->stage.len, NAME_BYTES) + smaller(what->reason.len, NAME_BYTES * 4);
	struct tap_record *to = NULL;
	char *bytes;

	if (__atomic_load_n(&t->budget, __ATOMIC_RELAXED) > 0)
		to = tap_ring_reserve(t->ring, fixed + texts + room_for(r, t->options.preview));
	if (to == NULL)
		return 0;
	__atomic_sub_fetch(&t->budget, 1, __ATOMIC_RELAXED);
	*to = *what;
	bytes = (char *)to + fixed;
	to->stage = copy_text(&bytes, what->stage);
	to->reason.ptr = bytes;
	to->reason.len = copy(&bytes, outflow_text_bytes(what->reason), NAME_BYTES * 4).len;
	fill(to, r, t->options.preview, bytes);
	tap_ring_publish(t->ring, to);
	return 1;
}

/* ---- what a task tells ---- */

/* Takes the list as it is; 0: it is being changed just now, which nobody waits for. */
static int hold(struct taps *t)
{
	return pthread_rwlock_tryrdlock(&t->lock) == 0;
}

/* All of a record's way is shown or nothing: for how many of a batch there is room in the budget. */
static uint32_t choose(struct tap *t, const outflow_record *in, uint32_t n)
{
	int64_t budget = __atomic_load_n(&t->budget, __ATOMIC_RELAXED), shown;

	if (t->options.n_stages == 1)
		return UINT32_MAX;
	shown = budget / (int64_t)(t->options.n_shown > 0 ? t->options.n_shown : 1);
	if (shown <= 0)
		shown = budget > 0;
	if (shown >= (int64_t)n)
		return in[n - 1].slot->origin->index + 1;
	miss(t, n - (uint64_t)shown);
	return in[shown].slot->origin->index;
}

/* What is not copied here is not copied further on, either. */
static void show_to(struct taps_view *v, size_t i, const struct tap_record *what, const outflow_record *out, uint32_t n)
{
	struct tap *t = v->taps->list[i];
	int all_here = t->options.n_stages == 1;
	uint32_t below = v->chosen[i].number == t->number ? v->chosen[i].below : 0;

	for (uint32_t k = 0; k < n; k++) {
		uint32_t index = out[k].slot->origin->index;

		if (!all_here && index >= below)
			return;
		if (show(t, &out[k], what))
			continue;
		miss(t, all_here ? n - k : below - index);
		v->chosen[i].below = index;
		return;
	}
}

static void show_all(struct taps_view *v, const char *stage, const outflow_record *out, uint32_t n)
{
	struct tap_record what = { .stage = outflow_text(stage), .task = v->task, .at_ms = clock_wall_ms() };
	struct taps *taps = v->taps;

	for (size_t i = 0; i < TAPS_MAX; i++)
		if (taps->list[i] != NULL && wants(taps->list[i], stage))
			show_to(v, i, &what, out, n);
}

static void on_polled(void *ctx, const struct instance *source, const outflow_record *in, uint32_t n)
{
	struct taps_view *v = ctx;

	if (n == 0 || !hold(v->taps))
		return;
	for (size_t i = 0; i < TAPS_MAX; i++) {
		struct tap *t = v->taps->list[i];

		if (t == NULL)
			continue;
		v->chosen[i].number = t->number;
		v->chosen[i].below = choose(t, in, n);
	}
	show_all(v, source->model->name, in, n);
	pthread_rwlock_unlock(&v->taps->lock);
}

/* A converter changes nothing that is shown, and what deliver makes is shown as the sink's. */
static void on_stage(void *ctx, struct instance *stage, const outflow_record *in, uint32_t n, const outflow_record *out,
                     uint32_t n_out)
{
	struct taps_view *v = ctx;

	(void)in;
	(void)n;
	if (stage->component.what->kind == OUTFLOW_CONVERTER || strcmp(stage->model->name, "deliver") == 0 ||
	    !hold(v->taps))
		return;
	show_all(v, stage->model->name, out, n_out);
	pthread_rwlock_unlock(&v->taps->lock);
}

static void on_handed_over(void *ctx, const outflow_record *out, uint32_t n)
{
	struct taps_view *v = ctx;

	if (!hold(v->taps))
		return;
	show_all(v, "sink", out, n);
	pthread_rwlock_unlock(&v->taps->lock);
}

static void on_failure(void *ctx, const struct slot *slot, const struct failure *failure, enum outcome outcome)
{
	struct taps_view *v = ctx;
	const char *stage = failure->where->model->name;
	struct tap_record what = { .stage = outflow_text(stage),
		                   .task = v->task,
		                   .at_ms = clock_wall_ms(),
		                   .failed = 1,
		                   .outcome = outcome,
		                   .attempts = failure->attempts,
		                   .reason = outflow_text(failure->reason->msg) };

	if (!hold(v->taps))
		return;
	for (size_t i = 0; i < TAPS_MAX; i++) {
		struct tap *t = v->taps->list[i];

		if (t != NULL && (wants(t, stage) || wants(t, "deadletter")) &&
		    !show(t, &slot->family->records[slot->index], &what))
			miss(t, 1);
	}
	pthread_rwlock_unlock(&v->taps->lock);
}

void taps_look(struct taps *t, uint32_t task, struct taps_view *view)
{
	*view = (struct taps_view){ .watch = { &t->n, on_polled, on_stage, on_handed_over, on_failure, view },
		                    .taps = t,
		                    .task = task };
}

/* ---- the list ---- */

struct taps *taps_new(void)
{
	struct taps *t = calloc(1, sizeof *t);
	pthread_rwlockattr_t attributes;

	if (t == NULL)
		return NULL;
	t->magic = TAPS_MAGIC;
	t->references = 1;
	/* Tasks that come one after the other must not keep a tap from going. */
	if (pthread_rwlockattr_init(&attributes) != 0) {
		free(t);
		return NULL;
	}
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->lock, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	return t;
}

void taps_release(struct taps **pt)
{
	struct taps *t = *pt;

	*pt = NULL;
	if (t == NULL)
		return;
	CHECK_OBJ(t, TAPS_MAGIC);
	if (__atomic_sub_fetch(&t->references, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	t->magic = 0;
	pthread_rwlock_destroy(&t->lock);
	free(t);
}

void taps_end(struct taps *t, enum tap_end how, const char *reason)
{
	CHECK_OBJ(t, TAPS_MAGIC);
	pthread_rwlock_wrlock(&t->lock);
	for (size_t i = 0; i < TAPS_MAX; i++) {
		struct tap *tap = t->list[i];

		if (tap == NULL)
			continue;
		tap->reason = strdup(reason);
		__atomic_store_n(&tap->end, (int)how, __ATOMIC_RELEASE);
		wakeup_signal(&tap->wakeup);
		t->list[i] = NULL;
	}
	__atomic_store_n(&t->n, 0, __ATOMIC_RELAXED);
	pthread_rwlock_unlock(&t->lock);
}

static outflow_status enter(struct taps *t, struct tap *tap)
{
	outflow_status status = OUTFLOW_E_RETRY;

	pthread_rwlock_wrlock(&t->lock);
	for (size_t i = 0; i < TAPS_MAX && status != OUTFLOW_OK; i++) {
		if (t->list[i] != NULL)
			continue;
		tap->number = ++t->numbers;
		t->list[i] = tap;
		__atomic_add_fetch(&t->n, 1, __ATOMIC_RELAXED);
		status = OUTFLOW_OK;
	}
	pthread_rwlock_unlock(&t->lock);
	return status;
}

static void leave(struct taps *t, const struct tap *tap)
{
	pthread_rwlock_wrlock(&t->lock);
	for (size_t i = 0; i < TAPS_MAX; i++) {
		if (t->list[i] != tap)
			continue;
		t->list[i] = NULL;
		__atomic_sub_fetch(&t->n, 1, __ATOMIC_RELAXED);
	}
	pthread_rwlock_unlock(&t->lock);
}

/* ---- a reader's ---- */

static outflow_status copy_stages(struct tap *t)
{
	for (size_t i = 0; i < t->options.n_stages; i++)
		if ((t->options.stages[i] = strdup(t->options.stages[i])) == NULL) {
			t->options.n_stages = i;
			return OUTFLOW_E_NOMEM;
		}
	return OUTFLOW_OK;
}

static void destroy(struct tap *t)
{
	for (size_t i = 0; i < t->options.n_stages; i++)
		free((char *)(uintptr_t)t->options.stages[i]);
	tap_ring_free(&t->ring);
	wakeup_destroy(&t->wakeup);
	taps_release(&t->taps);
	free(t->reason);
	free(t);
}

outflow_status tap_new(struct taps *taps, const struct tap_options *o, struct tap **result)
{
	struct tap *t = calloc(1, sizeof *t);
	outflow_status status;

	CHECK_OBJ(taps, TAPS_MAGIC);
	if (t == NULL || wakeup_init(&t->wakeup) != 0) {
		free(t);
		return OUTFLOW_E_NOMEM;
	}
	t->options = *o;
	t->budget = o->per_second;
	t->filled_ns = clock_mono_ns();
	t->taps = taps;
	__atomic_add_fetch(&taps->references, 1, __ATOMIC_RELAXED);
	t->ring = tap_ring_new(o->preview > LARGE_PREVIEW ? LARGE_RING_SIZE : RING_SIZE);
	status = copy_stages(t);
	if (t->ring == NULL)
		status = OUTFLOW_E_NOMEM;
	if (status == OUTFLOW_OK)
		status = enter(taps, t);
	if (status == OUTFLOW_OK)
		*result = t;
	else
		destroy(t);
	return status;
}

void tap_free(struct tap **pt)
{
	struct tap *t = *pt;

	*pt = NULL;
	if (t == NULL)
		return;
	leave(t->taps, t);
	destroy(t);
}

const struct tap_record *tap_peek(struct tap *t)
{
	return tap_ring_peek(t->ring);
}

void tap_drop(struct tap *t)
{
	tap_ring_drop(t->ring);
}

uint64_t tap_take_missed(struct tap *t)
{
	return __atomic_exchange_n(&t->missed, 0, __ATOMIC_RELAXED);
}

void tap_wait(struct tap *t, int64_t deadline_ns)
{
	int64_t most = t->options.per_second, now = clock_mono_ns();
	int64_t more = (now - t->filled_ns) * most / CLOCK_S;

	if (more > 0) {
		/* A tap that was not read for a while gets no more than a second's. */
		t->filled_ns = now;
		if (__atomic_add_fetch(&t->budget, more, __ATOMIC_RELAXED) > most)
			__atomic_store_n(&t->budget, most, __ATOMIC_RELAXED);
	}
	wakeup_wait(&t->wakeup, deadline_ns);
}

enum tap_end tap_ended(struct tap *t, const char **reason)
{
	enum tap_end end = (enum tap_end)__atomic_load_n(&t->end, __ATOMIC_ACQUIRE);

	*reason = end != TAP_OPEN && t->reason != NULL ? t->reason : "";
	return end;
}

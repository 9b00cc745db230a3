/* SPDX-License-Identifier: Apache-2.0 */
/* That a stream never waits for its client: what waits is bounded, is told, and ends the stream when it is too much. */
#include "host/api/stream.h"
#include "host/base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST (256 << 10)

struct reader {
	int paused, woken;
};

static void pause_reader(void *ctx)
{
	struct reader *r = ctx;

	r->paused++;
}

static void wake_reader(void *ctx)
{
	struct reader *r = ctx;

	r->woken++;
}

static struct stream *make(struct reader *r)
{
	struct stream *s = stream_new(": \n\n");

	assert_non_null(s);
	*r = (struct reader){ 0 };
	stream_attach(s, &(struct stream_reader){ pause_reader, wake_reader, r });
	return s;
}

static void what_is_sent_comes_in_order_and_wakes_once(void **state)
{
	struct reader r;
	struct stream *s = make(&r);
	char got[16] = "";

	(void)state;
	assert_int_equal(stream_take(s, got, 5), 0);
	assert_int_equal(r.paused, 1);
	assert_int_equal(stream_send(s, "one", 3), 0);
	assert_int_equal(stream_send(s, "two", 3), 0);
	assert_int_equal(r.woken, 1);
	assert_int_equal(stream_waiting(s), 6);
	assert_int_equal(stream_take(s, got, 5), 5);
	assert_int_equal(stream_take(s, got + 5, 5), 1);
	assert_string_equal(got, "onetwo");
	stream_end(s);
	assert_int_equal(stream_send(s, "x", 1), -1);
	assert_int_equal(stream_take(s, got, 5), -1);
	stream_release(&s);
}

static void too_much_ends_it_and_what_waits_still_goes(void **state)
{
	struct reader r;
	struct stream *s = make(&r);
	char *block = calloc(1, MOST);

	(void)state;
	assert_non_null(block);
	assert_int_equal(stream_send(s, block, MOST), 0);
	assert_int_equal(stream_send(s, "x", 1), -1);
	assert_true(stream_ended(s));
	assert_int_equal(stream_take(s, block, MOST), MOST);
	assert_int_equal(stream_take(s, block, MOST), -1);
	stream_release(&s);
	free(block);
}

static void who_waits_for_the_client_is_told_when_all_is_taken(void **state)
{
	struct wakeup drained;
	struct reader r;
	struct stream *s = make(&r);
	char got[8];

	(void)state;
	assert_int_equal(wakeup_init(&drained), 0);
	stream_tell(s, &drained);
	assert_int_equal(stream_idle_since(s), 0);
	assert_int_equal(stream_send(s, "abcd", 4), 0);
	assert_true(stream_idle_since(s) > 0);
	assert_int_equal(stream_take(s, got, 3), 3);
	assert_false(drained.set);
	assert_int_equal(stream_take(s, got, 3), 1);
	assert_true(drained.set);
	assert_int_equal(stream_idle_since(s), 0);
	wakeup_wait(&drained, CLOCK_NEVER);
	stream_detach(s);
	assert_true(drained.set);
	stream_release(&s);
	wakeup_destroy(&drained);
}

static void a_heartbeat_goes_when_nothing_else_did(void **state)
{
	struct reader r;
	struct stream *s = make(&r);
	char got[8] = "";
	int64_t now = clock_mono_ns();

	(void)state;
	stream_tick(s, now + 10 * CLOCK_S);
	assert_int_equal(stream_waiting(s), 0);
	stream_tick(s, now + 16 * CLOCK_S);
	assert_int_equal(stream_take(s, got, sizeof got), 4);
	assert_string_equal(got, ": \n\n");
	stream_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_comes_in_order_and_wakes_once),
		cmocka_unit_test(too_much_ends_it_and_what_waits_still_goes),
		cmocka_unit_test(who_waits_for_the_client_is_told_when_all_is_taken),
		cmocka_unit_test(a_heartbeat_goes_when_nothing_else_did),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

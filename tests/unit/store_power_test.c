/* SPDX-License-Identifier: Apache-2.0 */
/* A power cut at any moment, copies of the file in the making included, loses no checkpoint that counted as durable: each key
 * has that value or one that was put later, never anything else. OUTFLOW_TORTURE=N tries N cuts. */
#include "tests/unit/power.h"

#include "host/base/log.h"
#include "host/store/log_file.h"

#include <outflow/util.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define KEYS 5u
#define PUTS 200u

static char dir[64], path[100];
static outflow_error err = { .size = sizeof err };
/* Put number i: for key i % KEYS the value i; i % 11 == 10 removes it. */
static unsigned put_at[PUTS], durable_at[PUTS];

static void no_log(int level, const char *line)
{
	(void)level;
	(void)line;
}

static outflow_bytes key_of(unsigned i)
{
	static const char names[KEYS][4] = { "a", "bb", "ccc", "d", "e" };

	return outflow_text_bytes(outflow_text(names[i % KEYS]));
}

static int is_removal(unsigned i)
{
	return i % 11 == 10;
}

/* A value as long as its number says, so that entries are torn at all places. */
static outflow_bytes value_of(unsigned i)
{
	static char bytes[200];

	if (is_removal(i))
		return (outflow_bytes){ NULL, 0 };
	memset(bytes, 'v', sizeof bytes);
	memcpy(bytes, &i, sizeof i);
	return (outflow_bytes){ bytes, sizeof i + i * 7 % 150 };
}

/* Syncs what has been put, with a copy of the file meanwhile now and then, as the checkpoint store does it. */
static void sync_and_put(struct log_file *f, unsigned *i)
{
	struct log_copy *copy = log_copy_begin(f);
	int written;

	if (copy != NULL) {
		written = log_copy_write(copy);
		for (unsigned k = 0; k < 3 && *i < PUTS; k++, ++*i) {
			put_at[*i] = power_now();
			assert_int_equal(log_file_put(f, key_of(*i), value_of(*i), &err), OUTFLOW_OK);
		}
		log_copy_finish(f, &copy, written);
	}
	if (log_file_sync_duplicate(f, log_file_duplicate(f)) != 0)
		return;
	for (unsigned k = 0; k < *i; k++)
		if (durable_at[k] == UINT32_MAX)
			durable_at[k] = power_now();
}

static void record(void)
{
	struct log_file *f = NULL;

	memset(put_at, 0xff, sizeof put_at);
	memset(durable_at, 0xff, sizeof durable_at);
	for (unsigned i = 0; i < PUTS;) {
		if (f == NULL)
			assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
		put_at[i] = power_now();
		assert_int_equal(log_file_put(f, key_of(i), value_of(i), &err), OUTFLOW_OK);
		i++;
		if (i % 7 == 0)
			sync_and_put(f, &i);
		if (i % 45 == 0)
			log_file_close(&f);
	}
	log_file_close(&f);
}

/* Is this the state after put number i? */
static int shows(outflow_bytes found, unsigned i)
{
	outflow_bytes wanted = value_of(i);

	if (wanted.ptr == NULL || found.ptr == NULL)
		return wanted.ptr == found.ptr;
	return found.len == wanted.len && memcmp(found.ptr, wanted.ptr, wanted.len) == 0;
}

static void check_key(const struct log_file *f, unsigned key, unsigned cut)
{
	outflow_bytes found = log_file_get(f, key_of(key));
	unsigned newest_durable = UINT32_MAX;

	for (unsigned i = key; i < PUTS; i += KEYS)
		if (durable_at[i] <= cut)
			newest_durable = i;
	if (newest_durable == UINT32_MAX && found.ptr == NULL)
		return;
	for (unsigned i = newest_durable == UINT32_MAX ? key : newest_durable; i < PUTS && put_at[i] <= cut; i += KEYS)
		if (shows(found, i))
			return;
	fail_msg("cut at %u: key %u has a value that was never the newest durable one or put later", cut, key);
}

static void test_power_cuts(void **state)
{
	long cuts = power_cuts(2000);
	struct log_file *f;

	(void)state;
	for (unsigned fail_syncs = 0; fail_syncs < 10; fail_syncs += 9) {
		power_begin(dir, fail_syncs);
		record();
		power_end();
		for (long i = 0; i < cuts / 2; i++) {
			unsigned cut = (unsigned)rand() % (power_now() + 1);

			power_cut(cut, i % 2 == 0);
			assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
			for (unsigned key = 0; key < KEYS; key++)
				check_key(f, key, cut);
			/* And it goes on. */
			assert_int_equal(log_file_put(f, key_of(0), value_of(3), &err), OUTFLOW_OK);
			log_file_close(&f);
			assert_int_equal(log_file_open(path, &f, &err), OUTFLOW_OK);
			assert_true(shows(log_file_get(f, key_of(0)), 3));
			log_file_close(&f);
		}
		assert_true(unlink(path) == 0);
		power_forget();
	}
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "%s/outflow-power-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof path, "%s/log", dir);
	log_use(no_log);
	srand(1);
	return 0;
}

static int teardown(void **state)
{
	char command[120];

	(void)state;
	log_use(NULL);
	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_power_cuts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0 */
/* test_clock.h: clocks that stand still until the test moves them; whoever waits moves them to the end of its wait. */
#ifndef TESTS_TEST_CLOCK_H
#define TESTS_TEST_CLOCK_H
#include "host/base/clock.h"

extern int64_t now_ns;
extern const struct clock_source test_clock;

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/* api_credentials_test.c: an Authorization header is the user's whose token, or name and password, it has, and nobody else's. */
#include "host/api/credentials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static char ops[] = "ops", token[] = "t0ken", password[] = "pass:word", eyes[] = "eyes", look[] = "look",
	    none[] = "none", empty[] = "";
static struct api_user users[] = {
	{ .name = ops, .token = token, .password = password },
	{ .name = eyes, .password = look, .read_only = 1 },
	{ .name = none },
	{ .name = empty, .password = empty, .token = empty },
};
static const struct api_model model = { .users = users, .n_users = 4 };

static void is(const char *header, const struct api_user *expected)
{
	if (credentials_find(&model, header) != expected)
		fail_msg("Authorization: %s", header ? header : "none");
}

/* RFC 6750. */
static void tokens(void **state)
{
	(void)state;
	is("Bearer t0ken", &users[0]);
	is("bearer \t t0ken", &users[0]);
	is(" BEARER t0ken more", &users[0]);
	for (const char *const *bad =
	             (const char *const[]){ "Bearer t0ke", "Bearer t0kenn", "Bearer T0ken", "Bearer", "Bearer ",
	                                    "Bearert0ken", "Token t0ken", "t0ken", "", " ", "Bearer t0kent0ken", NULL };
	     *bad != NULL; bad++)
		is(*bad, NULL);
	is(NULL, NULL);
}

/* RFC 7617: base64 of name and password with a colon between. */
static void passwords(void **state)
{
	(void)state;
	is("Basic b3BzOnBhc3M6d29yZA==", &users[0]); /* ops:pass:word */
	is("basic b3BzOnBhc3M6d29yZA", &users[0]);
	is("Basic ZXllczpsb29r", &users[1]); /* eyes:look */
	for (const char *const *bad =
	             (const char *const[]){ "Basic b3BzOnBhc3M=",     /* ops:pass */
	                                    "Basic b3Bz",             /* ops */
	                                    "Basic b3BzOg==",         /* ops: */
	                                    "Basic bm9uZTo=",         /* none: */
	                                    "Basic ZXllczpsb29rAA==", /* eyes:look and a NUL */
	                                    "Basic ZXllczpsb29y", "Basic b3BzOnQwa2Vu", "Basic ZXll*zpsb29r", "Basic",
	                                    "Basic =", "Basic !", "Digest ZXllczpsb29r", NULL };
	     *bad != NULL; bad++)
		is(*bad, NULL);
}

static void nothing_is_no_token(void **state)
{
	const struct api_model nobody = { 0 };

	(void)state;
	is("Bearer  ", NULL);
	assert_null(credentials_find(&nobody, "Bearer t0ken"));
	assert_null(credentials_find(&nobody, "Basic Og=="));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens),
		cmocka_unit_test(passwords),
		cmocka_unit_test(nothing_is_no_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

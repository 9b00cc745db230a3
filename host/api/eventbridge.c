/* SPDX-License-Identifier: Apache-2.0 */
/* POST /: who asks, for which action, with which parameters. */
#include "host/api/eventbridge.h"

#include "host/api/eventbridge_signature.h"
#include "host/api/route.h"
#include "host/base/clock.h"
#include "host/config/json_value.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#define API_VERSION "2020-04-01"

/* ---- answers ---- */

/* As the vendor's: a UUID in upper case, which is in the header x-acs-request-id, too. */
static void make_id(char id[37])
{
	unsigned char b[16] = { 0 };
	size_t n = 0;

	(void)!getrandom(b, sizeof b, GRND_NONBLOCK);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof b; i++)
		n += (size_t)snprintf(id + n, 37 - n, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02X" : "%02X", b[i]);
}

static void answer(struct response *r, int status, const char *code, const char *message, json_t *data)
{
	char id[37];
	json_t *o;

	make_id(id);
	o = json_pack("{s:s, s:s, s:o, s:b}", "RequestId", id, "Code", code, "Message", json_value_sentence(message),
	              "Success", status < 400);
	if (data != NULL)
		json_object_set_new(o, "Data", data);
	response_json(r, status, o);
	response_header(r, "x-acs-request-id", id);
}

void call_succeed(struct call *c, json_t *data)
{
	answer(c->r, 200, "Success", "Success", data);
}

void call_refuse(struct call *c, int status, const char *code, const char *format, ...)
{
	char message[4096];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(message, sizeof message, format, args);
	va_end(args);
	answer(c->r, status, code, message, NULL);
}

/* ---- who asks ---- */

static int admit(struct api *api, struct request *q, struct response *r)
{
	struct denial why = { 0 };
	const struct api_user *user = signature_check(&api->host->api, q, clock_wall_ms(), api->nonces, &why);

	if (user == NULL) {
		answer(r, why.status, why.code, why.message, NULL);
		return 0;
	}
	q->user = user->name;
	q->read_only = user->read_only;
	return 1;
}

/* ---- what for ---- */

const char *call_text(const struct call *c, const char *name)
{
	for (size_t i = 0; i < c->parameters.n; i++)
		if (strcmp(c->parameters.list[i].name, name) == 0 && *c->parameters.list[i].value != '\0')
			return c->parameters.list[i].value;
	return NULL;
}

/* 0, or -1: the request is no form. */
static int read_parameters(struct call *c)
{
	const char *type = request_header(c->q, "Content-Type");
	outflow_error err = { .size = sizeof err };
	outflow_status status = OUTFLOW_OK;

	if (c->q->body_length > 0 && (type == NULL || !media_type_is(type, "application/x-www-form-urlencoded"))) {
		call_refuse(c, 415, "UnsupportedContentType", "The body is to be application/x-www-form-urlencoded.");
		return -1;
	}
	for (size_t i = 0; i < c->q->query.n && status == OUTFLOW_OK; i++)
		status = fields_add(&c->parameters, c->q->query.list[i].name, c->q->query.list[i].value);
	if (status == OUTFLOW_OK)
		status = request_form(c->q, &c->parameters, &err);
	if (status == OUTFLOW_E_CONFIG)
		call_refuse(c, 400, "InvalidParameter", "%s.", err.msg);
	else if (status != OUTFLOW_OK)
		call_refuse(c, 500, "InternalError", "No memory.");
	return status == OUTFLOW_OK ? 0 : -1;
}

static int takes(const struct action *a, const char *name)
{
	for (const char *const *it = a->parameters; *it != NULL; it++) {
		size_t n = strlen(*it);

		if ((*it)[n - 1] == '.' ? strncmp(name, *it, n) == 0 : strcmp(name, *it) == 0)
			return 1;
	}
	return 0;
}

static int check_parameters(struct call *c, const struct action *a)
{
	const struct fields *all = &c->parameters;

	if (all->n > REQUEST_FORM_MAX) {
		call_refuse(c, 400, "InvalidParameter", "There are more than %u parameters.", REQUEST_FORM_MAX);
		return -1;
	}
	for (size_t i = 0; i < all->n; i++) {
		if (!takes(a, all->list[i].name)) {
			call_refuse(c, 400, "InvalidParameter", "%s: unknown field of %s.", all->list[i].name, a->name);
			return -1;
		}
		for (size_t k = 0; k < i; k++)
			if (strcmp(all->list[i].name, all->list[k].name) == 0) {
				call_refuse(c, 400, "InvalidParameter", "%s: is given twice.", all->list[i].name);
				return -1;
			}
	}
	return 0;
}

static const struct action *find(const char *name)
{
	static const struct action *const tables[] = { eventbridge_stream_actions, eventbridge_look_actions,
		                                       eventbridge_pattern_actions };

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		for (const struct action *it = tables[i]; it->name != NULL; it++)
			if (strcmp(it->name, name) == 0)
				return it;
	return NULL;
}

static void run(struct call *c)
{
	const char *name = request_header(c->q, "x-acs-action");
	const struct action *action = find(name);
	enum api_phase phase = api_phase(c->api);

	if (strcmp(request_header(c->q, "x-acs-version"), API_VERSION) != 0)
		call_refuse(c, 400, "InvalidVersion",
		            "Specified parameter Version is not valid: it is to be " API_VERSION ".");
	else if (action == NULL)
		call_refuse(c, 404, "InvalidAction.NotFound", "Specified api is not found: %.100s.", name);
	else if (action->changes && c->q->read_only)
		call_refuse(c, 403, "NoPermission", "%.100s may look, not change (api.users.%.100s.role).", c->q->user,
		            c->q->user);
	else if (phase != API_READY && (phase == API_STARTING || action->changes))
		call_refuse(c, 503, "ServiceUnavailable", "Outflow is %s.",
		            phase == API_STARTING ? "starting" : "stopping");
	else if (read_parameters(c) == 0 && check_parameters(c, action) == 0)
		action->run(c);
}

static void handle(struct api *api, const struct request *q, struct response *r)
{
	struct call c = { .api = api, .q = q, .r = r };

	run(&c);
	fields_clear(&c.parameters);
}

/* Any body: what is wrong with it is said in the vendor's words. */
const struct route eventbridge_routes[] = {
	{ "POST", "/", ACCESS_PUBLIC, handle, .consumes = "*", .early = 1, .header = "x-acs-action", .admit = admit },
	{ 0 },
};

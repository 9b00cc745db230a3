/* SPDX-License-Identifier: Apache-2.0 */
#include "host/cli/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void transfer_clear(struct transfer *t)
{
	free(t->answer);
	t->answer = NULL;
}

#ifndef HAVE_CURL
int transfer_run(struct transfer *t)
{
	snprintf(t->why, sizeof t->why, "this outflow was built without libcurl, which speaks to it");
	return -1;
}

const char *transfer_library(char *why, size_t size)
{
	snprintf(why, size, "this outflow was built without libcurl");
	return NULL;
}
#else

#include <curl/curl.h>
#include <dlfcn.h>
#include <strings.h>

/* Answers to the command line are lists of pipelines, not floods. */
#define ANSWER_MAX (64u << 20)

/* The functions of libcurl that are used. */
static struct {
	CURLcode (*global_init)(long flags);
	CURL *(*easy_init)(void);
	CURLcode (*setopt)(CURL *handle, CURLoption option, ...);
	CURLcode (*perform)(CURL *handle);
	CURLcode (*getinfo)(CURL *handle, CURLINFO info, ...);
	void (*cleanup)(CURL *handle);
	struct curl_slist *(*append)(struct curl_slist *list, const char *text);
	void (*free_list)(struct curl_slist *list);
	const char *(*error_text)(CURLcode code);
	char *(*version)(void);
} curl;

static int load_curl(struct transfer *t)
{
	const struct {
		const char *name;
		void *to;
	} functions[] = {
		{ "curl_global_init", &curl.global_init },  { "curl_easy_init", &curl.easy_init },
		{ "curl_easy_setopt", &curl.setopt },       { "curl_easy_perform", &curl.perform },
		{ "curl_easy_getinfo", &curl.getinfo },     { "curl_easy_cleanup", &curl.cleanup },
		{ "curl_slist_append", &curl.append },      { "curl_slist_free_all", &curl.free_list },
		{ "curl_easy_strerror", &curl.error_text }, { "curl_version", &curl.version },
	};
	void *library;

	if (curl.easy_init != NULL)
		return 0;
	library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		snprintf(t->why, sizeof t->why, "libcurl, which speaks to it, cannot be loaded: %s", dlerror());
		return -1;
	}
	for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
		void *function = dlsym(library, functions[i].name);

		if (function == NULL) {
			snprintf(t->why, sizeof t->why, "libcurl has no %s", functions[i].name);
			return -1;
		}
		memcpy(functions[i].to, &function, sizeof function);
	}
	return curl.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t length = size * n;
	char *more;

	if (t->take != NULL && t->status >= 200 && t->status < 300)
		return t->take(t->take_ctx, bytes, length) == 0 ? length : 0;
	more = t->length + length < ANSWER_MAX ? realloc(t->answer, t->length + length + 1) : NULL;
	if (more == NULL)
		return 0;
	memcpy(more + t->length, bytes, length);
	t->answer = more;
	t->length += length;
	t->answer[t->length] = '\0';
	return length;
}

static size_t on_header(char *bytes, size_t size, size_t n, void *ctx)
{
	struct transfer *t = ctx;
	size_t length = size * n;

	if (length > 5 && strncmp(bytes, "HTTP/", 5) == 0) {
		const char *blank = memchr(bytes, ' ', length);

		t->status = blank ? strtol(blank, NULL, 10) : 0;
	}
	if (length > 5 && strncasecmp(bytes, "etag:", 5) == 0)
		snprintf(t->etag, sizeof t->etag, "%.*s", (int)strcspn(bytes + 6, "\r\n"), bytes + 6);
	return length;
}

/* Called once a second or more often, and after a signal. */
static int on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = ctx;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return *t->stop != 0;
}

static void set_address(CURL *handle, const struct transfer *t, char *url, size_t size)
{
	size_t n = strlen(t->address);

	if (strncmp(t->address, "unix:", 5) == 0) {
		curl.setopt(handle, CURLOPT_UNIX_SOCKET_PATH, t->address + 5);
		snprintf(url, size, "http://localhost%s", t->path);
	} else {
		while (n > 0 && t->address[n - 1] == '/')
			n--;
		snprintf(url, size, "%.*s%s", (int)n, t->address, t->path);
	}
	curl.setopt(handle, CURLOPT_URL, url);
}

static struct curl_slist *make_headers(const struct transfer *t)
{
	const char *token = getenv("OUTFLOW_TOKEN");
	struct curl_slist *list = curl.append(NULL, "Expect:");
	char line[4200];

	if (t->body != NULL)
		list = curl.append(list, "Content-Type: application/json");
	if (t->take != NULL)
		list = curl.append(list, "Accept: text/event-stream");
	if (t->if_match != NULL) {
		snprintf(line, sizeof line, "If-Match: %s", t->if_match);
		list = curl.append(list, line);
	}
	if (token != NULL && *token != '\0') {
		snprintf(line, sizeof line, "Authorization: Bearer %s", token);
		list = curl.append(list, line);
	}
	return list;
}

static int perform(struct transfer *t, CURL *handle)
{
	struct curl_slist *headers = make_headers(t);
	char error[CURL_ERROR_SIZE] = "", url[8192];
	CURLcode code;

	set_address(handle, t, url, sizeof url);
	curl.setopt(handle, CURLOPT_HTTPHEADER, headers);
	curl.setopt(handle, CURLOPT_CUSTOMREQUEST, t->method);
	if (t->body != NULL)
		curl.setopt(handle, CURLOPT_POSTFIELDS, t->body);
	else if (strcmp(t->method, "POST") == 0 || strcmp(t->method, "PUT") == 0)
		curl.setopt(handle, CURLOPT_POSTFIELDS, "");
	curl.setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
	curl.setopt(handle, CURLOPT_WRITEDATA, t);
	curl.setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
	curl.setopt(handle, CURLOPT_HEADERDATA, t);
	curl.setopt(handle, CURLOPT_ERRORBUFFER, error);
	curl.setopt(handle, CURLOPT_CONNECTTIMEOUT, 10L);
	curl.setopt(handle, CURLOPT_NOSIGNAL, 1L);
	curl.setopt(handle, CURLOPT_NOPROXY, "127.0.0.1,localhost,::1");
	if (t->stop != NULL) {
		curl.setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
		curl.setopt(handle, CURLOPT_XFERINFODATA, t);
		curl.setopt(handle, CURLOPT_NOPROGRESS, 0L);
	}
	code = curl.perform(handle);
	curl.free_list(headers);
	if (code == CURLE_OK)
		return 0;
	snprintf(t->why, sizeof t->why, "%s", *error ? error : curl.error_text(code));
	return -1;
}

const char *transfer_library(char *why, size_t size)
{
	struct transfer t = { 0 };

	if (load_curl(&t) == 0)
		return curl.version();
	snprintf(why, size, "%s", t.why);
	return NULL;
}

int transfer_run(struct transfer *t)
{
	CURL *handle;
	int rc;

	if (load_curl(t) != 0)
		return -1;
	handle = curl.easy_init();
	if (handle == NULL) {
		snprintf(t->why, sizeof t->why, "no memory");
		return -1;
	}
	rc = perform(t, handle);
	curl.cleanup(handle);
	return rc;
}
#endif

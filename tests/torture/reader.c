/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.c: the verdict on a run. Reads the topics from their beginnings and compares them with the publisher's ledger,
 * until everything is there and nothing more has come for a second, or `--seconds` are over. Prints one line of figures;
 * the exit status is 1 when something was lost, damaged, misplaced or never published.
 *
 * Every TOPIC belongs to the good messages, one after `--dead` to the poisoned ones: whether a message is poisoned says its
 * number. `--header NAME` counts the dead letters by kind of poison and that header. `--duplicates FILE` gets partition
 * and offset of each record that repeats one.
 */
#include "tests/torture/message.h"

#include <librdkafka/rdkafka.h>

#include <ctype.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PARTITIONS 64
#define REASONS 64

struct reason {
	enum poison kind;
	char text[256];
	uint64_t n;
};

struct partition {
	const char *topic;
	int32_t number;
	int dead, at_end;
	uint64_t highest; /* message number + 1 */
};

struct reader {
	struct poisoning poisoning;
	uint64_t published, accepted, missing;
	unsigned char *seen, *ledger;
	uint64_t read, dup, corrupt, alien, misplaced, reordered;
	struct partition partitions[PARTITIONS];
	int n_partitions;
	const char *header;
	struct reason reasons[REASONS];
	int n_reasons;
	FILE *duplicates;
	rd_kafka_t *client;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what, const char *why)
{
	fprintf(stderr, "reader: %s: %s\n", what, why);
	exit(3);
}

static void read_ledger(struct reader *r, const char *path)
{
	FILE *file = fopen(path, "r");
	uint64_t number;

	r->seen = calloc(r->published + 1, 1);
	r->ledger = calloc(r->published + 1, 1);
	if (file == NULL || r->seen == NULL || r->ledger == NULL)
		fail(path, "no ledger");
	while (fscanf(file, "%" SCNu64, &number) == 1) {
		if (number >= r->published || r->ledger[number])
			fail(path, "a number twice, or one that was never published");
		r->ledger[number] = 1;
		r->accepted++;
	}
	r->missing = r->accepted;
	fclose(file);
}

static void count_reason(struct reader *r, const rd_kafka_message_t *m, enum poison kind)
{
	rd_kafka_headers_t *headers;
	const void *value = "";
	char text[sizeof r->reasons[0].text];
	size_t length = 0;
	int i;

	if (r->header == NULL)
		return;
	if (rd_kafka_message_headers(m, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_header_get_last(headers, r->header, &value, &length);
	snprintf(text, sizeof text, "%.*s", (int)length, (const char *)value);
	/* Places and sizes differ from one to the next, the reason does not. */
	for (char *c = text; *c != '\0'; c++)
		if (isdigit((unsigned char)*c))
			*c = '#';
	for (i = 0; i < r->n_reasons; i++)
		if (r->reasons[i].kind == kind && strcmp(r->reasons[i].text, text) == 0)
			break;
	if (i == REASONS)
		return;
	if (i == r->n_reasons) {
		r->reasons[i].kind = kind;
		strcpy(r->reasons[i].text, text);
		r->n_reasons++;
	}
	r->reasons[i].n++;
}

static void take(struct reader *r, struct partition *p, const rd_kafka_message_t *m)
{
	uint64_t number = 0;
	int corrupt = 0;
	enum poison kind;

	r->read++;
	if (!message_read(m->payload, m->len, &number, &corrupt) || number >= r->published) {
		r->alien++;
		return;
	}
	kind = message_poison(&r->poisoning, number);
	r->corrupt += (uint64_t)corrupt;
	if ((kind != POISON_NONE) != p->dead) {
		r->misplaced++;
		return;
	}
	if (r->seen[number]) {
		r->dup++;
		if (r->duplicates != NULL)
			fprintf(r->duplicates, "%d %" PRId64 "\n", (int)m->partition, m->offset);
		return;
	}
	r->seen[number] = 1;
	r->missing -= r->ledger[number];
	if (p->dead)
		count_reason(r, m, kind);
	if (number + 1 < p->highest)
		r->reordered++;
	else
		p->highest = number + 1;
}

static struct partition *find_partition(struct reader *r, const rd_kafka_message_t *m)
{
	for (int i = 0; i < r->n_partitions; i++)
		if (r->partitions[i].number == m->partition &&
		    strcmp(r->partitions[i].topic, rd_kafka_topic_name(m->rkt)) == 0)
			return &r->partitions[i];
	abort();
}

static int complete(const struct reader *r)
{
	for (int i = 0; i < r->n_partitions; i++)
		if (!r->partitions[i].at_end)
			return 0;
	return r->missing == 0;
}

static void read_topics(struct reader *r, double seconds)
{
	double deadline = now() + seconds, last = now();

	while (now() < deadline) {
		rd_kafka_message_t *m = rd_kafka_consumer_poll(r->client, 200);
		struct partition *p;

		if (m == NULL) {
			if (complete(r) && now() - last > 1)
				return;
			continue;
		}
		if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
			find_partition(r, m)->at_end = 1;
		} else if (m->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
			p = find_partition(r, m);
			p->at_end = 0;
			take(r, p, m);
			last = now();
		}
		rd_kafka_message_destroy(m);
	}
}

static void connect_client(struct reader *r, const char *bootstrap)
{
	static const char *const settings[][2] = {
		{ "group.id", "torture-reader" },  { "auto.offset.reset", "earliest" },
		{ "enable.auto.commit", "false" }, { "enable.partition.eof", "true" },
		{ "fetch.wait.max.ms", "50" },     { "fetch.message.max.bytes", "20000000" },
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char why[300];

	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why) != RD_KAFKA_CONF_OK)
			fail(settings[i][0], why);
	rd_kafka_conf_set(conf, "bootstrap.servers", bootstrap, why, sizeof why);
	r->client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
	if (r->client == NULL)
		fail(bootstrap, why);
	rd_kafka_poll_set_consumer(r->client);
}

static void add_topic(struct reader *r, rd_kafka_topic_partition_list_t *list, const char *name, int dead)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(r->client, name, NULL);
	const struct rd_kafka_metadata *about;
	rd_kafka_resp_err_t status = rd_kafka_metadata(r->client, 0, topic, &about, 30000);

	if (status != RD_KAFKA_RESP_ERR_NO_ERROR || about->topics[0].partition_cnt == 0)
		fail(name, rd_kafka_err2str(status));
	for (int i = 0; i < about->topics[0].partition_cnt && r->n_partitions < PARTITIONS; i++) {
		r->partitions[r->n_partitions++] = (struct partition){ .topic = name, .number = i, .dead = dead };
		rd_kafka_topic_partition_list_add(list, name, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
	}
	rd_kafka_metadata_destroy(about);
	rd_kafka_topic_destroy(topic);
}

static int report(const struct reader *r)
{
	int shown = 0;

	printf("lost=%" PRIu64 " dup=%" PRIu64 " corrupt=%" PRIu64 " alien=%" PRIu64 " misplaced=%" PRIu64
	       " reordered=%" PRIu64 " published=%" PRIu64 " acked=%" PRIu64 " read=%" PRIu64 "\n",
	       r->missing, r->dup, r->corrupt, r->alien, r->misplaced, r->reordered, r->published, r->accepted,
	       r->read);
	for (int i = 0; i < r->n_reasons; i++)
		printf("reason %s %" PRIu64 " %s\n", poison_name(r->reasons[i].kind), r->reasons[i].n,
		       r->reasons[i].text);
	for (uint64_t i = 0; i < r->published && shown < 20; i++)
		if (r->ledger[i] && !r->seen[i])
			shown += fprintf(stderr, "lost: %" PRIu64 "\n", i) > 0;
	return r->missing + r->corrupt + r->alien + r->misplaced == 0 ? 0 : 1;
}

static int usage(void)
{
	fputs("usage: reader --bootstrap HOST:PORT --ledger FILE --published N [--seconds N] [--poison EVERY] [--big EVERY]\n"
	      "              [--header NAME] [--duplicates FILE] [--dead TOPIC] TOPIC...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "bootstrap", 1, NULL, 'k' },  { "ledger", 1, NULL, 'l' },
		                                 { "published", 1, NULL, 'n' },  { "seconds", 1, NULL, 'e' },
		                                 { "poison", 1, NULL, 'x' },     { "big", 1, NULL, 'b' },
		                                 { "header", 1, NULL, 'h' },     { "dead", 1, NULL, 'd' },
		                                 { "duplicates", 1, NULL, 'u' }, { 0 } };
	static struct reader r;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PARTITIONS);
	const char *bootstrap = NULL, *ledger = NULL, *dead = NULL;
	double seconds = 60;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'k':
			bootstrap = optarg;
			break;
		case 'l':
			ledger = optarg;
			break;
		case 'n':
			r.published = strtoull(optarg, NULL, 10);
			break;
		case 'e':
			seconds = atof(optarg);
			break;
		case 'x':
			r.poisoning.every = strtoull(optarg, NULL, 10);
			break;
		case 'b':
			r.poisoning.big_every = strtoull(optarg, NULL, 10);
			break;
		case 'h':
			r.header = optarg;
			break;
		case 'd':
			dead = optarg;
			break;
		case 'u':
			r.duplicates = fopen(optarg, "w");
			break;
		default:
			return usage();
		}
	if (bootstrap == NULL || ledger == NULL || optind == argc)
		return usage();
	read_ledger(&r, ledger);
	connect_client(&r, bootstrap);
	for (int i = optind; i < argc; i++)
		add_topic(&r, list, argv[i], 0);
	if (dead != NULL)
		add_topic(&r, list, dead, 1);
	rd_kafka_assign(r.client, list);
	rd_kafka_topic_partition_list_destroy(list);
	read_topics(&r, seconds);
	/* The client is left to the end of the process: its orderly end takes seconds. */
	return report(&r);
}

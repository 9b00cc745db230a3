/* SPDX-License-Identifier: Apache-2.0 */
/*
 * publisher.c: publishes numbered messages at QoS 1, as fast as the broker takes them or at a rate, and writes the number
 * of each to a ledger when its PUBACK has come. It connects again by itself and repeats what was not acknowledged. SIGTERM,
 * or `--count`, ends the publishing; then it waits for the last acknowledgements. SIGUSR1 pauses it, and lets it go on.
 *
 * The file `--progress` holds three numbers of 64 bits for whoever watches: published, acknowledged, and 1 while it pauses
 * with every message acknowledged and in the ledger.
 */
#include "tests/torture/message.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define IDS 65535u /* packet identifiers are 1 ... IDS; a window is always smaller */
#define RECEIVED 65536u

struct publisher {
	struct poisoning poisoning;
	uint64_t count, rate, window, seconds;
	size_t size;
	const char *topic;
	FILE *ledger;
	int port, progress, socket;
	uint64_t next;         /* the number that is published next for the first time */
	uint64_t oldest;       /* all below are acknowledged */
	uint64_t repeat;       /* below `next` after a reconnection: what is sent again */
	uint64_t acknowledged; /* how many */
	unsigned char waiting[IDS + 1];
	char *out; /* bytes that the socket has not taken */
	size_t out_room, out_begin, out_end;
	char in[RECEIVED];
	size_t in_length;
	double begin;
};

static volatile sig_atomic_t stopping, paused;

static void on_signal(int number)
{
	if (number == SIGTERM)
		stopping = 1;
	else
		paused = !paused;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned id_of(uint64_t number)
{
	return (unsigned)(number % IDS) + 1;
}

/* ---- connection ---- */

static int read_fully(int fd, char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = read(fd, to, n);

		if (got <= 0)
			return -1;
		to += got;
		n -= (size_t)got;
	}
	return 0;
}

/* Returns the connected socket, or -1. */
static int connect_once(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	char packet[64], answer[4];
	int length;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(packet, "\x10\0\0\4MQTT\4\2\0\0\0", 13); /* clean session, no keep-alive */
	length = sprintf(packet + 14, "torture-%d", (int)getpid());
	packet[13] = (char)length;
	packet[1] = (char)(length + 12);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
	    write(fd, packet, (size_t)length + 14) != length + 14 || read_fully(fd, answer, 4) != 0 ||
	    answer[0] != 0x20 || answer[3] != 0) {
		close(fd);
		return -1;
	}
	fcntl(fd, F_SETFL, O_NONBLOCK);
	return fd;
}

static void disconnect(struct publisher *p)
{
	close(p->socket);
	p->socket = -1;
	p->out_begin = p->out_end = p->in_length = 0;
	p->repeat = p->oldest;
}

/* ---- sending ---- */

static void append_publish(struct publisher *p, uint64_t number, int again)
{
	enum poison kind = message_poison(&p->poisoning, number);
	size_t topic_length = strlen(p->topic), room = message_room(kind, p->size) + topic_length + 16, remaining;
	size_t payload = p->size;
	char *header, *body;

	if (p->out_begin == p->out_end)
		p->out_begin = p->out_end = 0;
	if (p->out_end + room > p->out_room) {
		p->out_room = 2 * (p->out_end + room);
		p->out = realloc(p->out, p->out_room);
		if (p->out == NULL)
			abort();
	}
	/* The payload is written where it goes when the length takes four bytes. */
	header = p->out + p->out_end;
	body = header + 5;
	body[0] = (char)(topic_length >> 8);
	body[1] = (char)topic_length;
	memcpy(body + 2, p->topic, topic_length);
	body[2 + topic_length] = (char)(id_of(number) >> 8);
	body[3 + topic_length] = (char)id_of(number);
	payload = message_write(body + 4 + topic_length, number, kind, p->size);
	remaining = payload + 4 + topic_length;
	header[0] = again ? 0x3a : 0x32;
	header[1] = (char)(remaining % 128 | 0x80);
	header[2] = (char)(remaining / 128 % 128 | 0x80);
	header[3] = (char)(remaining / 16384 % 128 | 0x80);
	header[4] = (char)(remaining / 2097152);
	p->out_end += 5 + remaining;
	p->waiting[id_of(number)] = 1;
}

static int may_publish(const struct publisher *p)
{
	if (stopping || paused || p->next == p->count || p->next - p->oldest >= p->window)
		return 0;
	return p->rate == 0 || (double)p->next < (now() - p->begin) * (double)p->rate;
}

static void fill(struct publisher *p)
{
	while (p->out_end - p->out_begin < 65536) {
		if (p->repeat < p->next) {
			if (p->waiting[id_of(p->repeat)])
				append_publish(p, p->repeat, 1);
			p->repeat++;
		} else if (may_publish(p)) {
			append_publish(p, p->next++, 0);
			p->repeat = p->next;
		} else {
			break;
		}
	}
}

static int flush(struct publisher *p)
{
	while (p->out_begin < p->out_end) {
		ssize_t n = send(p->socket, p->out + p->out_begin, p->out_end - p->out_begin, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		p->out_begin += (size_t)n;
	}
	return 0;
}

/* ---- acknowledgements ---- */

static void acknowledge(struct publisher *p, unsigned id)
{
	/* The number in the window that has this identifier. */
	uint64_t number = p->oldest + (id + IDS - id_of(p->oldest)) % IDS;

	if (number >= p->next || !p->waiting[id])
		return;
	p->waiting[id] = 0;
	p->acknowledged++;
	fprintf(p->ledger, "%" PRIu64 "\n", number);
	while (p->oldest < p->next && !p->waiting[id_of(p->oldest)])
		p->oldest++;
}

static int receive(struct publisher *p)
{
	ssize_t n = read(p->socket, p->in + p->in_length, sizeof p->in - p->in_length);
	size_t at = 0;

	if (n <= 0)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	p->in_length += (size_t)n;
	for (; p->in_length - at >= 4; at += 4) {
		if (p->in[at] != 0x40 || p->in[at + 1] != 2)
			return -1;
		acknowledge(p, (unsigned)(unsigned char)p->in[at + 2] << 8 | (unsigned char)p->in[at + 3]);
	}
	memmove(p->in, p->in + at, p->in_length -= at);
	return 0;
}

static void show_progress(const struct publisher *p)
{
	uint64_t numbers[3] = { p->next, p->acknowledged, paused && p->acknowledged == p->next };

	if (numbers[2] && fflush(p->ledger) != 0)
		abort();
	if (pwrite(p->progress, numbers, sizeof numbers, 0) != sizeof numbers)
		abort();
}

/* Returns when all is published and acknowledged, or `seconds` after the publishing ended. */
static void run(struct publisher *p)
{
	double last = 0;

	p->begin = now();
	for (;;) {
		struct pollfd wait = { .events = POLLIN };
		int ended = stopping || p->next == p->count;

		show_progress(p);
		if (ended && p->acknowledged == p->next)
			return;
		if (ended && last == 0)
			last = now() + (double)p->seconds;
		if (ended && now() > last)
			return;
		if (p->socket < 0 && (p->socket = connect_once(p->port)) < 0) {
			poll(NULL, 0, 20);
			continue;
		}
		fill(p);
		wait.fd = p->socket;
		wait.events = (short)(p->out_begin < p->out_end ? POLLIN | POLLOUT : POLLIN);
		poll(&wait, 1, 1);
		if (flush(p) != 0 || ((wait.revents & ~POLLOUT) != 0 && receive(p) != 0))
			disconnect(p);
	}
}

static int usage(void)
{
	fputs("usage: publisher --port PORT --ledger FILE --progress FILE [--topic TOPIC] [--count N] [--rate N] [--window N]\n"
	      "                 [--size BYTES] [--poison EVERY] [--big EVERY] [--seconds N]\n",
	      stderr);
	return 2;
}

static int take_option(struct publisher *p, int option)
{
	uint64_t number = optarg == NULL ? 0 : strtoull(optarg, NULL, 10);

	switch (option) {
	case 'p':
		p->port = (int)number;
		return 0;
	case 'l':
		return (p->ledger = fopen(optarg, "w")) == NULL;
	case 'o':
		return (p->progress = open(optarg, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0;
	case 't':
		p->topic = optarg;
		return 0;
	case 'c':
		p->count = number;
		return 0;
	case 'r':
		p->rate = number;
		return 0;
	case 'w':
		p->window = number;
		return number == 0 || number >= IDS;
	case 's':
		p->size = (size_t)number;
		return 0;
	case 'x':
		p->poisoning.every = number;
		return 0;
	case 'b':
		p->poisoning.big_every = number;
		return 0;
	case 'e':
		p->seconds = number;
		return 0;
	default:
		return 1;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "port", 1, NULL, 'p' },     { "ledger", 1, NULL, 'l' },
		                                 { "progress", 1, NULL, 'o' }, { "topic", 1, NULL, 't' },
		                                 { "count", 1, NULL, 'c' },    { "rate", 1, NULL, 'r' },
		                                 { "window", 1, NULL, 'w' },   { "size", 1, NULL, 's' },
		                                 { "poison", 1, NULL, 'x' },   { "big", 1, NULL, 'b' },
		                                 { "seconds", 1, NULL, 'e' },  { 0 } };
	static struct publisher p = {
		.count = UINT64_MAX,
		.window = 1000,
		.size = 200,
		.seconds = 60,
		.topic = "plant/p1/temperature",
		.socket = -1,
		.progress = -1,
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (take_option(&p, option) != 0)
			return usage();
	if (p.port == 0 || p.ledger == NULL || p.progress < 0)
		return usage();
	signal(SIGTERM, on_signal);
	signal(SIGUSR1, on_signal);
	run(&p);
	fclose(p.ledger);
	return p.acknowledged == p.next ? 0 : 1;
}

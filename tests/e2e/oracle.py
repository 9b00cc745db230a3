# SPDX-License-Identifier: Apache-2.0
"""The truth from outside the daemon: what the MQTT broker acknowledged to the publisher, and what is in Kafka."""
import collections
import json
import threading
import time
import uuid
import zlib

import confluent_kafka
from confluent_kafka.admin import AdminClient, NewTopic
import paho.mqtt.client as mqtt


def checksum(text):
    return zlib.crc32(text.encode())


class Publisher:
    """Publishes numbered messages at QoS 1, keeps a ledger of those that were acknowledged, and goes on through broker
    restarts. A message is accepted when its PUBACK has come; one without may be there or not."""

    def __init__(self, port, topic="plant/p1/temperature", rate=2000, window=200):
        self.topic, self.rate = topic, rate
        self.acknowledged = set()
        self.published = 0
        self.by_packet = {}
        # The client calls back under a lock that publish() takes too: the callback only notes the number.
        self.confirmed = collections.deque()
        self.stopping = threading.Event()
        self.room = threading.Semaphore(window)
        self.client = mqtt.Client(client_id=f"publisher-{uuid.uuid4().hex[:8]}", clean_session=False)
        self.client.max_inflight_messages_set(window)
        self.client.max_queued_messages_set(0)
        self.client.reconnect_delay_set(1, 1)
        self.client.on_publish = self._on_publish
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _on_publish(self, client, userdata, packet):
        self.confirmed.append(packet)
        self.room.release()

    def _write_ledger(self):
        while self.confirmed:
            number = self.by_packet.pop(self.confirmed.popleft(), None)
            if number is not None:
                self.acknowledged.add(number)

    def body(self, number):
        dev = f"d{number % 20}"
        return json.dumps({"seq": number, "dev": dev, "temp": 60 + number % 30, "crc": checksum(f"{number}/{dev}"),
                           "pad": "x" * 100})

    def publish(self, number):
        self.room.acquire()
        self._write_ledger()
        self.by_packet[self.client.publish(self.topic, self.body(number), qos=1).mid] = number
        self.published += 1

    def _run(self):
        begin, number = time.monotonic(), 0
        while not self.stopping.is_set():
            self.publish(number)
            number += 1
            ahead = begin + number / self.rate - time.monotonic()
            if ahead > 0:
                self.stopping.wait(ahead)

    def start(self):
        self.thread.start()
        return self

    def publish_all(self, count):
        for number in range(count):
            self.publish(number)
        return self.finish()

    def finish(self, seconds=60):
        """Stops publishing, waits for the last acknowledgements, returns the ledger."""
        self.stopping.set()
        if self.thread.ident is not None:
            self.thread.join(seconds)
        deadline = time.monotonic() + seconds
        while self.by_packet and time.monotonic() < deadline:
            self._write_ledger()
            time.sleep(0.02)
        self.client.disconnect()
        self.client.loop_stop()
        return set(self.acknowledged)


class Reader:
    """Reads a topic from its beginning."""

    def __init__(self, bootstrap, topic):
        self.consumer = confluent_kafka.Consumer({
            "bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "fetch.wait.max.ms": 50,
            "auto.offset.reset": "earliest", "enable.auto.commit": False})
        parts = self.consumer.list_topics(topic, timeout=20).topics[topic].partitions
        self.consumer.assign([confluent_kafka.TopicPartition(topic, p, confluent_kafka.OFFSET_BEGINNING) for p in parts])
        self.messages = []

    def read_until(self, enough, seconds, quiet=1.0):
        """Reads until enough(messages) holds and nothing more has come for `quiet` seconds, or the time is over."""
        deadline, last = time.monotonic() + seconds, time.monotonic()
        while time.monotonic() < deadline:
            some = self.consumer.consume(1000, 0.2)
            good = [m for m in some if not m.error()]
            self.messages += good
            if good:
                last = time.monotonic()
            elif time.monotonic() - last > quiet and enough(self.messages):
                break
        return self.messages

    def close(self):
        self.consumer.close()


class Verdict:
    """A set difference between the ledger and what Kafka holds."""

    def __init__(self, acknowledged, published, messages):
        seen, self.corrupt = {}, 0
        for m in messages:
            body = json.loads(m.value())
            if body.get("crc") != checksum(f"{body['seq']}/{body['dev']}"):
                self.corrupt += 1
            seen[body["seq"]] = seen.get(body["seq"], 0) + 1
        self.lost = sorted(acknowledged - set(seen))
        self.dup = sum(n - 1 for n in seen.values())
        self.alien = [n for n in seen if n >= published]
        self.line = (f"lost={len(self.lost)} dup={self.dup} corrupt={self.corrupt} alien={len(self.alien)} "
                     f"published={published} acked={len(acknowledged)}")

    def check(self):
        print(self.line)
        assert not self.lost and not self.corrupt and not self.alien, f"{self.line}; first lost: {self.lost[:10]}"
        return self


def verdict(bootstrap, topic, publisher, seconds=60):
    """Reads until everything that was acknowledged is there, or the time is over."""
    acknowledged = set(publisher.acknowledged)
    reader = Reader(bootstrap, topic)

    def all_there(messages):
        return acknowledged <= {json.loads(m.value())["seq"] for m in messages}

    messages = reader.read_until(all_there, seconds)
    reader.close()
    return Verdict(acknowledged, publisher.published, messages)


def make_topic(bootstrap, partitions=2, prefix="t", **settings):
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    for future in admin.create_topics([NewTopic(name, partitions, 1, config=settings)]).values():
        future.result(30)
    return name


def end_offsets(consumer, topic, partitions):
    """How many records each partition of the topic has."""
    return [consumer.get_watermark_offsets(confluent_kafka.TopicPartition(topic, p), timeout=10)[1]
            for p in range(partitions)]

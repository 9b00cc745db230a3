# SPDX-License-Identifier: Apache-2.0
"""Reading from a real Kafka: the group's offsets follow what is delivered, whoever dies or joins; the reader ends."""
import collections
import json
import time

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import oracle
import servers


def make_topic(bootstrap, partitions):
    name = oracle.make_topic(bootstrap) + "-in"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for future in admin.create_topics([NewTopic(name, partitions, 1)]).values():
        future.result(30)
    return name


def produce(bootstrap, topic, numbers):
    producer = confluent_kafka.Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "acks": "all"})
    for n in numbers:
        producer.produce(topic, key=f"d{n % 20}", value=json.dumps({"seq": n, "even": n % 2 == 0}),
                         headers=[("n", str(n)), ("empty", b""), ("null", None)])
        producer.poll(0)
    assert producer.flush(60) == 0


def config(kafka, source, sink, more="", name="p"):
    return (f'pipelines = ( {{ name = "{name}"; source = {{ bootstrap = "{kafka.bootstrap}"; {source} }}; '
            f'sink = {{ {sink} }}; {more} }} );\nstop = {{ timeout = "5s"; }};\n')


def lines(path):
    """What is written whole; the last line may be in the making."""
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def offsets(kafka, topic, group, partitions):
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    found = consumer.committed([confluent_kafka.TopicPartition(topic, p) for p in range(partitions)], timeout=20)
    consumer.close()
    return sum(max(f.offset, 0) for f in found)


@pytest.fixture
def daemons(tmp_path):
    made = []

    def make(text, state="state"):
        made.append(servers.Outflow(tmp_path / f"outflow{len(made)}", text, tmp_path / state))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.child and daemon.alive():
            daemon.kill()


def test_kafka_to_a_file_through_kills(kafka, tmp_path, daemons):
    """Proves that Kafka -> filter -> file loses nothing when the daemon is killed again and again, and that at the end the
    group's offsets are those of everything."""
    topic, out = make_topic(kafka.bootstrap, 3), tmp_path / "out"
    pattern = '{ \\"data\\": { \\"body\\": { \\"even\\": [ true ] } } }'
    daemon = daemons(config(kafka, f'class = "kafka"; topics = [ "{topic}" ]; consumer = {{ session = {{ timeout = {{ ms = "6000"; }}; }}; }};',
                            f'class = "file"; path = "{out}";', f'filter = {{ pattern = "{pattern}"; }};'))
    total = 0
    for part in range(4):
        daemon.start()
        produce(kafka.bootstrap, topic, range(total, total + 1000))
        total += 1000
        seen = len(lines(out))
        servers.wait_until(lambda: len(lines(out)) > seen, 60, "something arrives")
        if part < 3:
            daemon.kill()
    wanted = set(range(0, total, 2))
    servers.wait_until(lambda: {r["seq"] for r in lines(out)} == wanted, 60, "everything arrives")
    servers.wait_until(lambda: offsets(kafka, topic, "connect-p", 3) == total, 30, "the offsets are committed")
    daemon.stop()
    # What comes after a clean stop is nothing old.
    before = len(lines(out))
    daemon.start()
    produce(kafka.bootstrap, topic, [total])
    servers.wait_until(lambda: len(lines(out)) > before, 60, "the new one arrives")
    daemon.stop()
    assert len(lines(out)) == before + 1


def test_kafka_to_kafka_keeps_the_record(kafka, daemons):
    """Proves that without a deliver stage key, value, headers and timestamp go through byte for byte."""
    source, target = make_topic(kafka.bootstrap, 1), oracle.make_topic(kafka.bootstrap)
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    sent = [(b"k\0\xff", b"\0\xff not json", [("h", b"\0\xff"), ("none", None), ("empty", b"")], 1234567890123),
            (None, b"x", None, 1234567890124), (b"", None, None, 1234567890125)]
    for key, value, headers, timestamp in sent:
        producer.produce(source, key=key, value=value, headers=headers, timestamp=timestamp)
    producer.flush(30)
    daemon = daemons(config(kafka, f'class = "kafka"; topics = [ "{source}" ]; format = "binary";',
                            f'class = "kafka"; bootstrap = "{kafka.bootstrap}"; topic = "{target}";')).start()
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "check",
                                         "auto.offset.reset": "earliest"})
    consumer.subscribe([target])
    got, deadline = [], time.monotonic() + 60
    while len(got) < len(sent) and time.monotonic() < deadline:
        m = consumer.poll(1)
        if m is not None and not m.error():
            got.append((m.key(), m.value(), m.headers(), m.timestamp()[1]))
    consumer.close()
    daemon.stop()
    assert sorted(got, key=lambda r: r[3]) == sent


def test_two_daemons_share_a_group(kafka, tmp_path, daemons):
    """Proves that a second member takes over half and a killed one gives back its part, without loss; and that what a
    revoked partition had delivered is not delivered again by its new owner when the members leave in order."""
    topic = make_topic(kafka.bootstrap, 4)
    outs = [tmp_path / "out-0", tmp_path / "out-1"]
    members = [daemons(config(kafka, f'class = "kafka"; topics = [ "{topic}" ]; group = "shared-{topic}"; '
                              'consumer = { session = { timeout = { ms = "6000"; }; }; };',
                              f'class = "file"; path = "{out}";'), f"state-{i}") for i, out in enumerate(outs)]

    def seen():
        return collections.Counter(r["seq"] for out in outs for r in lines(out))

    members[0].start()
    produce(kafka.bootstrap, topic, range(1000))
    servers.wait_until(lambda: len(seen()) == 1000, 60, "the first member reads everything")
    members[1].start()
    servers.wait_until(lambda: members[1].logged("assigned 2 partition(s)"), 60, "the second member has its half")
    produce(kafka.bootstrap, topic, range(1000, 2000))
    servers.wait_until(lambda: len(seen()) == 2000, 60, "both read")
    assert lines(outs[1])
    members[1].stop()
    servers.wait_until(lambda: members[0].log.read_text().count("assigned 4 partition(s)") >= 2, 60, "all is the first's")
    produce(kafka.bootstrap, topic, range(2000, 3000))
    servers.wait_until(lambda: len(seen()) == 3000, 60, "the first reads on")
    assert max(seen().values()) == 1, "a revoked partition was read again"
    members[1].start()
    servers.wait_until(lambda: members[1].log.read_text().count("assigned 2 partition(s)") >= 2, 60, "the second is back")
    members[0].kill()
    produce(kafka.bootstrap, topic, range(3000, 4000))
    servers.wait_until(lambda: len(seen()) == 4000, 60, "the survivor reads the dead one's part")


def test_several_tasks_are_several_members(kafka, tmp_path, daemons):
    """Proves that tasks.max = 2 reads with two members of the group."""
    topic, out = make_topic(kafka.bootstrap, 4), tmp_path / "out"
    daemon = daemons(config(kafka, f'class = "kafka"; topics = [ "{topic}" ];', f'class = "file"; path = "{out}";',
                            "tasks = { max = 2; };")).start()
    servers.wait_until(lambda: daemon.log.read_text().count("assigned 2 partition(s)") >= 2, 60, "both have their half")
    produce(kafka.bootstrap, topic, range(500))
    servers.wait_until(lambda: {r["seq"] for r in lines(out)} == set(range(500)), 60, "everything arrives")
    daemon.stop()


def test_an_unknown_topic_fails_the_start(kafka, tmp_path, daemons):
    """Proves that a topic that does not exist is STARTING_FAILED at once, and not tried again."""
    daemon = daemons(config(kafka, 'class = "kafka"; topics = [ "no-such-topic" ];', 'class = "null";'))
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=30) == 1
    assert daemon.logged("STARTING_FAILED: source: topic 'no-such-topic'") and not daemon.logged("restart 1")


def test_the_reader_ends_where_the_topic_ended(kafka, tmp_path, daemons):
    """Proves that the bounded reader reads what is there, ends, and next time reads what has come since."""
    topic, out = make_topic(kafka.bootstrap, 3), tmp_path / "out"
    text = config(kafka, f'class = "kafka/reader"; topics = [ "{topic}" ];', f'class = "file"; path = "{out}";')

    def run():
        daemon = daemons(text)
        daemon.spawn(daemon.command("run", "--until-done"))
        assert daemon.child.wait(timeout=60) == 0, daemon.tail()
        return sorted(r["seq"] for r in lines(out))

    assert run() == []
    produce(kafka.bootstrap, topic, range(2000))
    assert run() == list(range(2000))
    assert run() == list(range(2000))
    produce(kafka.bootstrap, topic, range(2000, 2100))
    assert run() == list(range(2100))

# SPDX-License-Identifier: Apache-2.0
"""Connectors as JSON files for Kafka Connect do, between files and a real Kafka, what they do there."""
import json
import uuid

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

import servers

FILE = "org.apache.kafka.connect.file."
STRING = "org.apache.kafka.connect.storage.StringConverter"
JSON = "org.apache.kafka.connect.json.JsonConverter"


@pytest.fixture
def run(tmp_path, kafka):
    """Starts daemons with connectors, each a file of its own."""
    made = []

    def start(*connectors, host=""):
        daemon = servers.Outflow(tmp_path / f"outflow{len(made)}", f'bootstrap = {{ servers = "{kafka.bootstrap}"; }};\n{host}',
                                 tmp_path / "state")
        files = []
        for connector in connectors:
            files.append(tmp_path / f"{connector.get('name')}.json")
            files[-1].write_text(json.dumps(connector))
        made.append(daemon)
        daemon.spawn(daemon.command("run", *files))
        return daemon

    yield start
    for daemon in made:
        if daemon.child and daemon.alive():
            daemon.kill()


def name(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def source(topic, path, **more):
    return {"name": "in", "config": {"connector.class": FILE + "FileStreamSourceConnector", "tasks.max": "1", "file": str(path),
                                     "topic": topic, **more}}


def sink(topic, path, **more):
    return {"name": "out-" + topic, "connector.class": "FileStreamSink", "tasks.max": 1, "file": str(path), "topics": topic, **more}


def read(kafka, topic, n):
    """The first n messages of the topic's one partition."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": name("test"),
                                         "auto.offset.reset": "earliest", "allow.auto.create.topics": False})
    consumer.subscribe([topic])
    found = []

    def take():
        message = consumer.poll(0.2)
        if message is not None and not message.error():
            found.append(message)
        return len(found) >= n
    servers.wait_until(take, 40, f"{n} messages of {topic}")
    consumer.close()
    return found


def make_topic(kafka, topic):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


def produce(kafka, topic, *values):
    producer = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    for value in values:
        producer.produce(topic, value)
    assert producer.flush(30) == 0


def is_text(path, text):
    return lambda: path.exists() and path.read_text() == text


def test_lines_go_through_kafka_and_back(kafka, tmp_path, run):
    """Proves the quickstart of Kafka Connect: lines of a file that comes later, through a topic that comes later too, into
    another file; what is appended follows, and a restart goes on where it was."""
    path, back, topic = tmp_path / "in.txt", tmp_path / "back.txt", name("quick")
    daemon = run(sink(topic, back))
    servers.wait_until(lambda: "is not there; waiting for it" in daemon.log.read_text(), 20, "the sink waits for its topic")
    daemon.stop()
    created = {"topic.creation.default.partitions": 1, "topic.creation.default.replication.factor": 1}
    daemon = run(source(topic, path, **created), sink(topic, back))
    servers.wait_until(lambda: "in.txt is not there; waiting" in daemon.log.read_text(), 20, "the source waits for its file")
    path.write_text("foo\nbär\r\n\nunfinished")
    messages = read(kafka, topic, 3)
    assert [(m.key(), m.value().decode()) for m in messages] == [(None, "foo"), (None, "bär"), (None, "")]
    servers.wait_until(is_text(back, "foo\nbär\n\n"), 40, "the lines are in the other file")
    daemon.stop()
    with path.open("a") as file:
        file.write(" no more\n")
    daemon = run(source(topic, path, **created), sink(topic, back))
    servers.wait_until(is_text(back, "foo\nbär\n\nunfinished no more\n"), 40, "the rest follows")
    daemon.stop()


def test_json_puts_quotes_on_and_takes_them_off(kafka, tmp_path, run):
    """Proves that JsonConverter makes a JSON text of a line, and a line of a JSON text; other JSON goes into the file as it is,
    and null as null."""
    path, back, topic = tmp_path / "in.txt", tmp_path / "back.txt", name("json")
    converter = {"value.converter": JSON, "value.converter.schemas.enable": "false"}
    path.write_text('say "hi"\n')
    make_topic(kafka, topic)
    daemon = run(source(topic, path, **converter), sink(topic, back, **converter))
    assert read(kafka, topic, 1)[0].value() == b'"say \\"hi\\""'
    produce(kafka, topic, '{"a": 1}', "2.50", None, "null", "[]")
    servers.wait_until(is_text(back, 'say "hi"\n{"a": 1}\n2.50\nnull\nnull\n[]\n'), 40, "all lines")
    daemon.stop()


def test_topics_are_created_as_wanted(kafka, tmp_path, run):
    """Proves that topic.creation.default.* decides how a topic comes to be."""
    path, topic = tmp_path / "in.txt", name("made")
    path.write_text("x\n")
    daemon = run(source(topic, path, **{"topic.creation.default.partitions": "3",
                                        "topic.creation.default.replication.factor": "-1",
                                        "topic.creation.default.retention.ms": "777000"}))
    assert read(kafka, topic, 1)[0].value() == b"x"
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    assert len(admin.list_topics(topic).topics[topic].partitions) == 3
    resource = ConfigResource("topic", topic)
    assert admin.describe_configs([resource])[resource].result(20)["retention.ms"].value == "777000"
    daemon.stop()


def test_what_cannot_be_created_fails_with_the_brokers_reason(kafka, tmp_path, run):
    """Proves that a replication factor beyond the brokers ends the task with the reason."""
    path = tmp_path / "in.txt"
    path.write_text("x\n")
    daemon = run(source(name("never"), path, **{"topic.creation.default.partitions": "1",
                                                "topic.creation.default.replication.factor": "7"}))
    servers.wait_until(lambda: "cannot be created" in daemon.log.read_text(), 40, "the reason is in the log")
    assert "INVALID_REPLICATION_FACTOR" in daemon.log.read_text()
    daemon.kill()


def test_dead_letters_of_a_sink(kafka, tmp_path, run):
    """Proves that a record that is no JSON goes to a dead letter topic, which is created, with Connect's headers, and into the log."""
    back, topic, letters = tmp_path / "back.txt", name("mixed"), name("dlq")
    make_topic(kafka, topic)
    produce(kafka, topic, "{broken", "[1]")
    daemon = run(sink(topic, back, **{"value.converter": "JsonConverter", "value.converter.schemas.enable": False,
                                      "errors.tolerance": "all", "errors.log.enable": True,
                                      "errors.log.include.messages": "true",
                                      "errors.deadletterqueue.topic.name": letters,
                                      "errors.deadletterqueue.topic.replication.factor": 1,
                                      "errors.deadletterqueue.context.headers.enable": "true"}))
    servers.wait_until(is_text(back, "[1]\n"), 40, "the good record is there")
    letter = read(kafka, letters, 1)[0]
    headers = dict(letter.headers())
    assert letter.value() == b"{broken"
    assert headers["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert headers["__connect.errors.topic"] == topic.encode()
    assert "value {broken" in daemon.log.read_text()
    daemon.stop()


def test_what_is_wrong_is_said_of_the_file(tmp_path, kafka):
    """Proves that `outflow check` names the file, the line and the key as it is spelled."""
    daemon = servers.Outflow(tmp_path / "outflow", "")
    path = tmp_path / "bad.json"
    path.write_text('{\n"name": "bad",\n"connector.class": "FileStreamSource",\n"topic": "t", "file": "f",\n"batch.size": "x"}')
    result = daemon.run("check", path)
    assert result.returncode == 2
    text = result.stderr.decode()
    assert f"{path}:5: pipeline 'bad': batch.size: 'x' is not a whole number" in text
    assert "producer.override.bootstrap.servers: there are no brokers" in text

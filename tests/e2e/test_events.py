# SPDX-License-Identifier: Apache-2.0
"""What the event language makes of MQTT messages, as Kafka has it: templates, topics from payloads, CloudEvents."""
import json
import uuid

import paho.mqtt.client as mqtt
import pytest
from confluent_kafka.admin import AdminClient, NewTopic
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import oracle
import servers


class Plant:
    """Publishes with MQTT 5 and waits for each acknowledgement."""

    def __init__(self, port):
        self.client = mqtt.Client(client_id=f"plant-{uuid.uuid4().hex[:8]}", protocol=mqtt.MQTTv5)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, topic, payload, content_type=None, user=()):
        properties = Properties(PacketTypes.PUBLISH)
        if content_type:
            properties.ContentType = content_type
        if user:
            properties.UserProperty = list(user)
        self.client.publish(topic, payload, qos=1, properties=properties).wait_for_publish(20)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def plant(mosquitto):
    client = Plant(mosquitto.port)
    yield client
    client.close()


@pytest.fixture
def pipeline(tmp_path, mosquitto, kafka):
    """Runs a pipeline with this sink until its test has ended."""
    made = []

    def make(sink, source=""):
        daemon = servers.Outflow(tmp_path / "outflow", f'''pipelines = ( {{ name = "p";
            source = {{ class = "mqtt"; broker = "{mosquitto.url}"; topics = [ "plant/#" ]; {source} }};
            sink = {{ class = "kafka"; bootstrap = "{kafka.bootstrap}"; {sink} }};
            errors = {{ tolerance = "all"; }};
            deadletter = {{ class = "file"; path = "{tmp_path}/letters"; format = "json"; }}; }} );''')
        made.append(daemon.start())
        daemon.wait_subscribed()
        return daemon

    yield make
    for daemon in made:
        if daemon.alive():
            daemon.kill()


def read(kafka, topic, n):
    reader = oracle.Reader(kafka.bootstrap, topic)
    messages = reader.read_until(lambda seen: len(seen) >= n, 60, quiet=0.3)
    reader.close()
    assert len(messages) == n
    return sorted(messages, key=lambda m: m.offset())


def letters(tmp_path, n):
    path = tmp_path / "letters"
    servers.wait_until(lambda: path.exists() and len(path.read_text().splitlines()) >= n, 30, f"{n} dead letters")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_template_cannot_be_broken_by_payloads(plant, pipeline, kafka, topic):
    """Proves that values of templates are JSON with the digits and texts of the payload, whatever these hold, and keys text."""
    pipeline(f'''topic = "{topic}";
        key = {{ value = "{{\\"d\\":\\"$.data.body.dev\\"}}"; template = "dev-${{d}}"; }};
        value = {{ value = "{{\\"d\\":\\"$.data.body.dev\\",\\"t\\":\\"$.data.body.t\\",\\"p\\":\\"$.data.props.topic\\"}}";
                   template = "{{\\"device\\":\\"${{d}}\\",\\"temp\\":${{t}},\\"from\\":${{p}}}}"; }};''')
    hostile = ['p"1', "${t}", "\x00\u001f\\", 'x","admin":true,"y":"', "\U0001f600"]
    for dev in hostile:
        plant.publish("plant/p1", json.dumps({"dev": dev, "t": 1}).replace('"t": 1', '"t": 12345678901234567890.10'))
    messages = read(kafka, topic, len(hostile))
    assert {json.loads(m.value())["device"] for m in messages} == set(hostile)
    assert all(b'"temp":12345678901234567890.10,"from":"plant/p1"' in m.value() for m in messages)
    assert {m.key().decode() for m in messages} == {f"dev-{dev}" for dev in hostile}


def test_topics_come_from_payloads(plant, pipeline, kafka, tmp_path):
    """Proves that records go where their payload says, and that a name that Kafka would not take, or none at all, makes a dead
    letter and never a topic."""
    suffix = uuid.uuid4().hex[:8]
    names = [f"north-{suffix}", f"south-{suffix}"]
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.create_topics([NewTopic(name, 1, 1) for name in names]).values():
        future.result(30)
    daemon = pipeline(f'''topic = {{ value = "{{\\"s\\":\\"$.data.body.site\\"}}"; template = "${{s}}-{suffix}"; }};
        value = {{ form = "ORIGINAL"; }};''')
    for site in ("north", "../etc", "south", "nørth", "north"):
        plant.publish("plant/p1", json.dumps({"site": site}))
    plant.publish("plant/p1", "{}")
    events = [json.loads(m.value()) for m in read(kafka, names[0], 2)]
    assert [e["data"]["body"] for e in events] == [{"site": "north"}] * 2
    assert events[0]["id"] != events[1]["id"] and events[0]["subject"] == "acs:mqtt%plant/p1"
    assert len(read(kafka, names[1], 1)) == 1
    stages = sorted(dict(letter["headers"])["outflow.errors.stage"] for letter in letters(tmp_path, 3))
    assert stages == ["deliver", "sink", "sink"]
    daemon.stop()
    account = daemon.accounts()["p", 0]
    assert account["delivered"] == 3 and account["dead_lettered"] == 3
    made = admin.list_topics(timeout=20).topics
    assert {name for name in made if name.endswith(suffix)} == set(names)


EVENT = {"specversion": "1.0", "id": "7", "source": "/pumps", "type": "reading", "time": "2018-04-05T03:56:24Z",
         "partitionkey": "p1"}


def test_cloud_events_in_binary_mode(plant, pipeline, kafka, topic):
    """Proves that an ordinary message gets the attributes of ours as headers, and that an event that came in the binary or in
    the structured mode of MQTT keeps its own, with the same headers, key and data in Kafka."""
    pipeline(f'topic = "{topic}"; cloudevents = "binary";')
    plant.publish("plant/p1", '{"t":21.50}', user=[("site", "north")])
    plant.publish("plant/p1", '{"t":21.50}', "application/json", list(EVENT.items()))
    plant.publish("plant/p1", json.dumps({**EVENT, "datacontenttype": "application/json", "data": {"t": 0}}).replace(
        '{"t": 0}', '{"t":21.50}'), "application/cloudevents+json; charset=utf-8")
    messages = {}
    for message in read(kafka, topic, 3):
        assert message.value() == b'{"t":21.50}'
        messages.setdefault(message.key(), []).append({name: value.decode() for name, value in message.headers()})
    ours, = messages.pop(b"plant/p1")
    assert ours["ce_id"].startswith("outflow/p/0/") and ours["ce_type"] == "mqtt:Topic:SendMessage"
    assert ours["ce_subject"] == "acs:mqtt%plant/p1" and ours["site"] == "north" and ours["content-type"] == "application/json"
    assert messages == {b"p1": [{**{f"ce_{name}": value for name, value in EVENT.items()},
                                 "content-type": "application/json"}] * 2}


def test_cloud_events_in_structured_mode(plant, pipeline, kafka, topic):
    """Proves that the value is the event with its data, text and bytes included, and the header says so."""
    pipeline(f'topic = "{topic}"; cloudevents = "structured";', 'format = { invalid = "binary"; };')
    plant.publish("plant/p1", '{"t":21.50}', "application/json", list(EVENT.items()))
    plant.publish("plant/p1", b"\xff\x00", user=list(EVENT.items()))
    messages = read(kafka, topic, 2)
    assert [m.key() for m in messages] == [b"p1"] * 2
    assert all(m.headers() == [("content-type", b"application/cloudevents+json; charset=UTF-8")] for m in messages)
    assert json.loads(messages[0].value()) == {**EVENT, "datacontenttype": "application/json", "data": {"t": 21.5}}
    assert b'"data":{"t":21.50}' in messages[0].value()
    assert json.loads(messages[1].value()) == {**EVENT, "datacontenttype": "application/octet-stream", "data_base64": "/wA="}


def test_large_payloads_are_dead_letters(plant, pipeline, kafka, topic, tmp_path):
    """Proves that a payload above source.event.max.bytes is a dead letter that says so, and the next one is delivered."""
    pipeline(f'topic = "{topic}";', 'event = { max = { bytes = "1KiB"; }; };')
    plant.publish("plant/p1", json.dumps("x" * 2000))
    plant.publish("plant/p1", '"small"')
    assert read(kafka, topic, 1)[0].value() == b'"small"'
    headers = dict(letters(tmp_path, 1)[0]["headers"])
    assert headers["outflow.errors.stage"] == "convert"
    assert "a payload of 2002 bytes is larger than source.event.max.bytes" in headers["__connect.errors.exception.message"]

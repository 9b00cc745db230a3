# SPDX-License-Identifier: Apache-2.0
"""Publishing to MQTT: a record is done when the broker has acknowledged it, through restarts of the broker and kills."""
import collections
import json
import threading
import time
import uuid

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

import servers
from test_pipelines import Daemon


class Subscriber:
    """Remembers what arrives on a topic, with a session of its own that outlives restarts of the broker."""

    def __init__(self, port, topics="#"):
        self.messages = []
        self.lock = threading.Lock()
        self.ready = threading.Event()
        self.client = mqtt.Client(client_id=f"reader-{uuid.uuid4().hex[:8]}", protocol=mqtt.MQTTv5)
        self.client.on_connect = lambda client, *_: client.subscribe(topics, qos=1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self._on_message
        self.client.reconnect_delay_set(1, 1)
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = 3600
        self.client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self.client.loop_start()
        assert self.ready.wait(10)

    def _on_message(self, client, userdata, message):
        with self.lock:
            self.messages.append(message)

    def counts(self):
        with self.lock:
            return collections.Counter(json.loads(m.payload)["seq"] for m in self.messages)

    def stop(self):
        self.client.loop_stop()
        self.client.disconnect()


@pytest.fixture
def subscriber(mosquitto):
    subscriber = Subscriber(mosquitto.port)
    yield subscriber
    subscriber.stop()


def gen_to_mqtt(mosquitto, count, rate=0, more="", sink="", stop="5s"):
    return (f'pipelines = ( {{ name = "p"; source = {{ class = "gen"; count = {count}; rate = {rate}; }}; sink = {{ class = "mqtt"; '
            f'broker = "{mosquitto.url}"; topic = "out/t"; {sink} }}; {more} }} );\nstop = {{ timeout = "{stop}"; }};\n')


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_everything_is_published_once(tmp_path, mosquitto, subscriber, protocol):
    """Proves that without faults each record arrives exactly once, in order, by either protocol."""
    daemon = Daemon(tmp_path, gen_to_mqtt(mosquitto, 5000, sink=f'protocol = "{protocol}";'))
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    servers.wait_until(lambda: len(subscriber.messages) == 5000, 30, "all have arrived")
    assert [json.loads(m.payload)["seq"] for m in subscriber.messages] == list(range(5000))
    assert daemon.accounts()["p", 0]["delivered"] == 5000


def test_broker_restarts_and_kills(tmp_path, mosquitto, subscriber):
    """Proves that restarts of the broker and kills of the daemon, mixed, lose nothing."""
    daemon = Daemon(tmp_path, gen_to_mqtt(mosquitto, 6000, rate=1000))
    daemon.start()
    for round_ in range(4):
        seen = len(subscriber.counts())
        servers.wait_until(lambda: len(subscriber.counts()) > seen + 200, 60, "records flow")
        if round_ % 2 == 0:
            mosquitto.stop()
            mosquitto.start()
        else:
            daemon.kill()
            daemon.start()
    servers.wait_until(lambda: len(subscriber.counts()) == 6000, 90, "everything has arrived")
    assert set(subscriber.counts()) == set(range(6000))
    assert daemon.alive() and not daemon.logged("FAILED")
    daemon.stop()


def test_a_stop_without_a_broker_is_in_time(tmp_path, mosquitto):
    """Proves that a stop with records under way and nobody to acknowledge them ends by its deadline, and that the records
    come again."""
    daemon = Daemon(tmp_path, gen_to_mqtt(mosquitto, 100000, stop="1s"))
    daemon.start()
    servers.wait_until(lambda: daemon.logged("RUNNING"), 20, "it runs")
    mosquitto.kill()
    time_before = time.monotonic()
    daemon.stop()
    assert time.monotonic() - time_before < 10
    account = daemon.accounts()["p", 0]
    assert account["in_flight"] > 0 and account["received"] == account["delivered"] + account["in_flight"]


def test_headers_are_user_properties(tmp_path, mosquitto, subscriber):
    """Proves that headers, and the properties that came by MQTT, leave by MQTT as they came."""
    daemon = Daemon(tmp_path, f'''pipelines = ( {{ name = "p";
        source = {{ class = "mqtt"; broker = "{mosquitto.url}"; topics = [ "in/#" ]; format = "binary"; }};
        sink = {{ class = "mqtt"; broker = "{mosquitto.url}"; topic = "out/t"; headers = {{ mine = "yes"; }}; retain = true; }};
        errors = {{ tolerance = "none"; }}; }} );''').start()
    daemon.wait_subscribed()
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("a", "1"), ("a", "2")]
    properties.ContentType, properties.ResponseTopic, properties.CorrelationData = "text/plain", "re/ply", b"\0\xfe"
    subscriber.client.publish("in/x", b"\0\xff", qos=1, properties=properties)
    servers.wait_until(lambda: [m for m in subscriber.messages if m.topic == "out/t"], 20, "it has come out")
    out = [m for m in subscriber.messages if m.topic == "out/t"][0]
    assert out.payload == b"\0\xff"
    assert out.properties.UserProperty == [("a", "1"), ("a", "2"), ("mine", "yes")]
    assert out.properties.ContentType == "text/plain" and out.properties.ResponseTopic == "re/ply"
    assert out.properties.CorrelationData == b"\0\xfe"
    daemon.stop()
    late = Subscriber(mosquitto.port, "out/#")
    servers.wait_until(lambda: late.messages, 20, "the retained message")
    assert late.messages[0].retain
    late.stop()


def test_dead_letters_by_mqtt(tmp_path, mosquitto, subscriber):
    """Proves that a dead letter goes to an MQTT topic with the reason in its user properties."""
    more = ('errors = { tolerance = "all"; }; transforms = ( { name = "trip"; class = "stumble"; every = 10; times = 0; '
            'status = "record"; } );'
            f'deadletter = {{ class = "mqtt"; broker = "{mosquitto.url}"; topic = "dead/p"; }};')
    daemon = Daemon(tmp_path, gen_to_mqtt(mosquitto, 100, more=more))
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    servers.wait_until(lambda: len(subscriber.messages) == 100, 30, "all have arrived")
    dead = [m for m in subscriber.messages if m.topic == "dead/p"]
    assert sorted(json.loads(m.payload)["seq"] for m in dead) == list(range(0, 100, 10))
    reason = dict(dead[0].properties.UserProperty)
    assert reason["outflow.errors.stage"] == "transforms.trip" and reason["outflow.errors.class"] == "RECORD"


def test_a_record_that_mqtt_cannot_carry(tmp_path, mosquitto):
    """Proves that a topic with a wildcard is the record's own fault, unless it is the configuration's."""
    config = gen_to_mqtt(mosquitto, 10, more='errors = { tolerance = "all"; };')
    daemon = Daemon(tmp_path / "constant", config.replace("out/t", "out/+"))
    assert b"sink.topic: 'out/+' is not the name of a topic" in daemon.run("check").stderr
    template = 'topic = { form = "TEMPLATE"; value = "{\\"dev\\":\\"$.data.body.dev\\"}"; template = "out/+/${dev}"; };'
    config = config.replace('topic = "out/t";', template)
    daemon = Daemon(tmp_path, config)
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    assert daemon.accounts()["p", 0]["dropped"] == 10
    assert daemon.logged("'out/+/d0' is not the name of a topic")


def test_dead_letters_on_a_topic(tmp_path, mosquitto, subscriber):
    """Proves that dead letters may go to MQTT: each arrives once, byte for byte, with its reason as a user property."""
    daemon = Daemon(tmp_path, f'''pipelines = ( {{ name = "p"; source = {{ class = "gen"; count = 200; }};
        sink = {{ class = "null"; topic = "$.data.body.nowhere"; }}; errors = {{ tolerance = "all"; }};
        deadletter = {{ class = "mqtt"; broker = "{mosquitto.url}"; topic = "dead"; }}; }} );''')
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    assert daemon.accounts()["p", 0]["dead_lettered"] == 200
    servers.wait_until(lambda: len(subscriber.messages) == 200, 30, "all have arrived")
    assert subscriber.counts() == {n: 1 for n in range(200)}
    for message in subscriber.messages:
        properties = dict(message.properties.UserProperty)
        assert message.topic == "dead" and properties["outflow.errors.stage"] == "deliver"
        assert "there is no value at $.data.body.nowhere" in properties["__connect.errors.exception.message"]


def test_a_broker_that_is_away_is_an_outage(tmp_path):
    """Proves that errors.outage.to.dlq holds also for records that no connection was there for: they become dead letters once
    they have waited for as long as an attempt may take, and say why; without it they would wait for ever."""
    letters = tmp_path / "letters"
    daemon = Daemon(tmp_path, f'''pipelines = ( {{ name = "p"; source = {{ class = "gen"; count = 200; }};
        sink = {{ class = "mqtt"; broker = "tcp://127.0.0.1:{servers.free_port()}"; topic = "out"; attempt = {{ timeout = "1s"; }}; }};
        errors = {{ tolerance = "all"; outage = {{ to = {{ dlq = true; }}; }}; }}; retry = {{ policy = "none"; }};
        deadletter = {{ class = "file"; path = "{letters}"; format = "json"; }}; }} );''')
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=60) == 0, daemon.tail()
    assert daemon.accounts()["p", 0]["dead_lettered"] == 200
    lines = letters.read_text().splitlines()
    assert len(lines) == 200 and all("no connection to tcp://127.0.0.1:" in line for line in lines)

# SPDX-License-Identifier: Apache-2.0
"""The way of a message: what is published arrives, filtered, transformed and keyed; what fails becomes a dead letter."""
import json
import time

import paho.mqtt.client as mqtt
import pytest

import oracle
import servers


def publish(port, messages, protocol=mqtt.MQTTv311):
    """Returns when every one is acknowledged. A message: (topic, payload) or (topic, payload, properties)."""
    client = mqtt.Client(client_id="hand", protocol=protocol)
    client.connect("127.0.0.1", port)
    client.loop_start()
    sent = [client.publish(m[0], m[1], qos=1, properties=m[2] if len(m) > 2 else None) for m in messages]
    for info in sent:
        info.wait_for_publish(timeout=20)
        assert info.is_published()
    client.disconnect()
    client.loop_stop()


def read(kafka, topic, count, seconds=20):
    reader = oracle.Reader(kafka.bootstrap, topic)
    messages = reader.read_until(lambda m: len(m) >= count, seconds)
    reader.close()
    assert len(messages) == count, [m.value() for m in messages]
    return messages


def test_filter_rename_key_and_dead_letters(kafka, mosquitto, topic, make_outflow):
    """Proves that each message takes the way that the configuration says, with its bytes intact."""
    dead = oracle.make_topic(kafka.bootstrap, 1, "dead")
    outflow = make_outflow(
        filter='filter = { pattern = "{\\"data\\":{\\"body\\":{\\"temp\\":[{\\"numeric\\":[\\">\\",50]}]}}}"; };',
        transforms='transforms = ( { class = "rename"; fields = [ "temp:celsius" ]; } );',
        more=f'errors = {{ tolerance = "all"; }}; deadletter = {{ class = "kafka"; bootstrap = "{kafka.bootstrap}"; '
             f'topic = "{dead}"; }};').start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", '{"dev":"a","temp":50}'), ("plant/b/t", '{"dev":"b","temp":51.50}'),
                             ("plant/c/t", b"\xff\xfe not json"), ("plant/d/t", '{"dev":"d","temp":99, "x":[1,2]}')])
    good = read(kafka, topic, 2)
    assert sorted((m.key(), m.value()) for m in good) == [(b"b", b'{"dev":"b","celsius":51.50}'),
                                                          (b"d", b'{"dev":"d","celsius":99,"x":[1,2]}')]
    letter = read(kafka, dead, 1)[0]
    headers = dict(letter.headers())
    assert letter.value() == b"\xff\xfe not json" and letter.key() == b"plant/c/t"
    assert headers["__connect.errors.topic"] == b"plant/c/t"
    assert headers["__connect.errors.connector.name"] == b"p"
    assert headers["__connect.errors.stage"] == b"VALUE_CONVERTER"
    assert headers["__connect.errors.exception.message"]
    outflow.stop()
    assert outflow.child.returncode == 0
    assert outflow.logged("received=4 filtered=1 delivered=2 dead_lettered=1 dropped=0 in_flight=0")


def test_tolerance_none_stops_the_task_with_the_reason(kafka, mosquitto, topic, make_outflow):
    """Proves that without tolerance a bad record stops the pipeline and is not lost."""
    outflow = make_outflow().start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", '{"dev":"a"}'), ("plant/b/t", "not json")])
    servers.wait_until(lambda: outflow.logged("READY: convert: "), 20, "the task ended with the reason")
    outflow.kill()
    tolerant = make_outflow(more='errors = { tolerance = "all"; };').start()
    tolerant.wait_subscribed()
    servers.wait_until(lambda: tolerant.logged("dropped by errors.tolerance"), 20, "the bad record came again")
    assert {m.key() for m in read(kafka, topic, 1)} == {b"a"}


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_restart_resumes(kafka, mosquitto, topic, make_outflow, protocol):
    """Proves that what is published while Outflow is away arrives after it is back, and that a clean stop duplicates
    nothing."""
    source = f'protocol = "{protocol}";'
    outflow = make_outflow(source=source).start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", '{"dev":"first"}')])
    read(kafka, topic, 1)
    outflow.stop()
    publish(mosquitto.port, [("plant/a/t", '{"dev":"second"}')])
    again = make_outflow(source=source).start()
    again.wait_subscribed()
    assert sorted(m.key() for m in read(kafka, topic, 2)) == [b"first", b"second"]


@pytest.mark.parametrize("form,payload", [("text", b"plain text, \xc3\xa9"), ("binary", bytes(range(256)))])
def test_text_and_binary_pass_as_they_are(kafka, mosquitto, topic, make_outflow, form, payload):
    """Proves that the bytes of payloads that are not JSON reach Kafka unchanged."""
    outflow = make_outflow(source=f'format = "{form}";').start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", payload)])
    message = read(kafka, topic, 1)[0]
    assert message.value() == payload and message.key() is None


def test_edited_topics_are_unsubscribed(kafka, mosquitto, topic, make_outflow):
    """Proves that a topic filter that an edit removed brings nothing any more, although the session is the same."""
    first = make_outflow().start()
    first.wait_subscribed()
    first.stop()
    config = first.config.read_text().replace('[ "plant/#" ]', '[ "other/#" ]')
    second = make_outflow()
    second.config.write_text(config)
    second.start()
    second.wait_subscribed()
    servers.wait_until(lambda: second.logged("unsubscribed from 1 topic"), 10, "the old filter was unsubscribed")
    publish(mosquitto.port, [("plant/a/t", '{"dev":"old"}'), ("other/a/t", '{"dev":"new"}')])
    assert [m.key() for m in read(kafka, topic, 1)] == [b"new"]


def test_two_daemons_on_one_state_directory(make_outflow):
    """Proves that the second daemon is refused and says who holds the directory."""
    first = make_outflow().start()
    first.wait_subscribed()
    second = make_outflow().run("run")
    assert second.returncode == 3
    assert f"in use by process {first.child.pid}" in second.stderr.decode()


def test_bad_configuration_starts_nothing(make_outflow, tmp_path):
    """Proves that every mistake is reported at once with file and line, exit status 2, and nothing is started."""
    outflow = make_outflow(source='topicz = [ "x" ];', more="tasks = { max = 0; };", sink='acks = "some";')
    done = outflow.run("run")
    text = done.stderr.decode()
    assert done.returncode == 2
    assert "source.topicz: unknown key; did you mean 'source.topics'?" in text
    assert "tasks.max" in text and "sink.acks" in text
    assert f"{outflow.config}:4:" in text
    assert not (tmp_path / "state" / "checkpoints").exists()
    assert not list((tmp_path / "state" / "journal").glob("*"))


def test_second_signal_ends_at_once(kafka, mosquitto, topic, make_outflow):
    """Proves that a drain that waits for an unreachable Kafka can be cut short."""
    outflow = make_outflow(kafka="127.0.0.1:1").start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", '{"dev":"a"}')])
    outflow.child.terminate()
    servers.wait_until(lambda: outflow.logged("STOPPING"), 10, "it drains")
    outflow.child.terminate()
    begin = time.monotonic()
    assert outflow.child.wait(timeout=5) == 128 + 15
    assert time.monotonic() - begin < 5


def test_user_properties_and_plain_json(kafka, mosquitto, topic, make_outflow):
    """Proves that MQTT 5 user properties become headers and that one that looks like ours is renamed."""
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties
    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("trace", "abc"), ("outflow.mqtt.qos", "9")]
    outflow = make_outflow().start()
    outflow.wait_subscribed()
    publish(mosquitto.port, [("plant/a/t", json.dumps({"dev": "a"}), properties)], mqtt.MQTTv5)
    headers = dict(read(kafka, topic, 1)[0].headers() or [])
    assert headers == {"trace": b"abc", "user.outflow.mqtt.qos": b"9"}

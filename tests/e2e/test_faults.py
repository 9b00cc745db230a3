# SPDX-License-Identifier: Apache-2.0
"""Faults: nothing that the MQTT broker acknowledged to its publisher is missing in Kafka, whatever is killed or full."""
import os
import random
import shutil
import signal

import pytest

import oracle
import servers

SMALL_SEGMENTS = 'journal = { segment = { bytes = "64KiB"; }; };'


def random_from(seed_name):
    seed = int(os.environ.get(seed_name, random.randrange(1 << 30)))
    print(f"{seed_name}={seed}")
    return random.Random(seed)


def test_ten_kills_at_random_moments_lose_nothing(kafka, mosquitto, topic, make_outflow):
    """Proves that kill -9 at ten random moments under load loses no acknowledged message."""
    dice = random_from("OUTFLOW_KILL_SEED")
    outflow = make_outflow(more=SMALL_SEGMENTS).start()
    outflow.wait_subscribed()
    publisher = oracle.Publisher(mosquitto.port, rate=2000).start()
    for kill in range(10):
        moment = publisher.published + dice.randrange(300, 2000)
        servers.wait_until(lambda: publisher.published >= moment, 30, "load goes on")
        outflow.kill(signal.SIGKILL)
        assert outflow.child.returncode == -signal.SIGKILL
        outflow.start()
        outflow.wait_subscribed(kill + 2)
    publisher.finish()
    result = oracle.verdict(kafka.bootstrap, topic, publisher).check()
    assert len(publisher.acknowledged) > 5000
    assert result.dup < 10 * 16384


CRASH_POINTS = ["journal.before_write:700", "journal.after_write:700", "chain.after_transform:40", "sink.after_put:40",
                "resolve.before_slot:40", "resolve.after_slot:40", "checkpoint.before_store:5", "checkpoint.after_store:5",
                "checkpoint.before_committed:2", "segment.before_unlink:2"]


def test_kill_at_every_crash_point_loses_nothing(kafka, mosquitto, topic, make_outflow):
    """Proves that no hand-over point is a moment at which a kill loses an acknowledged message."""
    outflow = make_outflow(more=SMALL_SEGMENTS).start()
    outflow.wait_subscribed()
    outflow.stop()
    publisher = oracle.Publisher(mosquitto.port, rate=2000).start()
    for point in CRASH_POINTS:
        outflow.start(env={"OUTFLOW_CRASH_POINT": point})
        servers.wait_until(lambda: not outflow.alive(), 60, f"{point} was reached")
        assert outflow.child.returncode == -signal.SIGKILL, f"{point}: {outflow.tail()}"
    outflow.start()
    publisher.finish()
    oracle.verdict(kafka.bootstrap, topic, publisher).check()
    assert len(publisher.acknowledged) > 5000


def test_mqtt_broker_restarts(kafka, mosquitto, topic, make_outflow):
    """Proves that restarts of the MQTT broker lose nothing, also one after which it has forgotten the session."""
    outflow = make_outflow().start()
    outflow.wait_subscribed()
    publisher = oracle.Publisher(mosquitto.port, rate=1000).start()
    servers.wait_until(lambda: publisher.published > 1000, 20, "load goes on")
    mosquitto.stop()
    mosquitto.start()
    outflow.wait_subscribed(2)
    goal = publisher.published + 1000
    servers.wait_until(lambda: publisher.published > goal, 20, "load goes on")
    publisher.finish()
    oracle.verdict(kafka.bootstrap, topic, publisher).check()
    mosquitto.stop()
    mosquitto.database.unlink()
    mosquitto.start()
    outflow.wait_subscribed(3)
    other = oracle.make_topic(kafka.bootstrap)
    outflow.stop()
    outflow = make_outflow(topic=other).start()
    outflow.wait_subscribed()
    late = oracle.Publisher(mosquitto.port)
    late.publish_all(500)
    oracle.verdict(kafka.bootstrap, other, late).check()


def test_kafka_away_for_thirty_seconds(mosquitto, tmp_path, make_outflow):
    """Proves that an outage of Kafka becomes waiting, not loss and not dead letters, also with a kill -9 in it."""
    own = servers.Kafka(tmp_path / "kafka").start()
    topic = oracle.make_topic(own.bootstrap)
    try:
        outflow = make_outflow(kafka=own.bootstrap, topic=topic, sink='attempt = { timeout = "5s"; };').start()
        outflow.wait_subscribed()
        publisher = oracle.Publisher(mosquitto.port, rate=500).start()
        servers.wait_until(lambda: publisher.published > 500, 20, "load goes on")
        own.stop()
        away = publisher.published
        servers.wait_until(lambda: publisher.published > away + 7500, 40, "thirty seconds of load pass")
        assert outflow.alive(), outflow.tail()
        outflow.kill(signal.SIGKILL)
        outflow.start()
        outflow.wait_subscribed(2)
        own.start()
        publisher.finish()
        oracle.verdict(own.bootstrap, topic, publisher, 120).check()
        assert not outflow.logged("FAILED")
    finally:
        own.stop()
        shutil.rmtree(tmp_path / "kafka", ignore_errors=True)


def test_full_disk_under_the_journal(kafka, mosquitto, topic, make_outflow, tmp_path):
    """Proves that with a full disk nothing is acknowledged that is not saved, and that work resumes by itself."""
    # It holds copies of all plugins, too; with sanitizers these take 25 MiB.
    small = servers.SmallDisk(tmp_path / "small", "64m")
    if not small.possible():
        pytest.skip("no right to mount a small file system")
    outflow = make_outflow(state_dir=small.path / "state", prefix=small.prefix, more=SMALL_SEGMENTS)
    outflow.start()
    outflow.wait_subscribed()
    publisher = oracle.Publisher(mosquitto.port, rate=1000).start()
    servers.wait_until(lambda: publisher.published > 1000, 20, "load goes on")
    small.fill(outflow)
    servers.wait_until(lambda: outflow.logged("was not taken and not acknowledged"), 30, "the disk is full")
    full = publisher.published
    servers.wait_until(lambda: publisher.published > full + 2000, 30, "load goes on")
    assert outflow.alive(), outflow.tail()
    small.free(outflow)
    publisher.finish()
    oracle.verdict(kafka.bootstrap, topic, publisher, 90).check()

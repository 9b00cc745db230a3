# SPDX-License-Identifier: Apache-2.0
"""Writing to a real Kafka: what is wrong at the start is said at once, what goes wrong later is waited out, and nothing of
it becomes a dead letter that is not its record's own fault."""
import json
import pathlib
import re
import shutil
import tempfile
import time

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import oracle
import servers
from test_pipelines import Daemon

STRICT = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=GUARDED://127.0.0.1:{guarded},PLAINTEXT://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=GUARDED://127.0.0.1:{guarded},PLAINTEXT://127.0.0.1:{plain}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
 user_outflow="s3cret" user_stranger="s3cret";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:outflow
log.dirs={directory}/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
group.initial.rebalance.delay.ms=0
"""


class GuardedKafka(servers.Kafka):
    """With a listener that wants a password, where a stranger has no rights; `bootstrap` is free for all."""

    def start(self):
        ports = {name: servers.free_port() for name in ("controller", "guarded", "plain")}
        self.directory.mkdir(exist_ok=True)
        (self.directory / "server.properties").write_text(STRICT.format(directory=self.directory, **ports))
        self.guarded = f"127.0.0.1:{ports['guarded']}"
        return super().start()


@pytest.fixture(scope="module")
def guarded():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-kafka-"))
    broker = GuardedKafka(directory).start()
    yield broker
    broker.stop()
    shutil.rmtree(directory, ignore_errors=True)


def config(bootstrap, topic, sink="", more="", count=0, rate=200):
    return (f'pipelines = ( {{ name = "p"; source = {{ class = "gen"; count = {count}; rate = {rate}; }}; '
            f'sink = {{ class = "kafka"; bootstrap = "{bootstrap}"; topic = "{topic}"; {sink} }}; {more} }} );\n'
            'stop = { timeout = "5s"; };\n')


def password(text, user="outflow"):
    return ('properties = [ "producer.security.protocol=SASL_PLAINTEXT", "producer.sasl.mechanism=PLAIN", '
            f'"producer.sasl.username={user}", "producer.sasl.password={text}" ];')


@pytest.fixture
def daemons(tmp_path):
    made = []

    def make(text):
        made.append(Daemon(tmp_path / f"outflow{len(made)}", text))
        return made[-1]

    yield make
    for daemon in made:
        if daemon.child and daemon.alive():
            daemon.kill()


def numbers(bootstrap, topic, enough, seconds=60):
    """Reads the topic from its beginning until there is enough, while more may be coming."""
    reader, seen, deadline = oracle.Reader(bootstrap, topic), [], time.monotonic() + seconds
    while not enough(seen) and time.monotonic() < deadline:
        seen += [json.loads(m.value())["seq"] for m in reader.consumer.consume(1000, 0.2) if not m.error()]
    reader.close()
    assert enough(seen), f"{len(seen)} records within {seconds} s"
    return seen


def assert_fails_to_start(daemon, why, end="sink"):
    began = time.monotonic()
    daemon.spawn(daemon.command("run", "--until-done"))
    assert daemon.child.wait(timeout=30) == 1, daemon.tail()
    assert time.monotonic() - began < 10
    assert re.search(f"STARTING_FAILED: {end}: .*{why}", daemon.log.read_text()), daemon.tail()
    assert not daemon.logged("restart 1")


def test_an_unknown_topic_fails_the_start(kafka, daemons):
    """Proves that a topic that does not exist is STARTING_FAILED at once, and that nobody makes it."""
    assert_fails_to_start(daemons(config(kafka.bootstrap, "no-such-topic")), "the topic 'no-such-topic' does not exist")
    assert "no-such-topic" not in AdminClient({"bootstrap.servers": kafka.bootstrap}).list_topics(timeout=20).topics


def test_a_wrong_password_fails_the_start(guarded, daemons):
    """Proves that a refused login is STARTING_FAILED at once, that the password is not shown, and that the right one works."""
    topic = oracle.make_topic(guarded.bootstrap)
    wrong = daemons(config(guarded.guarded, topic, password("gu3ss")))
    assert_fails_to_start(wrong, "the brokers refuse the login")
    assert not wrong.logged("gu3ss")
    source = daemons(f'pipelines = ( {{ name = "p"; source = {{ class = "kafka"; bootstrap = "{guarded.guarded}"; '
                     f'topics = "{topic}"; {password("gu3ss").replace("producer", "consumer")} }}; '
                     'sink = { class = "null"; }; } );')
    assert_fails_to_start(source, "refused by Kafka: .*Authentication failed", "source")
    right = daemons(config(guarded.guarded, topic, password("s3cret"), count=100))
    right.spawn(right.command("run", "--until-done"))
    assert right.child.wait(timeout=60) == 0, right.tail()


def test_missing_rights_fail_the_start_until_they_are_given(guarded, daemons):
    """Proves that a topic that we may not write is STARTING_FAILED, and tried again: rights may be given at any time."""
    topic = oracle.make_topic(guarded.bootstrap)
    daemon = daemons(config(guarded.guarded, topic, password("s3cret", "stranger"), 'restart = { initial = "100ms"; };'))
    daemon.start()
    servers.wait_until(lambda: daemon.logged("restart 2 in"), 30, "it is tried again")
    assert re.search("STARTING_FAILED: sink: topic .*uthorization failed", daemon.log.read_text())
    daemon.stop()


def delete(kafka, topic):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.delete_topics([topic]).values():
        future.result(30)
    servers.wait_until(lambda: topic not in admin.list_topics(timeout=20).topics, 30, "the topic is gone")


def create(kafka, topic):
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    for future in admin.create_topics([NewTopic(topic, 2, 1)]).values():
        future.result(30)


def test_a_topic_that_is_deleted_and_made_again(kafka, daemons, topic):
    """Proves that a topic that vanishes while we run is waited for: what was not delivered yet arrives when it is there
    again, and no record pays for it with its retries."""
    daemon = daemons(config(kafka.bootstrap, topic, 'attempt = { timeout = "3s"; };',
                            'retry = { policy = "none"; }; errors = { tolerance = "all"; }; restart = { policy = "never"; };'))
    daemon.start()
    numbers(kafka.bootstrap, topic, lambda seen: len(seen) > 100)
    delete(kafka, topic)
    servers.wait_until(lambda: daemon.logged("does not exist"), 60, "the loss is noticed")
    create(kafka, topic)
    numbers(kafka.bootstrap, topic, lambda seen: len(seen) > 300)
    daemon.stop()
    account = daemon.accounts()["p", 0]
    assert account["dropped"] == 0 and account["in_flight"] == 0
    everything = range(account["received"])
    # Those that were in the topic when it vanished are gone with it; from the first that is there on, none is missing.
    numbers(kafka.bootstrap, topic, lambda seen: seen and set(seen) == set(range(min(seen), len(everything))))


def test_a_topic_that_stays_away_fails_the_task(kafka, daemons, topic):
    """Proves that the wait for a topic that vanished has an end, and that the next start says what is missing."""
    daemon = daemons(config(kafka.bootstrap, topic, 'attempt = { timeout = "2s"; }; grace = "2s";',
                            'restart = { initial = "100ms"; };'))
    daemon.start()
    numbers(kafka.bootstrap, topic, lambda seen: len(seen) > 100)
    delete(kafka, topic)
    servers.wait_until(lambda: daemon.logged("STARTING_FAILED: sink: the topic"), 60, "it has given up")
    assert daemon.logged("FAILED: sink: the topic") and not daemon.logged("restart 2")


def test_a_kafka_that_comes_later(tmp_path, daemons):
    """Proves that brokers that are not there yet at the start are waited for, and that a stop does not wait for them."""
    broker = servers.Kafka(pathlib.Path(tempfile.mkdtemp(prefix="outflow-kafka-"))).start()
    topic = oracle.make_topic(broker.bootstrap)
    broker.stop()
    daemon = daemons(config(broker.bootstrap, topic, rate=2000))
    daemon.start()
    servers.wait_until(lambda: daemon.logged("no broker can be reached"), 20, "the outage is noticed")
    servers.wait_until(lambda: daemon.logged("RUNNING"), 20, "it runs all the same")
    began = time.monotonic()
    daemon.stop()
    assert time.monotonic() - began < 12
    assert daemon.child.returncode == 0 and not daemon.logged("did not stop in time")
    daemon.start()
    servers.wait_until(lambda: daemon.log.read_text().count("RUNNING") == 2, 20, "it runs again")
    broker.start()
    numbers(broker.bootstrap, topic, lambda seen: set(seen) >= set(range(1000)))
    daemon.stop()
    broker.stop()
    shutil.rmtree(broker.directory, ignore_errors=True)

# SPDX-License-Identifier: Apache-2.0
"""Connections tested against real brokers: reached step by step, and when not, the reason in words; nobody else is disturbed."""
import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

import pytest
from confluent_kafka.admin import AdminClient

import native_client
import oracle
import servers
import test_flow
import test_security

PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls},AWAY://127.0.0.1:{away},PLAIN://127.0.0.1:{plain},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SASL://127.0.0.1:{sasl},TLS://127.0.0.1:{tls},AWAY://no-such-host.invalid:{away},PLAIN://127.0.0.1:{plain}
listener.security.protocol.map=SASL:SASL_PLAINTEXT,TLS:SSL,AWAY:PLAINTEXT,PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
controller.listener.names=CONTROLLER
sasl.enabled.mechanisms=PLAIN
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_writer="s3cret";
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location={directory}/broker.pem
log.dirs={directory}/data
auto.create.topics.enable=true
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
"""


class GuardedKafka(servers.Kafka):
    """A real Kafka with listeners for a password, for TLS, and one that is advertised under a name that nobody knows."""

    def __init__(self, directory):
        super().__init__(directory)
        self.ports = {name: servers.free_port() for name in ("controller", "sasl", "tls", "away", "plain")}
        test_security.make_certificates(self.directory)
        pem = (self.directory / "broker.key").read_text() + (self.directory / "broker.crt").read_text()
        (self.directory / "broker.pem").write_text(pem)
        (self.directory / "server.properties").write_text(PROPERTIES.format(directory=directory, **self.ports))

    def topics(self):
        return AdminClient({"bootstrap.servers": self.bootstrap}).list_topics(timeout=10).topics

    def at(self, listener):
        return f"127.0.0.1:{self.ports[listener]}"


@pytest.fixture(scope="module")
def cluster():
    directory = pathlib.Path(tempfile.mkdtemp(prefix="outflow-kafka-"))
    broker = GuardedKafka(directory).start()
    broker.topic = oracle.make_topic(broker.bootstrap)
    yield broker
    broker.stop()
    shutil.rmtree(directory, ignore_errors=True)


guarded = test_security.guarded


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon", plugs=["hanging.so"]).start()
    yield it
    if it.alive():
        it.kill()


class Hole:
    """Listens, and lets nobody in: its queue is full, so that the kernel drops what comes."""

    def __enter__(self):
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.held = []
        for _ in range(8):
            s = socket.socket()
            s.settimeout(0.2)
            self.held.append(s)
            if s.connect_ex(("127.0.0.1", self.port)) != 0:
                return self
        raise AssertionError("the queue of the listener does not fill up")

    def __exit__(self, *_):
        for s in (*self.held, self.listener):
            s.close()


class Silent:
    """Takes connections and says nothing."""

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        return self

    def __exit__(self, *_):
        self.listener.close()


def tried(daemon, timeout_ms=10000, **config):
    answer = daemon.call("POST", f"/v1/connections/c/test?timeout_ms={timeout_ms}",
                         {key.replace("_", "."): value for key, value in config.items()})
    assert answer.status == 200, answer.json
    return answer.json


def failed(daemon, step, *parts, **config):
    """Proves that the test fails in this step, in these words."""
    it = tried(daemon, **config)
    assert it["reachable"] is False
    assert it["steps"][-1]["name"] == step and not it["steps"][-1]["ok"], it
    assert all(s["ok"] for s in it["steps"][:-1])
    for part in parts:
        assert part in it["reason"], it
    return it


# ---- MQTT ----


def test_mqtt_is_reached(daemon, guarded, tmp_path):
    """Proves that TLS and a password in a stored connection are used, every step is told, and no secret is."""
    _, port = guarded
    assert daemon.call("POST", "/v1/connections", {
        "name": "plant", "class": "mqtt", "broker": f"ssl://127.0.0.1:{port}", "username": "sensor",
        "password": "s3cret word", "tls.ca": f"{tmp_path}/ca.crt"}).status == 201
    answer = daemon.call("POST", "/v1/connections/plant/test")
    assert answer.status == 200 and answer.json["reachable"] is True and answer.json["reason"] is None
    assert [s["name"] for s in answer.json["steps"]] == ["resolve", "connect", "tls", "login"]
    assert "TLSv1" in answer.json["steps"][2]["text"] and answer.json["milliseconds"] < 10000
    assert "s3cret" not in json.dumps(answer.json)


def test_mqtt_reasons(daemon, guarded, tmp_path):
    """Proves that each way in which a broker cannot be reached is told from the others."""
    broker, port = guarded
    tls = {"class": "mqtt", "broker": f"ssl://127.0.0.1:{port}", "username": "sensor", "password": "s3cret word",
           "tls_ca": f"{tmp_path}/ca.crt"}
    free = servers.free_port()
    failed(daemon, "connect", "Connection refused", str(free), **{"class": "mqtt", "broker": f"tcp://127.0.0.1:{free}"})
    failed(daemon, "resolve", "'no-such-host.invalid' cannot be resolved",
           **{"class": "mqtt", "broker": "tcp://no-such-host.invalid"})
    failed(daemon, "tls", "certificate is not accepted: self-signed", "of /CN=ca", "other.crt", **{**tls, "tls_ca": f"{tmp_path}/other.crt"})
    failed(daemon, "tls", "mismatch", "of /CN=broker, issued by /CN=ca", **{**tls, "broker": f"ssl://localhost:{port}"})
    failed(daemon, "tls", "tls.ca: ", "missing.crt", **{**tls, "tls_ca": f"{tmp_path}/missing.crt"})
    failed(daemon, "tls", "speak TLS", **{**tls, "broker": f"ssl://127.0.0.1:{broker.port}"}, timeout_ms=3000)
    for protocol, words in (("3.1.1", "bad user name or password"), ("5", "Not authorized")):
        it = failed(daemon, "login", "the broker refuses the login", **{**tls, "protocol": protocol, "password": "wr0ng"})
        assert words.lower() in it["reason"].lower() or "authori" in it["reason"]
        assert "wr0ng" not in json.dumps(it)
    failed(daemon, "login", "does it want TLS", **{"class": "mqtt", "broker": f"tcp://127.0.0.1:{port}"}, timeout_ms=3000)
    failed(daemon, "resolve", "no address such as", **{"class": "mqtt", "broker": "udp://127.0.0.1:1"})


def test_a_black_hole_costs_the_time_that_was_given(daemon):
    """Proves that an address where nothing answers is left at the deadline, and so is a server that says nothing."""
    with Hole() as hole:
        begun = time.monotonic()
        failed(daemon, "connect", "no answer at all", **{"class": "mqtt", "broker": f"tcp://127.0.0.1:{hole.port}"},
               timeout_ms=1000)
        failed(daemon, "connect", "no answer at all", **{"class": "kafka", "bootstrap": f"127.0.0.1:{hole.port}"},
               timeout_ms=1000)
        assert time.monotonic() - begun < 10
    with Silent() as silent:
        begun = time.monotonic()
        failed(daemon, "login", "as an MQTT broker does", **{"class": "mqtt", "broker": f"tcp://127.0.0.1:{silent.port}"},
               timeout_ms=1000)
        failed(daemon, "tls", "no answer to the handshake",
               **{"class": "mqtt", "broker": f"ssl://127.0.0.1:{silent.port}"}, timeout_ms=1000)
        failed(daemon, "login", "no answer from the brokers",
               **{"class": "kafka", "bootstrap": f"127.0.0.1:{silent.port}"}, timeout_ms=1000)
        assert time.monotonic() - begun < 15


def test_a_running_session_is_left_alone(daemon, mosquitto):
    """Proves that tests of the connection which a pipeline uses, client id and all, do not end the pipeline's session."""
    connection = {"name": "plant", "class": "mqtt", "broker": mosquitto.url, "client.id": "outflow-7"}
    assert daemon.call("POST", "/v1/connections", connection).status == 201
    assert daemon.call("POST", "/v1/pipelines", {
        "name": "p", "start": True, "source": {"connection": "plant", "class": "mqtt", "topics": ["a"]},
        "sink": {"class": "null"}}).status == 201
    daemon.wait_subscribed()
    for _ in range(3):
        assert daemon.call("POST", "/v1/connections/plant/test").json["reachable"] is True
    assert not mosquitto.logged("already connected") and not daemon.logged("lost, connecting again")
    oracle.Publisher(mosquitto.port, topic="a").publish_all(10)
    servers.wait_until(lambda: daemon.look("p")["figures"]["delivered"] == 10, 20, "the messages arrive")


# ---- Kafka ----


def test_kafka_is_reached(daemon, cluster):
    """Proves that plain, password and TLS listeners are reached, as producer and as consumer, with a topic that is there."""
    for config in (
            {"bootstrap": cluster.at("plain")},
            {"bootstrap": f"127.0.0.1:1,{cluster.at('plain')}", "topic": cluster.topic},
            {"bootstrap": cluster.at("plain"), "topics": cluster.topic},
            {"bootstrap": cluster.at("plain"), "topic": "no-such-topic", "create.partitions": "1", "create.replicas": "1"},
            {"bootstrap": cluster.at("sasl"), "producer.security.protocol": "SASL_PLAINTEXT",
             "producer.sasl.mechanism": "PLAIN", "producer.sasl.username": "writer", "producer.sasl.password": "s3cret"},
            {"bootstrap": cluster.at("sasl"), "consumer.security.protocol": "SASL_PLAINTEXT",
             "consumer.sasl.mechanism": "PLAIN", "consumer.sasl.username": "writer", "consumer.sasl.password": "s3cret"},
            {"bootstrap": cluster.at("tls"), "producer.security.protocol": "SSL",
             "producer.ssl.ca.pem": (cluster.directory / "ca.crt").read_text()}):
        answer = daemon.call("POST", "/v1/connections/c/test", {"class": "kafka", **config})
        assert answer.status == 200 and answer.json["reachable"] is True, answer.json
        assert [s["name"] for s in answer.json["steps"]][:3] == ["connect", "login", "brokers"]
        assert "s3cret" not in json.dumps(answer.json)
    assert "no-such-topic" not in cluster.topics()


def test_kafka_reasons(daemon, cluster):
    """Proves that each way in which a cluster cannot be used is told from the others."""
    def kafka_failed(step, *parts, **config):
        config = {"class": "kafka", **config}
        answer = daemon.call("POST", "/v1/connections/c/test?timeout_ms=4000", config)
        assert answer.status == 200 and answer.json["reachable"] is False, answer.json
        assert answer.json["steps"][-1]["name"] == step, answer.json
        for part in parts:
            assert part in answer.json["reason"], answer.json
        return answer.json
    sasl = {"producer.security.protocol": "SASL_PLAINTEXT", "producer.sasl.mechanism": "PLAIN",
            "producer.sasl.username": "writer", "producer.sasl.password": "wr0ng"}
    tls = {"producer.security.protocol": "SSL", "producer.ssl.ca.pem": (cluster.directory / "other.crt").read_text()}
    kafka_failed("connect", "Connection refused", bootstrap=f"127.0.0.1:{servers.free_port()}")
    kafka_failed("connect", "cannot be resolved", bootstrap="no-such-host.invalid:9092")
    it = kafka_failed("login", "refuse the login", "Authentication failed", bootstrap=cluster.at("sasl"), **sasl)
    assert "wr0ng" not in json.dumps(it)
    kafka_failed("login", "certificate is not accepted", "its authority is unknown", bootstrap=cluster.at("tls"), **tls)
    kafka_failed("login", "security.protocol plaintext?", bootstrap=cluster.at("sasl"))
    kafka_failed("brokers", "its broker 1 is at no-such-host.invalid", "advertised.listeners", bootstrap=cluster.at("away"))
    kafka_failed("topic", "'no-such-topic' does not exist", bootstrap=cluster.at("plain"), topic="no-such-topic")
    kafka_failed("topic", "'no-such-topic' does not exist", bootstrap=cluster.at("plain"), topics=f"{cluster.topic},no-such-topic")
    assert "no-such-topic" not in cluster.topics()


def test_one_connection_serves_source_and_sink(daemon, cluster):
    """Proves that a cluster's password is kept in one place for reading, writing and dead letters."""
    sasl = {"security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN", "sasl.username": "writer",
            "sasl.password": "s3cret"}
    connection = {"class": "kafka", "bootstrap": cluster.at("sasl"),
                  **{f"{end}.{key}": value for end in ("producer", "consumer") for key, value in sasl.items()}}
    assert daemon.call("PUT", "/v1/connections/main", connection).status == 201
    assert daemon.call("POST", "/v1/connections/main/test").json["reachable"] is True
    copied = oracle.make_topic(cluster.bootstrap)
    pipelines = [
        {"name": "fill", "source": {"class": "gen", "count": 20}, "sink": {"connection": "main", "topic": cluster.topic}},
        {"name": "copy", "source": {"connection": "main", "topics": [cluster.topic]},
         "sink": {"connection": "main", "topic": copied}, "deadletter": {"connection": "main", "topic": copied}}]
    for pipeline in pipelines:
        answer = daemon.call("POST", "/v1/pipelines", {**pipeline, "start": True})
        assert answer.status == 201, answer.json
    assert len(test_flow.read(cluster, copied, 20)) == 20


# ---- the requests ----


def test_bad_requests(daemon):
    """Proves that what is not there or wrong is told, with the place, and that a stored secret is used behind its mask."""
    assert daemon.call("POST", "/v1/connections/nobody/test").status == 404
    answer = daemon.call("POST", "/v1/connections/c/test", {"class": "mqtt", "brokr": "x", "keepalive": "7"})
    assert answer.status == 400
    assert {(p["pointer"], p["message"].split(";")[0]) for p in answer.json["problems"]} == {
        ("/brokr", "unknown key"), ("/keepalive", "'7' has no unit")}
    for body in ([1], {}, {"class": "mqt"}, {"class": "mqtt", "password": "[hidden]"}):
        assert daemon.call("POST", "/v1/connections/c/test", body).status == 400
    for timeout in ("99", "60001", "x", ""):
        assert daemon.call("POST", f"/v1/connections/c/test?timeout_ms={timeout}", {"class": "mqtt"}).status == 400
    it = tried(daemon, **{"class": "mqtt"})
    assert it["reachable"] is False and it["reason"] == "the key 'broker' is not set"
    it = tried(daemon, **{"class": "file"})
    assert it["reachable"] is None and "'file'" in it["reason"]


def test_files_and_code_of_the_daemon_are_out_of_reach(daemon):
    """Proves that a test over the API has the daemon read no file by a client property, nor a secret out of bounds."""
    for key, value in (("producer.ssl.ca.location", "/etc/passwd"), ("producer.plugin.library.paths", "/tmp/x.so"),
                       ("producer.sasl.password", "${file:/etc/passwd}")):
        for path, method in (("/v1/connections/c/test", "POST"), ("/v1/connections/c", "PUT")):
            answer = daemon.call(method, path, {"class": "kafka", "bootstrap": "127.0.0.1:1", key: value})
            assert answer.status == 400 and answer.json["problems"][0]["key"] == key, answer.json


def test_what_references_lead_to_is_not_told(tmp_path):
    """Proves that a secret which stands where it does not belong is masked in steps and reasons."""
    daemon = native_client.Daemon(tmp_path / "daemon").start(env={"OUTFLOW_SECRET": "s3cret-word"})
    try:
        for config in ({"class": "mqtt", "broker": "tcp://${env:OUTFLOW_SECRET}"},
                       {"class": "kafka", "bootstrap": "${env:OUTFLOW_SECRET}"},
                       {"class": "mqtt", "broker": "tcp://127.0.0.1:1", "tls.ca": "${env:OUTFLOW_SECRET}"}):
            it = tried(daemon, **config)
            assert it["reachable"] is False and "s3cret" not in json.dumps(it), it
        it = tried(daemon, **{"class": "mqtt", "broker": "tcp://${env:OUTFLOW_SECRET}"})
        assert "the name '[hidden]' cannot be resolved" in it["reason"]
    finally:
        daemon.kill()


def test_a_plugin_that_hangs_holds_nobody_up(daemon, tmp_path):
    """Proves that a probe that never comes back is given up with its step, while every other request is answered."""
    go = tmp_path / "go"
    hanging = {"class": "hanging", "at": "probe", "until": str(go)}
    answers = []
    thread = threading.Thread(target=lambda: answers.append(
        daemon.call("POST", "/v1/connections/c/test?timeout_ms=1000", hanging)))
    thread.start()
    servers.wait_until(lambda: (tmp_path / "go.waits").exists(), 20, "the probe hangs")
    begun = time.monotonic()
    assert daemon.get("/v1/pipelines").status == 200
    assert tried(daemon, **{"class": "hanging"})["reachable"] is True
    assert time.monotonic() - begun < 2 and thread.is_alive()
    thread.join(timeout=20)
    assert answers[0].status == 504 and "hangs in 'second'" in answers[0].json["message"]
    go.touch()
    assert tried(daemon, **hanging)["reachable"] is True


def test_the_command(daemon, mosquitto):
    """Proves exit statuses, tables and JSON of `outflow connection test`."""
    def run(*words):
        done = subprocess.run([servers.BUILD / "outflow", "connection", "test", "--state-dir", daemon.state_dir, *words],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, encoding="utf-8")
        return done.returncode, done.stdout, done.stderr
    assert run("plant")[0] == 1
    daemon.call("POST", "/v1/connections", {"name": "plant", "class": "mqtt", "broker": mosquitto.url})
    status, out, _ = run("plant")
    assert status == 0 and "login" in out and "plant can be reached (" in out
    status, out, err = run("plant", "class=mqtt", f"broker=tcp://127.0.0.1:{servers.free_port()}")
    assert status == 1 and "FAILED  connect" in out and "Connection refused" in out and "cannot be reached" in err
    status, out, _ = run("--json", "plant", "class=mqtt", "broker=tcp://127.0.0.1:1")
    assert status == 1 and json.loads(out)["data"]["reachable"] is False
    assert run("plant", "class=mqtt", "brokr=x")[0] == 2
    assert run("--timeout", "0", "plant")[0] == 2 and run()[0] == 2
    assert run("--url", f"http://127.0.0.1:{servers.free_port()}", "plant")[0] == 3

# SPDX-License-Identifier: Apache-2.0
"""Clients that others wrote for Kafka Connect's REST API drive Outflow as they are, each through the whole life of a source
and a sink, and the lines of a file go through Kafka into another file."""
import json
import os
import pathlib
import re
import subprocess
import sys
import urllib.request

import pytest

import clients
import oracle
import servers

CONNECT = pathlib.Path(__file__).resolve().parents[1] / "connect"
sys.path.insert(0, str(CONNECT))

from connect_server import connect_server  # noqa: E402


@pytest.fixture(scope="module")
def places():
    return clients.fetch("kafka-connect-py", "kafka-connect-go", "kafka-connect-java")


@pytest.fixture(scope="module")
def server(kafka, tmp_path_factory):
    running = connect_server(tmp_path_factory.mktemp("server"), kafka.bootstrap).start()
    yield running
    running.stop()


class Life:
    """One connector of each kind, and the files at both ends."""

    def __init__(self, prefix, directory, kafka):
        self.source, self.sink = f"{prefix}-source", f"{prefix}-sink"
        self.input, self.output = directory / "in.txt", directory / "out.txt"
        self.bootstrap, self.topic = kafka.bootstrap, oracle.make_topic(kafka.bootstrap, 1)
        self.lines = []

    def source_config(self, **more):
        return dict({"connector.class": "FileStreamSource", "file": str(self.input), "topic": self.topic}, **more)

    def sink_config(self, **more):
        return dict({"connector.class": "org.apache.kafka.connect.file.FileStreamSinkConnector", "tasks.max": "1",
                     "file": str(self.output), "topics": self.topic}, **more)

    def write(self, *lines):
        self.lines += lines
        with open(self.input, "a") as file:
            file.writelines(line + "\n" for line in lines)

    def wait_arrived(self):
        servers.wait_until(lambda: self.output.exists() and self.output.read_text().splitlines() == self.lines, 20,
                           f"{self.output} has {self.lines}")

    def check_topic(self, lines):
        """By a client of Kafka that knows nothing of either."""
        reader = oracle.Reader(self.bootstrap, self.topic)
        messages = reader.read_until(lambda m: len(m) >= len(lines), 20, quiet=0)
        reader.close()
        assert [m.value().decode() for m in messages] == lines


@pytest.fixture
def life(request, tmp_path, kafka):
    return Life(re.sub(r"^test_", "", request.node.name), tmp_path, kafka)


def run(command, **options):
    return subprocess.run([str(c) for c in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, **options)


def states(status):
    return status["connector"]["state"], [t["state"] for t in status["tasks"]]


def wait(url, name, wanted):
    """Without the client, which takes its time to start."""
    def reached():
        with urllib.request.urlopen(f"{url}/connectors/{name}/status", timeout=20) as answer:
            return states(json.load(answer)) == wanted
    servers.wait_until(reached, 20, f"{name} is {wanted}")


RUNNING = ("RUNNING", ["RUNNING"])


class Kc:
    """kafka-connect-py's program."""

    def __init__(self, place, url):
        self.environment = dict(os.environ, PYTHONPATH=str(place), KAFKA_CONNECT_ENABLE_TRACEBACK="true")
        self.program = ["/usr/bin/python3", place / "bin/kc", "--url", url]

    def __call__(self, *words):
        done = run([*self.program, *words], env=self.environment)
        text = done.stdout.decode()
        assert done.returncode == 0 and "Error" not in text, f"kc {words}: {text} {done.stderr.decode()}"
        return json.loads(text) if text.strip() else None

    def refusal(self, *words):
        """What it prints when the server refuses."""
        return run([*self.program, *words], env=self.environment).stdout.decode()


def kc_creates(kc, url, life):
    life.write("one", "two")
    made = kc("create", "--config-data", json.dumps({"name": life.source, "config": life.source_config()}))
    assert made["name"] == life.source and made["type"] == "source" and made["config"]["topic"] == life.topic
    # update creates what is not there.
    made = kc("update", life.sink, "--config-data", json.dumps(life.sink_config()))
    assert made["type"] == "sink" and made["tasks"] == [{"connector": life.sink, "task": 0}]
    for name in (life.source, life.sink):
        wait(url, name, RUNNING)
    life.wait_arrived()


def kc_looks(kc, life):
    assert set(kc("list")) >= {life.source, life.sink}
    assert states(kc("list", "--expand", "status")[life.source]["status"]) == states(kc("status", life.source)) == RUNNING
    assert kc("list", "--expand", "info")[life.sink]["info"]["config"]["file"] == str(life.output)
    assert list(kc("list", "--expand", "status", "--pattern", life.sink, "--state", "running")) == [life.sink]
    assert kc("get", life.sink)["type"] == "sink"
    assert kc("config", life.source) == dict(life.source_config(), name=life.source)
    assert kc("list-tasks", life.source)[0]["id"] == {"connector": life.source, "task": 0}
    assert kc("task-status", life.source, "0")["state"] == "RUNNING"
    servers.wait_until(lambda: kc("list-topics", life.sink) == {life.sink: {"topics": [life.topic]}}, 20, "the topic is known")
    kc("reset-topics", life.sink)
    assert kc("list-topics", life.sink) == {life.sink: {"topics": []}}


def kc_controls(kc, url, life):
    kc("pause", life.source)
    wait(url, life.source, ("PAUSED", ["PAUSED"]))
    life.write("three")
    kc("resume", life.source)
    wait(url, life.source, RUNNING)
    life.wait_arrived()
    kc("restart", life.source)
    kc("restart", life.sink, "--include-tasks")
    wait(url, life.sink, RUNNING)
    kc("restart", life.sink, "--include-tasks", "--only-failed")
    kc("restart-task", life.sink, "0")
    wait(url, life.sink, RUNNING)
    wait(url, life.source, RUNNING)
    kc("update", life.source, "--config-data", json.dumps(life.source_config(**{"batch.size": "10"})))
    assert kc("config", life.source)["batch.size"] == "10"
    wait(url, life.source, RUNNING)
    life.write("four")
    life.wait_arrived()


def kc_library(place, url, life):
    """What the program does not have: stop, and validation that works."""
    done = run(["/usr/bin/python3", "-c", f"""
import logging
from kafka_connect import KafkaConnect
kc = KafkaConnect({url!r}, None, True, logging.getLogger())
kc.stop_connector({life.source!r})
print(kc.validate_connector_config("FileStreamSource", {life.source_config(name="x")!r})["error_count"],
      kc.validate_connector_config("FileStreamSource", {{"connector.class": "FileStreamSource"}})["error_count"] > 0)
"""], env=dict(os.environ, PYTHONPATH=str(place)))
    assert done.returncode == 0 and done.stdout.decode().split() == ["0", "True"], done


def test_python(places, server, life):
    kc = Kc(places["kafka-connect-py"], server.url)
    assert re.match(r"\d+\.\d+\.", kc("info")["version"])
    assert any(p["class"].endswith("FileStreamSourceConnector") for p in kc("list-plugins"))
    kc_creates(kc, server.url, life)
    kc_looks(kc, life)
    kc_controls(kc, server.url, life)
    assert "409" in kc.refusal("create", "-d", json.dumps({"name": life.sink, "config": life.sink_config()}))
    assert "400" in kc.refusal("update", life.sink, "-d", json.dumps({"connector.class": "org.example.Nothing"}))
    kc_library(places["kafka-connect-py"], server.url, life)
    wait(server.url, life.source, ("STOPPED", []))
    for name in (life.source, life.sink):
        kc("delete", name)
        assert "404" in kc.refusal("status", name)
    life.check_topic(life.lines)


class GoClient:
    """go-kafka's program."""

    def __init__(self, place, url):
        self.program = [place / "kafka-connect", "--host", url + "/"]

    def __call__(self, *words, data=None):
        done = run([*self.program, *words], input=json.dumps(data).encode() if data else b"")
        assert done.returncode == 0, f"{words}: {done.stderr.decode()}"
        text = done.stdout.decode()
        return json.loads(text) if text.startswith(("{", "[")) else text

    def refusal(self, *words, data=None):
        done = run([*self.program, *words], input=json.dumps(data).encode() if data else b"")
        assert done.returncode != 0, done
        return done.stderr.decode()


def test_go(places, server, life):
    go = GoClient(places["kafka-connect-go"], server.url)
    life.write("one", "two")
    made = go("create", data={"name": life.source, "config": life.source_config()})
    assert made["name"] == life.source and made["config"]["topic"] == life.topic
    assert go("create", life.sink, data=life.sink_config())["tasks"] == [{"connector": life.sink, "task": 0}]
    for name in (life.source, life.sink):
        wait(server.url, name, RUNNING)
    life.wait_arrived()

    assert set(go("list")) >= {life.source, life.sink}
    assert states(go("status", life.sink)) == RUNNING
    assert go("show", life.sink)["tasks"] == [{"connector": life.sink, "task": 0}]
    assert go("config", life.source) == dict(life.source_config(), name=life.source)
    task = go("tasks", life.sink)[0]
    assert task["id"] == {"connector": life.sink, "task": 0} and task["config"]["topics"] == life.topic

    assert go("pause", life.source) == f"Paused connector {life.source}.\n"
    wait(server.url, life.source, ("PAUSED", ["PAUSED"]))
    life.write("three")
    go("resume", life.source)
    wait(server.url, life.source, RUNNING)
    life.wait_arrived()
    go("restart", life.source)
    # show without its tasks is what create takes, config is what update takes.
    assert go("update", life.source, data=dict(go("config", life.source), **{"batch.size": "10"}))["config"]["batch.size"] == "10"
    wait(server.url, life.source, RUNNING)
    life.write("four")
    life.wait_arrived()

    assert "(HTTP 409)" in go.refusal("create", data={"name": life.sink, "config": life.sink_config()})
    assert "(HTTP 400)" in go.refusal("update", life.sink, data={"connector.class": "org.example.Nothing"})
    assert "(HTTP 404)" in go.refusal("pause", "nothing")
    for name in (life.source, life.sink):
        go("delete", name)
        assert "(HTTP 404)" in go.refusal("status", name)
    life.check_topic(life.lines)


def test_java(places, server, life):
    place = places["kafka-connect-java"]
    done = run(["java", "-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp", f"{place}:{place}/jars/*", "ConnectorLife", server.url,
                life.input.parent, life.topic])
    assert done.returncode == 0 and done.stdout.decode() == "5 lines\n", done.stderr.decode()
    assert life.output.read_text().splitlines() == ["one", "two", "three", "four", "five"]
    life.check_topic(["one", "two", "three", "four", "five"])

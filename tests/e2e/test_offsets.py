# SPDX-License-Identifier: Apache-2.0
"""Where a Kafka source goes on: its group's offsets are shown and changed over Kafka Connect's API and by command."""
import concurrent.futures
import json
import subprocess

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import native_client
import oracle
import servers

PARTITIONS = 2


class Deliveries:
    """A pipeline from a topic into a file."""

    def __init__(self, daemon, kafka, directory, name, **source):
        self.daemon, self.kafka, self.name, self.out = daemon, kafka, name, directory / f"{name}.out"
        self.topic, self.sent = oracle.make_topic(kafka.bootstrap) + "-in", 0
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
        for future in admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)]).values():
            future.result(30)
        made = daemon.call("POST", "/v1/pipelines", {
            "name": name, "start": True, "sink": {"class": "file", "path": str(self.out)},
            "source": {"class": "kafka", "bootstrap": kafka.bootstrap, "topics": [self.topic], **source}})
        assert made.status == 201, made.json

    def produce(self, n):
        producer = confluent_kafka.Producer({"bootstrap.servers": self.kafka.bootstrap})
        for seq in range(self.sent, self.sent + n):
            producer.produce(self.topic, json.dumps({"seq": seq}), partition=seq % PARTITIONS)
        assert producer.flush(30) == 0
        self.sent += n

    def delivered(self):
        lines = self.out.read_text().split("\n")[:-1] if self.out.exists() else []
        return [json.loads(line)["seq"] for line in lines]

    def wait_delivered(self, *wanted):
        servers.wait_until(lambda: sorted(self.delivered()) == sorted(wanted), 40, f"delivered: {wanted}")

    def path(self, what):
        return f"/connectors/{self.name}/{what}"

    def offsets(self):
        shown = self.daemon.get(self.path("offsets"))
        assert shown.status == 200, shown.json
        for entry in shown.json["offsets"]:
            assert set(entry) == {"partition", "offset"} and set(entry["offset"]) == {"kafka_offset"}
            assert set(entry["partition"]) == {"kafka_topic", "kafka_partition"}
            assert entry["partition"]["kafka_topic"] == self.topic
        return {e["partition"]["kafka_partition"]: e["offset"]["kafka_offset"] for e in shown.json["offsets"]}

    def change(self, positions):
        return self.daemon.call("PATCH", self.path("offsets"), {"offsets": [
            {"partition": {"kafka_topic": self.topic, "kafka_partition": p},
             "offset": None if n is None else {"kafka_offset": n}} for p, n in positions.items()]})

    def stop(self):
        assert self.daemon.call("PUT", self.path("stop")).status == 204
        self.daemon.wait_state(self.name, "READY")

    def resume(self):
        assert self.daemon.call("PUT", self.path("resume")).status == 202


@pytest.fixture
def daemon(tmp_path):
    it = native_client.Daemon(tmp_path / "daemon", plugs=["hanging.so"]).start()
    yield it
    if it.alive():
        it.kill()


def test_back_and_forgotten(daemon, kafka, tmp_path):
    """Proves that the group's offsets are shown; that, moved back, records are delivered again from there and only from there;
    that forgotten ones, one or all, begin where the reset policy says."""
    p = Deliveries(daemon, kafka, tmp_path, "again")
    p.produce(10)
    p.wait_delivered(*range(10))
    servers.wait_until(lambda: p.offsets() == {0: 5, 1: 5}, 20, "the positions are shown while it runs")
    refused = p.change({0: 2})
    assert refused.status == 400 and "STOPPED" in refused.json["message"]
    assert daemon.call("DELETE", p.path("offsets")).status == 400
    p.stop()
    done = p.change({0: 3, 1: "4"})
    assert (done.status, done.json) == (200, {"message": "The offsets for this connector have been altered successfully"})
    assert p.offsets() == {0: 3, 1: 4}
    p.resume()
    p.wait_delivered(*range(10), 6, 8, 9)
    p.stop()
    # From where one has none the source reads from the beginning: offset.reset is earliest.
    assert p.change({0: 5, 1: None}).status == 200
    assert p.offsets() == {0: 5}
    p.resume()
    p.wait_delivered(*range(10), 6, 8, 9, 1, 3, 5, 7, 9)
    p.stop()
    for _ in range(2):
        done = daemon.call("DELETE", p.path("offsets"))
        assert done.status == 200 and "reset successfully" in done.json["message"]
        assert p.offsets() == {}
    assert p.change({1: None}).status == 200
    p.resume()
    p.wait_delivered(*range(10), 6, 8, 9, 1, 3, 5, 7, 9, *range(10))


def test_forgotten_with_latest(daemon, kafka, tmp_path):
    """Proves that the reset policy latest passes over what came while the offsets were forgotten."""
    p = Deliveries(daemon, kafka, tmp_path, "latest", **{"offset.reset": "latest", "group": "latest-group"})
    servers.wait_until(lambda: daemon.logged("assigned 2 partition(s)"), 30, "it reads")
    servers.wait_until(lambda: p.produce(2) or len(p.delivered()) > 0, 30, "something arrives")
    servers.wait_until(lambda: sum(p.offsets().values()) == p.sent, 20, "everything is committed")
    p.stop()
    assert daemon.call("DELETE", p.path("offsets")).status == 200
    seen = p.delivered()
    p.produce(10)
    p.resume()
    servers.wait_until(lambda: daemon.log.read_text().count("assigned 2 partition(s)") == 2, 30, "it reads again")
    first_new = p.sent
    servers.wait_until(lambda: p.produce(2) or len(p.delivered()) > len(seen), 30, "new ones arrive")
    assert min(p.delivered()[len(seen):]) >= first_new


def test_what_cannot_be(daemon, kafka, tmp_path):
    """Proves that bad positions are 400 with the reason and change nothing, and that a group with members is left alone."""
    p = Deliveries(daemon, kafka, tmp_path, "bad")
    p.produce(4)
    p.wait_delivered(*range(4))
    p.stop()
    for wrong, reason in (({"kafka_topic": "no.such.topic", "kafka_partition": 0}, "there is no partition 0 of a topic"),
                          ({"kafka_topic": p.topic, "kafka_partition": 77}, "there is no partition 77"),
                          ({"kafka_topic": "not/a/topic", "kafka_partition": 0}, "the name of a topic"),
                          ({"kafka_topic": p.topic}, "kafka_partition"), ({"file": "a"}, "kafka_topic")):
        refused = daemon.call("PATCH", p.path("offsets"),
                              {"offsets": [{"partition": wrong, "offset": {"kafka_offset": 1}}]})
        assert refused.status == 400 and reason in refused.json["message"], refused.json
    assert p.offsets() == {0: 2, 1: 2}
    stranger = confluent_kafka.Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "connect-bad"})
    stranger.subscribe([p.topic])
    servers.wait_until(lambda: stranger.poll(0.1) or stranger.assignment(), 30, "somebody else reads with the group")
    for refused in (p.change({0: 1}), daemon.call("DELETE", p.path("offsets"))):
        assert refused.status == 500 and "group 'connect-bad' still has members" in refused.json["message"]
    stranger.close()
    assert p.change({0: 1}).status == 200
    assert p.offsets() == {0: 1, 1: 2}


def test_by_command(daemon, kafka, tmp_path):
    """Proves that outflow offsets shows, sets and resets the positions of a Kafka source."""
    p = Deliveries(daemon, kafka, tmp_path, "by-command")
    p.produce(6)
    p.wait_delivered(*range(6))
    servers.wait_until(lambda: p.offsets() == {0: 3, 1: 3}, 20, "the positions are shown")

    def offsets(*options, text=None):
        return subprocess.run([str(servers.BUILD / "outflow"), "offsets", "--url", daemon.url, *options, p.name],
                              input=text, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)

    shown = json.loads(offsets().stdout)
    refused = offsets("--set", "-", text=json.dumps(shown))
    assert refused.returncode == 2 and "has to be stopped first" in refused.stderr
    p.stop()
    for entry in shown["offsets"]:
        entry["offset"]["kafka_offset"] -= 1
    done = offsets("--set", "-", text=json.dumps(shown))
    assert (done.returncode, "altered successfully" in done.stdout) == (0, True), done.stderr
    assert p.offsets() == {0: 2, 1: 2}
    assert offsets("--reset").returncode == 0
    assert json.loads(offsets().stdout) == {"offsets": []}


def test_no_broker_and_no_answer(daemon, kafka, tmp_path):
    """Proves that a broker that is away, and a plugin that hangs, are told within seconds, and that the API goes on meanwhile."""
    nobody = f"127.0.0.1:{servers.free_port()}"
    for name, source in (("away", {"class": "kafka", "bootstrap": nobody, "topics": ["t"]}),
                         ("stuck", {"class": "hanging", "at": "offsets", "until": str(tmp_path / "go")})):
        assert daemon.call("POST", "/v1/pipelines", {"name": name, "source": source,
                                                     "sink": {"class": "null"}}).status == 201
    for name, reason in (("away", "no broker answers"), ("stuck", "a plugin's code does not return")):
        with concurrent.futures.ThreadPoolExecutor() as clients:
            answers = [clients.submit(daemon.call, method, f"/connectors/{name}/offsets") for method in ("GET", "DELETE")]
            assert daemon.get("/v1/pipelines").status == 200
            assert not any(answer.done() for answer in answers), "they were to wait"
            for answer in answers:
                got = answer.result(20)
                assert got.status == 500 and reason in got.json["message"], got.json
    (tmp_path / "go").touch()
    assert len(daemon.get("/connectors/stuck/offsets").json["offsets"]) == 2
    daemon.stop()
    assert daemon.child.returncode == 0
